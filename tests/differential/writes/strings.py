"""Writes of strings, bitmaps and hyperloglogs."""

from __future__ import annotations

from tests.differential.questions import FIELD_TYPES, STRING
from tests.differential.wire import Words

from .universe import WriteMaker, write


@write("SET")
def set_string(m: WriteMaker) -> Words:
    bad = m.maybe(m.pick([b"NX", b"XX", b"KEEPTTL", b"junk", b"EX"]), chance=0.05)
    expiry = m.expiry_option() if m.chance(0.6) else [b"KEEPTTL"]
    condition = [m.pick([b"NX", b"XX", b"xx"])]
    return [m.key("string"), m.value(), *m.some(condition, expiry, [b"GET"], chance=0.2), *bad]


@write("SETNX", "GETSET", "APPEND")
def set_plainly(m: WriteMaker) -> Words:
    return [m.key(*STRING), m.value()]


@write("SETEX", "PSETEX")
def set_expiring(m: WriteMaker) -> Words:
    return [m.key("string"), m.expiry(b"PX"), m.value()]


@write("MSET", "MSETNX")
def set_many(m: WriteMaker) -> Words:
    words = [word for key in m.keys("string") for word in (key, m.value())]
    return words[:-1] if m.chance(0.05) else words


@write("GETDEL")
def get_and_delete(m: WriteMaker) -> Words:
    return [m.key("string")]


@write("GETEX")
def get_expiring(m: WriteMaker) -> Words:
    option = m.expiry_option() if m.chance(0.6) else [b"PERSIST"]
    return [m.key("string"), *m.maybe(*option, chance=0.8), *m.maybe(b"PERSIST", chance=0.05)]


@write("INCR", "DECR")
def step(m: WriteMaker) -> Words:
    return [m.key("string")]


@write("INCRBY", "DECRBY")
def add_integer(m: WriteMaker) -> Words:
    return [m.key("string"), m.integer()]


@write("INCRBYFLOAT")
def add_float(m: WriteMaker) -> Words:
    return [m.key("string"), m.fraction()]


def offset(m: WriteMaker) -> bytes:
    """Where to write in a string: never so far that gigabytes are made."""
    if m.chance(0.05):
        return m.pick([b"-1", b"4294967296", b"x", b"", b"99999999999999999999", b"1.0"])
    return b"%d" % m.rng.choice([0, 1, 7, 8, 30, 45, 100, 300, m.rng.randrange(5000)])


@write("SETRANGE")
def set_range(m: WriteMaker) -> Words:
    wrong = [b"-1", b"x", b"", b"9223372036854775807", b"536870912"]
    place = m.good([b"0", b"1", b"5", b"44", b"700"], wrong)
    return [m.key(*STRING), place, m.good([b"ab", b"x", b"7"], [b"", b"q" * 100])]


@write("SETBIT")
def set_bit(m: WriteMaker) -> Words:
    return [m.key(*STRING), offset(m), m.good([b"0", b"1"], [b"2", b"-1", b"x"])]


@write("BITOP")
def bit_operation(m: WriteMaker) -> Words:
    name = m.good([b"AND", b"OR", b"XOR", b"NOT", b"and"], [b"NAND", b""])
    sources = m.keys(*STRING)[: 1 if name == b"NOT" and m.chance(0.9) else 4]
    return [name, m.key("string"), *sources]


@write("BITFIELD")
def bit_field(m: WriteMaker) -> Words:
    words: Words = [m.key("string")]
    for _ in range(m.rng.randint(1, 4)):
        place = m.good([b"0", b"7", b"#2", b"#0", b"100", b"1000"], [b"-1", b"#x", b"#"])
        kind = m.pick([*FIELD_TYPES[:4], FIELD_TYPES[5]]) if m.chance(0.9) else m.pick(FIELD_TYPES)
        name = m.pick([b"GET", b"SET", b"INCRBY", b"OVERFLOW"])
        if name == b"OVERFLOW":
            words += [name, m.good([b"WRAP", b"SAT", b"FAIL", b"sat"], [b"junk"])]
        else:
            words += [name, kind, place, *([] if name == b"GET" else [m.integer()])]
    return words


def items(m: WriteMaker) -> Words:
    """What to count: few, none, or so many that the registers become dense."""
    if m.chance(0.1):
        start = m.rng.randrange(10**6)
        return [b"e%d" % at for at in range(start, start + m.rng.choice([100, 1000, 3000]))]
    return [m.value() for _ in range(m.rng.randint(0, 4))]


@write("PFADD")
def add_items(m: WriteMaker) -> Words:
    return [m.key("hll"), *items(m)]


@write("PFMERGE")
def merge_counters(m: WriteMaker) -> Words:
    return [m.key("hll"), *m.keys("hll")][: m.rng.randint(1, 4)]


@write("PFDEBUG")
def counter_internals(m: WriteMaker) -> Words:
    return [m.good([b"ENCODING", b"TODENSE", b"encoding"], [b"junk"]), m.key("hll")]
