"""Writes of sorted sets and places."""

from __future__ import annotations

from tests.differential.questions import LEX, UNITS, center, geo_search, radius
from tests.differential.questions import SCORES as BOUNDS
from tests.differential.wire import Words

from .lists import timeout
from .universe import KEYS, WriteMaker, write

KINDS = ("zset", "zset", "lex", "geo")


def scored(m: WriteMaker, key: bytes) -> Words:
    """Scores and members: equal scores where members go by name."""
    flat = key in KEYS["lex"]
    whole = m.chance(0.5)
    words: Words = []
    for member in m.members(key):
        score = b"%d" % m.rng.randint(-20, 20) if whole else m.score()
        words += [b"0" if flat else score, member]
    return words


@write("ZADD")
def add(m: WriteMaker) -> Words:
    key = m.key("zset", "lex")
    options = m.some([b"CH"], [m.pick([b"NX", b"XX", b"xx"])], [m.pick([b"GT", b"LT"])], chance=0.2)
    words = scored(m, key)
    if m.chance(0.1):
        options, words = [*options, b"INCR"], words[:2] if m.chance(0.9) else words
    return [key, *options, *(words[:-1] if m.chance(0.03) else words)]


@write("ZINCRBY")
def increase(m: WriteMaker) -> Words:
    key = m.key("zset")
    return [key, m.score(), m.part(key)]


@write("ZREM")
def remove(m: WriteMaker) -> Words:
    key = m.key(*KINDS)
    return [key, *m.members(key)]


@write("ZREMRANGEBYRANK")
def remove_ranks(m: WriteMaker) -> Words:
    return [m.key(*KINDS), m.index(), m.index()]


@write("ZREMRANGEBYSCORE")
def remove_scores(m: WriteMaker) -> Words:
    return [m.key(*KINDS), m.pick(BOUNDS), m.pick(BOUNDS)]


@write("ZREMRANGEBYLEX")
def remove_names(m: WriteMaker) -> Words:
    return [m.key("lex"), m.pick(LEX), m.pick(LEX)]


@write("ZPOPMIN", "ZPOPMAX")
def pop(m: WriteMaker) -> Words:
    return [m.key(*KINDS), *m.maybe(m.good([b"0", b"1", b"3", b"1000"], [b"-1", b"x"]))]


@write("ZRANGESTORE")
def store_range(m: WriteMaker) -> Words:
    by = m.pick([b"", b"BYSCORE", b"BYLEX"])
    bounds = {b"": [m.index(), m.index()], b"BYSCORE": [m.pick(BOUNDS), m.pick(BOUNDS)]}
    words = [m.key("lex" if by == b"BYLEX" else "zset")]
    words = [m.key("lex" if by == b"BYLEX" else "zset"), *words]
    words += bounds.get(by, [m.pick(LEX), m.pick(LEX)]) + ([by] if by else [])
    return words + m.maybe(b"REV") + m.limit(0.3) + m.maybe(b"WITHSCORES", chance=0.03)


@write("ZUNIONSTORE", "ZINTERSTORE")
def store_algebra(m: WriteMaker) -> Words:
    words = m.counted("zset", "lex", "set")
    weights = [m.good([b"1", b"2", b"0.5", b"-1", b"inf"], [b"x", b"nan"]) for _ in words[1:]]
    words += m.maybe(b"WEIGHTS", *weights)
    words += m.maybe(b"AGGREGATE", m.good([b"SUM", b"MIN", b"max"], [b"AVG"]))
    return [m.key("zset"), *words, *m.maybe(b"WITHSCORES", chance=0.03)]


@write("ZDIFFSTORE")
def store_difference(m: WriteMaker) -> Words:
    return [m.key("zset"), *m.counted("zset", "lex", "set")]


def counted_pop(m: WriteMaker) -> Words:
    """Keys, an end and a count."""
    count = m.maybe(m.pick([b"COUNT", b"count"]), m.good([b"1", b"3", b"100"], [b"0", b"-1", b"x"]))
    return [*m.counted(*KINDS), m.good([b"MIN", b"MAX", b"min"], [b"MED"]), *count]


@write("ZMPOP")
def pop_from_first(m: WriteMaker) -> Words:
    return counted_pop(m)


@write("BZPOPMIN", "BZPOPMAX")
def wait_and_pop(m: WriteMaker) -> Words:
    return [*m.keys(*KINDS), timeout(m)]


@write("BZMPOP")
def wait_and_pop_from_first(m: WriteMaker) -> Words:
    return [timeout(m), *counted_pop(m)]


@write("GEOADD")
def add_places(m: WriteMaker) -> Words:
    key = m.key("geo")
    words: Words = []
    for _ in range(m.rng.randint(1, 4)):
        near = m.chance(0.6)
        lon, lat = m.rng.uniform(-180, 180), m.rng.uniform(-85, 85)
        place = (13 + lon / 90, 38 + lat / 90) if near else (lon, lat)
        words += [b"%f" % place[0], b"%f" % place[1], m.part(key)]
    if m.chance(0.06):
        words[:2] = [m.pick([b"181", b"x", b"180", b"nan"]), m.pick([b"86", b"85.05112878", b"0"])]
    options = m.some([m.pick([b"NX", b"XX"])], [b"CH"], chance=0.15)
    return [key, *options, *(words[:-1] if m.chance(0.03) else words)]


@write("GEOSEARCHSTORE")
def store_search(m: WriteMaker) -> Words:
    # Which places COUNT finds with ANY is left open, and what WITH… says is not stored.
    left_out = {b"ANY"} if m.chance(0.1) else {b"ANY", b"WITHCOORD", b"WITHDIST", b"WITHHASH"}
    words = [word for word in geo_search(m) if word not in left_out]
    return [m.key("geo"), *words, *m.maybe(b"STOREDIST", chance=0.3)]


def old_options(m: WriteMaker) -> Words:
    """What to tell or where to store."""
    told = [[b"WITHCOORD"], [b"WITHDIST"], [b"WITHHASH"]]
    stored = [[m.pick([b"STORE", b"STOREDIST"]), m.key("geo")]] if m.chance(0.4) else []
    count = [b"COUNT", m.good([b"1", b"3", b"10"], [b"0", b"-1", b"x"])]
    told = told if not stored or m.chance(0.1) else []
    return m.some(*told, *stored, count, [m.pick([b"ASC", b"DESC"])], chance=0.4)


@write("GEORADIUS")
def old_radius(m: WriteMaker) -> Words:
    return [m.key("geo"), *center(m), radius(m), m.pick(UNITS), *old_options(m)]


@write("GEORADIUSBYMEMBER")
def old_radius_by_member(m: WriteMaker) -> Words:
    key = m.key("geo")
    return [key, m.part(key), radius(m), m.pick(UNITS), *old_options(m)]
