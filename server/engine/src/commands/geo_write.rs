//! Positions added, and searches whose results are stored: GEOADD, GEOSEARCHSTORE, GEORADIUS and
//! GEORADIUSBYMEMBER.
use super::geo_search::{by_member, by_options, by_point, parse_position, Searched, Stores};
use super::zset_write::{add_members, Rule};
use crate::args;
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::Group::Geo;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, OW, RO, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::types::geo;
use crate::write::Writing;

fn geoadd(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (mut rule, mut rest) = (Rule::default(), &args[2..]);
    while let [word, after @ ..] = rest {
        match () {
            () if args::is(word, "nx") => rule.keeps = true,
            () if args::is(word, "xx") => rule.only_there = true,
            () if args::is(word, "ch") => rule.counts_changed = true,
            () => break,
        }
        rest = after;
    }
    if rest.is_empty() || rest.len() % 3 != 0 || (rule.keeps && rule.only_there) {
        return Err(Error::SYNTAX);
    }
    let mut members = Vec::with_capacity(rest.len() / 3);
    for point in rest.chunks_exact(3) {
        members.push((geo::score(parse_position(point[0], point[1])?), point[2]));
    }
    add_members(ws, args[1], rule, &members)
}

fn geosearchstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let found = by_options(&mut ws.view(), [args[0], args[2]], &args[3..], Stores::Always)?;
    let stored = ws.store_members(args[1], &found.members(), "geosearchstore")?;
    ws.out.int(stored as i64);
    Ok(())
}

fn georadius(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let found = by_point(&mut ws.view(), args, Stores::IfAsked)?;
    store_or_reply(ws, found)
}

fn georadiusbymember(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let found = by_member(&mut ws.view(), args, Stores::IfAsked)?;
    store_or_reply(ws, found)
}

fn store_or_reply(ws: &mut Writing<'_>, found: Searched<'_>) -> Outcome {
    match found.destination() {
        Some(key) => {
            let stored = ws.store_members(key, &found.members(), "georadiusstore")?;
            ws.out.int(stored as i64);
        }
        None => found.reply(&mut ws.view()),
    }
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("geoadd", -5, WRITE | DENYOOM, &[KeySpec::at(RW | UPDATE, 1)], Geo, "3.2.0", geoadd)
        .args("key [condition:<NX|XX>@6.2.0] [change=CH@6.2.0] \
               longitude_latitude_member:(longitude:double latitude:double member)...")
        .docs("O(log(N))", "Adds members with coordinates."),
    write_row("geosearchstore", -8, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1), KeySpec::at(RO | ACCESS, 2)], Geo, "6.2.0", geosearchstore)
        .args("destination:key source:key#1 from:<FROMMEMBER member \
               | FROMLONLAT longitude_latitude:(longitude:double latitude:double)> \
               by:<circle:(BYRADIUS radius:double unit:<M|KM|FT|MI>) \
               | box:(BYBOX width:double height:double unit:<M|KM|FT|MI>)> [order:<ASC|DESC>] \
               [count:(COUNT count:integer [ANY])] [STOREDIST]")
        .docs("O(N+log(M))", "Members within a circle or box, stored."),
    write_row("georadius", -6, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::after(OW | UPDATE, "STORE", 6),
          KeySpec::after(OW | UPDATE, "STOREDIST", 6)], Geo, "3.2.0", georadius)
        .args("key longitude:double latitude:double radius:double unit:<M|KM|FT|MI> [WITHCOORD] \
               [WITHDIST] [WITHHASH] [count:(COUNT count:integer [ANY@6.2.0])] [order:<ASC|DESC>] \
               [STORE key:key#1] [STOREDIST key:key#2]")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS")
        .docs("O(N+log(M))", "Members within a radius of a point, stored if asked."),
    write_row("georadiusbymember", -5, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::after(OW | UPDATE, "STORE", 5),
          KeySpec::after(OW | UPDATE, "STOREDIST", 5)], Geo, "3.2.0", georadiusbymember)
        .args("key member radius:double unit:<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
               [count:(COUNT count:integer [ANY])] [order:<ASC|DESC>] [STORE key:key#1] \
               [STOREDIST key:key#2]")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS and FROMMEMBER")
        .docs("O(N+log(M))", "Members within a radius of a member, stored if asked."),
];
