//! What a command's row says. Rows are constants; each `commands/<group>.rs` ends with its
//! `COMMANDS`.
//!
//! ```ignore
//! row("getrange", 4, READONLY, READ_KEY, String, "2.4.0", getrange)
//!     .args("key start:integer end:integer")
//!     .docs("O(N)", "Part of the string at a key."),
//! ```
//! Tables are kept out of rustfmt's hands, so that a row stays a row.
use crate::context::Context;
use crate::error::Outcome;
use crate::keyspec::KeySpec;
use crate::write::Writing;

/// A command's function: `args[0]` is the command's name (for a subcommand `args[1]` is its own).
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// It reads, and may run beside others.
    Read(Read),
    /// It may change the dataset, or what connections share, and runs alone.
    Write(Write),
    /// The first where nobody writes, the second where the dataset may change.
    Both(Read, Write),
}

/// A function that reads.
pub type Read = fn(&mut Context<'_>, &[&[u8]]) -> Outcome;
/// A function that runs alone.
pub type Write = fn(&mut Writing<'_>, &[&[u8]]) -> Outcome;

/// Flags of a command, as COMMAND INFO names them: bits of [`Command::flags`].
pub mod flag {
    #![allow(missing_docs)]
    pub const WRITE: u32 = 1;
    pub const READONLY: u32 = 1 << 1;
    pub const DENYOOM: u32 = 1 << 2;
    pub const MODULE: u32 = 1 << 3;
    pub const ADMIN: u32 = 1 << 4;
    pub const PUBSUB: u32 = 1 << 5;
    pub const NOSCRIPT: u32 = 1 << 6;
    pub const BLOCKING: u32 = 1 << 7;
    pub const LOADING: u32 = 1 << 8;
    pub const STALE: u32 = 1 << 9;
    pub const SKIP_MONITOR: u32 = 1 << 10;
    pub const SKIP_SLOWLOG: u32 = 1 << 11;
    pub const ASKING: u32 = 1 << 12;
    pub const FAST: u32 = 1 << 13;
    pub const NO_AUTH: u32 = 1 << 14;
    pub const MAY_REPLICATE: u32 = 1 << 15;
    pub const NO_MANDATORY_KEYS: u32 = 1 << 16;
    pub const NO_ASYNC_LOADING: u32 = 1 << 17;
    pub const NO_MULTI: u32 = 1 << 18;
    pub const ALLOW_BUSY: u32 = 1 << 19;
    pub const MOVABLEKEYS: u32 = 1 << 20;
    /// Names in the order of the bits.
    pub const NAMES: [&str; 21] = [
        "write",
        "readonly",
        "denyoom",
        "module",
        "admin",
        "pubsub",
        "noscript",
        "blocking",
        "loading",
        "stale",
        "skip_monitor",
        "skip_slowlog",
        "asking",
        "fast",
        "no_auth",
        "may_replicate",
        "no_mandatory_keys",
        "no_async_loading",
        "no_multi",
        "allow_busy",
        "movablekeys",
    ];
}

/// ACL categories: bits of [`Command::categories`].
pub mod category {
    #![allow(missing_docs)]
    pub const KEYSPACE: u32 = 1;
    pub const READ: u32 = 1 << 1;
    pub const WRITE: u32 = 1 << 2;
    pub const SET: u32 = 1 << 3;
    pub const SORTEDSET: u32 = 1 << 4;
    pub const LIST: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const STRING: u32 = 1 << 7;
    pub const BITMAP: u32 = 1 << 8;
    pub const HYPERLOGLOG: u32 = 1 << 9;
    pub const GEO: u32 = 1 << 10;
    pub const STREAM: u32 = 1 << 11;
    pub const PUBSUB: u32 = 1 << 12;
    pub const ADMIN: u32 = 1 << 13;
    pub const FAST: u32 = 1 << 14;
    pub const SLOW: u32 = 1 << 15;
    pub const BLOCKING: u32 = 1 << 16;
    pub const DANGEROUS: u32 = 1 << 17;
    pub const CONNECTION: u32 = 1 << 18;
    pub const TRANSACTION: u32 = 1 << 19;
    pub const SCRIPTING: u32 = 1 << 20;
    /// Names in the order of the bits, without the `@`.
    pub const NAMES: [&str; 21] = [
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];
}

/// The group of a command in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// Its name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }

    /// The ACL category that goes with the group.
    const fn category(self) -> u32 {
        match self {
            Group::Generic => category::KEYSPACE,
            Group::String => category::STRING,
            Group::List => category::LIST,
            Group::Set => category::SET,
            Group::SortedSet => category::SORTEDSET,
            Group::Hash => category::HASH,
            Group::PubSub => category::PUBSUB,
            Group::Transactions => category::TRANSACTION,
            Group::Connection => category::CONNECTION,
            Group::Scripting => category::SCRIPTING,
            Group::HyperLogLog => category::HYPERLOGLOG,
            Group::Geo => category::GEO,
            Group::Stream => category::STREAM,
            Group::Bitmap => category::BITMAP,
            Group::Server | Group::Cluster | Group::Sentinel => 0,
        }
    }
}

/// A command.
#[derive(Debug)]
pub struct Command {
    /// Lower case; of a subcommand its own name only.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least that many.
    pub arity: i32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// ACL categories beside those that follow from group and flags; see [`Command::categories`].
    pub own_categories: Option<u32>,
    /// Documentation group.
    pub group: Group,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// Cost.
    pub complexity: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its arguments, as [`crate::syntax`] reads them.
    pub args: &'static str,
    /// Not for clients, but for servers among themselves and their tests.
    pub internal: bool,
    /// The Redis version that advised against it, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Hints for proxies and cluster clients, as COMMAND INFO has them.
    pub tips: &'static [&'static str],
    /// Flagged as a write, but its function itself refuses what writes, and runs the rest.
    pub refuses_writes: bool,
    /// It looks at keys without using them: they stay idle.
    pub is_onlooker: bool,
    /// The function.
    pub run: Run,
    /// Subcommands; when there are some, `run` is for the bare name.
    pub subcommands: &'static [Command],
}

/// The row of a command that reads; what it does not say here is added by the methods of
/// [`Command`].
pub const fn row(
    name: &'static str,
    arity: i32,
    flags: u32,
    keys: &'static [KeySpec],
    group: Group,
    since: &'static str,
    run: Read,
) -> Command {
    any_row(name, arity, flags, keys, group, since, Run::Read(run))
}

/// The row of a command that runs alone.
pub const fn write_row(
    name: &'static str,
    arity: i32,
    flags: u32,
    keys: &'static [KeySpec],
    group: Group,
    since: &'static str,
    run: Write,
) -> Command {
    any_row(name, arity, flags, keys, group, since, Run::Write(run))
}

/// The row of a command that runs alone on a dataset that may change, and reads any other beside
/// the rest.
pub const fn either_row(
    name: &'static str,
    arity: i32,
    flags: u32,
    keys: &'static [KeySpec],
    group: Group,
    since: &'static str,
    run: (Read, Write),
) -> Command {
    any_row(name, arity, flags, keys, group, since, Run::Both(run.0, run.1))
}

const fn any_row(
    name: &'static str,
    arity: i32,
    flags: u32,
    keys: &'static [KeySpec],
    group: Group,
    since: &'static str,
    run: Run,
) -> Command {
    Command {
        name,
        arity,
        flags,
        keys,
        own_categories: None,
        group,
        since,
        complexity: "",
        summary: "",
        args: "",
        internal: false,
        deprecated: None,
        tips: &[],
        refuses_writes: false,
        is_onlooker: false,
        run,
        subcommands: &[],
    }
}

impl Command {
    /// Adds what follows the name, in the notation of [`crate::syntax`].
    pub const fn args(mut self, args: &'static str) -> Self {
        self.args = args;
        self
    }

    /// Marks it as none that a client would send.
    pub const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// Advises against it.
    pub const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Self {
        self.deprecated = Some((since, instead));
        self
    }

    /// Adds cost and summary.
    pub const fn docs(mut self, complexity: &'static str, summary: &'static str) -> Self {
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    /// Replaces the category that would follow from the group.
    pub const fn acl(mut self, categories: u32) -> Self {
        self.own_categories = Some(categories);
        self
    }

    /// Adds hints.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Leaves it to the function to refuse what writes.
    pub const fn refuses_writes(mut self) -> Self {
        self.refuses_writes = true;
        self
    }

    /// Looks at keys without using them.
    pub const fn onlooker(mut self) -> Self {
        self.is_onlooker = true;
        self
    }

    /// Adds subcommands.
    pub const fn subcommands(mut self, subcommands: &'static [Command]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Whether it has all these flags.
    pub const fn is(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Whether this many arguments (the name included) are acceptable.
    pub fn accepts(&self, argc: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 {
            argc >= wanted
        } else {
            argc == wanted
        }
    }

    /// Its ACL categories: its own or its group's, and those that follow from the flags.
    pub fn categories(&self) -> u32 {
        let own = self.own_categories.unwrap_or(self.group.category());
        let mut all = own;
        for (flag, implied) in [
            (flag::WRITE, category::WRITE),
            (flag::ADMIN, category::ADMIN | category::DANGEROUS),
            (flag::PUBSUB, category::PUBSUB),
            (flag::FAST, category::FAST),
            (flag::BLOCKING, category::BLOCKING),
        ] {
            if self.is(flag) {
                all |= implied;
            }
        }
        if self.is(flag::READONLY) && own & category::SCRIPTING == 0 {
            all |= category::READ;
        }
        if !self.is(flag::FAST) {
            all |= category::SLOW;
        }
        all
    }
}
