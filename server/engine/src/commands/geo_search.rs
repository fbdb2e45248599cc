//! Searching sorted sets of positions in a circle or a box: GEOSEARCH and GEORADIUS in all their
//! forms.
//!
//! A search walks the score ranges of the boxes that cover its shape, in Redis' order, so that
//! replies without ASC or DESC come in that order too.
use super::geo::{parse_unit, reply_distance, reply_position};
use crate::args;
use crate::context::Context;
use crate::error::Error;
use crate::types::geo::{self, Position, Shape};
use crate::types::zset::{Edge, Zset};
use crate::types::zset_write::Members;
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
pub(crate) struct Search<'a> {
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
    stores: Stores,
    destination: Option<&'a [u8]>,
    /// What is stored are distances.
    stores_distances: bool,
}

/// Whether a search can store what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stores {
    /// It only replies.
    Never,
    /// If STORE or STOREDIST names a key.
    IfAsked,
    /// At a key given before; STOREDIST is a flag.
    Always,
}

impl<'a> Search<'a> {
    fn new(stores: Stores) -> Self {
        Self {
            stores,
            destination: None,
            stores_distances: false,
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

pub(crate) fn parse_position(lon: &[u8], lat: &[u8]) -> Result<Position> {
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

impl<'a> Search<'a> {
    /// Reads options; those that say where and how far only when `with_shape`.
    fn parse(
        &mut self,
        mut rest: &[&'a [u8]],
        zset: Option<&Zset<'_>>,
        with_shape: bool,
    ) -> Result<()> {
        while let Some((word, after)) = rest.split_first() {
            rest = if self.take_flag(word) {
                after
            } else if args::is(word, "count") && !after.is_empty() {
                self.count = parse_count(after[0])?;
                &after[1..]
            } else if self.take_destination(word, after) {
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
            () if self.stores == Stores::Always && args::is(word, "storedist") => {
                self.stores_distances = true;
            }
            () => return false,
        }
        true
    }

    /// STORE and STOREDIST with a key, of which the last counts.
    fn take_destination(&mut self, word: &[u8], after: &[&'a [u8]]) -> bool {
        let with_distances = args::is(word, "storedist");
        if self.stores != Stores::IfAsked || !(with_distances || args::is(word, "store")) {
            return false;
        }
        let Some(&key) = after.first() else { return false };
        (self.destination, self.stores_distances) = (Some(key), with_distances);
        true
    }

    /// FROMMEMBER, FROMLONLAT, BYRADIUS or BYBOX; each may be repeated, but not mixed with its
    /// alternative. Gives the arguments after it.
    fn take_shape<'b, 'c>(
        &mut self,
        word: &[u8],
        after: &'b [&'c [u8]],
        zset: Option<&Zset<'_>>,
    ) -> Result<&'b [&'c [u8]]> {
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

    /// What a reply shows beside the members cannot be stored.
    fn check_stored(&self) -> Result<()> {
        let shows = self.with_distance || self.with_hash || self.with_position;
        match self.stores {
            Stores::Always if shows => Err(Error::fixed(
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD \
                 options",
            )),
            Stores::IfAsked if shows && self.destination.is_some() => Err(Error::fixed(
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
                 WITHCOORD options",
            )),
            _ => Ok(()),
        }
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

/// What a search found.
pub(crate) struct Searched<'a> {
    search: Search<'a>,
    points: Vec<Point>,
}

impl<'a> Searched<'a> {
    /// Replies with it.
    pub fn reply(&self, ctx: &mut Context<'_>) {
        self.search.reply(ctx, &self.points);
    }

    /// The key at which STORE or STOREDIST asks for it.
    pub fn destination(&self) -> Option<&'a [u8]> {
        self.search.destination
    }

    /// The members to be stored, with their positions or distances as scores.
    pub fn members(self) -> Members {
        let Search { stores_distances, unit_m, .. } = self.search;
        let score = |point: &Point| match stores_distances {
            true => point.distance_m / unit_m,
            false => point.score,
        };
        self.points
            .into_iter()
            .map(|point| {
                let score = score(&point);
                (point.member, score)
            })
            .collect()
    }
}

/// The part common to all searches: `describe` reads the arguments, given the sorted set if there
/// is one.
fn search<'a>(
    ctx: &mut Context<'_>,
    [name, key]: [&[u8]; 2],
    stores: Stores,
    describe: impl FnOnce(&mut Search<'a>, Option<&Zset<'_>>) -> Result<()>,
) -> Result<Searched<'a>> {
    let found = ctx.lookup_kind(key, Kind::Zset)?;
    let object = found.as_ref().map(|found| found.object()).transpose()?;
    let zset = match &object {
        Some(object) => Some(Zset::open(ctx.reader, object, ctx.dataset.ranks())?),
        None => None,
    };
    let mut search = Search::new(stores);
    describe(&mut search, zset.as_ref())?;
    search.check_stored()?;
    let points = match (zset, search.complete(name)?, search.check()?) {
        (Some(zset), (Center::At(center), shape), ()) => search.run(&zset, center, shape)?,
        _ => Vec::new(),
    };
    Ok(Searched { search, points })
}

/// GEOSEARCH: the name of the command, the key, the options.
pub(crate) fn by_options<'a>(
    ctx: &mut Context<'_>,
    name_and_key: [&[u8]; 2],
    options: &[&'a [u8]],
    stores: Stores,
) -> Result<Searched<'a>> {
    search(ctx, name_and_key, stores, |search, zset| search.parse(options, zset, true))
}

/// GEORADIUS.
pub(crate) fn by_point<'a>(
    ctx: &mut Context<'_>,
    args: &[&'a [u8]],
    stores: Stores,
) -> Result<Searched<'a>> {
    search(ctx, [args[0], args[1]], stores, |search, zset| {
        search.center = Some(Center::At(parse_position(args[2], args[3])?));
        search.set_shape(parse_circle(args[4], args[5])?);
        search.parse(&args[6..], zset, false)
    })
}

/// GEORADIUSBYMEMBER.
pub(crate) fn by_member<'a>(
    ctx: &mut Context<'_>,
    args: &[&'a [u8]],
    stores: Stores,
) -> Result<Searched<'a>> {
    search(ctx, [args[0], args[1]], stores, |search, zset| {
        search.center = Some(position_of(zset, args[2])?);
        search.set_shape(match zset {
            Some(_) => parse_circle(args[3], args[4])?,
            // Redis reads the radius only when there is something to search.
            None => (Shape::Circle { radius_m: 0.0 }, 1.0),
        });
        search.parse(&args[5..], zset, false)
    })
}
