"""Writes of streams and their groups.

IDs are given mostly: `XADD … *` takes the moment, and is judged apart. Idle limits are far below or
far above every entry's, so that the clock does not decide.
"""

from __future__ import annotations

from tests.differential.wire import Words

from .universe import GROUPS, IDS, WriteMaker, write

CONSUMERS = [b"alice", b"bob", b"idle", b""]
BAD_IDS = [b"9-x", b"(-", b"1-", b"", b"-1", b"0-0", b"x", b"18446744073709551616-0"]
TOP = b"18446744073709551615-18446744073709551615"


def entry_id(m: WriteMaker) -> bytes:
    """Any ID that may be there, or a wrong one."""
    if m.chance(0.5):
        return b"%d-%d" % (m.rng.randint(1, 400), m.rng.randint(0, 2))
    return m.good(IDS, BAD_IDS)


def new_id(m: WriteMaker) -> bytes:
    """An ID that may be the next one."""
    chance = m.rng.random()
    if chance < 0.03:
        return b"*"
    if chance < 0.12:
        return b"%d-*" % m.rng.randint(1, 400)
    if chance < 0.14:
        return m.good([TOP, b"1000200-*"], BAD_IDS)
    return entry_id(m)


def trimming(m: WriteMaker) -> Words:
    """MAXLEN or MINID. With ~ what goes depends on how nodes are cut, so it is given no chance."""
    exact = m.maybe(b"=")
    if m.chance(0.5):
        count = m.good([b"0", b"3", b"10", b"200"], [b"-1", b"x"])
        return [
            m.good([b"MAXLEN"], [b"maxlen"]),
            *exact,
            count,
            *m.maybe(b"LIMIT", b"5", chance=0.03),
        ]
    return [b"MINID", *exact, entry_id(m)]


@write("XADD")
def add(m: WriteMaker) -> Words:
    usual = m.chance(0.6)
    fields = [b"a", m.value(), b"b", m.value()] if usual else [m.value(), m.value()]
    if m.chance(0.05):
        fields = m.bulk(20)
    options = m.some([b"NOMKSTREAM"], trimming(m), chance=0.1)
    return [m.key("stream"), *options, new_id(m), *(fields[:-1] if m.chance(0.02) else fields)]


@write("XTRIM")
def trim(m: WriteMaker) -> Words:
    return [m.key("stream"), *trimming(m)]


@write("XDEL")
def delete(m: WriteMaker) -> Words:
    return [m.key("stream"), *(entry_id(m) for _ in range(m.rng.randint(1, 4)))]


@write("XSETID")
def set_id(m: WriteMaker) -> Words:
    added = [b"ENTRIESADDED", m.good([b"100", b"1000"], [b"-1", b"0", b"x"])]
    deleted = [b"MAXDELETEDID", entry_id(m)]
    # 7.2 looks at the largest deleted id too: none of these is below it and well formed.
    top = m.good([b"1000100-2", b"2000000-0"], [each for each in BAD_IDS if each != b"0-0"])
    return [m.key("stream"), top, *m.some(added, deleted, chance=0.3)]


def group(m: WriteMaker) -> bytes:
    """A group that may be there."""
    return m.good(GROUPS, [b"no group", b""])


@write("XGROUP CREATE")
def create_group(m: WriteMaker) -> Words:
    read = [b"ENTRIESREAD", m.good([b"0", b"3", b"-1"], [b"x", b"-2"])]
    start = m.good([b"0", b"$", b"0"], [entry_id(m), b"junk"])
    return [m.key("stream"), group(m), start, *m.some([b"MKSTREAM"], read, chance=0.3)]


@write("XGROUP SETID")
def set_group_id(m: WriteMaker) -> Words:
    read = m.maybe(b"ENTRIESREAD", m.good([b"0", b"3", b"-1"], [b"x", b"-2"]), chance=0.3)
    return [m.key("stream"), group(m), m.good([b"0", b"$"], [entry_id(m), b""]), *read]


@write("XGROUP DESTROY")
def destroy_group(m: WriteMaker) -> Words:
    return [m.key("stream"), group(m)]


@write("XGROUP CREATECONSUMER", "XGROUP DELCONSUMER")
def consumer(m: WriteMaker) -> Words:
    return [m.key("stream"), group(m), m.pick(CONSUMERS)]


@write("XREADGROUP")
def read_group(m: WriteMaker) -> Words:
    keys = [m.key("stream") for _ in range(m.rng.choice([1, 1, 1, 2]))]
    points = [b">" if m.chance(0.7) else m.good([b"0", entry_id(m)], [b"$", b"x"]) for _ in keys]
    count = [b"COUNT", m.good([b"1", b"3", b"10"], [b"0", b"-1", b"x"])]
    # Where there is nothing the wait is over after a millisecond.
    block = [b"BLOCK", m.good([b"1"], [b"-1", b"x"])]
    options = m.some(count, [b"NOACK"], chance=0.3) + m.maybe(*block, chance=0.05)
    words = [b"GROUP", group(m), m.pick(CONSUMERS), *options, b"STREAMS", *keys, *points]
    return words[:-1] if m.chance(0.02) else words


@write("XACK")
def acknowledge(m: WriteMaker) -> Words:
    return [m.key("stream"), group(m), *(entry_id(m) for _ in range(m.rng.randint(1, 6)))]


def least_idle(m: WriteMaker) -> bytes:
    """An idle limit."""
    return m.good([b"0", b"0", b"999999999999"], [b"-1", b"x"])


@write("XCLAIM")
def claim(m: WriteMaker) -> Words:
    options = [
        [b"IDLE", m.good([b"0", b"5000"], [b"x", b"-5"])],
        [b"TIME", m.good([b"1700000000000"], [b"-1", b"x"])],
        [b"RETRYCOUNT", m.good([b"0", b"7"], [b"-1", b"x"])],
        [b"FORCE"],
        [b"JUSTID"],
        [b"LASTID", entry_id(m)],
    ]
    ids = [entry_id(m) for _ in range(m.rng.randint(1, 4))]
    head = [m.key("stream"), group(m), m.pick(CONSUMERS), least_idle(m)]
    return [*head, *ids, *m.some(*options, chance=0.2)]


@write("XAUTOCLAIM")
def claim_any(m: WriteMaker) -> Words:
    start = m.good([b"0", b"-", b"0-0"], [entry_id(m), b"junk"])
    count = [b"COUNT", m.good([b"1", b"3"], [b"0", b"-1", b"x"])]
    head = [m.key("stream"), group(m), m.pick(CONSUMERS), least_idle(m)]
    return [*head, start, *m.some(count, [b"JUSTID"], chance=0.3)]
