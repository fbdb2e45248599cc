"""Writes of sets and hashes."""

from __future__ import annotations

from tests.differential.wire import Words

from .universe import LENGTHS, WriteMaker, write


@write("SADD", "SREM")
def change(m: WriteMaker) -> Words:
    key = m.key("set")
    if m.chance(0.2):
        return [key, *(b"%d" % m.rng.randint(-40, 40) for _ in range(m.rng.randint(1, 8)))]
    return [key, *m.members(key)]


@write("SPOP")
def pop(m: WriteMaker) -> Words:
    count = m.good([b"0", b"1", b"2", b"50", b"1000"], [b"-1", b"x", b"9223372036854775808"])
    return [m.key("set"), *m.maybe(count)]


@write("SMOVE")
def move(m: WriteMaker) -> Words:
    key = m.key("set")
    return [key, m.key("set"), m.part(key)]


@write("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE")
def store_algebra(m: WriteMaker) -> Words:
    return [m.key("set"), *m.keys("set")]


@write("HSET", "HMSET")
def set_fields(m: WriteMaker) -> Words:
    key = m.key("hash")
    words = [word for name in m.members(key) for word in (name, m.value())]
    if m.chance(0.05):
        words += [b"f" * m.rng.choice(LENGTHS), b"v" * m.rng.choice(LENGTHS)]
    return [key, *(words[:-1] if m.chance(0.05) else words)]


@write("HSETNX")
def set_new_field(m: WriteMaker) -> Words:
    key = m.key("hash")
    return [key, m.part(key), m.value()]


@write("HDEL")
def delete_fields(m: WriteMaker) -> Words:
    key = m.key("hash")
    return [key, *m.members(key)]


@write("HINCRBY")
def add_integer(m: WriteMaker) -> Words:
    key = m.key("hash")
    return [key, m.part(key), m.integer()]


@write("HINCRBYFLOAT")
def add_float(m: WriteMaker) -> Words:
    key = m.key("hash")
    return [key, m.part(key), m.fraction()]
