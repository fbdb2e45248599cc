"""Writes of lists. Blocking ones wait some milliseconds at most, so that a run goes on."""

from __future__ import annotations

from tests.differential.wire import Words

from .universe import LENGTHS, WriteMaker, write

SIDES = [b"LEFT", b"RIGHT", b"left"]


def elements(m: WriteMaker) -> Words:
    """A few; now and then so many, or so long, that a node ends."""
    if m.chance(0.04):
        return m.bulk(m.rng.choice([100, 129, 515, 1100]))
    return [m.value() for _ in range(m.rng.randint(1, 5))]


@write("LPUSH", "RPUSH", "LPUSHX", "RPUSHX")
def push(m: WriteMaker) -> Words:
    return [m.key("list"), *elements(m)]


@write("LPOP", "RPOP")
def pop(m: WriteMaker) -> Words:
    count = m.good([b"%d" % m.rng.randint(0, 6)], [b"-1", b"x", b"1000", b"9223372036854775807"])
    return [m.key("list"), *m.maybe(count)]


def element(m: WriteMaker) -> bytes:
    """Something that may be in a list."""
    return m.part(b"list:1") if m.chance(0.5) else m.value()


@write("LSET")
def set_element(m: WriteMaker) -> Words:
    return [m.key("list"), m.index(), m.value()]


@write("LINSERT")
def insert(m: WriteMaker) -> Words:
    where = m.good([b"BEFORE", b"AFTER", b"after"], [b"junk", b""])
    new = b"i" * m.rng.choice(LENGTHS) if m.chance(0.1) else m.value()
    return [m.key("list"), where, element(m), new]


@write("LREM")
def remove(m: WriteMaker) -> Words:
    return [m.key("list"), m.number(-3, 3), element(m)]


@write("LTRIM")
def trim(m: WriteMaker) -> Words:
    if m.chance(0.7):
        return [m.key("list"), m.pick([b"0", b"1", b"-500"]), m.pick([b"-1", b"-2", b"500"])]
    return [m.key("list"), m.index(), m.index()]


@write("LMOVE")
def move(m: WriteMaker) -> Words:
    return [m.key("list"), m.key("list"), *(m.good(SIDES, [b"UP"]) for _ in range(2))]


@write("RPOPLPUSH")
def pop_and_push(m: WriteMaker) -> Words:
    return [m.key("list"), m.key("list")]


def counted_pop(m: WriteMaker) -> Words:
    """Keys, a side and a count."""
    count = m.maybe(m.pick([b"COUNT", b"count"]), m.good([b"1", b"3", b"100"], [b"0", b"-1", b"x"]))
    return [*m.counted("list"), m.good(SIDES, [b"MIDDLE"]), *count]


@write("LMPOP")
def pop_from_first(m: WriteMaker) -> Words:
    return counted_pop(m)


def timeout(m: WriteMaker) -> bytes:
    """Seconds to wait: few milliseconds, or wrong ones (7.2 has other words for too long ones)."""
    return m.good([b"0.001", b"0.002"], [b"-1", b"x", b"nan", b""])


@write("BLPOP", "BRPOP")
def wait_and_pop(m: WriteMaker) -> Words:
    return [*m.keys("list"), timeout(m)]


@write("BLMOVE")
def wait_and_move(m: WriteMaker) -> Words:
    return [*move(m), timeout(m)]


@write("BRPOPLPUSH")
def wait_pop_and_push(m: WriteMaker) -> Words:
    return [*pop_and_push(m), timeout(m)]


@write("BLMPOP")
def wait_and_pop_from_first(m: WriteMaker) -> Words:
    return [timeout(m), *counted_pop(m)]
