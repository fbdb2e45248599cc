//! The table of value types. The same number means different things under `REDIS` and `VALKEY`, and
//! did before some releases were final, so a number becomes a [`ValueType`] only together with its
//! [`Dialect`].

/// Whose numbering a file or a DUMP payload follows: told by the magic, or by a payload's version
/// (80 and up: Valkey).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Magic `REDIS`, versions 1-15 (Redis, Valkey up to 8.1, Redis Enterprise).
    Redis,
    /// Magic `VALKEY`, versions 80 and 81.
    Valkey,
}

/// What a client sees: the reply of TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// string
    String = 0,
    /// list
    List = 1,
    /// set
    Set = 2,
    /// zset
    Zset = 3,
    /// hash
    Hash = 4,
    /// A module's own type, carried as opaque bytes.
    Module = 5,
    /// stream
    Stream = 6,
    /// array (Redis 8.8), carried as opaque bytes.
    Array = 7,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Kind; 8] = [
        Kind::String,
        Kind::List,
        Kind::Set,
        Kind::Zset,
        Kind::Hash,
        Kind::Module,
        Kind::Stream,
        Kind::Array,
    ];

    /// The reply of TYPE ("module" for module values, whose own name the module knows).
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Zset => "zset",
            Kind::Hash => "hash",
            Kind::Module => "module",
            Kind::Stream => "stream",
            Kind::Array => "array",
        }
    }

    /// The kind of a name as [`Kind::name`] gives it.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The kind with this number.
    pub fn from_u8(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }
}

macro_rules! value_types {
    ($(
        $name:ident = $code:literal, $number:literal, $dialect:ident, $kind:ident,
        $since:literal, $doc:literal;
    )*) => {
        /// A type of value as it lies in a file. The discriminant is redtool's own code (the RDB
        /// number, with bit 7 set for Valkey's own types), stable, and stored in records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ValueType {
            $( #[doc = $doc] $name = $code, )*
        }

        impl ValueType {
            /// Every type, in the order of the table.
            pub const ALL: &'static [ValueType] = &[ $( ValueType::$name, )* ];

            /// The type byte in a file or payload.
            pub fn number(self) -> u8 {
                match self { $( ValueType::$name => $number, )* }
            }

            /// The type with redtool's own code.
            pub fn from_code(code: u8) -> Option<ValueType> {
                match code { $( $code => Some(ValueType::$name), )* _ => None }
            }

            /// What a client sees.
            pub fn kind(self) -> Kind {
                match self { $( ValueType::$name => Kind::$kind, )* }
            }

            /// The first RDB version whose servers load it.
            pub fn since(self) -> u32 {
                match self { $( ValueType::$name => $since, )* }
            }

            /// A name for messages and reports.
            pub fn name(self) -> &'static str {
                match self { $( ValueType::$name => stringify!($name), )* }
            }
        }
    };
}

value_types! {
    String = 0, 0, Both, String, 1, "`str`";
    List = 1, 1, Both, List, 1, "cnt × `str`, head first";
    Set = 2, 2, Both, Set, 1, "cnt × `str`";
    Zset = 3, 3, Both, Zset, 1, "cnt × (`str` member, ASCII double)";
    Hash = 4, 4, Both, Hash, 1, "cnt × (`str` field, `str` value)";
    Zset2 = 5, 5, Both, Zset, 8, "cnt × (`str` member, f64)";
    ModulePreGa = 6, 6, Redis, Module, 8, "module id, untyped payload: its end cannot be found";
    Module2 = 7, 7, Both, Module, 8, "module id, module opcodes to EOF";
    HashZipmap = 9, 9, Both, Hash, 2, "`str` = zipmap";
    ListZiplist = 10, 10, Both, List, 2, "`str` = ziplist";
    SetIntset = 11, 11, Both, Set, 2, "`str` = intset";
    ZsetZiplist = 12, 12, Both, Zset, 2, "`str` = ziplist m,s,…";
    HashZiplist = 13, 13, Both, Hash, 4, "`str` = ziplist f,v,…";
    ListQuicklist = 14, 14, Both, List, 7, "cnt × `str`, each a ziplist";
    Stream = 15, 15, Both, Stream, 9, "stream, first form";
    HashListpack = 16, 16, Both, Hash, 10, "`str` = listpack f,v,…";
    ZsetListpack = 17, 17, Both, Zset, 10, "`str` = listpack m,s,… ascending";
    ListQuicklist2 = 18, 18, Both, List, 10, "nodes × (`len` container, `str`)";
    Stream2 = 19, 19, Both, Stream, 10, "stream with first id, max deleted, entries added";
    SetListpack = 20, 20, Both, Set, 11, "`str` = listpack";
    Stream3 = 21, 21, Both, Stream, 11, "stream with consumers' active time";
    HashMetadataRc = 22, 22, Redis, Hash, 12, "7.4-rc1: cnt × (`len` ms or 0, field, value)";
    HashListpackExRc = 23, 23, Redis, Hash, 12, "7.4-rc1: `str` = listpack (field, value, ms)…";
    HashMetadata = 24, 24, Redis, Hash, 12, "i64 min, cnt × (`len` t, field, value)";
    HashListpackEx = 25, 25, Redis, Hash, 12, "i64 min, `str` = listpack (field, value, ms)…";
    Stream4 = 26, 26, Redis, Stream, 13, "stream with idempotent producers";
    Stream5 = 27, 27, Redis, Stream, 14, "stream with a NACK zone";
    Array = 28, 28, Redis, Array, 14, "Redis 8.8 array";
    HashTemplateListpackDump = 29, 29, Redis, Hash, 15, "names, listpack of values (DUMP form)";
    HashTemplateListpack = 30, 30, Redis, Hash, 15, "`str` listpack, first entry the template id";
    HashTemplateDump = 31, 31, Redis, Hash, 15, "names, one `str` per field (DUMP form)";
    HashTemplate = 32, 32, Redis, Hash, 15, "`len` template id, one `str` per field";
    ValkeyHash2 = 0x96, 22, Valkey, Hash, 80, "Valkey: cnt × (field, value, i64 absolute ms or -1)";
}

impl ValueType {
    /// The type that `number` means in `dialect`, if this reader can frame it.
    pub fn from_number(number: u8, dialect: Dialect) -> Option<ValueType> {
        match dialect {
            Dialect::Valkey if number >= 22 => (number == 22).then_some(ValueType::ValkeyHash2),
            Dialect::Valkey if number == 6 => None,
            _ => ValueType::from_code(number).filter(|_| number < 0x80),
        }
    }
}

impl Dialect {
    /// The dialect of a DUMP payload with this version in its footer.
    pub fn of_payload_version(version: u16) -> Dialect {
        if version >= 80 {
            Dialect::Valkey
        } else {
            Dialect::Redis
        }
    }
}
