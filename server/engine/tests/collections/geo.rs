//! Positions. The expected numbers were told by a Redis 7.0 server over the same members.
use crate::support::{scored, Db};
use redtool_format::rdb::ValueType;

fn db() -> Db {
    let sicily = [("Palermo", 3479099956230698.0), ("Catania", 3479447370796909.0)];
    Db::new(&[("sicily", ValueType::Zset2, scored(sicily))])
}

#[test]
fn positions_distances_and_hashes_have_every_digit() {
    let mut db = db();
    assert_eq!(
        db.ask("GEOPOS sicily Palermo none"),
        "[[13.36138933897018433 38.11555639549629859] nil]"
    );
    assert_eq!(db.ask("GEODIST sicily Palermo Catania"), "166274.1516");
    assert_eq!(db.ask("GEODIST sicily Palermo Catania mi"), "103.3182");
    assert_eq!(db.ask("GEODIST sicily Palermo none"), "nil");
    assert_eq!(db.ask("GEOHASH sicily Palermo Catania none"), "[sqc8b49rny0 sqdtr74hyu0 nil]");
    assert!(db.ask("GEODIST sicily Palermo Catania x").starts_with("-ERR unsupported unit"));
}

#[test]
fn searches_find_what_lies_in_circles_and_boxes() {
    let mut db = db();
    assert_eq!(
        db.ask("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST"),
        "[[Catania 56.4413] [Palermo 190.4424]]"
    );
    assert_eq!(db.ask("GEOSEARCH sicily FROMLONLAT 15 37 BYBOX 200 200 km"), "[Catania]");
    assert_eq!(db.ask("GEORADIUSBYMEMBER_RO sicily Palermo 100 km"), "[Palermo]");
    assert_eq!(db.ask("GEORADIUS_RO sicily 15 37 200 km COUNT 1"), "[Catania]");
    assert_eq!(db.ask("GEOSEARCH none FROMMEMBER x BYRADIUS 1 m"), "[]");
}

#[test]
fn half_a_search_is_refused_in_redis_words() {
    let mut db = db();
    assert_eq!(
        db.ask("GEOSEARCH sicily BYRADIUS 200 km ASC COUNT 1"),
        "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"
    );
    assert_eq!(
        db.ask("GEOSEARCH sicily FROMMEMBER none BYRADIUS 1 m"),
        "-ERR could not decode requested zset member"
    );
    assert!(db.ask("GEORADIUS sicily 15 37 1 km").starts_with("-READONLY"));
}
