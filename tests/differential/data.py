"""The data that both servers are asked about: every type, small and big, plain and strange.

`fill(peer, seed)` writes it into a redis-server with ordinary commands and returns what there is to
ask for: keys by kind, and of each key some members, fields or IDs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from .wire import Connection

# Expiries are so far away that no run sees one pass.
EXPIRE_AT_MS = 4_102_444_800_000
STRANGE = [b"", b"\x00", b"\xff\xfe", b"a b", b"\r\n", b"%s{}", "ключ".encode(), b"*", b"[a-z]?\\"]
NUMBERS = [b"0", b"-1", b"1", b"42", b"-32769", b"2147483648", b"9223372036854775807"]
NOT_QUITE_NUMBERS = [b"007", b"+1", b"-0", b" 1", b"1.5", b"1e3", b"inf", b"nan", b"0x10"]


@dataclass
class Known:
    """What was written: keys by kind, and parts (members, fields, IDs) by key."""

    keys: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[bytes, list[bytes]] = field(default_factory=dict)

    @property
    def all_keys(self) -> list[bytes]:
        """Every key."""
        return [key for keys in self.keys.values() for key in keys]


class Writer:
    """Writes through one connection; an error reply is a mistake of this file."""

    def __init__(self, link: Connection, rng: Random) -> None:
        self.link = link
        self.rng = rng
        self.known = Known()

    def write(self, *words: bytes | int) -> None:
        """One command."""
        sent = [word if isinstance(word, bytes) else b"%d" % word for word in words]
        reply = self.link(sent)
        assert not reply.is_error, (sent[:3], reply)

    def add(self, kind: str, key: bytes, parts: list[bytes]) -> None:
        """Remember a key, and let every fifth expire."""
        self.known.keys[kind].append(key)
        self.known.parts[key] = parts
        if self.rng.random() < 0.2:
            self.write(b"PEXPIREAT", key, EXPIRE_AT_MS + self.rng.randrange(10**9))

    def words(self, count: int) -> list[bytes]:
        """Distinct members: texts, numbers, binary, some long."""
        made = {self.word() for _ in range(count)}
        return sorted(made)

    def word(self) -> bytes:
        """A member or value of any sort."""
        rng = self.rng
        makers = [
            lambda: b"m:%d" % rng.randrange(10**6),
            lambda: b"%d" % rng.randrange(-(10**9), 10**9),
            lambda: rng.randbytes(rng.randrange(12)),
            lambda: rng.choice(STRANGE + NUMBERS + NOT_QUITE_NUMBERS),
            lambda: bytes([97 + rng.randrange(4)]) * rng.randrange(1, 90),
        ]
        return rng.choice(makers)()


def fill_strings(w: Writer) -> None:
    """Numbers at the widths' limits, near-numbers, texts short and long, binary, bitmaps, HLLs."""
    values = NUMBERS + NOT_QUITE_NUMBERS + STRANGE
    values += [b"lorem ipsum " * 2000, w.rng.randbytes(700)]
    values += [b"mississippi", b"ohmytext", b"mynewtext"]
    for at, value in enumerate(values):
        w.write(b"SET", b"str:%d" % at, value)
        w.add("string", b"str:%d" % at, [])
    for at, bits in enumerate([3, 64, 5000]):
        key = b"bits:%d" % at
        for _ in range(min(bits, 200)):
            w.write(b"SETBIT", key, w.rng.randrange(bits), w.rng.randrange(2))
        w.add("string", key, [])
    for at, count in enumerate([0, 3, 300, 20_000]):
        key = b"hll:%d" % at
        w.write(b"PFADD", key, *(b"e%d" % w.rng.randrange(10**7) for _ in range(count)))
        # A server writes the estimate into the value when it is first asked for: now, not later.
        w.write(b"PFCOUNT", key)
        w.add("hll", key, [])
    for at, name in enumerate(STRANGE):
        w.write(b"SET", b"" if not name else b"odd:" + name, b"strange %d" % at)
        w.add("string", b"" if not name else b"odd:" + name, [])


def fill_lists(w: Writer) -> None:
    """From one element to thousands, with one too big for a packed node."""
    for at, count in enumerate([1, 5, 40, 200, 1000]):
        elements = [w.word() for _ in range(count)]
        w.write(b"RPUSH", b"list:%d" % at, *elements)
        w.add("list", b"list:%d" % at, elements[:50])
    w.write(b"RPUSH", b"list:plain", b"x", b"y" * 12_000, b"z", b"x")
    w.add("list", b"list:plain", [b"x", b"z"])


def fill_sets(w: Writer) -> None:
    """Integer sets of each width, texts, and big ones of both."""
    for at, (bits, count) in enumerate([(10, 5), (30, 100), (62, 300), (40, 900)]):
        members = [b"%d" % w.rng.randrange(-(1 << bits), 1 << bits) for _ in range(count)]
        w.write(b"SADD", b"set:int:%d" % at, *members)
        w.add("set", b"set:int:%d" % at, members[:50])
    for at, count in enumerate([1, 8, 100, 700]):
        members = w.words(count)
        w.write(b"SADD", b"set:%d" % at, *members)
        w.add("set", b"set:%d" % at, members[:50])
    w.write(b"SADD", b"set:1", *w.known.parts[b"set:2"][:4])


def fill_hashes(w: Writer) -> None:
    """Small, big, and one with a value too long for a packed form."""
    for at, count in enumerate([1, 8, 100, 700]):
        fields = w.words(count)
        w.write(b"HSET", b"hash:%d" % at, *(part for name in fields for part in (name, w.word())))
        w.add("hash", b"hash:%d" % at, fields[:50])
    w.write(b"HSET", b"hash:long", b"a", b"v" * 5000, b"b", b"2")
    w.add("hash", b"hash:long", [b"a", b"b"])


def fill_zsets(w: Writer) -> None:
    """Scores of every sort; one set of equal scores for the lexical commands; places."""
    scores = [b"0", b"1", b"-1", b"1.5", b"0.1", b"inf", b"-inf", b"1e20", b"3.25", b"-7", b"1e-5"]
    for at, count in enumerate([1, 8, 100, 700]):
        members = w.words(count)
        pairs = [
            part
            for name in members
            for part in (w.rng.choice([*scores, b"%d" % w.rng.randrange(500)]), name)
        ]
        w.write(b"ZADD", b"zset:%d" % at, *pairs)
        w.add("zset", b"zset:%d" % at, members[:50])
    for at, count in enumerate([6, 400]):
        members = w.words(count)
        w.write(b"ZADD", b"lex:%d" % at, *(part for name in members for part in (b"0", name)))
        w.add("lex", b"lex:%d" % at, members[:50])
    for at, count in enumerate([4, 30, 300]):
        members = [b"place:%d" % number for number in range(count)]
        for member in members:
            lon, lat = w.rng.uniform(-180, 180), w.rng.uniform(-85, 85)
            near = w.rng.random() < 0.6
            place = (13 + lon / 90, 38 + lat / 90) if near else (lon, lat)
            w.write(b"GEOADD", b"geo:%d" % at, b"%f" % place[0], b"%f" % place[1], member)
        w.add("geo", b"geo:%d" % at, members[:50])


def fill_streams(w: Writer) -> None:
    """Streams of equal and changing fields, with deletions, groups, pending entries, and empty."""
    for at, count in enumerate([1, 10, 700]):
        key, ids = b"stream:%d" % at, []
        for number in range(count):
            ids.append(b"%d-%d" % (1_000_000 + number // 3, number % 3))
            usual = w.rng.random() < 0.7
            fields = [b"a", w.word(), b"b", b"%d" % number] if usual else [w.word(), b"x"]
            w.write(b"XADD", key, ids[-1], *fields)
        for entry_id in w.rng.sample(ids, count // 10):
            w.write(b"XDEL", key, entry_id)
        w.add("stream", key, ids[:50])
        if count > 1:
            fill_groups(w, key, ids)
    w.write(b"XGROUP", b"CREATE", b"stream:empty", b"group:0", b"0", b"MKSTREAM")
    w.add("stream", b"stream:empty", [b"0-1"])


def fill_groups(w: Writer, key: bytes, ids: list[bytes]) -> None:
    """Groups at the start, in the middle and at the end, consumers busy and idle."""
    for at, start in enumerate([b"0", ids[len(ids) // 2], b"$"]):
        group = b"group:%d" % at
        w.write(b"XGROUP", b"CREATE", key, group, start)
        w.write(b"XGROUP", b"CREATECONSUMER", key, group, b"idle")
        for consumer in (b"alice", b"bob"):
            w.write(b"XREADGROUP", b"GROUP", group, consumer, b"COUNT", 15, b"STREAMS", key, b">")
    w.write(b"XACK", key, b"group:0", *ids[:3])


def fill(link: Connection, seed: int) -> Known:
    """Write everything; what there is to ask for."""
    writer = Writer(link, Random(seed))
    for part in (fill_strings, fill_lists, fill_sets, fill_hashes, fill_zsets, fill_streams):
        part(writer)
    return writer.known
