//! CLIENT: this connection and the others.
use super::client_control::{
    client_caching, client_getredir, client_pause, client_tracking, client_trackinginfo,
    client_unblock, client_unpause,
};
use super::help::help;
use crate::args;
use crate::clock::system_ms;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Connection;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::server::{lock, ClientInfo};
use crate::session::Replies;
use crate::table;
use redtool_format::number;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

fn client(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn client_id(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(ctx.session.id as i64);
    Ok(())
}

fn client_getname(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let name = lock(&ctx.session.info.names).name.clone();
    match name.is_empty() {
        true => ctx.out.null(),
        false => ctx.out.bulk(&name),
    }
    Ok(())
}

fn client_setname(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    set_name(ctx, args[2])?;
    ctx.out.simple("OK");
    Ok(())
}

/// Names the connection; an empty name takes the name away.
pub fn set_name(ctx: &mut Context<'_>, name: &[u8]) -> Outcome {
    if !is_plain(name) {
        return Err(Error::fixed(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    lock(&ctx.session.info.names).name = name.to_vec();
    Ok(())
}

/// Names stand in a line of CLIENT LIST, so they are printable ASCII without spaces.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

fn client_setinfo(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (option, value) = (args[2], args[3]);
    let shown = args::shown(option, 128);
    let is_name = args::is(option, "lib-name");
    if !is_name && !args::is(option, "lib-ver") {
        return Err(Error::text(format!("ERR Unrecognized option '{shown}'")));
    }
    if !is_plain(value) {
        return Err(Error::text(format!(
            "ERR {shown} cannot contain spaces, newlines or special characters."
        )));
    }
    let mut names = lock(&ctx.session.info.names);
    if is_name {
        names.lib_name = value.to_vec();
    } else {
        names.lib_ver = value.to_vec();
    }
    drop(names);
    ctx.out.simple("OK");
    Ok(())
}

fn client_info(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let line = describe(&ctx.session.info);
    ctx.out.verbatim("txt", &line);
    Ok(())
}

/// CLIENT LIST [TYPE type] [ID id ...]
fn client_list(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let mut clients = ctx.dataset.state().clients();
    // An embedded user is no connection.
    clients.retain(|client| client.fd >= 0 || client.id == ctx.session.id);
    let chosen: Vec<Arc<ClientInfo>> = match args[2..] {
        [] => clients,
        [word, name] if args::is(word, "type") => {
            let of_type = is_of_type(name)?;
            clients.into_iter().filter(|client| of_type(client)).collect()
        }
        [word, ref ids @ ..] if args::is(word, "id") && !ids.is_empty() => {
            let mut chosen = Vec::new();
            for id in ids {
                let id = number::parse_i64(id).ok_or(Error::fixed("ERR Invalid client ID"))?;
                chosen.extend(clients.iter().find(|client| client.id as i64 == id).cloned());
            }
            chosen
        }
        _ => return Err(Error::SYNTAX),
    };
    let mut text = Vec::new();
    for client in chosen {
        text.extend_from_slice(&describe(&client));
    }
    ctx.out.verbatim("txt", &text);
    Ok(())
}

/// Whether a client is of the type of this name.
fn is_of_type(name: &[u8]) -> Result<fn(&ClientInfo) -> bool, Error> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(|client| !client.is_listening()),
        b"pubsub" => Ok(ClientInfo::is_listening),
        b"master" | b"replica" | b"slave" => Ok(|_| false),
        _ => {
            let name = args::shown(name, 128);
            Err(Error::text(format!("ERR Unknown client type '{name}'")))
        }
    }
}

/// A line of CLIENT LIST.
fn describe(client: &ClientInfo) -> Vec<u8> {
    let now = system_ms();
    let names = lock(&client.names).clone();
    let seconds_since = |ms: i64| now.saturating_sub(ms).max(0) / 1000;
    let mut line = format!(
        "id={} addr={} laddr={} fd={} name=",
        client.id, client.addr, client.laddr, client.fd
    )
    .into_bytes();
    line.extend_from_slice(&names.name);
    let query = client.query_bytes.load(Relaxed);
    let reply = client.reply_bytes.load(Relaxed);
    let redirect = match client.tracking.load(Relaxed) {
        0 => -1,
        _ => client.redirect.load(Relaxed) as i64,
    };
    line.extend_from_slice(
        format!(
            " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={query} \
             qbuf-free=0 argv-mem=0 multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={reply} tot-mem={} \
             events=r cmd={} user=default redir={redirect} resp={} lib-name=",
            seconds_since(client.since_ms),
            seconds_since(client.last_ms.load(Relaxed)),
            flags(client),
            client.db.load(Relaxed),
            client.subscriptions[0].load(Relaxed),
            client.subscriptions[1].load(Relaxed),
            client.subscriptions[2].load(Relaxed),
            client.queued.load(Relaxed),
            client.memory.queued.load(Relaxed),
            u8::from(reply > 0),
            client.memory_bytes(),
            last_command(client),
            client.resp.load(Relaxed),
        )
        .as_bytes(),
    );
    line.extend_from_slice(&names.lib_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&names.lib_ver);
    line.push(b'\n');
    line
}

fn flags(client: &ClientInfo) -> String {
    let flags: String = [
        (client.is_monitor.load(Relaxed), 'O'),
        (client.is_listening(), 'P'),
        (client.queued.load(Relaxed) >= 0, 'x'),
        (client.is_waiting.load(Relaxed), 'b'),
        (client.tracking.load(Relaxed) & 1 != 0, 't'),
        (client.broken_redirect.load(Relaxed), 'R'),
        (client.tracking.load(Relaxed) & 2 != 0, 'B'),
        (client.no_evict.load(Relaxed), 'e'),
        (client.no_touch.load(Relaxed), 'T'),
    ]
    .into_iter()
    .filter_map(|(set, letter)| set.then_some(letter))
    .collect();
    match flags.is_empty() {
        true => "N".to_string(),
        false => flags,
    }
}

/// Full name of the last command.
fn last_command(client: &ClientInfo) -> String {
    let number = client.last_command.load(Relaxed);
    let (index, sub) = ((number & 0xffff) as usize, (number >> 16) as usize);
    let Some(row) = index.checked_sub(1).and_then(|index| table::all().get(index)) else {
        return "NULL".to_string();
    };
    match sub.checked_sub(1).and_then(|sub| row.subcommands.get(sub)) {
        Some(sub) => format!("{}|{}", row.name, sub.name),
        None => row.name.to_string(),
    }
}

/// CLIENT KILL addr, or pairs of ID, TYPE, USER, ADDR, LADDR, SKIPME.
fn client_kill(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if let [_, _, addr] = args {
        let filter = Filter { addr: Some(addr), skip_me: false, ..Filter::default() };
        if filter.kill(ctx) == 0 {
            return Err(Error::fixed("ERR No such client"));
        }
        ctx.out.simple("OK");
        return Ok(());
    }
    let filter = Filter::parse(&args[2..])?;
    let killed = filter.kill(ctx);
    ctx.out.int(killed);
    Ok(())
}

/// Whom CLIENT KILL means.
struct Filter<'a> {
    id: Option<i64>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    of_type: Option<fn(&ClientInfo) -> bool>,
    skip_me: bool,
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Self { id: None, addr: None, laddr: None, of_type: None, skip_me: true }
    }
}

impl<'a> Filter<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, Error> {
        let mut filter = Filter::default();
        for pair in args.chunks(2) {
            let [word, value] = *pair else { return Err(Error::SYNTAX) };
            if args::is(word, "id") {
                const BAD_ID: &str = "ERR client-id should be greater than 0";
                filter.id = Some(args::int_from(value, 1, BAD_ID)?);
            } else if args::is(word, "type") {
                filter.of_type = Some(is_of_type(value)?);
            } else if args::is(word, "addr") {
                filter.addr = Some(value);
            } else if args::is(word, "laddr") {
                filter.laddr = Some(value);
            } else if args::is(word, "user") {
                if value != b"default" {
                    let user = args::shown(value, 128);
                    return Err(Error::text(format!("ERR No such user '{user}'")));
                }
            } else if args::is(word, "skipme") {
                filter.skip_me = yes_or_no(value)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn kill(&self, ctx: &mut Context<'_>) -> i64 {
        let mut killed = 0;
        for client in ctx.dataset.state().clients() {
            let is_me = client.id == ctx.session.id;
            let meant = self.of_type.is_none_or(|of_type| of_type(&client))
                && self.id.is_none_or(|id| client.id as i64 == id)
                && self.addr.is_none_or(|addr| client.addr.as_bytes() == addr)
                && self.laddr.is_none_or(|laddr| client.laddr.as_bytes() == laddr)
                && !(is_me && self.skip_me);
            if !meant {
                continue;
            }
            killed += 1;
            match is_me {
                true => ctx.session.close_after_reply = true,
                false => client.kill(),
            }
        }
        killed
    }
}

fn yes_or_no(arg: &[u8]) -> Result<bool, Error> {
    word_pair(arg, "yes", "no")
}

fn word_pair(arg: &[u8], yes: &str, no: &str) -> Result<bool, Error> {
    if args::is(arg, yes) {
        Ok(true)
    } else if args::is(arg, no) {
        Ok(false)
    } else {
        Err(Error::SYNTAX)
    }
}

fn client_no_evict(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let on = word_pair(args[2], "on", "off")?;
    ctx.session.info.no_evict.store(on, Relaxed);
    ctx.out.simple("OK");
    Ok(())
}

fn client_no_touch(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let on = word_pair(args[2], "on", "off")?;
    ctx.session.info.no_touch.store(on, Relaxed);
    ctx.out.simple("OK");
    Ok(())
}

/// Replies are withheld by who sends them, by the state set here.
fn client_reply(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args::is(args[2], "on") {
        ctx.session.replies = Replies::On;
        ctx.out.simple("OK");
    } else if args::is(args[2], "off") {
        ctx.session.replies = Replies::Off;
    } else if args::is(args[2], "skip") {
        if ctx.session.replies != Replies::Off {
            ctx.session.replies = Replies::SkipNext;
        }
    } else {
        return Err(Error::SYNTAX);
    }
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const CLIENT_SUBCOMMANDS: &[Command] = &[
    write_row("caching", 3, NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "6.0.0", client_caching)
        .args("mode:<YES|NO>")
        .docs("O(1)", "Whether the next command is tracked."),
    row("getname", 2, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "2.6.9", client_getname)
        .docs("O(1)", "Name of this connection."),
    write_row("getredir", 2, NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "6.0.0", client_getredir)
        .docs("O(1)", "Connection that gets this one's invalidations."),
    row("help", 2, LOADING | STALE, NO_KEYS, Connection, "5.0.0", help)
        .docs("O(1)", "What CLIENT can do."),
    row("id", 2, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "5.0.0", client_id)
        .docs("O(1)", "Number of this connection."),
    row("info", 2, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "6.2.0", client_info)
        .docs("O(1)", "Facts about this connection.").tips(&["nondeterministic_output"]),
    row("kill", -3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "2.4.0", client_kill)
        .args("filter:<ip:port:string@-2.8.12 | new-format:<[ID client-id:integer@2.8.12] \
               | [TYPE normal_master_slave_pubsub:\
                    <NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB>@2.8.12] \
               | [USER username] | [ADDR ip:port:string] | [LADDR ip:port:string@6.2.0] \
               | [SKIPME yes/no]>...>")
        .docs("O(N)", "Closes connections."),
    row("list", -2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "2.4.0", client_list)
        .args("[TYPE normal_master_replica_pubsub:<NORMAL|MASTER|REPLICA|PUBSUB>@5.0.0] \
               [ID id:(client-id:integer...)@6.2.0]")
        .docs("O(N)", "Facts about connections.").tips(&["nondeterministic_output"]),
    row("no-evict", 3, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "7.0.0", client_no_evict)
        .args("enabled:<ON|OFF>")
        .docs("O(1)", "Protects this connection from eviction."),
    row("no-touch", 3, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "7.2.0", client_no_touch)
        .args("enabled:<ON|OFF>")
        .docs("O(1)", "Whether commands of this connection mark keys as used."),
    write_row("pause", -3, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "2.9.50", client_pause)
        .args("timeout:integer [mode:<WRITE|ALL>@6.2.0]")
        .docs("O(1)", "Holds commands back for a while."),
    row("reply", 3, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "3.2.0", client_reply)
        .args("on_off_skip:<ON|OFF|SKIP>")
        .docs("O(1)", "Whether commands are answered."),
    row("setinfo", 4, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "7.2.0", client_setinfo)
        .args("attr:<LIB-NAME libname | LIB-VER libver>")
        .docs("O(1)", "Tells name and version of the client library."),
    row("setname", 3, NOSCRIPT | LOADING | STALE, NO_KEYS, Connection, "2.6.9", client_setname)
        .args("connection-name")
        .docs("O(1)", "Names this connection."),
    write_row("tracking", -3, NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "6.0.0", client_tracking)
        .args("status:<ON|OFF> [REDIRECT client-id:integer] [PREFIX prefix]... [BCAST] [OPTIN] \
               [OPTOUT] [NOLOOP]")
        .docs("O(1)", "Server-assisted client-side caching."),
    write_row("trackinginfo", 2, NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "6.2.0", client_trackinginfo)
        .docs("O(1)", "State of tracking of this connection."),
    write_row("unblock", -3, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "5.0.0", client_unblock)
        .args("client-id:integer [timeout_error:<TIMEOUT|ERROR>]")
        .docs("O(log N)", "Wakes a waiting connection."),
    write_row("unpause", 2, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Connection, "6.2.0", client_unpause)
        .docs("O(N)", "Goes on after CLIENT PAUSE."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("client", -2, 0, NO_KEYS, Connection, "2.4.0", client)
        .docs("depends on the subcommand", "Connections.").acl(0).subcommands(CLIENT_SUBCOMMANDS),
];
