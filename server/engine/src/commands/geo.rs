//! Commands of the group geo: reading positions, and searching for those in a circle or a box.
//!
//! A position is the score of a sorted set's member (see [`crate::types::geo`]). A search walks the
//! score ranges of the boxes that cover its shape, in Redis' order, so that replies without ASC or
//! DESC come in that order too.
use crate::args;
use crate::command::flag::READONLY;
use crate::command::Group::Geo;
use crate::command::{row, Command};
use crate::commands::zset::with_zset;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::READ_KEY;
use crate::types::geo::{self, Position, Shape};
use crate::types::zset::{Edge, Zset};
use crate::types::{Direction, Result, ON, STOP};
use redtool_format::rdb::Kind;

/// A member found.
struct Point {
    member: Vec<u8>,
    score: f64,
    at: Position,
    distance_m: f64,
}

/// Order of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Nearest,
    Farthest,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy)]
enum Center {
    At(Position),
    /// A member that cannot be looked up, since the key is absent.
    Unknown,
}

/// A search as the arguments describe it.
struct Search {
    center: Option<Center>,
    /// The center was given as a member.
    from_member: bool,
    shape: Option<Shape>,
    /// Meters in the unit of the reply.
    unit_m: f64,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    any: bool,
    sort: Option<Sort>,
    /// 0: no limit.
    count: u64,
}

impl Search {
    fn new() -> Self {
        Self {
            center: None,
            from_member: false,
            shape: None,
            unit_m: 1.0,
            with_distance: false,
            with_hash: false,
            with_position: false,
            any: false,
            sort: None,
            count: 0,
        }
    }
}

fn parse_unit(word: &[u8]) -> Result<f64> {
    [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)]
        .into_iter()
        .find_map(|(name, meters)| args::is(word, name).then_some(meters))
        .ok_or(Error::fixed("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

fn parse_position(lon: &[u8], lat: &[u8]) -> Result<Position> {
    let at = Position { lon: args::double(lon)?, lat: args::double(lat)? };
    if !geo::LONGITUDE.contains(at.lon) || !geo::LATITUDE.contains(at.lat) {
        let (lon, lat) = (at.lon, at.lat);
        return Err(Error::text(format!("ERR invalid longitude,latitude pair {lon:.6},{lat:.6}")));
    }
    Ok(at)
}

fn parse_length(text: &[u8], error: &'static str) -> Result<f64> {
    args::parse_double(text).ok_or(Error::fixed(error))
}

/// A radius and its unit.
fn parse_circle(radius: &[u8], unit: &[u8]) -> Result<(Shape, f64)> {
    let radius = parse_length(radius, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(Error::fixed("ERR radius cannot be negative"));
    }
    let unit_m = parse_unit(unit)?;
    Ok((Shape::Circle { radius_m: radius * unit_m }, unit_m))
}

/// A width, a height and their unit.
fn parse_box(width: &[u8], height: &[u8], unit: &[u8]) -> Result<(Shape, f64)> {
    let width = parse_length(width, "ERR need numeric width")?;
    let height = parse_length(height, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(Error::fixed("ERR height or width cannot be negative"));
    }
    let unit_m = parse_unit(unit)?;
    Ok((Shape::Box { width_m: width * unit_m, height_m: height * unit_m }, unit_m))
}

fn position_of(zset: Option<&Zset<'_>>, member: &[u8]) -> Result<Center> {
    let Some(zset) = zset else { return Ok(Center::Unknown) };
    let score = zset.score(member)?;
    let score = score.ok_or(Error::fixed("ERR could not decode requested zset member"))?;
    Ok(Center::At(geo::position(score)))
}

impl Search {
    /// Reads options; those that say where and how far only when `with_shape`.
    fn parse(
        &mut self,
        mut rest: &[&[u8]],
        zset: Option<&Zset<'_>>,
        with_shape: bool,
    ) -> Result<()> {
        while let Some((word, after)) = rest.split_first() {
            rest = if self.take_flag(word) {
                after
            } else if args::is(word, "count") && !after.is_empty() {
                self.count = parse_count(after[0])?;
                &after[1..]
            } else if with_shape {
                self.take_shape(word, after, zset)?
            } else {
                return Err(Error::SYNTAX);
            };
        }
        Ok(())
    }

    fn take_flag(&mut self, word: &[u8]) -> bool {
        match () {
            () if args::is(word, "withdist") => self.with_distance = true,
            () if args::is(word, "withhash") => self.with_hash = true,
            () if args::is(word, "withcoord") => self.with_position = true,
            () if args::is(word, "any") => self.any = true,
            () if args::is(word, "asc") => self.sort = Some(Sort::Nearest),
            () if args::is(word, "desc") => self.sort = Some(Sort::Farthest),
            () => return false,
        }
        true
    }

    /// FROMMEMBER, FROMLONLAT, BYRADIUS or BYBOX; each may be repeated, but not mixed with its
    /// alternative. Gives the arguments after it.
    fn take_shape<'b, 'a>(
        &mut self,
        word: &[u8],
        after: &'b [&'a [u8]],
        zset: Option<&Zset<'_>>,
    ) -> Result<&'b [&'a [u8]]> {
        let by_box = matches!(self.shape, Some(Shape::Box { .. }));
        let by_radius = matches!(self.shape, Some(Shape::Circle { .. }));
        match *after {
            [member, ..] if args::is(word, "frommember") && !self.has_position() => {
                self.center = Some(position_of(zset, member)?);
                self.from_member = true;
                Ok(&after[1..])
            }
            [lon, lat, ..] if args::is(word, "fromlonlat") && !self.from_member => {
                self.center = Some(Center::At(parse_position(lon, lat)?));
                Ok(&after[2..])
            }
            [radius, unit, ..] if args::is(word, "byradius") && !by_box => {
                self.set_shape(parse_circle(radius, unit)?);
                Ok(&after[2..])
            }
            [width, height, unit, ..] if args::is(word, "bybox") && !by_radius => {
                self.set_shape(parse_box(width, height, unit)?);
                Ok(&after[3..])
            }
            _ => Err(Error::SYNTAX),
        }
    }

    fn has_position(&self) -> bool {
        self.center.is_some() && !self.from_member
    }

    fn set_shape(&mut self, (shape, unit_m): (Shape, f64)) {
        (self.shape, self.unit_m) = (Some(shape), unit_m);
    }

    /// Center and shape, which must both be given.
    fn complete(&self, name: &[u8]) -> Result<(Center, Shape)> {
        let missing = |one: &str| {
            let name = args::shown(name, 128);
            Error::text(format!("ERR exactly one of {one} can be specified for {name}"))
        };
        let center = self.center.ok_or_else(|| missing("FROMMEMBER or FROMLONLAT"))?;
        let shape = self.shape.ok_or_else(|| missing("BYRADIUS and BYBOX"))?;
        Ok((center, shape))
    }

    fn check(&self) -> Result<()> {
        if self.any && self.count == 0 {
            return Err(Error::fixed("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// The points to reply with, in order.
    fn run(&self, zset: &Zset<'_>, center: Position, shape: Shape) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        let enough = if self.any { self.count as usize } else { usize::MAX };
        for hash in shape.boxes(center) {
            if points.len() >= enough {
                break;
            }
            let (min, max) = hash.scores();
            zset.each_from(Edge::BeforeScore(min as f64), Direction::Forward, |member, score| {
                if score >= max as f64 {
                    return Ok(STOP);
                }
                let at = geo::position(score);
                if let Some(distance_m) = shape.distance_within(center, at) {
                    points.push(Point { member: member.to_vec(), score, at, distance_m });
                }
                Ok(if points.len() >= enough { STOP } else { ON })
            })?;
        }
        // The first of an unsorted reply mean little unless any will do, so COUNT alone asks for
        // the nearest.
        let sort = match self.sort {
            None if self.count > 0 && !self.any => Some(Sort::Nearest),
            sort => sort,
        };
        match sort {
            Some(Sort::Nearest) => points.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m)),
            Some(Sort::Farthest) => points.sort_by(|a, b| b.distance_m.total_cmp(&a.distance_m)),
            None => {}
        }
        if self.count > 0 {
            points.truncate(usize::try_from(self.count).unwrap_or(usize::MAX));
        }
        Ok(points)
    }

    fn reply(&self, ctx: &mut Context<'_>, points: &[Point]) {
        let extras = [self.with_distance, self.with_hash, self.with_position];
        let extras = extras.iter().filter(|wanted| **wanted).count();
        ctx.out.array(points.len());
        for point in points {
            if extras > 0 {
                ctx.out.array(extras + 1);
            }
            ctx.out.bulk(&point.member);
            if self.with_distance {
                reply_distance(ctx, point.distance_m / self.unit_m);
            }
            if self.with_hash {
                ctx.out.int(point.score as i64);
            }
            if self.with_position {
                reply_position(ctx, point.at);
            }
        }
    }
}

fn parse_count(text: &[u8]) -> Result<u64> {
    match args::int(text)? {
        count if count > 0 => Ok(count.unsigned_abs()),
        _ => Err(Error::fixed("ERR COUNT must be > 0")),
    }
}

/// A distance with four digits after the point.
fn reply_distance(ctx: &mut Context<'_>, distance: f64) {
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

fn reply_position(ctx: &mut Context<'_>, at: Position) {
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

/// The part common to all searches: `describe` reads the arguments, given the sorted set if there
/// is one.
fn search(
    ctx: &mut Context<'_>,
    args: &[&[u8]],
    describe: impl FnOnce(&mut Search, Option<&Zset<'_>>) -> Result<()>,
) -> Outcome {
    let found = ctx.lookup_kind(args[1], Kind::Zset)?;
    let object = found.as_ref().map(|found| found.object()).transpose()?;
    let zset = match &object {
        Some(object) => Some(Zset::open(ctx.reader, object, ctx.dataset.ranks())?),
        None => None,
    };
    let mut search = Search::new();
    describe(&mut search, zset.as_ref())?;
    let points = match (zset, search.complete(args[0])?, search.check()?) {
        (Some(zset), (Center::At(center), shape), ()) => search.run(&zset, center, shape)?,
        _ => Vec::new(),
    };
    search.reply(ctx, &points);
    Ok(())
}

fn geosearch(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    search(ctx, args, |search, zset| search.parse(&args[2..], zset, true))
}

fn georadius_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    search(ctx, args, |search, zset| {
        search.center = Some(Center::At(parse_position(args[2], args[3])?));
        search.set_shape(parse_circle(args[4], args[5])?);
        search.parse(&args[6..], zset, false)
    })
}

fn georadiusbymember_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    search(ctx, args, |search, zset| {
        search.center = Some(position_of(zset, args[2])?);
        search.set_shape(match zset {
            Some(_) => parse_circle(args[3], args[4])?,
            // Redis reads the radius only when there is something to search.
            None => (Shape::Circle { radius_m: 0.0 }, 1.0),
        });
        search.parse(&args[5..], zset, false)
    })
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
