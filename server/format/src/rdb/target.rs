//! What a server version can load, and the form a value takes there.
//!
//! | version | servers | loads, beside what the row above loads |
//! |---|---|---|
//! | 6 | Redis 2.6, 2.8, 3.0 | types 0-4, 9-13 |
//! | 7 | 3.2 | 14; AUX and RESIZEDB |
//! | 8 | 4.0 | 5, 7 |
//! | 9 | 5.0, 6.0, 6.2 | 15; IDLE, FREQ, MODULE_AUX |
//! | 10 | 7.0 | 16-19; functions |
//! | 11 | 7.2; Valkey 7.2, 8.0, 8.1 | 20, 21 |
//! | 12 | 7.4, 8.0 and up | 22-25 |
//! | Valkey 80 | Valkey 9.0 | 0-21 and its own 22 |
//!
//! A value whose type the target loads keeps it. Others are rewritten, to the packed form where
//! there is one: 16 → 13, 17 → 12, 18 → 14 (10 or 1 in version 6), 20 → 2 (11 when all members are
//! integers), 5 → 3, 26 and 27 → 21 → 19 → 15, hashes with field TTLs to the target's own form of
//! them or to 16, 13 or 4 without.
pub use super::loss::{Loss, Losses};
use super::types::{Dialect, Kind, ValueType};
use std::fmt;

/// A server generation to write for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The version in the header and in DUMP footers: 6-12 or 80.
    pub version: u16,
    /// REDIS or VALKEY.
    pub dialect: Dialect,
}

/// A version or server that cannot be written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTarget(String);

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownTarget {}

/// Oldest and newest version under the `REDIS` magic that is written.
const REDIS_VERSIONS: std::ops::RangeInclusive<u16> = 6..=12;
/// The version under the `VALKEY` magic that is written.
const VALKEY_VERSION: u16 = 80;

/// First release (major, minor) of each RDB version, newest first.
const REDIS_RELEASES: [((u16, u16), u16); 7] =
    [((7, 4), 12), ((7, 2), 11), ((7, 0), 10), ((5, 0), 9), ((4, 0), 8), ((3, 2), 7), ((2, 6), 6)];
const VALKEY_RELEASES: [((u16, u16), u16); 2] = [((9, 0), VALKEY_VERSION), ((7, 2), 11)];
/// Majors that are known; what a later one loads nobody knows yet.
const NEWEST_REDIS_MAJOR: u16 = 8;
const NEWEST_VALKEY_MAJOR: u16 = 9;

impl Target {
    /// The newest Redis form.
    pub const NEWEST: Target = Target { version: 12, dialect: Dialect::Redis };

    /// From an RDB version, 6-12 or 80.
    pub fn from_version(version: u32) -> Result<Target, UnknownTarget> {
        match u16::try_from(version) {
            Ok(version) if REDIS_VERSIONS.contains(&version) => Ok(Target::redis(version)),
            Ok(VALKEY_VERSION) => Ok(Target { version: VALKEY_VERSION, dialect: Dialect::Valkey }),
            _ => Err(UnknownTarget(format!(
                "RDB version {version} cannot be written; these can: \
                 6 to 12 (Redis 2.6 to 8) and 80 (Valkey 9)"
            ))),
        }
    }

    /// The form of a file of this version, or the nearest that is written.
    pub fn nearest(dialect: Dialect, version: u32) -> Target {
        let version = match dialect {
            Dialect::Redis => version.clamp(6, 12) as u16,
            Dialect::Valkey => VALKEY_VERSION,
        };
        Target { version, dialect }
    }

    /// From `redis-6.2`, `7.2.6`, `valkey-9` and the like; a minor or patch level may be left out.
    pub fn from_server(name: &str) -> Option<Target> {
        let name = name.trim().to_ascii_lowercase();
        let (valkey, release) = match name.split_once('-') {
            Some(("valkey", release)) => (true, release),
            Some(("redis", release)) => (false, release),
            Some(_) => return None,
            None => (false, name.as_str()),
        };
        let release = parse_release(release)?;
        let (releases, newest) = match valkey {
            true => (&VALKEY_RELEASES[..], NEWEST_VALKEY_MAJOR),
            false => (&REDIS_RELEASES[..], NEWEST_REDIS_MAJOR),
        };
        if release.0 > newest {
            return None;
        }
        // `valkey-7` is its first release, 7.2.
        let release = if valkey && release == (7, 0) { (7, 2) } else { release };
        let found = releases.iter().find(|(first, _)| release >= *first)?;
        Target::from_version(u32::from(found.1)).ok()
    }

    const fn redis(version: u16) -> Target {
        Target { version, dialect: Dialect::Redis }
    }

    /// `RDB 9 (Redis 5.0 to 6.2)`.
    pub fn name(&self) -> &'static str {
        match self.version {
            6 => "RDB 6 (Redis 2.6 to 3.0)",
            7 => "RDB 7 (Redis 3.2)",
            8 => "RDB 8 (Redis 4.0)",
            9 => "RDB 9 (Redis 5.0 to 6.2)",
            10 => "RDB 10 (Redis 7.0)",
            11 => "RDB 11 (Redis 7.2, Valkey 7.2 to 8.1)",
            12 => "RDB 12 (Redis 7.4 and 8)",
            80 => "RDB 80 (Valkey 9)",
            _ => "an RDB version of its own",
        }
    }

    /// Whether the target loads a value of this type as it is.
    pub fn loads(&self, value_type: ValueType) -> bool {
        match (self.dialect, value_type) {
            // Only the 4.0 pre-releases' own files hold it, and only the module can frame it.
            (_, ValueType::ModulePreGa) => self.version == 8,
            (Dialect::Redis, _) => value_type.since() <= u32::from(self.version),
            (Dialect::Valkey, ValueType::ValkeyHash2) => true,
            (Dialect::Valkey, _) => value_type.since() <= 11,
        }
    }

    /// The type a value of `value_type` takes in this target, or None when there is no form. What
    /// the value holds can still turn it into a simpler one (see `writer::plan`): a set of integers
    /// an intset, a hash without a TTL a plain one.
    pub fn type_for(&self, value_type: ValueType) -> Option<ValueType> {
        use ValueType::*;
        if self.loads(value_type) {
            return Some(value_type);
        }
        let rewritten = match value_type {
            SetListpack => Set,
            HashListpack => HashZiplist,
            ZsetListpack => ZsetZiplist,
            Zset2 => Zset,
            ListQuicklist2 if self.loads(ListQuicklist) => ListQuicklist,
            ListQuicklist | ListQuicklist2 => List,
            Stream2 | Stream3 | Stream4 | Stream5 => return self.element_type(Kind::Stream, false),
            HashListpackEx | HashListpackExRc if self.dialect == Dialect::Redis => {
                return self.type_for(HashListpack)
            }
            HashMetadataRc | HashListpackExRc | HashMetadata | HashListpackEx | ValkeyHash2 => {
                return self.element_type(Kind::Hash, true)
            }
            HashTemplateListpackDump | HashTemplateListpack | HashTemplateDump | HashTemplate => {
                Hash
            }
            _ => return None,
        };
        Some(rewritten)
    }

    /// The type for a value that is written element by element (lists and streams: node by node);
    /// `field_ttls` tells whether a hash has any. None when there is no form, or elements cannot
    /// make one (modules, arrays).
    pub fn element_type(&self, kind: Kind, field_ttls: bool) -> Option<ValueType> {
        use ValueType::*;
        let forms: &[ValueType] = match kind {
            Kind::String => &[String],
            Kind::List => &[ListQuicklist2, ListQuicklist, List],
            Kind::Set => &[Set],
            Kind::Zset => &[Zset2, Zset],
            Kind::Hash if field_ttls => &[HashMetadata, ValkeyHash2, Hash],
            Kind::Hash => &[Hash],
            Kind::Stream => &[Stream3, Stream2, Stream],
            Kind::Module | Kind::Array => &[],
        };
        forms.iter().copied().find(|form| self.loads(*form))
    }

    /// Whether hash fields can have their own expiry.
    pub fn takes_field_ttls(&self) -> bool {
        self.version >= 12
    }

    /// Whether AUX and RESIZEDB are known: older servers die on them.
    pub fn takes_aux(&self) -> bool {
        self.version >= 7
    }

    /// Whether idle times, frequencies and module auxiliary data are known.
    pub fn takes_lru_lfu(&self) -> bool {
        self.version >= 9
    }

    /// Whether module auxiliary data is known.
    pub fn takes_module_aux(&self) -> bool {
        self.version >= 9
    }

    /// Whether function libraries are known.
    pub fn takes_functions(&self) -> bool {
        self.version >= 10
    }
}

/// Major and minor of `7.2.6`, `7.2`, `7`; anything but numbers is refused.
fn parse_release(release: &str) -> Option<(u16, u16)> {
    let mut parts = release.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| digits)
    });
    let major = parts.next()??;
    let minor = parts.next().unwrap_or(Some(0))?;
    parts.all(|part| part.is_some()).then_some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_name_and_release() {
        let versions = [
            ("redis-3.2", 7),
            ("3.0.7", 6),
            ("redis-4", 8),
            ("redis-5", 9),
            ("redis-6.2", 9),
            ("redis-7.0", 10),
            ("redis-7.2", 11),
            ("7.2.6", 11),
            ("Redis-7.4", 12),
            ("redis-8", 12),
            ("8.2", 12),
            ("valkey-7", 11),
            ("valkey-7.2", 11),
            ("valkey-8", 11),
            ("valkey-9", 80),
            ("valkey-9.1", 80),
        ];
        for (name, version) in versions {
            assert_eq!(Target::from_server(name).map(|t| t.version), Some(version), "{name}");
        }
        for name in ["", "redis-", "2.4", "redis-9", "valkey-10", "keydb-6", "7.x", "7.", "-7"] {
            assert_eq!(Target::from_server(name), None, "{name}");
        }
    }

    #[test]
    fn versions_outside_the_range_are_refused_with_the_range() {
        let versions = (0..100).filter(|v| Target::from_version(*v).is_ok());
        assert_eq!(versions.collect::<Vec<_>>(), [6, 7, 8, 9, 10, 11, 12, 80]);
        let sentence = Target::from_version(13).unwrap_err().to_string();
        assert!(sentence.contains("13") && sentence.contains("6 to 12") && sentence.contains("80"));
    }

    #[test]
    fn every_rewrite_ends_in_a_type_that_the_target_loads() {
        for version in [6, 7, 8, 9, 10, 11, 12, 80] {
            let target = Target::from_version(version).unwrap();
            for value_type in ValueType::ALL {
                if let Some(rewritten) = target.type_for(*value_type) {
                    assert!(target.loads(rewritten), "{version} {value_type:?} {rewritten:?}");
                    assert_eq!(rewritten.kind(), value_type.kind());
                }
            }
        }
    }

    #[test]
    fn packed_forms_are_preferred() {
        use ValueType::*;
        let to = |version, from| Target::from_version(version).unwrap().type_for(from);
        assert_eq!(to(9, HashListpack), Some(HashZiplist));
        assert_eq!(to(9, ZsetListpack), Some(ZsetZiplist));
        assert_eq!(to(9, ListQuicklist2), Some(ListQuicklist));
        assert_eq!(to(6, ListQuicklist2), Some(List));
        assert_eq!(to(10, SetListpack), Some(Set));
        assert_eq!(to(7, Zset2), Some(Zset));
        assert_eq!(to(12, Stream5), Some(Stream3));
        assert_eq!(to(10, Stream3), Some(Stream2));
        assert_eq!(to(9, Stream3), Some(Stream));
        assert_eq!(to(8, Stream3), None);
        assert_eq!(to(11, HashListpackEx), Some(HashListpack));
        assert_eq!(to(9, HashListpackEx), Some(HashZiplist));
        assert_eq!(to(80, HashListpackEx), Some(ValkeyHash2));
        assert_eq!(to(80, HashMetadata), Some(ValkeyHash2));
        assert_eq!(to(12, ValkeyHash2), Some(HashMetadata));
        assert_eq!(to(11, ValkeyHash2), Some(Hash));
        assert_eq!(to(12, HashTemplate), Some(Hash));
        assert_eq!(to(12, Array), None);
        assert_eq!(to(7, Module2), None);
    }
}
