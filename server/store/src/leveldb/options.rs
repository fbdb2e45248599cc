//! LevelDB's tuning, by name: what its C interface lets one choose.
//!
//! | name | value | when nothing is said |
//! |---|---|---|
//! | `write_buffer_size` | size of the memory table | 4MB, 32MB in a load |
//! | `max_file_size` | size of the files that compactions write | 2MB, 8MB in a load |
//! | `block_size` | bytes of records a compressed block | 4KB |
//! | `block_restart_interval` | keys between two that are stored whole | 16 |
//! | `max_open_files` | files held open | 1000 |
//! | `cache_size` | uncompressed blocks kept in memory | 8MB |
//! | `bloom_bits` | bits a key of the bloom filter, 0 for none | 0 |
//! | `compression` | `snappy` or `none` | snappy |
//! | `paranoid_checks` | damage in the log or a table stops the opening | yes |
//! | `verify_checksums` | of each block that is read | yes |
//!
//! Sizes are numbers with `B`, `KB`, `MB` or `GB` (of 1024), or nothing for bytes.
use crate::error::{Result, StoreError};

/// How LevelDB is to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the memory table; by the mode of opening when None.
    pub write_buffer_size: Option<usize>,
    /// Bytes of the files that compactions write; by the way of writing when None.
    pub max_file_size: Option<usize>,
    /// Bytes of records a block.
    pub block_size: usize,
    /// Keys between two that are stored whole.
    pub block_restart_interval: i32,
    /// Files held open.
    pub max_open_files: i32,
    /// Bytes of blocks kept in memory; LevelDB's own 8 MB when None.
    pub cache_size: Option<usize>,
    /// Bits a key of the bloom filter; none when None or 0.
    pub bloom_bits: Option<i32>,
    /// Blocks are compressed.
    pub snappy: bool,
    /// Damage in the log or a table stops the opening.
    pub paranoid_checks: bool,
    /// Checksums of blocks are verified whenever one is read.
    pub verify_checksums: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            write_buffer_size: None,
            max_file_size: None,
            block_size: 4 << 10,
            block_restart_interval: 16,
            max_open_files: 1000,
            cache_size: None,
            bloom_bits: None,
            snappy: true,
            // LevelDB's own choice is to pass over damage.
            paranoid_checks: true,
            verify_checksums: true,
        }
    }
}

type Setter = fn(&mut Options, &str) -> Option<()>;

/// Each option: name, what its value must be, how it is set.
const NAMES: [(&str, &str, Setter); 10] = [
    ("write_buffer_size", "a size from 64KB to 1GB", |options, value| {
        size(value, 64 << 10, 1 << 30).map(|size| options.write_buffer_size = Some(size))
    }),
    ("max_file_size", "a size from 1MB to 1GB", |options, value| {
        size(value, 1 << 20, 1 << 30).map(|size| options.max_file_size = Some(size))
    }),
    ("block_size", "a size from 1KB to 4MB", |options, value| {
        size(value, 1 << 10, 4 << 20).map(|size| options.block_size = size)
    }),
    ("block_restart_interval", "a number from 1 to 1024", |options, value| {
        number(value, 1, 1024).map(|number| options.block_restart_interval = number)
    }),
    ("max_open_files", "a number from 74 to 50000", |options, value| {
        number(value, 74, 50_000).map(|number| options.max_open_files = number)
    }),
    ("cache_size", "a size up to 64GB", |options, value| {
        size(value, 0, 64 << 30).map(|size| options.cache_size = Some(size))
    }),
    ("bloom_bits", "a number from 0 (none) to 64", |options, value| {
        number(value, 0, 64).map(|bits| options.bloom_bits = Some(bits))
    }),
    ("compression", "snappy or none", |options, value| match value {
        "snappy" | "none" => {
            options.snappy = value == "snappy";
            Some(())
        }
        _ => None,
    }),
    ("paranoid_checks", "yes or no", |options, value| {
        yes_or_no(value).map(|yes| options.paranoid_checks = yes)
    }),
    ("verify_checksums", "yes or no", |options, value| {
        yes_or_no(value).map(|yes| options.verify_checksums = yes)
    }),
];

impl Options {
    /// The options that names and values say; the last of a name counts.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self> {
        let mut options = Self::default();
        for (name, value) in pairs {
            let Some((_, wanted, set)) = NAMES.iter().find(|(known, ..)| known == name) else {
                let known: Vec<&str> = NAMES.iter().map(|(known, ..)| *known).collect();
                let known = known.join(", ");
                return Err(StoreError::Usage(format!(
                    "{name:?} is not an option of LevelDB stores; there are {known}"
                )));
            };
            if set(&mut options, value).is_none() {
                let what = format!("option {name} must be {wanted}, not {value:?}");
                return Err(StoreError::Usage(what));
            }
        }
        Ok(options)
    }
}

fn number(text: &str, least: i32, most: i32) -> Option<i32> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

fn size(text: &str, least: usize, most: usize) -> Option<usize> {
    let digits = text.trim_end_matches(|byte: char| byte.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" => 10,
        "M" | "MB" => 20,
        "G" | "GB" => 30,
        _ => return None,
    };
    let bytes = digits.parse::<usize>().ok()?.checked_mul(1 << shift)?;
    Some(bytes).filter(|bytes| (least..=most).contains(bytes))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Options> {
        let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Options::parse(&owned.collect::<Vec<_>>())
    }

    #[test]
    fn sizes_numbers_and_words_are_taken() {
        let options = parse(&[
            ("write_buffer_size", "8MB"),
            ("max_file_size", "4mb"),
            ("block_size", "65536"),
            ("block_restart_interval", "32"),
            ("max_open_files", "100"),
            ("cache_size", "64KB"),
            ("bloom_bits", "0"),
            ("compression", "none"),
            ("paranoid_checks", "no"),
            ("verify_checksums", "no"),
        ]);
        let expected = Options {
            write_buffer_size: Some(8 << 20),
            max_file_size: Some(4 << 20),
            block_size: 64 << 10,
            block_restart_interval: 32,
            max_open_files: 100,
            cache_size: Some(64 << 10),
            bloom_bits: Some(0),
            snappy: false,
            paranoid_checks: false,
            verify_checksums: false,
        };
        assert_eq!(options.unwrap(), expected);
        assert_eq!(parse(&[]).unwrap(), Options::default());
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_those_there_are() {
        let error = parse(&[("wal", "off")]).unwrap_err().to_string();
        assert!(error.contains("\"wal\"") && error.contains("write_buffer_size"), "{error}");
        for (name, _, _) in NAMES {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_answered_with_the_bounds() {
        for value in ["", "x", "4XB", "-1", "1.5MB", "2TB", "99999999999999999999", "16384GB", "1"]
        {
            let error = parse(&[("write_buffer_size", value)]).unwrap_err().to_string();
            assert!(error.contains("must be a size from 64KB to 1GB"), "{error}");
        }
        for name in ["block_restart_interval", "compression", "paranoid_checks"] {
            let error = parse(&[(name, "perhaps")]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("must be"), "{error}");
        }
    }
}
