"""Dumps of one giant value each, written as RDB bytes directly: no server could build them as fast.

    python bench/giants.py KIND N FILE      one of KINDS with N elements (a string: 30 N bytes)

What each holds follows from N alone, so that answers about it can be computed (giant_asks.py).
Element i is the ten digits of i behind a word. Elements are in the order of i, scores are i // 4
(so that four members share one), and the stream's messages are a millisecond apart.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

KEY = b"giant"
"""The key of every giant."""
BASE_MS = 4_000_000_000_000
"""Fields expire after this, in 2096."""
STREAM_MS = 1_700_000_000_000
"""The first message's id is this, and 0."""
STRING_BYTES = 30
"""Bytes of the string for each element that the others have."""
LINE_BYTES = 16
"""The string is lines of this length that tell their number."""
LIST_NODE = 400
STREAM_NODE = 100
PENDING_SHARE = 50
"""Of so many messages of the stream one is pending."""
BATCH = 100_000
LZF_RUN = 264
"""The longest run of bytes that one instruction of LZF stands for."""

Parts = Iterator[bytes]


def length(n: int) -> bytes:
    """A length as an RDB has it."""
    if n < 1 << 6:
        return bytes([n])
    if n < 1 << 14:
        return struct.pack(">H", 0x4000 | n)
    return struct.pack(">BI", 0x80, n) if n < 1 << 32 else struct.pack(">BQ", 0x81, n)


def string(data: bytes) -> bytes:
    """A string as an RDB has it."""
    return length(len(data)) + data


def batches(n: int, size: int = BATCH) -> Iterator[range]:
    """The numbers below n, some at a time."""
    for start in range(0, n, size):
        yield range(start, min(start + size, n))


def listpack(entries: bytes, count: int) -> bytes:
    """A listpack of these entries."""
    return struct.pack("<IH", 7 + len(entries), min(count, 65535)) + entries + b"\xff"


def list_parts(n: int) -> Parts:
    """Type 18: nodes of listpacks."""
    yield length(-(-n // LIST_NODE))
    for some in batches(n, LIST_NODE):
        entries = b"".join([b"\x8fitem:%010d\x10" % i for i in some])
        yield b"\x02" + string(listpack(entries, len(some)))


def set_parts(n: int) -> Parts:
    """Type 2: members."""
    yield length(n)
    for some in batches(n):
        yield b"".join([b"\x0fitem:%010d" % i for i in some])


def hash_parts(n: int) -> Parts:
    """Type 4: fields and values."""
    yield length(n)
    for some in batches(n):
        yield b"".join([b"\x10field:%010d\x10value:%010d" % (i, i) for i in some])


def zset_parts(n: int) -> Parts:
    """Type 5: members and scores, the highest first as servers write."""
    yield length(n)
    for some in batches(n):
        pack = struct.Struct("<d").pack
        back = (n - 1 - i for i in some)
        yield b"".join([b"\x0fitem:%010d%b" % (i, pack(i // 4)) for i in back])


def ttl_hash_parts(n: int) -> Parts:
    """Type 24: fields of which two in three expire, field i at BASE_MS + i."""
    yield struct.pack("<q", BASE_MS + 1) + length(n)
    pack = struct.Struct(">BI").pack
    for some in batches(n):
        yield b"".join(
            [
                b"%b\x10field:%010d\x10value:%010d" % (pack(0x80, i if i % 3 else 0), i, i)
                for i in some
            ]
        )


def raw_id(i: int) -> bytes:
    """The id of message i."""
    return struct.pack(">QQ", STREAM_MS + i, 0)


def stream_parts(n: int) -> Parts:
    """Type 21: nodes of messages {n: number}, then two groups, the first with pending entries."""
    yield length(-(-n // STREAM_NODE))
    heads = [b"\x02\x01%b\x01\x00\x01\x8a" % bytes([i]) for i in range(STREAM_NODE)]
    for some in batches(n, STREAM_NODE):
        master = bytes([len(some)]) + b"\x01\x00\x01\x01\x01\x81n\x02\x00\x01"
        messages = zip(heads, some, strict=False)
        entries = master + b"".join([b"%b%010d\x0b\x04\x01" % pair for pair in messages])
        yield b"\x10" + raw_id(some[0]) + string(listpack(entries, 5 + 5 * len(some)))
    last = length(STREAM_MS + n - 1) + b"\0"
    yield length(n) + last + length(STREAM_MS) + b"\0" + b"\0\0" + length(n) + length(2)
    pending = range(0, n, PENDING_SHARE)
    yield string(b"readers") + last + length(n) + length(len(pending))
    times = struct.pack("<q", STREAM_MS)
    yield b"".join([raw_id(i) + times + b"\x01" for i in pending])
    yield length(1) + string(b"ada") + times + times + length(len(pending))
    yield b"".join([raw_id(i) for i in pending])
    yield string(b"idle") + b"\0\0" + b"\0" + b"\0" + b"\0"


def string_parts(n: int) -> Parts:
    """Type 0: numbered lines, not compressed."""
    yield length(STRING_BYTES * n)
    left = STRING_BYTES * n
    for some in batches(-(-left // LINE_BYTES)):
        lines = b"".join([b"%015d\n" % i for i in some])
        yield lines[:left]
        left -= min(left, len(lines))


def packed_string_parts(n: int) -> Parts:
    """Type 0, LZF: one letter over and over."""
    runs = STRING_BYTES * n // LZF_RUN
    yield b"\xc3" + length(2 + 3 * runs) + length(1 + LZF_RUN * runs) + b"\0a"
    yield b"\xe0\xff\x00" * runs


KINDS: dict[str, tuple[int, Callable[[int], Parts]]] = {
    "list": (18, list_parts),
    "set": (2, set_parts),
    "hash": (4, hash_parts),
    "zset": (5, zset_parts),
    "ttl_hash": (24, ttl_hash_parts),
    "stream": (21, stream_parts),
    "string": (0, string_parts),
    "packed_string": (0, packed_string_parts),
}
"""Each kind's RDB type, and what makes its payload."""


def write(kind: str, n: int, path: Path) -> Path:
    """A dump of the giant and a small key on each side of it; no checksum."""
    number, parts = KINDS[kind]
    with path.open("wb") as out:
        out.write(b"REDIS0012\xfa\x05ctime\xc2" + struct.pack("<i", STREAM_MS // 1000))
        out.write(b"\xfe\x00\xfb\x03\x00" + b"\x00\x06before\x03key")
        out.write(bytes([number]) + string(KEY))
        for part in parts(n):
            out.write(part)
        out.write(b"\x00\x05later\x03key" + b"\xff" + bytes(8))
    return path


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
