//! COMMAND: what the rows say, in the shapes Redis gives it.
use super::help::help;
use crate::args;
use crate::command::flag::{LOADING, STALE};
use crate::command::Group::Server;
use crate::command::{category, flag, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::NO_KEYS;
use crate::keyspec::{access, legacy, Begin, Find, KeySpec};
use crate::syntax::{self, Argument};
use crate::table;
use redtool_format::resp::Writer;

fn command(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(table::len());
    for row in table::all() {
        reply_info(ctx.out, row, None);
    }
    Ok(())
}

fn command_count(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(table::len() as i64);
    Ok(())
}

fn command_info(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args.len() == 2 {
        return command(ctx, args);
    }
    ctx.out.array(args.len() - 2);
    for name in &args[2..] {
        match table::find_full(name) {
            Some((row, parent)) => reply_info(ctx.out, row, parent),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

fn full_name(row: &Command, parent: Option<&Command>) -> String {
    match parent {
        Some(parent) => format!("{}|{}", parent.name, row.name),
        None => row.name.to_string(),
    }
}

/// The ten facts of COMMAND INFO.
fn reply_info(out: &mut Writer, row: &Command, parent: Option<&Command>) {
    let range = legacy(row.keys);
    let movable = if range.movable { flag::MOVABLEKEYS } else { 0 };
    out.array(10);
    out.bulk(full_name(row, parent).as_bytes());
    out.int(i64::from(row.arity));
    reply_bits(out, row.flags | movable, &flag::NAMES, "");
    for position in [range.first, range.last, range.step] {
        out.int(i64::from(position));
    }
    reply_bits(out, row.categories(), &category::NAMES, "@");
    out.set(row.tips.len());
    for tip in row.tips {
        out.bulk(tip.as_bytes());
    }
    out.set(row.keys.len());
    for spec in row.keys {
        reply_key_spec(out, spec);
    }
    // Redis has it so: an array of subcommands, but a set of none.
    match row.subcommands.len() {
        0 => out.set(0),
        some => out.array(some),
    }
    for sub in row.subcommands {
        reply_info(out, sub, Some(row));
    }
}

/// A set of the names of the bits that are set.
fn reply_bits(out: &mut Writer, bits: u32, names: &[&str], prefix: &str) {
    out.set(bits.count_ones() as usize);
    for (bit, name) in names.iter().enumerate() {
        if bits >> bit & 1 == 1 {
            out.simple(&format!("{prefix}{name}"));
        }
    }
}

fn reply_key_spec(out: &mut Writer, spec: &KeySpec) {
    out.map(3);
    out.bulk(b"flags");
    reply_bits(out, u32::from(spec.flags), &access::NAMES, "");
    out.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => reply_typed(out, "index", &[("index", index)]),
        Begin::Keyword(keyword, from) => {
            out.map(2);
            out.bulk(b"type");
            out.bulk(b"keyword");
            out.bulk(b"spec");
            out.map(2);
            out.bulk(b"keyword");
            out.bulk(keyword.as_bytes());
            out.bulk(b"startfrom");
            out.int(i64::from(from));
        }
        Begin::Unknown => reply_typed(out, "unknown", &[]),
    }
    out.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            reply_typed(out, "range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        Find::Count { number, first, step } => {
            let facts = [("keynumidx", number), ("firstkey", first), ("keystep", step)];
            reply_typed(out, "keynum", &facts);
        }
        Find::Unknown => reply_typed(out, "unknown", &[]),
    }
}

fn reply_typed(out: &mut Writer, kind: &str, facts: &[(&str, i32)]) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(facts.len());
    for (name, value) in facts {
        out.bulk(name.as_bytes());
        out.int(i64::from(*value));
    }
}

fn command_docs(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let wanted: Vec<_> = match &args[2..] {
        [] => table::all().iter().map(|row| (*row, None)).collect(),
        names => names.iter().filter_map(|name| table::find_full(name)).collect(),
    };
    ctx.out.map(wanted.len());
    for (row, parent) in wanted {
        reply_docs(ctx.out, row, parent);
    }
    Ok(())
}

fn reply_docs(out: &mut Writer, row: &Command, parent: Option<&Command>) {
    // A test parses the arguments of every row.
    let arguments = syntax::parse(row.args).unwrap_or_default();
    out.bulk(full_name(row, parent).as_bytes());
    let mut facts = Facts::begin(out);
    facts.text("summary", row.summary);
    facts.text("since", row.since);
    facts.text("group", row.group.name());
    facts.text("complexity", row.complexity);
    facts.marks("doc_flags", &[("deprecated", row.deprecated.is_some()), ("syscmd", row.internal)]);
    if let Some((since, instead)) = row.deprecated {
        facts.text("deprecated_since", since);
        facts.text("replaced_by", instead);
    }
    if !arguments.is_empty() {
        reply_arguments(facts.value("arguments"), &arguments);
    }
    if !row.subcommands.is_empty() {
        let out = facts.value("subcommands");
        out.map(row.subcommands.len());
        for sub in row.subcommands {
            reply_docs(out, sub, Some(row));
        }
    }
    facts.end();
}

fn reply_arguments(out: &mut Writer, arguments: &[Argument<'_>]) {
    out.array(arguments.len());
    for argument in arguments {
        let mut facts = Facts::begin(out);
        facts.text("name", &argument.name);
        facts.text("type", argument.kind.name());
        if let Some(index) = argument.key_spec {
            facts.value("key_spec_index").int(i64::from(index));
        }
        for (name, value) in [
            ("token", argument.token),
            ("since", argument.since),
            ("deprecated_since", argument.deprecated_since),
        ] {
            if let Some(value) = value {
                facts.text(name, value);
            }
        }
        let marks = [
            ("optional", argument.optional),
            ("multiple", argument.multiple),
            ("multiple_token", argument.multiple_token),
        ];
        facts.marks("flags", &marks);
        if !argument.arguments.is_empty() {
            reply_arguments(facts.value("arguments"), &argument.arguments);
        }
        facts.end();
    }
}

/// A map whose entries are counted while they are written.
struct Facts<'a> {
    out: &'a mut Writer,
    place: usize,
    count: usize,
}

impl<'a> Facts<'a> {
    fn begin(out: &'a mut Writer) -> Self {
        let place = out.begin_deferred();
        Facts { out, place, count: 0 }
    }

    /// A fact's name; the caller writes its value.
    fn value(&mut self, name: &str) -> &mut Writer {
        self.count += 1;
        self.out.bulk(name.as_bytes());
        self.out
    }

    fn text(&mut self, name: &str, value: &str) {
        self.value(name).bulk(value.as_bytes());
    }

    /// The names of the marks that are set, unless none is.
    fn marks(&mut self, name: &str, marks: &[(&str, bool)]) {
        let set = marks.iter().filter(|(_, is_set)| *is_set);
        let count = set.clone().count();
        if count > 0 {
            self.value(name).set(count);
            set.for_each(|(mark, _)| self.out.simple(mark));
        }
    }

    fn end(self) {
        self.out.end_deferred_map(self.place, self.count);
    }
}

/// Whether a command of this name is listed.
type Filter<'a> = Box<dyn Fn(&Command, &str) -> bool + 'a>;

/// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
fn command_list(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let passes: Filter<'_> = match args[2..] {
        [] => Box::new(|_, _| true),
        [word, by, what] if args::is(word, "filterby") => {
            if args::is(by, "module") {
                Box::new(|_, _| false)
            } else if args::is(by, "aclcat") {
                let bits = category_bit(what).unwrap_or(0);
                Box::new(move |row, _| row.categories() & bits != 0)
            } else if args::is(by, "pattern") {
                Box::new(move |_, name| glob::matches(what, name.as_bytes(), true))
            } else {
                return Err(Error::SYNTAX);
            }
        }
        _ => return Err(Error::SYNTAX),
    };
    let place = ctx.out.begin_deferred();
    let mut listed = 0;
    for row in table::all() {
        for (command, parent) in
            std::iter::once((*row, None)).chain(row.subcommands.iter().map(|sub| (sub, Some(*row))))
        {
            let name = full_name(command, parent);
            if passes(command, &name) {
                ctx.out.bulk(name.as_bytes());
                listed += 1;
            }
        }
    }
    ctx.out.end_deferred_array(place, listed);
    Ok(())
}

/// The bit of an ACL category.
pub fn category_bit(name: &[u8]) -> Option<u32> {
    category::NAMES.iter().position(|known| args::is(name, known)).map(|bit| 1 << bit)
}

/// The row that a command line is for, its number of arguments checked.
fn row_of_line(line: &[&[u8]]) -> Result<&'static Command, Error> {
    const UNKNOWN: Error = Error::fixed("ERR Invalid command specified");
    let (_, mut row) = table::find(line[0]).ok_or(UNKNOWN)?;
    if let (Some(name), false) = (line.get(1), row.subcommands.is_empty()) {
        row = table::find_subcommand(row, name).ok_or(UNKNOWN)?.1;
    }
    if row.keys.is_empty() {
        return Err(Error::fixed("ERR The command has no key arguments"));
    }
    if !row.accepts(line.len()) {
        return Err(Error::fixed("ERR Invalid number of arguments specified for command"));
    }
    Ok(row)
}

fn keys_of_line<'a>(line: &[&'a [u8]]) -> Result<Vec<(&'a [u8], u16)>, Error> {
    let row = row_of_line(line)?;
    let keys = crate::keyspec::find_keys(row, line);
    if keys.is_empty() && !row.is(flag::NO_MANDATORY_KEYS) {
        return Err(Error::fixed("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}

fn command_getkeys(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let keys = keys_of_line(&args[2..])?;
    ctx.out.array(keys.len());
    for (key, _) in keys {
        ctx.out.bulk(key);
    }
    Ok(())
}

fn command_getkeysandflags(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let keys = keys_of_line(&args[2..])?;
    ctx.out.array(keys.len());
    for (key, flags) in keys {
        ctx.out.array(2);
        ctx.out.bulk(key);
        reply_bits(ctx.out, u32::from(flags), &access::NAMES, "");
    }
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const COMMAND_SUBCOMMANDS: &[Command] = &[
    row("count", 2, LOADING | STALE, NO_KEYS, Server, "2.8.13", command_count)
        .docs("O(1)", "Number of commands.").acl(category::CONNECTION),
    row("docs", -2, LOADING | STALE, NO_KEYS, Server, "7.0.0", command_docs)
        .args("[command-name...]")
        .docs("O(N)", "Documentation of commands.")
        .acl(category::CONNECTION).tips(&["nondeterministic_output_order"]),
    row("getkeys", -4, LOADING | STALE, NO_KEYS, Server, "2.8.13", command_getkeys)
        .docs("O(N)", "The keys in a command line.").acl(category::CONNECTION),
    row("getkeysandflags", -4, LOADING | STALE, NO_KEYS, Server, "7.0.0", command_getkeysandflags)
        .docs("O(N)", "The keys in a command line and what is done to them.")
        .acl(category::CONNECTION),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "5.0.0", help)
        .docs("O(1)", "What COMMAND can do.").acl(category::CONNECTION),
    row("info", -2, LOADING | STALE, NO_KEYS, Server, "2.8.13", command_info)
        .args("[command-name...]")
        .docs("O(N)", "Facts about some commands.")
        .acl(category::CONNECTION).tips(&["nondeterministic_output_order"]),
    row("list", -2, LOADING | STALE, NO_KEYS, Server, "7.0.0", command_list)
        .args("[FILTERBY filterby:<MODULE module-name | ACLCAT category \
               | PATTERN pattern:pattern>]")
        .docs("O(N)", "Names of commands.")
        .acl(category::CONNECTION).tips(&["nondeterministic_output_order"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("command", -1, LOADING | STALE, NO_KEYS, Server, "2.8.13", command)
        .docs("O(N)", "Facts about commands.")
        .acl(category::CONNECTION)
        .tips(&["nondeterministic_output_order"]).subcommands(COMMAND_SUBCOMMANDS),
];
