//! ACL: there is one user, `default`, who may do everything that the dataset permits.
use super::command::category_bit;
use super::help::help;
use crate::args;
use crate::command::category;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::table;
use std::fmt::Write;
use std::io::Read;

const NO_FILE: Error = Error::fixed("ERR this server has no ACL file");
const ONE_USER: Error = Error::fixed("ERR this server has no users beside the default one");

fn acl(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn acl_whoami(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.bulk(b"default");
    Ok(())
}

fn acl_users(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(1);
    ctx.out.bulk(b"default");
    Ok(())
}

fn acl_list(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let login = if ctx.dataset.state().is_open() { "nopass" } else { "" };
    ctx.out.array(1);
    ctx.out.bulk(format!("user default on {login} ~* &* +@all").replace("  ", " ").as_bytes());
    Ok(())
}

fn acl_getuser(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let is_open = ctx.dataset.state().is_open();
    let out = &mut *ctx.out;
    if args[2] != b"default" {
        out.null();
        return Ok(());
    }
    out.map(6);
    out.bulk(b"flags");
    out.set(1 + usize::from(is_open));
    out.bulk(b"on");
    if is_open {
        out.bulk(b"nopass");
    }
    out.bulk(b"passwords");
    out.array(0);
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"selectors");
    out.array(0);
    Ok(())
}

/// ACL CAT [category]
fn acl_cat(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args.len() > 3 {
        return Err(Error::fixed(
            "ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.",
        ));
    }
    let Some(name) = args.get(2) else {
        ctx.out.array(category::NAMES.len());
        for name in category::NAMES {
            ctx.out.bulk(name.as_bytes());
        }
        return Ok(());
    };
    let Some(bit) = category_bit(name) else {
        let name = args::shown(name, 128);
        return Err(Error::text(format!("ERR Unknown category '{name}'")));
    };
    let place = ctx.out.begin_deferred();
    let mut listed = 0;
    for row in table::all() {
        if row.categories() & bit != 0 {
            ctx.out.bulk(row.name.as_bytes());
            listed += 1;
        }
        for sub in row.subcommands.iter().filter(|sub| sub.categories() & bit != 0) {
            ctx.out.bulk(format!("{}|{}", row.name, sub.name).as_bytes());
            listed += 1;
        }
    }
    ctx.out.end_deferred_array(place, listed);
    Ok(())
}

/// Refusals are not logged.
fn acl_log(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match args.get(2) {
        Some(word) if args::is(word, "reset") => ctx.out.simple("OK"),
        Some(count) => {
            args::int(count)?;
            ctx.out.array(0);
        }
        None => ctx.out.array(0),
    }
    Ok(())
}

fn acl_genpass(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    const BAD: &str = "ERR ACL GENPASS argument must be the number of bits for the output \
                       password, a positive number up to 4096";
    let bits = match args.get(2) {
        Some(arg) => args::int(arg)?,
        None => 256,
    };
    if !(1..=4096).contains(&bits) || args.len() > 3 {
        return Err(Error::fixed(BAD));
    }
    let digits = (bits as usize).div_ceil(4);
    let mut random = vec![0; digits.div_ceil(2)];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(|error| Error::text(format!("ERR no random numbers: {error}")))?;
    let mut password = String::new();
    for byte in random {
        let _ = write!(password, "{byte:02x}");
    }
    ctx.out.bulk(&password.as_bytes()[..digits]);
    Ok(())
}

fn acl_dryrun(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args[2] != b"default" {
        let user = args::shown(args[2], 128);
        return Err(Error::text(format!("ERR User '{user}' not found")));
    }
    let line = &args[3..];
    let Some((_, row)) = table::find(line[0]) else {
        let name = args::shown(line[0], 128);
        return Err(Error::text(format!("ERR Command '{name}' not found")));
    };
    if !row.accepts(line.len()) {
        let name = row.name;
        return Err(Error::text(format!("ERR wrong number of arguments for '{name}' command")));
    }
    ctx.out.simple("OK");
    Ok(())
}

fn acl_setuser(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(ONE_USER)
}

fn acl_deluser(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args[2..].contains(&b"default".as_slice()) {
        return Err(Error::fixed("ERR The 'default' user cannot be removed"));
    }
    ctx.out.int(0);
    Ok(())
}

fn acl_load(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(NO_FILE)
}

fn acl_save(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(NO_FILE)
}

/// Subcommands.
#[rustfmt::skip]
const ACL_SUBCOMMANDS: &[Command] = &[
    row("cat", -2, NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_cat)
        .args("[categoryname]")
        .docs("O(1)", "Categories of commands."),
    row("deluser", -3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_deluser)
        .args("username...")
        .docs("O(1)", "Removes users."),
    row("dryrun", -4, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "7.0.0", acl_dryrun)
        .args("username command [arg...]")
        .docs("O(1)", "Whether a user may run a command."),
    row("genpass", -2, NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_genpass)
        .args("[bits:integer]")
        .docs("O(1)", "Makes a password."),
    row("getuser", 3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_getuser)
        .args("username")
        .docs("O(N)", "The rules of a user."),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "6.0.0", help)
        .docs("O(1)", "What ACL can do."),
    row("list", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_list)
        .docs("O(N)", "The rules of all users."),
    row("load", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_load)
        .docs("O(N)", "Reads the ACL file again."),
    row("log", -2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_log)
        .args("[operation:<count:integer|RESET>]")
        .docs("O(N)", "What was refused lately."),
    row("save", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_save)
        .docs("O(N)", "Writes the ACL file."),
    row("setuser", -3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_setuser)
        .args("username [rule...]")
        .docs("O(N)", "Creates or changes a user."),
    row("users", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_users)
        .docs("O(N)", "Names of all users."),
    row("whoami", 2, NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "6.0.0", acl_whoami)
        .docs("O(1)", "The user of this connection."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("acl", -2, 0, NO_KEYS, Server, "6.0.0", acl)
        .docs("depends on the subcommand", "Users and their rights.").subcommands(ACL_SUBCOMMANDS),
];
