"""A store, opened with py-lmdb or plyvel and read by the document at the head of
server/store/src/layout.rs alone.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import lmdb
import plyvel
import xxhash

from .packed import Bytes, intset, listpack, raw_id, stream_meta, stream_node, text, texts

KINDS = ["string", "list", "set", "zset", "hash", "module", "stream", "array"]
(STRING, MODULE_PRE_GA, MODULE_2) = (0, 6, 7)
(SET_INTSET, HASH_LISTPACK, ZSET_LISTPACK) = (11, 16, 17)
(LIST_QUICKLIST_2, SET_LISTPACK, STREAM_3, HASH_LISTPACK_EX) = (18, 20, 21, 25)
TABLES = [b"expires", b"meta", b"objects", b"segments"]
MAX_KEY_BYTES = 511
PIECE_BYTES = 65520


def signed_bit_flipped(number: int) -> bytes:
    """A signed number so that its bytes are in its order."""
    return struct.pack(">Q", (number + (1 << 63)) % (1 << 64))


def record_key(db: int, key: bytes) -> bytes:
    """The record key of a key."""
    whole = struct.pack(">I", db) + key
    if len(whole) < MAX_KEY_BYTES:
        return whole
    return whole[: 4 + 491] + xxhash.xxh3_128_digest(key)


def expire_key(expire_at_ms: int, record: bytes) -> bytes:
    """Where the expiry index has a record."""
    if len(record) > 503:
        record = record[:487] + xxhash.xxh3_128_digest(record)
    return signed_bit_flipped(expire_at_ms) + record


def score_order(score: float) -> bytes:
    """The order key of a score."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", score + 0.0))
    return struct.pack(">Q", bits ^ ((1 << 64) - 1 if bits >> 63 else 1 << 63))


def hash_order(element: bytes) -> bytes:
    """The order key of a field or member."""
    return struct.pack(">Q", xxhash.xxh3_64_intdigest(element))


@dataclass
class Object:
    """An object record, read."""

    db: int
    key: bytes
    kind: str
    value_type: int
    encoding: int
    expire_at_ms: int | None
    idle_s: int | None
    freq: int | None
    count: int
    segments: int | None
    payload: bytes


def parse_object(key: bytes, record: bytes) -> Object:
    """The record under this record key."""
    data = Bytes(record)
    kind, flags, value_type, encoding = data.take(4)
    expire_at_ms = data.number("<q") if flags & 1 else None
    idle_s = data.number("<I") if flags & 2 else None
    freq = data.number("B") if flags & 4 else None
    name = data.take(data.number("<I")) if flags & 8 else key[4:]
    if flags & 32:
        data.take(data.number("<I"))
    assert flags < 64
    name_of_kind = KINDS[kind]
    count = 1 if name_of_kind in ("string", "module", "array") else data.length()
    segments = data.number("<Q") if flags & 16 else None
    (db,) = struct.unpack(">I", key[:4])
    assert record_key(db, name) == key
    return Object(
        db,
        name,
        name_of_kind,
        value_type,
        encoding,
        expire_at_ms,
        idle_s,
        freq,
        count,
        segments,
        data.rest(),
    )


Record = tuple[bytes, bytes]
"""Key and value."""


class Store(ABC):
    """An open store: what its records say, however they are got."""

    ending: str

    @abstractmethod
    def __init__(self, path: Any) -> None:
        """Opens it."""

    @abstractmethod
    def close(self) -> None:
        """Closes it."""

    @abstractmethod
    def records(self, table: bytes, start: bytes = b"") -> Iterator[Record]:
        """The records of a table from a key on, in order."""

    @abstractmethod
    def get(self, table: bytes, key: bytes) -> bytes | None:
        """One record."""

    @abstractmethod
    def last(self, table: bytes, key: bytes) -> Record | None:
        """The last record of a table whose key is not greater."""

    @abstractmethod
    def check_tables(self) -> None:
        """There is nothing but the tables."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def objects(self) -> Iterator[Object]:
        """Every object, in order."""
        for key, record in self.records(b"objects"):
            yield parse_object(key, record)

    def find(self, db: int, key: bytes) -> Object | None:
        """The object of a key, looked up."""
        place = record_key(db, key)
        record = self.get(b"objects", place)
        return parse_object(place, record) if record is not None else None

    def meta(self) -> dict[bytes, bytes]:
        """The meta table."""
        return dict(self.records(b"meta"))

    def runs(self, segments: int, family: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Order key and value of each segment of a family."""
        prefix = struct.pack(">Q", segments) + family
        for key, value in self.records(b"segments", prefix):
            if not key.startswith(prefix):
                break
            yield key[len(prefix) :], value

    def run_of(self, one: Object, family: bytes, place: bytes) -> bytes:
        """The segment where an order key belongs: the last one that is not greater."""
        prefix = struct.pack(">Q", one.segments) + family
        # No key is longer, and what is cut off could not have made it greater than one.
        sought = (prefix + place)[:MAX_KEY_BYTES]
        found = self.last(b"segments", sought)
        assert found is not None
        assert found[0].startswith(prefix)
        return found[1]

    def value(self, one: Object) -> Any:
        """An object's value, in the form in which redtool.Entry has it."""
        value = self.value_of_kind(one)
        held = value["entries"] if one.kind == "stream" else value
        if one.kind in ("list", "set", "hash", "zset", "stream"):
            assert len(held) == one.count
        return value

    def value_of_kind(self, one: Object) -> Any:
        """The value, its count not yet held against the header's."""
        if one.segments is None:
            return inline(one)
        return getattr(self, f"segmented_{one.kind}")(one, one.segments)

    def pieces(self, one: Object, segments: int) -> bytes:
        """What was cut: a string, an opaque value, the metadata of a stream."""
        (length,) = struct.unpack("<Q", one.payload)
        assert length > PIECE_BYTES
        whole = b""
        for place, piece in self.runs(segments, b"b"):
            assert place == struct.pack(">Q", len(whole))
            assert len(piece) == min(PIECE_BYTES, length - len(whole))
            whole += piece
        assert len(whole) == length
        return whole

    def segmented_string(self, one: Object, segments: int) -> bytes:
        assert one.value_type == STRING
        return self.pieces(one, segments)

    def segmented_module(self, one: Object, segments: int) -> bytes:
        assert one.value_type in (MODULE_PRE_GA, MODULE_2)
        return self.pieces(one, segments)

    def segmented_list(self, one: Object, segments: int) -> list[bytes]:
        assert one.value_type == LIST_QUICKLIST_2
        items: list[bytes] = []
        for place, value in self.runs(segments, b"l"):
            assert place == struct.pack(">Q", (1 << 63) + len(items))
            items += list_node(value[0], value[1:])
        return items

    def segmented_set(self, one: Object, segments: int) -> set[bytes]:
        assert one.value_type == SET_LISTPACK
        runs = [(place, texts(value)) for place, value in self.runs(segments, b"h")]
        in_hash_order(runs)
        return unique([member for _, members in runs for member in members])

    def segmented_hash(self, one: Object, segments: int) -> dict[bytes, tuple[bytes, int | None]]:
        runs = [(p, hash_run(v, one.value_type)) for p, v in self.runs(segments, b"h")]
        in_hash_order([(place, list(fields)) for place, fields in runs])
        return unique_pairs(pair for _, fields in runs for pair in fields.items())

    def segmented_zset(self, one: Object, segments: int) -> dict[bytes, float]:
        assert one.value_type == ZSET_LISTPACK
        by_hash = [(place, zset_run(value)) for place, value in self.runs(segments, b"h")]
        in_hash_order([(place, [member for member, _ in run]) for place, run in by_hash])
        by_score = [(place, zset_run(value)) for place, value in self.runs(segments, b"z")]
        in_score_order(by_score)
        scores = unique_pairs(pair for _, run in by_score for pair in run)
        assert scores == unique_pairs(pair for _, run in by_hash for pair in run)
        return scores

    def segmented_stream(self, one: Object, segments: int) -> dict[str, Any]:
        assert one.value_type == STREAM_3
        nodes = self.runs(segments, b"s")
        messages = [entry for place, node in nodes for entry in stream_node(raw_id(place), node)]
        cut = len(one.payload) == 8
        meta = self.pieces(one, segments) if cut else one.payload
        return {"entries": messages, **stream_meta(Bytes(meta))}


class LmdbStore(Store):
    """An LMDB file, through py-lmdb."""

    ending = ".lmdb"

    def __init__(self, path: Path) -> None:
        self.env = lmdb.open(str(path), subdir=False, readonly=True, lock=False, max_dbs=8)
        self.tables = {name: self.env.open_db(name, create=False) for name in TABLES}
        self.txn = self.env.begin()

    def close(self) -> None:
        self.txn.abort()
        self.env.close()

    def records(self, table: bytes, start: bytes = b"") -> Iterator[Record]:
        cursor = self.txn.cursor(self.tables[table])
        if cursor.set_range(start):
            yield from cursor.iternext()

    def get(self, table: bytes, key: bytes) -> bytes | None:
        value: bytes | None = self.txn.get(key, db=self.tables[table])
        return value

    def last(self, table: bytes, key: bytes) -> Record | None:
        cursor = self.txn.cursor(self.tables[table])
        found = cursor.set_range(key)
        if not found:
            found = cursor.last()
        elif cursor.key() != key:
            found = cursor.prev()
        return cursor.item() if found else None

    def check_tables(self) -> None:
        assert [name for name, _ in self.txn.cursor()] == TABLES


class LevelDbStore(Store):
    """A LevelDB directory, through plyvel."""

    ending = ".leveldb"
    prefixes: ClassVar = {b"expires": b"e", b"meta": b"~", b"objects": b"o", b"segments": b"s"}

    def __init__(self, path: Path) -> None:
        self.db = plyvel.DB(str(path), create_if_missing=False, paranoid_checks=True)
        self.tables = {name: self.db.prefixed_db(byte) for name, byte in self.prefixes.items()}

    def close(self) -> None:
        self.db.close()

    def records(self, table: bytes, start: bytes = b"") -> Iterator[Record]:
        yield from self.tables[table].iterator(start=start)

    def get(self, table: bytes, key: bytes) -> bytes | None:
        value: bytes | None = self.tables[table].get(key)
        return value

    def last(self, table: bytes, key: bytes) -> Record | None:
        walk = self.tables[table].iterator(stop=key, include_stop=True, reverse=True)
        return next(walk, None)

    def check_tables(self) -> None:
        assert {key[:1] for key, _ in self.db} <= set(self.prefixes.values())


def inline(one: Object) -> Any:
    """The value in the record itself."""
    data = Bytes(one.payload)
    value = INLINE[one.kind](one, data)
    data.end()
    return value


def inline_string(one: Object, data: Bytes) -> bytes:
    assert one.value_type == STRING
    return data.string()


def inline_module(one: Object, data: Bytes) -> bytes:
    assert one.value_type == MODULE_2
    return data.rest()


def inline_list(one: Object, data: Bytes) -> list[bytes]:
    assert one.value_type == LIST_QUICKLIST_2
    items = []
    for _ in range(data.length()):
        container, node = data.length(), data.string()
        items += list_node(container, node)
    return items


def inline_set(one: Object, data: Bytes) -> set[bytes]:
    read = {SET_INTSET: intset, SET_LISTPACK: texts}[one.value_type]
    return unique(read(data.string()))


def inline_hash(one: Object, data: Bytes) -> dict[bytes, tuple[bytes, int | None]]:
    if one.value_type == HASH_LISTPACK_EX:
        data.take(8)
    return hash_run(data.string(), one.value_type)


def inline_zset(one: Object, data: Bytes) -> dict[bytes, float]:
    assert one.value_type == ZSET_LISTPACK
    entries = texts(data.string())
    pairs = zip(entries[::2], map(float, entries[1::2]), strict=True)
    return unique_pairs(pairs)


def inline_stream(one: Object, data: Bytes) -> dict[str, Any]:
    assert one.value_type == STREAM_3
    messages = []
    for _ in range(data.length()):
        master = raw_id(data.string())
        messages += stream_node(master, data.string())
    return {"entries": messages, **stream_meta(Bytes(data.rest()))}


INLINE: dict[str, Callable[[Object, Bytes], Any]] = {
    "string": inline_string,
    "list": inline_list,
    "set": inline_set,
    "zset": inline_zset,
    "hash": inline_hash,
    "module": inline_module,
    "stream": inline_stream,
}


def unique(elements: list[bytes]) -> set[bytes]:
    """A set of elements, none of which may come twice."""
    assert len(set(elements)) == len(elements)
    return set(elements)


def unique_pairs(pairs: Any) -> dict[bytes, Any]:
    """A dict of pairs, no first of which may come twice."""
    every = list(pairs)
    assert len(dict(every)) == len(every)
    return dict(every)


def list_node(container: int, node: bytes) -> list[bytes]:
    """The elements of a list's node or segment."""
    assert container in (1, 2)
    return [node] if container == 1 else texts(node)


def hash_run(blob: bytes, value_type: int) -> dict[bytes, tuple[bytes, int | None]]:
    """Field → (value, expiry) of a listpack."""
    items = listpack(blob)
    if value_type == HASH_LISTPACK:
        return unique_pairs((text(f), (text(v), None)) for f, v in pairs_of(items))
    assert value_type == HASH_LISTPACK_EX
    triples = zip(items[::3], items[1::3], items[2::3], strict=True)
    return unique_pairs((text(f), (text(v), int(text(ms)) or None)) for f, v, ms in triples)


def pairs_of(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Entries two by two."""
    yield from zip(items[::2], items[1::2], strict=True)


def zset_run(blob: bytes) -> list[tuple[bytes, float]]:
    """Members and scores of a segment."""
    run = []
    for member, score in pairs_of(listpack(blob)):
        assert isinstance(score, bytes)
        run.append((text(member), struct.unpack("<d", score)[0]))
    return run


def in_hash_order(runs: list[tuple[bytes, list[bytes]]]) -> None:
    """Runs are in ascending hash order, within and between; equal hashes are never split."""
    last = b""
    for place, elements in runs:
        orders = [hash_order(element) for element in elements]
        assert place == orders[0] > last
        assert orders == sorted(orders)
        last = orders[-1]


def in_score_order(runs: list[tuple[bytes, list[tuple[bytes, float]]]]) -> None:
    """Runs are by score, then member; a key is the first score and the shortest separator."""
    before: tuple[bytes, bytes] | None = None
    for place, run in runs:
        ranks = [(score_order(score), member) for member, score in run]
        assert ranks == sorted(ranks)
        order, first = ranks[0]
        separator = b""
        if before is not None:
            assert before < ranks[0]
            if before[0] == order:
                lengths = range(len(first) + 1)
                separator = next(first[:n] for n in lengths if first[:n] > before[1])
        assert place == order + separator
        before = ranks[-1]
