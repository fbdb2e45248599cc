//! Geohash arithmetic: positions as 52-bit scores of a sorted set, and which scores to search for a
//! shape.
//!
//! A position is two numbers of `step` bits, how far along its range it lies, interleaved: latitude
//! in the even bits, longitude in the odd ones. With 26 steps that makes 52 bits, which a double
//! holds exactly. A shorter hash names a box, and all positions in the box have scores in one
//! range. A search covers the shape with the box of its center and the eight boxes around that one,
//! of a step chosen so that they are big enough.
//!
//! Numbers follow Redis, operation by operation, so that replies agree to the last digit.
use std::f64::consts::PI;

/// Bits of each coordinate in a score.
pub const STEPS: u8 = 26;
/// Bounds of longitude.
pub const LONGITUDE: Span = Span { min: -180.0, max: 180.0 };
/// Bounds of latitude: what the Mercator projection shows.
pub const LATITUDE: Span = Span { min: -85.05112878, max: 85.05112878 };
/// Bounds of latitude in the usual geohash text.
const TEXT_LATITUDE: Span = Span { min: -90.0, max: 90.0 };

const EARTH_RADIUS_M: f64 = 6372797.560856;
const MERCATOR_MAX_M: f64 = 20037726.37;
const RADIANS: f64 = PI / 180.0;

/// A longitude and a latitude, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

/// From `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Lower end.
    pub min: f64,
    /// Upper end.
    pub max: f64,
}

impl Span {
    /// Whether it holds `x`, ends included.
    pub fn contains(self, x: f64) -> bool {
        x >= self.min && x <= self.max
    }

    /// The number of `x` among 2^step equal parts.
    fn part(self, x: f64, step: u8) -> u32 {
        ((x - self.min) / (self.max - self.min) * (1u64 << step) as f64) as u32
    }

    /// The span of part number `part` of 2^step.
    fn of_part(self, part: u32, step: u8) -> Span {
        let parts = (1u64 << step) as f64;
        let width = self.max - self.min;
        Span {
            min: self.min + f64::from(part) / parts * width,
            max: self.min + (f64::from(part) + 1.0) / parts * width,
        }
    }

    fn middle(self, bounds: Span) -> f64 {
        ((self.min + self.max) / 2.0).clamp(bounds.min, bounds.max)
    }
}

/// A geohash of `step` bits a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash {
    bits: u64,
    step: u8,
}

const EVEN: u64 = 0x5555_5555_5555_5555;

/// Spreads 32 bits over the even bits.
fn spread(n: u32) -> u64 {
    (0..32).fold(0, |bits, i| bits | (u64::from(n) >> i & 1) << (2 * i))
}

/// Gathers the even bits.
fn gather(bits: u64) -> u32 {
    (0..32).fold(0, |n, i| n | ((bits >> (2 * i) & 1) as u32) << i)
}

impl Hash {
    fn encode(position: Position, lat: Span, step: u8) -> Hash {
        let even = spread(lat.part(position.lat, step));
        let odd = spread(LONGITUDE.part(position.lon, step));
        Hash { bits: even | odd << 1, step }
    }

    /// Longitudes and latitudes of the box.
    fn area(self) -> (Span, Span) {
        (
            LONGITUDE.of_part(gather(self.bits >> 1), self.step),
            LATITUDE.of_part(gather(self.bits), self.step),
        )
    }

    /// The box next to it, `east` and `north` boxes away (-1, 0 or 1); it wraps around the map.
    fn moved(self, east: i8, north: i8) -> Hash {
        let mask = u64::MAX >> (64 - 2 * u32::from(self.step));
        let shifted = |bits: u64, lane: u64, by: i8| {
            // The other lane filled with ones carries an addition through, filled with zeros a
            // subtraction.
            let fill = !lane & mask;
            match by {
                1 => bits.wrapping_add(fill + 1) & lane & mask,
                -1 => (bits | fill).wrapping_sub(fill + 1) & lane & mask,
                _ => bits,
            }
        };
        let lon = shifted(self.bits & !EVEN, !EVEN, east);
        let lat = shifted(self.bits & EVEN, EVEN, north);
        Hash { bits: lon | lat, step: self.step }
    }

    /// The scores of positions in the box: from the first, up to but without the second.
    pub fn scores(self) -> (u64, u64) {
        let shift = 2 * (STEPS - self.step);
        (self.bits << shift, (self.bits + 1) << shift)
    }
}

/// The score of a position.
pub fn score(position: Position) -> f64 {
    Hash::encode(position, LATITUDE, STEPS).bits as f64
}

/// The position that a score stands for: the middle of its box.
pub fn position(score: f64) -> Position {
    // A score that is no position is turned into one as the processor of most servers does.
    let bits = match score {
        _ if score < 9_223_372_036_854_775_808.0 => score as i64 as u64,
        _ if score < 18_446_744_073_709_551_616.0 => score as u64,
        _ => 0,
    };
    let (lon, lat) = Hash { bits, step: STEPS }.area();
    Position { lon: lon.middle(LONGITUDE), lat: lat.middle(LATITUDE) }
}

/// The geohash text of eleven characters. The last one would need three more bits than there are,
/// and is 0.
pub fn text(score: f64) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Hash::encode(position(score), TEXT_LATITUDE, STEPS).bits;
    let mut text = [b'0'; 11];
    for (i, character) in text[..10].iter_mut().enumerate() {
        *character = ALPHABET[(bits >> (52 - (i + 1) * 5) & 31) as usize];
    }
    text
}

fn latitude_distance_m(a: f64, b: f64) -> f64 {
    EARTH_RADIUS_M * (b * RADIANS - a * RADIANS).abs()
}

/// Distance on the sphere, in meters.
pub fn distance_m(a: Position, b: Position) -> f64 {
    let v = ((b.lon * RADIANS - a.lon * RADIANS) / 2.0).sin();
    if v == 0.0 {
        return latitude_distance_m(a.lat, b.lat);
    }
    let (lat_a, lat_b) = (a.lat * RADIANS, b.lat * RADIANS);
    let u = ((lat_b - lat_a) / 2.0).sin();
    2.0 * EARTH_RADIUS_M * (u * u + lat_a.cos() * lat_b.cos() * v * v).sqrt().asin()
}

/// What a search looks in; lengths in meters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle {
        /// Its radius.
        radius_m: f64,
    },
    /// A box whose sides run along the map.
    Box {
        /// West to east.
        width_m: f64,
        /// South to north.
        height_m: f64,
    },
}

impl Shape {
    /// The distance from the center, if the position lies in the shape.
    pub fn distance_within(self, center: Position, at: Position) -> Option<f64> {
        match self {
            Shape::Circle { radius_m } => {
                Some(distance_m(center, at)).filter(|distance| *distance <= radius_m)
            }
            Shape::Box { width_m, height_m } => {
                let across = Position { lon: center.lon, lat: at.lat };
                let inside = latitude_distance_m(at.lat, center.lat) <= height_m / 2.0
                    && distance_m(at, across) <= width_m / 2.0;
                inside.then(|| distance_m(center, at))
            }
        }
    }

    /// Half the sides of the box around it, and the distance of its farthest point.
    fn reach_m(self) -> (f64, f64, f64) {
        match self {
            Shape::Circle { radius_m } => (radius_m, radius_m, radius_m),
            Shape::Box { width_m, height_m } => {
                let (x, y) = (width_m / 2.0, height_m / 2.0);
                (x, y, (x * x + y * y).sqrt())
            }
        }
    }

    /// Longitudes and latitudes that the shape may touch.
    fn bounds(self, center: Position) -> (Span, Span) {
        let (width_m, height_m, _) = self.reach_m();
        let lat = height_m / EARTH_RADIUS_M / RADIANS;
        // Degrees of longitude are shortest on the side toward the pole.
        let poleward = if center.lat < 0.0 { center.lat - lat } else { center.lat + lat };
        let lon = width_m / EARTH_RADIUS_M / (poleward * RADIANS).cos() / RADIANS;
        (
            Span { min: center.lon - lon, max: center.lon + lon },
            Span { min: center.lat - lat, max: center.lat + lat },
        )
    }

    /// The boxes to search, in Redis' order.
    pub fn boxes(self, center: Position) -> Vec<Hash> {
        let (lon, lat) = self.bounds(center);
        let mut step = steps_for(self.reach_m().2, center.lat);
        let mut home = Hash::encode(center, LATITUDE, step);
        let too_small = home.moved(0, 1).area().1.max < lat.max
            || home.moved(0, -1).area().1.min > lat.min
            || home.moved(1, 0).area().0.max < lon.max
            || home.moved(-1, 0).area().0.min > lon.min;
        if step > 1 && too_small {
            step -= 1;
            home = Hash::encode(center, LATITUDE, step);
        }
        let (home_lon, home_lat) = home.area();
        let needed = |east: i8, north: i8| {
            let beyond = |by: i8, home: Span, shape: Span| match by {
                1 => home.max > shape.max,
                -1 => home.min < shape.min,
                _ => false,
            };
            step < 2 || !(beyond(east, home_lon, lon) || beyond(north, home_lat, lat))
        };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let needed = around.into_iter().filter(|(east, north)| needed(*east, *north));
        let mut boxes: Vec<Hash> = needed.map(|(east, north)| home.moved(east, north)).collect();
        // Around a very big shape a box can be its own neighbor's neighbor.
        boxes.dedup();
        boxes
    }
}

/// Bits a coordinate so that nine boxes cover a radius.
fn steps_for(mut radius_m: f64, lat: f64) -> u8 {
    if radius_m == 0.0 {
        return STEPS;
    }
    let mut step = 1i32;
    while radius_m < MERCATOR_MAX_M {
        radius_m *= 2.0;
        step += 1;
    }
    step -= 2;
    // Boxes get narrower toward the poles.
    step -= i32::from(lat.abs() > 66.0) + i32::from(lat.abs() > 80.0);
    step.clamp(1, i32::from(STEPS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_distances_and_texts_are_those_of_redis() {
        let palermo = position(3479099956230698.0);
        let catania = position(3479447370796909.0);
        assert_eq!(format!("{:.17}", palermo.lon), "13.36138933897018433");
        assert_eq!(format!("{:.17}", palermo.lat), "38.11555639549629859");
        assert_eq!(format!("{:.4}", distance_m(palermo, catania)), "166274.1516");
        assert_eq!(&text(3479099956230698.0), b"sqc8b49rny0");
        assert_eq!(&text(3479447370796909.0), b"sqdtr74hyu0");
    }

    #[test]
    fn a_shape_is_covered_by_the_boxes_searched() {
        let center = Position { lon: 15.0, lat: 37.0 };
        for radius_m in [0.5, 10.0, 3e3, 2e5, 4e6] {
            let boxes = Shape::Circle { radius_m }.boxes(center);
            let score = |at| Hash::encode(at, LATITUDE, STEPS).bits;
            let degrees = radius_m / EARTH_RADIUS_M / RADIANS;
            for (x, y) in [(0.0, 0.0), (0.99, 0.0), (-0.99, 0.0), (0.0, 0.99), (0.0, -0.99)] {
                let at = Position { lon: center.lon + x * degrees, lat: center.lat + y * degrees };
                let covered = boxes.iter().map(|hash| hash.scores());
                assert!(covered.into_iter().any(|(min, max)| (min..max).contains(&score(at))));
            }
        }
    }
}
