//! All rows, found by name.
use crate::command::Command;
use crate::commands;
use hashbrown::HashMap;
use std::sync::LazyLock;

/// Names longer than this are no command's.
const NAME_MAX_BYTES: usize = 32;

/// The files' rows, in the order of COMMAND.
const GROUPS: &[&[Command]] = &[
    commands::keyspace::COMMANDS,
    commands::keyspace_write::COMMANDS,
    commands::moves::COMMANDS,
    commands::restore::COMMANDS,
    commands::expiry::COMMANDS,
    commands::scan::COMMANDS,
    commands::object::COMMANDS,
    commands::sort::COMMANDS,
    commands::string::COMMANDS,
    commands::string_write::COMMANDS,
    commands::bitmap::COMMANDS,
    commands::bitmap_write::COMMANDS,
    commands::bitfield::COMMANDS,
    commands::hyperloglog::COMMANDS,
    commands::list::COMMANDS,
    commands::list_write::COMMANDS,
    commands::list_blocking::COMMANDS,
    commands::set::COMMANDS,
    commands::set_write::COMMANDS,
    commands::set_store::COMMANDS,
    commands::zset::COMMANDS,
    commands::zset_write::COMMANDS,
    commands::zset_store::COMMANDS,
    commands::zset_blocking::COMMANDS,
    commands::hash::COMMANDS,
    commands::hash_write::COMMANDS,
    commands::hash_expiry::COMMANDS,
    commands::geo::COMMANDS,
    commands::geo_write::COMMANDS,
    commands::stream::COMMANDS,
    commands::stream_write::COMMANDS,
    commands::stream_groups::COMMANDS,
    commands::stream_claim::COMMANDS,
    commands::stream_blocking::COMMANDS,
    commands::connection::COMMANDS,
    commands::client::COMMANDS,
    commands::transaction::COMMANDS,
    commands::command::COMMANDS,
    commands::config::COMMANDS,
    commands::info::COMMANDS,
    commands::server::COMMANDS,
    commands::saving::COMMANDS,
    commands::replication::COMMANDS,
    commands::slowlog::COMMANDS,
    commands::monitoring::COMMANDS,
    commands::debug::COMMANDS,
    commands::acl::COMMANDS,
    commands::scripting::COMMANDS,
    commands::pubsub::COMMANDS,
    commands::cluster::COMMANDS,
    commands::migrate::COMMANDS,
];

struct Table {
    rows: Vec<&'static Command>,
    /// Of each row, the place of its first subcommand.
    sub_places: Vec<usize>,
    by_name: HashMap<&'static [u8], u32>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<&'static Command> = GROUPS.iter().flat_map(|group| group.iter()).collect();
    let by_name =
        rows.iter().enumerate().map(|(index, row)| (row.name.as_bytes(), index as u32)).collect();
    let mut sub_places = vec![rows.len()];
    for row in &rows {
        sub_places.push(sub_places[sub_places.len() - 1] + row.subcommands.len());
    }
    Table { rows, sub_places, by_name }
});

/// The command of this name, in any case, with its index.
#[inline]
pub fn find(name: &[u8]) -> Option<(usize, &'static Command)> {
    let mut lower = [0; NAME_MAX_BYTES];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let index = *TABLE.by_name.get(&*lower)? as usize;
    Some((index, TABLE.rows[index]))
}

/// Remembers the name that was looked for last: most commands come in rows of the same.
#[derive(Debug)]
pub struct Recent {
    name: [u8; NAME_MAX_BYTES],
    len: usize,
    index: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { name: [0; NAME_MAX_BYTES], len: usize::MAX, index: 0 }
    }
}

impl Recent {
    /// Like [`find`].
    #[inline]
    pub fn find(&mut self, name: &[u8]) -> Option<(usize, &'static Command)> {
        if self.len == name.len() && self.name[..name.len()] == *name {
            return Some((self.index, TABLE.rows[self.index]));
        }
        let (index, row) = find(name)?;
        self.name[..name.len()].copy_from_slice(name);
        (self.len, self.index) = (name.len(), index);
        Some((index, row))
    }
}

/// The subcommand of this name, in any case, with its index.
pub fn find_subcommand(
    command: &'static Command,
    name: &[u8],
) -> Option<(usize, &'static Command)> {
    let is_it = |sub: &&Command| name.eq_ignore_ascii_case(sub.name.as_bytes());
    let index = command.subcommands.iter().position(|sub| is_it(&sub))?;
    Some((index, &command.subcommands[index]))
}

/// The command of a name as COMMAND INFO takes it: `get`, or `config|get`. The parent of a
/// subcommand comes with it.
pub fn find_full(name: &[u8]) -> Option<(&'static Command, Option<&'static Command>)> {
    match name.iter().position(|byte| *byte == b'|') {
        None => Some((find(name)?.1, None)),
        Some(bar) => {
            let (_, parent) = find(&name[..bar])?;
            let (_, sub) = find_subcommand(parent, &name[bar + 1..])?;
            Some((sub, Some(parent)))
        }
    }
}

/// All rows.
pub fn all() -> &'static [&'static Command] {
    &TABLE.rows
}

/// Number of rows.
pub fn len() -> usize {
    TABLE.rows.len()
}

/// The place of a command among all commands and subcommands; `sub` counts from 1, and is 0 when
/// the command itself is meant.
#[inline]
pub fn place(index: usize, sub: usize) -> usize {
    match sub {
        0 => index,
        _ => TABLE.sub_places[index] + sub - 1,
    }
}

/// Number of places.
pub fn places() -> usize {
    TABLE.sub_places[TABLE.rows.len()]
}

/// All commands and subcommands that can be called, by full name (`client|id`), and their places.
pub fn callable() -> impl Iterator<Item = (String, usize)> {
    TABLE.rows.iter().enumerate().flat_map(|(index, row)| {
        let subs = row.subcommands.iter().enumerate();
        let named = subs.map(move |(sub, subcommand)| {
            (format!("{}|{}", row.name, subcommand.name), place(index, sub + 1))
        });
        std::iter::once((row.name.to_string(), index)).chain(named)
    })
}
