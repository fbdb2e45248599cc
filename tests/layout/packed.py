"""What lies inside records: RDB lengths and strings, listpacks, intsets, streams.

Written from the heads of these files, which the document of the layout refers to:
server/format/src/rdb/{length,string,stream}.rs, server/format/src/encodings/{listpack/entry,
intset,stream}.rs, server/format/src/lzf.rs. Everything is strict: what is left over, or does not
say what the head says, is an error.
"""

from __future__ import annotations

import struct
from typing import Any

UNKNOWN = (1 << 64) - 1
STREAM_3 = 21

Item = bytes | int


class Bytes:
    """Bytes, read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        assert self.at + size <= len(self.data), "the bytes end too early"
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> int:
        """The next number, in the form of a struct."""
        (number,) = struct.unpack(form, self.take(struct.calcsize(form)))
        assert isinstance(number, int)
        return number

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data) - self.at)

    def end(self) -> None:
        """Nothing may be left."""
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes left over"

    def encoding_or_length(self) -> tuple[bool, int]:
        """An RDB length, or (True, the number of a string encoding)."""
        first = self.number("B")
        match first >> 6:
            case 0:
                return False, first
            case 1:
                return False, (first & 0x3F) << 8 | self.number("B")
            case 3:
                return True, first & 0x3F
        assert first in (0x80, 0x81), "no such length"
        return False, self.number(">I" if first == 0x80 else ">Q")

    def length(self) -> int:
        """An RDB length."""
        encoded, number = self.encoding_or_length()
        assert not encoded, "a string where a length belongs"
        return number

    def string(self) -> bytes:
        """An RDB string."""
        encoded, number = self.encoding_or_length()
        if not encoded:
            return self.take(number)
        if number == 3:
            packed, size = self.length(), self.length()
            return lzf(self.take(packed), size)
        return b"%d" % self.number("<" + "bhi"[number])

    def stream_id(self) -> str:
        """A stream ID as two lengths."""
        return f"{self.length()}-{self.length()}"


def lzf(packed: bytes, size: int) -> bytes:
    """LZF data, decoded."""
    data, out = Bytes(packed), bytearray()
    while data.at < len(packed):
        control = data.number("B")
        if control < 32:
            out += data.take(control + 1)
            continue
        run = control >> 5
        if run == 7:
            run += data.number("B")
        distance = ((control & 31) << 8 | data.number("B")) + 1
        assert distance <= len(out)
        for _ in range(run + 2):
            out.append(out[-distance])
    assert len(out) == size
    return bytes(out)


def listpack(blob: bytes) -> list[Item]:
    """A listpack's entries."""
    data = Bytes(blob)
    assert data.number("<I") == len(blob)
    count, entries = data.number("<H"), []
    while blob[data.at] != 0xFF:
        start = data.at
        entries.append(listpack_entry(data))
        backlen(data, data.at - start)
    assert data.take(1) == b"\xff"
    data.end()
    assert count == min(len(entries), 65535)
    return entries


def listpack_entry(data: Bytes) -> Item:
    """One entry without its backlen."""
    first = data.number("B")
    if first < 0x80:
        return first
    if first < 0xC0:
        return data.take(first & 0x3F)
    if first < 0xE0:
        value = (first & 0x1F) << 8 | data.number("B")
        return value - 8192 if value > 4095 else value
    if first < 0xF0:
        return data.take((first & 0x0F) << 8 | data.number("B"))
    if first == 0xF0:
        return data.take(data.number("<I"))
    size = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}[first]
    return int.from_bytes(data.take(size), "little", signed=True)


def backlen(data: Bytes, size: int) -> None:
    """The backlen of an entry of this size."""
    limits = (127, 16382, 2097150, 268435454)
    width = 1 + sum(size > limit for limit in limits)
    groups = [size >> 7 * i & 0x7F for i in reversed(range(width))]
    assert list(data.take(width)) == [groups[0], *(group | 0x80 for group in groups[1:])]


def text(item: Item) -> bytes:
    """An entry as the string that it stands for."""
    return item if isinstance(item, bytes) else b"%d" % item


def texts(blob: bytes) -> list[bytes]:
    """A listpack's entries as strings."""
    return [text(item) for item in listpack(blob)]


def intset(blob: bytes) -> list[bytes]:
    """An intset's members."""
    data = Bytes(blob)
    width, count = data.number("<I"), data.number("<I")
    form = {2: "<h", 4: "<i", 8: "<q"}[width]
    members = [data.number(form) for _ in range(count)]
    data.end()
    assert members == sorted(set(members))
    return [b"%d" % member for member in members]


def raw_id(data: bytes) -> tuple[int, int]:
    """A stream ID of 16 bytes."""
    ms, seq = struct.unpack(">QQ", data)
    return ms, seq


def stream_node(master: tuple[int, int], blob: bytes) -> list[tuple[str, list[bytes]]]:
    """The live messages of a node."""
    items = iter(listpack(blob))

    def number() -> int:
        item = next(items)
        assert isinstance(item, int)
        return item

    live, deleted = number(), number()
    names = [text(next(items)) for _ in range(number())]
    assert number() == 0
    messages = []
    for _ in range(live + deleted):
        flags, ms, seq = number(), number(), number()
        if flags & 2:
            parts = [part for name in names for part in (name, text(next(items)))]
            assert number() == len(names) + 3
        else:
            parts = [text(next(items)) for _ in range(2 * number())]
            assert number() == len(parts) + 4
        if not flags & 1:
            # Differences are 64-bit and wrap.
            messages.append((f"{(master[0] + ms) % 2**64}-{(master[1] + seq) % 2**64}", parts))
    assert next(items, None) is None
    assert len(messages) == live
    return messages


def stream_meta(data: Bytes) -> dict[str, Any]:
    """A stream's metadata in the form of type 21, to the end."""
    value: dict[str, Any] = {"length": data.length()}
    value["last_id"], value["first_id"] = data.stream_id(), data.stream_id()
    value["max_deleted_id"], value["entries_added"] = data.stream_id(), data.length()
    value["groups"] = [stream_group(data) for _ in range(data.length())]
    data.end()
    return value


def stream_group(data: Bytes) -> dict[str, Any]:
    """A consumer group."""
    group: dict[str, Any] = {"name": data.string(), "last_delivered_id": data.stream_id()}
    read = data.length()
    group["entries_read"] = None if read == UNKNOWN else read
    pel = {}
    for _ in range(data.length()):
        entry = "{}-{}".format(*raw_id(data.take(16)))
        pel[entry] = (data.number("<q"), data.length())
    group["consumers"] = [stream_consumer(data) for _ in range(data.length())]
    owners = {entry: one["name"] for one in group["consumers"] for entry in one["pel"]}
    group["pel"] = [(entry, owners[entry], *rest) for entry, rest in pel.items()]
    return group


def stream_consumer(data: Bytes) -> dict[str, Any]:
    """A consumer."""
    one: dict[str, Any] = {"name": data.string(), "seen_time_ms": data.number("<q")}
    active = data.number("<q")
    one["active_time_ms"] = None if active == -1 else active
    one["pel"] = ["{}-{}".format(*raw_id(data.take(16))) for _ in range(data.length())]
    return one
