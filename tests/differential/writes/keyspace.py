"""Writes of the keyspace: names, databases, expiries, payloads, SORT; transactions; scripts."""

from __future__ import annotations

from tests.differential.data import STRANGE
from tests.differential.wire import Words

from .universe import WriteMaker, write

DATABASES = [b"0", b"1", b"2"]
BAD_DATABASES = [b"16", b"-1", b"x", b"", b"99999999999"]


@write("DEL", "UNLINK")
def delete(m: WriteMaker) -> Words:
    return m.keys()


@write("RENAME", "RENAMENX")
def rename(m: WriteMaker) -> Words:
    key = m.key()
    return [key, m.other(key)]


@write("COPY")
def copy(m: WriteMaker) -> Words:
    key = m.key()
    elsewhere = [b"DB", m.good(DATABASES, BAD_DATABASES)]
    return [key, m.other(key), *m.some(elsewhere, [b"REPLACE"], chance=0.4)]


@write("MOVE")
def move(m: WriteMaker) -> Words:
    return [m.key(), m.good(DATABASES, BAD_DATABASES)]


@write("SELECT")
def select(m: WriteMaker) -> Words:
    return [m.good(DATABASES, BAD_DATABASES)]


@write("SWAPDB")
def swap(m: WriteMaker) -> Words:
    return [m.good(DATABASES, BAD_DATABASES), m.good(DATABASES, BAD_DATABASES)]


@write("FLUSHDB")
def flush(m: WriteMaker) -> Words:
    return m.maybe(m.good([b"SYNC", b"ASYNC", b"sync"], [b"junk"]))


@write("PERSIST")
def persist(m: WriteMaker) -> Words:
    return [m.key()]


def condition(m: WriteMaker) -> Words:
    """NX, XX, GT, LT, or what does not go together."""
    words = m.maybe(m.good([b"NX", b"XX", b"GT", b"LT", b"gt"], [b"junk"]))
    return words + (m.maybe(m.pick([b"NX", b"GT", b"LT", b"XX"]), chance=0.2) if words else [])


@write("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")
def expire(m: WriteMaker) -> Words:
    """Filled in by name: see `expiring`."""
    return [m.key(), b"", *condition(m)]


def expiring(m: WriteMaker, name: str) -> Words:
    """The arguments of EXPIRE and its like: nearly always so far ahead that no run sees it."""
    unit = {"EXPIRE": b"EX", "PEXPIRE": b"PX", "EXPIREAT": b"EXAT", "PEXPIREAT": b"PXAT"}[name]
    key, _, *rest = expire(m)
    return [key, m.expiry(unit), *rest]


def expiring_now(m: WriteMaker) -> list[Words]:
    """A key that expires before it is looked at again."""
    key = m.key()
    naming = m.pick([b"PEXPIRE", b"PEXPIREAT"])
    if naming == b"PEXPIREAT":
        return [[naming, key, b"%d" % m.rng.randint(-5, 10**12)], [b"EXISTS", key]]
    return [[naming, key, b"1"], [b"DEBUG", b"SLEEP", b"0.003"], [b"EXISTS", key]]


@write("RESTORE")
def restore(m: WriteMaker) -> Words:
    payload = m.pick(m.payloads) if m.payloads else b""
    if m.chance(0.08):
        at = m.rng.randrange(len(payload) or 1)
        payload = m.pick([payload[:-1], payload[:at] + b"\xa5" + payload[at + 1 :], b""])
    ttl = m.good([b"0"], [b"10000000", b"-1", b"x"])
    if m.chance(0.2):
        ttl, absolute = m.good([b"4102444800000", b"0"], [b"1000"]), [b"ABSTTL"]
    else:
        absolute = []
    idle = m.good([b"0", b"100"], [b"-1", b"x"])
    used = m.some([b"IDLETIME", idle], [b"FREQ", m.good([b"0", b"5"], [b"256"])], chance=0.05)
    return [m.key(), ttl, payload, *m.maybe(b"REPLACE", chance=0.8), *absolute, *used]


@write("SORT")
def sort(m: WriteMaker) -> Words:
    """What is stored must be in an order that is not left open: BY with ALPHA leaves ties so."""
    by = m.maybe(b"BY", m.pick([b"nosort", b"str:*", b"hash:*->m1"]), chance=0.3)
    words = [m.key("list", "set", "zset"), *by, *([] if by else m.maybe(b"ALPHA", chance=0.7))]
    words += m.limit(0.2) + m.maybe(m.pick([b"ASC", b"DESC"]))
    words += m.maybe(b"GET", m.pick([b"#", b"str:*", b"hash:*->m1", b"none"]))
    return words + m.maybe(b"STORE", m.key("list"), chance=0.8)


@write("WATCH")
def watch(m: WriteMaker) -> Words:
    return m.keys()


@write("UNWATCH", "DISCARD", "EXEC", "PING", "FLUSHALL")
def no_words(_: WriteMaker) -> Words:
    return []


@write("ECHO")
def echo(m: WriteMaker) -> Words:
    return [m.pick(STRANGE)]


SCRIPTS: list[tuple[bytes, int]] = [
    (b"return redis.call('SET', KEYS[1], ARGV[1])", 1),
    (b"return redis.call('GET', KEYS[1])", 1),
    (b"return redis.pcall('INCR', KEYS[1])", 1),
    (b"return redis.call('LPUSH', KEYS[1], unpack(ARGV))", 1),
    (b"return {KEYS[1], ARGV[1], 3.9, false, true, {ok='fine'}, 'text'}", 1),
    (b"local t = redis.call('HGETALL', KEYS[1]) return #t", 1),
    (b"redis.call('DEL', KEYS[1]) return redis.call('EXISTS', KEYS[1], KEYS[2])", 2),
    (b"return redis.call('ZADD', KEYS[1], 1.5, ARGV[1])", 1),
    (b"return redis.call('TYPE', KEYS[1])['ok']", 1),
    (b"return redis.error_reply('MINE own words')", 0),
    (b"return redis.status_reply(ARGV[1])", 0),
    (b"redis.call('SET', KEYS[1], 'a') redis.call('INCR', KEYS[1])", 1),
    (b"return redis.call('NOSUCH', KEYS[1])", 1),
    (b"return tostring(tonumber(ARGV[1]))", 0),
    (b"return redis.sha1hex(ARGV[1])", 0),
    (b"local r = redis.pcall('LPOP', KEYS[1]) return r and (r.err or r)", 1),
    (b"return cjson.encode({ARGV[1], 1, {a=1}})", 0),
    (b"return redis.call('RENAME', KEYS[1], KEYS[2])", 2),
    (b"this is no lua", 0),
    (b"return nosuchglobal", 0),
]


@write("EVAL")
def evaluate(m: WriteMaker) -> Words:
    script, count = m.rng.choice(SCRIPTS)
    given = [m.key() for _ in range(count)]
    told = b"%d" % count if m.chance(0.97) else m.pick([b"-1", b"9", b"x"])
    return [script, told, *given, m.value(), *m.maybe(m.value())]
