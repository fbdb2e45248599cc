//! Commands of the group geo that read: positions, their distances and hashes. The searches are in
//! `geo_search`; a position is the score of a sorted set's member (see [`crate::types::geo`]).
use super::geo_search::{by_member, by_options, by_point, Stores};
use crate::args;
use crate::command::flag::READONLY;
use crate::command::Group::Geo;
use crate::command::{row, Command};
use crate::commands::zset::with_zset;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::READ_KEY;
use crate::types::geo::{self, Position};
use crate::types::Result;

/// The meters of a unit.
pub(crate) fn parse_unit(word: &[u8]) -> Result<f64> {
    [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)]
        .into_iter()
        .find_map(|(name, meters)| args::is(word, name).then_some(meters))
        .ok_or(Error::fixed("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A distance with four digits after the point.
pub(crate) fn reply_distance(ctx: &mut Context<'_>, distance: f64) {
    // Rounded as Redis does: to the nearest of the scaled number, ties to even.
    let scaled = (distance * 10_000.0).round_ties_even();
    if scaled.abs() < 9e18 {
        let scaled = scaled as i64;
        let sign = if scaled < 0 { "-" } else { "" };
        let (whole, part) = (scaled.unsigned_abs() / 10_000, scaled.unsigned_abs() % 10_000);
        ctx.out.bulk(format!("{sign}{whole}.{part:04}").as_bytes());
    } else {
        ctx.out.bulk(format!("{distance:.4}").as_bytes());
    }
}

/// A coordinate with up to 17 digits after the point, without zeros at the end.
fn reply_degrees(ctx: &mut Context<'_>, degrees: f64) {
    let text = format!("{degrees:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    if ctx.out.is_resp3() {
        let out = ctx.out.buffer();
        out.push(b',');
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    } else {
        ctx.out.bulk(text.as_bytes());
    }
}

pub(crate) fn reply_position(ctx: &mut Context<'_>, at: Position) {
    ctx.out.array(2);
    reply_degrees(ctx, at.lon);
    reply_degrees(ctx, at.lat);
}

/// The scores of members, None for those that are not there.
fn scores(ctx: &mut Context<'_>, key: &[u8], members: &[&[u8]]) -> Result<Vec<Option<f64>>> {
    let scores = with_zset(ctx, key, |_, zset| {
        members.iter().map(|member| zset.score(member)).collect::<Result<Vec<_>>>()
    })?;
    Ok(scores.unwrap_or_else(|| vec![None; members.len()]))
}

fn geopos(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let scores = scores(ctx, args[1], &args[2..])?;
    ctx.out.array(scores.len());
    for score in scores {
        match score {
            Some(score) => reply_position(ctx, geo::position(score)),
            None => ctx.out.null_array(),
        }
    }
    Ok(())
}

fn geohash(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let scores = scores(ctx, args[1], &args[2..])?;
    ctx.out.array(scores.len());
    for score in scores {
        match score {
            Some(score) => ctx.out.bulk(&geo::text(score)),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

fn geodist(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let unit_m = match args[4..] {
        [] => 1.0,
        [unit] => parse_unit(unit)?,
        _ => return Err(Error::SYNTAX),
    };
    let scores = scores(ctx, args[1], &args[2..4])?;
    match scores[..] {
        [Some(a), Some(b)] => {
            let distance_m = geo::distance_m(geo::position(a), geo::position(b));
            reply_distance(ctx, distance_m / unit_m);
        }
        _ => ctx.out.null(),
    }
    Ok(())
}

fn geosearch(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    by_options(ctx, [args[0], args[1]], &args[2..], Stores::Never)?.reply(ctx);
    Ok(())
}

fn georadius_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    by_point(ctx, args, Stores::Never)?.reply(ctx);
    Ok(())
}

fn georadiusbymember_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    by_member(ctx, args, Stores::Never)?.reply(ctx);
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("geodist", -4, READONLY, READ_KEY, Geo, "3.2.0", geodist)
        .args("key member1 member2 [unit:<M|KM|FT|MI>]")
        .docs("O(log(N))", "Distance of two members."),
    row("geohash", -2, READONLY, READ_KEY, Geo, "3.2.0", geohash)
        .args("key member...")
        .docs("O(log(N))", "Geohash text of members."),
    row("geopos", -2, READONLY, READ_KEY, Geo, "3.2.0", geopos)
        .args("key member...")
        .docs("O(N)", "Coordinates of members."),
    row("georadius_ro", -6, READONLY, READ_KEY, Geo, "3.2.10", georadius_ro)
        .args("key longitude:double latitude:double radius:double unit:<M|KM|FT|MI> [WITHCOORD] \
               [WITHDIST] [WITHHASH] [count:(COUNT count:integer [ANY@6.2.0])] [order:<ASC|DESC>]")
        .deprecated("6.2.0", "GEOSEARCH with BYRADIUS")
        .docs("O(N+log(M))", "Members within a radius of a point."),
    row("georadiusbymember_ro", -5, READONLY, READ_KEY, Geo, "3.2.10", georadiusbymember_ro)
        .args("key member radius:double unit:<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
               [count:(COUNT count:integer [ANY])] [order:<ASC|DESC>]")
        .deprecated("6.2.0", "GEOSEARCH with BYRADIUS and FROMMEMBER")
        .docs("O(N+log(M))", "Members within a radius of a member."),
    row("geosearch", -7, READONLY, READ_KEY, Geo, "6.2.0", geosearch)
        .args("key from:<FROMMEMBER member \
               | FROMLONLAT longitude_latitude:(longitude:double latitude:double)> \
               by:<circle:(BYRADIUS radius:double unit:<M|KM|FT|MI>) \
               | box:(BYBOX width:double height:double unit:<M|KM|FT|MI>)> [order:<ASC|DESC>] \
               [count:(COUNT count:integer [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]")
        .docs("O(N+log(M))", "Members within a circle or box."),
];
