"""Random read commands: mostly sensible, often a little wrong, now and then nonsense.

`QUESTIONS` has a maker for each read command (`OBJECT ENCODING` and its like by both words); the
test holds it against redis-server's own list of read-only commands, so a command without a maker
fails it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .data import NOT_QUITE_NUMBERS, NUMBERS, STRANGE, Known
from .wire import Words

SCORES = [b"-inf", b"+inf", b"0", b"(1", b"1.5", b"(3.25", b"100", b"-7", b"(inf", b"1e3"]
SCORES += [b"x", b"(", b"", b"nan"]
LEX = [b"-", b"+", b"[a", b"(b", b"[m:5", b"(", b"[", b"a", b"[\xff", b"(1"]
IDS = [b"-", b"+", b"0", b"0-0", b"1000000", b"1000001-1", b"(1000000-0", b"1000100-2", b"(0-0"]
IDS += [b"18446744073709551615-18446744073709551615"]
BAD_IDS = [b"9-x", b"(-", b"1-", b"", b"$", b"-1"]
GLOBS = [b"*", b"str:*", b"*:1", b"[hs]*", b"?et:*", b"no such", b"m:*", b"*[0-9]", b"\\*"]
GLOBS += [b"[^s]*", b"", b"[z-a]*", b"[", b"s*r*:*1"]
UNITS = [b"m", b"km", b"ft", b"mi", b"M", b"parsec"]
FIELD_TYPES = [b"u8", b"i16", b"u63", b"i64", b"u64", b"i5", b"u0", b"x8"]


class Maker:
    """Words for questions about the known data."""

    def __init__(self, known: Known, rng: Random) -> None:
        self.known = known
        self.rng = rng

    def maybe(self, *words: bytes, chance: float = 0.4) -> Words:
        """These words or none."""
        return list(words) if self.rng.random() < chance else []

    def pick(self, words: list[bytes]) -> bytes:
        """One of them."""
        return self.rng.choice(words)

    def good(self, right: list[bytes], wrong: list[bytes]) -> bytes:
        """One of the right ones, seldom a wrong one."""
        return self.pick(right if self.rng.random() < 0.9 else wrong)

    def key(self, *kinds: str) -> bytes:
        """A key of these kinds; sometimes of another kind, sometimes one that is not there."""
        chance = self.rng.random()
        if chance < 0.04:
            return b"missing"
        if chance < 0.08 or not kinds:
            return self.pick(self.known.all_keys)
        return self.pick([key for kind in kinds for key in self.known.keys[kind]])

    def part(self, key: bytes) -> bytes:
        """A member, field or ID of a key; sometimes one that it has not."""
        parts = self.known.parts.get(key, [])
        return self.pick(parts) if parts and self.rng.random() < 0.8 else self.pick(STRANGE)

    def parts(self, key: bytes) -> Words:
        """One to four of them."""
        return [self.part(key) for _ in range(self.rng.randint(1, 4))]

    def number(self, low: int = -10, high: int = 20) -> bytes:
        """A small integer; sometimes a huge one or none at all."""
        chance = self.rng.random()
        if chance < 0.06:
            return self.pick(NUMBERS)
        if chance < 0.10:
            return self.pick(NOT_QUITE_NUMBERS)
        return b"%d" % self.rng.randint(low, high)

    def limit(self, chance: float = 0.4) -> Words:
        """A LIMIT clause, or none."""
        return self.maybe(b"LIMIT", self.number(-2, 8), self.number(-2, 20), chance=chance)

    def keys(self, *kinds: str) -> Words:
        """One to four keys."""
        return [self.key(*kinds) for _ in range(self.rng.randint(1, 4))]

    def counted(self, *kinds: str) -> Words:
        """Keys after their number, which is wrong now and then."""
        keys = self.keys(*kinds)
        return [b"%d" % len(keys) if self.rng.random() < 0.93 else self.number(), *keys]


Question = Callable[[Maker], Words]
QUESTIONS: dict[str, Question] = {}


def simple(kinds: tuple[str, ...], *names: str) -> None:
    """Commands of one key."""
    for name in names:
        QUESTIONS[name] = lambda m, kinds=kinds: [m.key(*kinds)]  # type: ignore[misc]


def question(*names: str) -> Callable[[Question], Question]:
    """Register the maker of some commands' arguments."""

    def register(made: Question) -> Question:
        for name in names:
            QUESTIONS[name] = made
        return made

    return register


STRING = ("string", "hll")
ZSET = ("zset", "lex", "geo")
simple((), "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "TYPE", "DUMP")
simple((), "OBJECT ENCODING", "OBJECT FREQ", "OBJECT IDLETIME", "OBJECT REFCOUNT")
simple(STRING, "GET", "STRLEN")
simple(("list",), "LLEN")
simple(("set",), "SCARD", "SMEMBERS")
simple(("hash",), "HLEN", "HKEYS", "HVALS", "HGETALL")
simple(ZSET, "ZCARD")
simple(("stream",), "XLEN", "XINFO GROUPS")


@question("DBSIZE", "RANDOMKEY")
def no_words(_: Maker) -> Words:
    return []


@question("EXISTS", "TOUCH")
def any_keys(m: Maker) -> Words:
    return m.keys()


@question("MGET")
def string_keys(m: Maker) -> Words:
    return m.keys("string")


@question("KEYS")
def glob(m: Maker) -> Words:
    return [m.pick(GLOBS)]


@question("MEMORY USAGE")
def memory_usage(m: Maker) -> Words:
    return [m.key(), *m.maybe(b"SAMPLES", m.number(0, 5))]


@question("GETRANGE", "SUBSTR")
def string_range(m: Maker) -> Words:
    return [m.key(*STRING), m.number(), m.number()]


@question("GETBIT")
def get_bit(m: Maker) -> Words:
    return [m.key(*STRING), m.number(0, 100)]


@question("BITCOUNT")
def bit_count(m: Maker) -> Words:
    unit = m.maybe(m.pick([b"BIT", b"BYTE", b"bit", b"BITE"]))
    return [m.key(*STRING), *m.maybe(m.number(), m.number(), *unit, chance=0.7)]


@question("BITPOS")
def bit_position(m: Maker) -> Words:
    unit = m.maybe(m.pick([b"BIT", b"BYTE", b"nope"]))
    span = m.maybe(m.number(), *m.maybe(m.number(), *unit), chance=0.6)
    return [m.key(*STRING), m.pick([b"0", b"1", b"1", b"2"]), *span]


@question("BITFIELD_RO")
def bit_field(m: Maker) -> Words:
    words: Words = [m.key("string")]
    for _ in range(m.rng.randint(0, 3)):
        words += [m.pick([b"GET", b"GET", b"get", b"SET"]), m.pick(FIELD_TYPES)]
        words.append(m.pick([b"0", b"7", b"#2", b"#0", b"100", b"-1", b"#x"]))
    return words


@question("PFCOUNT")
def count_distinct(m: Maker) -> Words:
    return m.keys("hll")


@question("LCS")
def common(m: Maker) -> Words:
    texts = [key for key in m.known.keys["string"] if key != b"str:%d" % LOREM]
    words = [m.pick([*texts, b"missing"]), m.pick(texts)]
    words += m.maybe(m.pick([b"LEN", b"IDX", b"idx"]))
    words += m.maybe(b"MINMATCHLEN", m.number(0, 4)) + m.maybe(b"WITHMATCHLEN")
    return words


# The one string so long that a quadratic command would take its time.
LOREM = len(NUMBERS + NOT_QUITE_NUMBERS + STRANGE)


@question("LINDEX")
def element_at(m: Maker) -> Words:
    return [m.key("list"), m.number(-300, 300)]


@question("LRANGE")
def element_range(m: Maker) -> Words:
    return [m.key("list"), m.number(-300, 300), m.number(-300, 300)]


@question("LPOS")
def position(m: Maker) -> Words:
    key = m.key("list")
    words = [key, m.part(key), *m.maybe(b"RANK", m.number(-3, 3))]
    return words + m.maybe(b"COUNT", m.number(-1, 4)) + m.maybe(b"MAXLEN", m.number(-1, 100))


@question("SISMEMBER")
def member(m: Maker) -> Words:
    key = m.key("set")
    return [key, m.part(key)]


@question("SMISMEMBER")
def members(m: Maker) -> Words:
    key = m.key("set")
    return [key, *m.parts(key)]


@question("SINTER", "SUNION", "SDIFF")
def set_algebra(m: Maker) -> Words:
    return m.keys("set")


@question("SINTERCARD")
def set_intersection_size(m: Maker) -> Words:
    return m.counted("set") + m.maybe(b"LIMIT", m.number(-1, 5))


@question("SRANDMEMBER")
def random_member(m: Maker) -> Words:
    return [m.key("set"), *m.maybe(m.number())]


@question("HGET", "HEXISTS", "HSTRLEN")
def hash_field(m: Maker) -> Words:
    key = m.key("hash")
    return [key, m.part(key)]


@question("HMGET")
def hash_fields(m: Maker) -> Words:
    key = m.key("hash")
    return [key, *m.parts(key)]


@question("HRANDFIELD")
def random_field(m: Maker) -> Words:
    return [m.key("hash"), *m.maybe(m.number(), *m.maybe(m.pick([b"WITHVALUES", b"WITH"])))]


@question("SCAN")
def scan(m: Maker) -> Words:
    kind = m.pick([b"string", b"ZSET", b"stream", b"nothing"])
    return [scan_cursor(m), *scan_options(m), *m.maybe(b"TYPE", kind)]


@question("SSCAN", "HSCAN", "ZSCAN")
def scan_key(m: Maker) -> Words:
    return [m.key("set", "hash", "zset"), scan_cursor(m), *scan_options(m)]


def scan_cursor(m: Maker) -> bytes:
    """Nearly always the start, from where the whole walk is compared."""
    return m.pick([b"0"] * 30 + [b"x", b"-1", b" 0", b"99999999999999999999"])


def scan_options(m: Maker) -> Words:
    """MATCH and COUNT."""
    return m.maybe(b"MATCH", m.pick(GLOBS)) + m.maybe(b"COUNT", m.number(0, 300))


@question("ZSCORE")
def score(m: Maker) -> Words:
    key = m.key(*ZSET)
    return [key, m.part(key)]


@question("ZRANK", "ZREVRANK")
def rank(m: Maker) -> Words:
    key = m.key(*ZSET)
    return [key, m.part(key)]


@question("ZMSCORE")
def scores(m: Maker) -> Words:
    key = m.key(*ZSET)
    return [key, *m.parts(key)]


@question("ZCOUNT")
def score_count(m: Maker) -> Words:
    return [m.key(*ZSET), m.pick(SCORES), m.pick(SCORES)]


@question("ZLEXCOUNT")
def lex_count(m: Maker) -> Words:
    return [m.key("lex"), m.pick(LEX), m.pick(LEX)]


@question("ZRANGE")
def sorted_range(m: Maker) -> Words:
    by = m.pick([b"", b"BYSCORE", b"BYLEX"])
    bounds = {b"": [m.number(), m.number()], b"BYSCORE": [m.pick(SCORES), m.pick(SCORES)]}
    words = [m.key("lex" if by == b"BYLEX" else "zset")]
    words += bounds.get(by, [m.pick(LEX), m.pick(LEX)]) + ([by] if by else [])
    return words + m.maybe(b"REV") + m.limit(0.3) + m.maybe(b"WITHSCORES")


@question("ZREVRANGE")
def reverse_range(m: Maker) -> Words:
    return [m.key(*ZSET), m.number(), m.number(), *m.maybe(b"WITHSCORES")]


@question("ZRANGEBYSCORE", "ZREVRANGEBYSCORE")
def score_range(m: Maker) -> Words:
    words = [m.key(*ZSET), m.pick(SCORES), m.pick(SCORES)]
    return words + m.maybe(b"WITHSCORES") + m.limit()


@question("ZRANGEBYLEX", "ZREVRANGEBYLEX")
def lex_range(m: Maker) -> Words:
    return [m.key("lex"), m.pick(LEX), m.pick(LEX), *m.limit()]


@question("ZUNION", "ZINTER")
def sorted_algebra(m: Maker) -> Words:
    words = m.counted("zset", "lex", "set")
    weights = [m.pick([b"1", b"2", b"0.5", b"-1", b"x"]) for _ in words[1:]]
    words += m.maybe(b"WEIGHTS", *weights)
    words += m.maybe(b"AGGREGATE", m.pick([b"SUM", b"MIN", b"max", b"AVG"]))
    return words + m.maybe(b"WITHSCORES")


@question("ZDIFF")
def sorted_difference(m: Maker) -> Words:
    return m.counted("zset", "lex", "set") + m.maybe(b"WITHSCORES")


@question("ZINTERCARD")
def sorted_intersection_size(m: Maker) -> Words:
    return m.counted("zset", "lex", "set") + m.maybe(b"LIMIT", m.number(-1, 5))


@question("ZRANDMEMBER")
def random_scored(m: Maker) -> Words:
    return [m.key(*ZSET), *m.maybe(m.number(), *m.maybe(m.pick([b"WITHSCORES", b"WITH"])))]


@question("GEOPOS", "GEOHASH")
def places(m: Maker) -> Words:
    key = m.key("geo")
    return [key, *m.parts(key)]


@question("GEODIST")
def distance(m: Maker) -> Words:
    key = m.key("geo")
    return [key, m.part(key), m.part(key), *m.maybe(m.pick(UNITS))]


def radius(m: Maker) -> bytes:
    """How far to look."""
    return m.pick([b"10", b"100", b"500.5", b"5000", b"-1", b"far", b"0"])


def center(m: Maker) -> Words:
    """Longitude and latitude."""
    return [
        m.pick([b"13.0", b"12.5", b"-180", b"200", b"x"]),
        m.pick([b"38.1", b"37.5", b"0", b"90"]),
    ]


def geo_options(m: Maker) -> Words:
    """What to tell of each place, and which."""
    told = [word for word in (b"WITHCOORD", b"WITHDIST", b"WITHHASH") if m.rng.random() < 0.3]
    count = m.maybe(b"COUNT", m.number(-1, 10), *m.maybe(b"ANY", chance=0.3))
    return told + count + m.maybe(m.pick([b"ASC", b"DESC"]), chance=0.6)


@question("GEORADIUS_RO")
def geo_radius(m: Maker) -> Words:
    return [m.key("geo"), *center(m), radius(m), m.pick(UNITS), *geo_options(m)]


@question("GEORADIUSBYMEMBER_RO")
def geo_radius_by_member(m: Maker) -> Words:
    key = m.key("geo")
    return [key, m.part(key), radius(m), m.pick(UNITS), *geo_options(m)]


@question("GEOSEARCH")
def geo_search(m: Maker) -> Words:
    key = m.key("geo")
    start = m.rng.choice([[b"FROMMEMBER", m.part(key)], [b"FROMLONLAT", *center(m)]])
    box = [b"BYBOX", radius(m), radius(m), m.pick(UNITS)]
    shape = m.rng.choice([[b"BYRADIUS", radius(m), m.pick(UNITS)], box])
    return [key, *start, *shape, *geo_options(m)]


@question("SORT_RO")
def sort(m: Maker) -> Words:
    words = [m.key("list", "set", "zset"), *m.maybe(b"ALPHA", chance=0.7)]
    words += m.maybe(b"BY", m.pick([b"nosort", b"str:*", b"hash:*->a"]), chance=0.3)
    words += m.limit(0.3) + m.maybe(m.pick([b"ASC", b"DESC"]))
    return words + m.maybe(b"GET", m.pick([b"#", b"str:*", b"hash:*->a", b"none"]))


@question("XRANGE", "XREVRANGE")
def stream_range(m: Maker) -> Words:
    key = m.key("stream")
    ends = [m.part(key) if m.rng.random() < 0.4 else m.good(IDS, BAD_IDS) for _ in range(2)]
    return [key, *ends, *m.maybe(b"COUNT", m.number(-1, 20))]


@question("XREAD")
def stream_read(m: Maker) -> Words:
    keys = m.keys("stream")
    points = [word for word in IDS if word[:1].isdigit()]
    ids = [m.part(key) if m.rng.random() < 0.5 else m.good([*points, b"$"], IDS) for key in keys]
    return [*m.maybe(b"COUNT", m.number(0, 20)), b"STREAMS", *keys, *ids]


@question("XPENDING")
def pending(m: Maker) -> Words:
    group = m.good([b"group:0", b"group:0", b"group:1", b"group:2"], [b"no group"])
    # An idle limit is far above or far below every entry's, so that the clock does not decide.
    idle = m.maybe(b"IDLE", m.good([b"0", b"999999999999"], [b"x"]), chance=0.3)
    ends = [m.good(IDS, BAD_IDS) for _ in range(2)]
    span = [*idle, *ends, m.number(-1, 20)]
    who = m.maybe(m.pick([b"alice", b"bob", b"idle", b"nobody"]))
    return [m.key("stream"), group, *m.maybe(*span, *who, chance=0.7)]


@question("XINFO STREAM")
def stream_facts(m: Maker) -> Words:
    full = m.maybe(m.pick([b"FULL", b"full", b"HALF"]), *m.maybe(b"COUNT", m.number(-1, 20)))
    return [m.key("stream"), *full]


@question("XINFO CONSUMERS")
def stream_consumers(m: Maker) -> Words:
    return [m.key("stream"), m.good([b"group:0", b"group:1"], [b"no group"])]


def mangled(m: Maker, words: Words) -> Words:
    """The arguments with a word lost, doubled, replaced or added."""
    made = list(words)
    at = m.rng.randrange(len(made) + 1)
    match m.rng.randrange(4):
        case 0 if made:
            made.pop(min(at, len(made) - 1))
        case 1 if made:
            made.insert(at, made[min(at, len(made) - 1)])
        case 2 if made:
            made[min(at, len(made) - 1)] = m.pick(STRANGE + NUMBERS + NOT_QUITE_NUMBERS)
        case _:
            made.insert(at, m.pick([b"LIMIT", b"COUNT", b"WITHSCORES", b"0", b"junk", b""]))
    return made


def cased(m: Maker, name: str) -> Words:
    """A command's name in upper, lower or mixed case."""
    style = m.pick([b"upper", b"lower", b"title"])
    text = {b"upper": name.upper(), b"lower": name.lower()}.get(style, name.title())
    return text.encode().split(b" ")


def ask_about(m: Maker, name: str) -> Words:
    """One random question of a command."""
    words = QUESTIONS[name](m)
    if m.rng.random() < 0.12:
        words = mangled(m, words)
    return cased(m, name) + words
