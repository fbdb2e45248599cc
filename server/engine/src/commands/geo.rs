//! Commands of the group geo.
use crate::command::flag::READONLY;
use crate::command::Group::Geo;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::READ_KEY;

fn later(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR command is not there yet"))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("geodist", -4, READONLY, READ_KEY, Geo, "3.2.0", later)
        .docs("O(log(N))", "Distance of two members."),
    row("geohash", -2, READONLY, READ_KEY, Geo, "3.2.0", later)
        .docs("O(log(N))", "Geohash text of members."),
    row("geopos", -2, READONLY, READ_KEY, Geo, "3.2.0", later)
        .docs("O(N)", "Coordinates of members."),
    row("georadius_ro", -6, READONLY, READ_KEY, Geo, "3.2.10", later)
        .docs("O(N+log(M))", "Members within a radius of a point."),
    row("georadiusbymember_ro", -5, READONLY, READ_KEY, Geo, "3.2.10", later)
        .docs("O(N+log(M))", "Members within a radius of a member."),
    row("geosearch", -7, READONLY, READ_KEY, Geo, "6.2.0", later)
        .docs("O(N+log(M))", "Members within a circle or box."),
];
