"""The layout's document is true: a store of ours, read by the document alone, holds what the
dump's server said it held. One set of promises, kept by each kind of store.

The reader beside it knows the document and nothing of redtool's code.
"""

from __future__ import annotations

import random
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import redtool
from tests.conftest import ROOT
from tests.layout.packed import texts
from tests.layout.store import (
    KINDS,
    PIECE_BYTES,
    Object,
    Store,
    expire_key,
    hash_order,
    hash_run,
    list_node,
    record_key,
    score_order,
    zset_run,
)
from tests.truth.fixtures import ALL, Fixture, label, unpacked
from tests.truth.meaning import Form, entry_value, truth_form

DOCUMENT = (ROOT / "server/store/src/layout.rs").read_text()
ENCODINGS = [
    "raw",
    "int",
    "embstr",
    "listpack",
    "quicklist",
    "intset",
    "hashtable",
    "skiplist",
    "listpackex",
    "stream",
    "raw",
]


def form_of(store: Store, one: Object, truth: Form) -> Form:
    """An object in the form in which truths are compared."""
    value = store.value(one)
    form: Form = {"type": one.kind, "expire_at_ms": one.expire_at_ms, "value": value}
    if one.kind == "hash":
        form["value"] = {field: content for field, (content, _) in value.items()}
        form["field_expire_ms"] = {f: at_ms for f, (_, at_ms) in value.items() if at_ms}
    if one.kind == "stream":
        form["value"] = entry_value("stream", value, truth["value"])
    if one.kind == "module":
        form["value"] = truth["value"]
    return form


def check_books(store: Store) -> None:
    """Tables, expiry index, counters and segment ids agree with the objects."""
    store.check_tables()
    objects = list(store.objects())
    index = [
        expire_key(one.expire_at_ms, record_key(one.db, one.key))
        for one in objects
        if one.expire_at_ms is not None
    ]
    assert list(store.records(b"expires")) == [(key, b"") for key in sorted(index)]
    counted = Counter((one.db, one.kind) for one in objects)
    mortal = Counter(one.db for one in objects if one.expire_at_ms is not None)
    meta = store.meta()
    assert meta[b"layout"] == b"redtool 1"
    counters = {key[2:]: value for key, value in meta.items() if re.fullmatch(b"(?s)db.{4}", key)}
    assert counters == {
        struct.pack(">I", db): struct.pack(
            "<10Q",
            sum(counted[db, kind] for kind in KINDS),
            mortal[db],
            *(counted[db, kind] for kind in KINDS),
        )
        for db in {one.db for one in objects}
    }
    ids = [one.segments for one in objects if one.segments is not None]
    assert len(set(ids)) == len(ids)
    assert {key[:8] for key, _ in store.records(b"segments")} == {struct.pack(">Q", i) for i in ids}
    assert max(ids, default=0) < struct.unpack("<Q", meta[b"next-id"])[0]
    assert re.fullmatch(rb"(REDIS|VALKEY) \d+", meta[b"rdb-version"])


# Dumps written here, for what the fixtures are too small for.

Keys = Mapping[tuple[int, bytes], tuple[Any, int | None]]
"""Database and key, and what is there: bytes, a list, set or dict, and its expiry."""


def rdb_length(n: int) -> bytes:
    """A length as an RDB has it."""
    return struct.pack(">BQ", 0x81, n)


def rdb_string(data: bytes) -> bytes:
    """A string as an RDB has it."""
    return rdb_length(len(data)) + data


def rdb_elements(value: Any) -> tuple[int, bytes]:
    """Type and payload of a value, its elements one by one."""
    match value:
        case bytes():
            return 0, rdb_string(value)
        case list():
            return 1, rdb_length(len(value)) + b"".join(map(rdb_string, value))
        case set():
            return 2, rdb_length(len(value)) + b"".join(map(rdb_string, value))
    pairs = list(value.items())
    random.Random(1).shuffle(pairs)
    count = rdb_length(len(pairs))
    match pairs[0][1]:
        case bytes():
            return 4, count + b"".join(rdb_string(f) + rdb_string(v) for f, v in pairs)
        case float():
            return 5, count + b"".join(rdb_string(m) + struct.pack("<d", s) for m, s in pairs)
    earliest_ms = min(at_ms for _, (_, at_ms) in pairs if at_ms is not None)
    payload = struct.pack("<q", earliest_ms) + count
    for field, (content, at_ms) in pairs:
        since = 0 if at_ms is None else at_ms - earliest_ms + 1
        payload += rdb_length(since) + rdb_string(field) + rdb_string(content)
    return 24, payload


def rdb_file(keys: Keys) -> bytes:
    """A dump without a checksum."""
    out = b"REDIS0012"
    for (db, key), (value, expire_at_ms) in keys.items():
        out += b"\xfe" + rdb_length(db)
        if expire_at_ms is not None:
            out += b"\xfc" + struct.pack("<q", expire_at_ms)
        number, payload = rdb_elements(value)
        out += bytes([number]) + rdb_string(key) + payload
    return out + b"\xff" + bytes(8)


def large_values() -> dict[bytes, Any]:
    """One value of each kind that does not fit into a record."""
    rng = random.Random(7)
    odd = [b"", b"\0", b"-0", b"007", b"12", b"-70000", bytes(range(256)), b"x" * 9000]
    names = odd + [b"element:%d" % n for n in range(5000)]
    scores = [0.0, 1.5, -1.5, 5e-324, float("inf"), float("-inf"), 2.0**60]
    at_ms = [None, 1_900_000_000_000, 1_900_000_000_123, 2_000_000_000_000]
    return {
        b"list": [*names, b"y" * 100_000, b"", b"z" * 20_000],
        b"set": set(names),
        b"hash": {name: name[::-1] * 2 for name in names},
        b"expiring": {name: (name[::-1], rng.choice(at_ms)) for name in names},
        b"zset": {name: rng.choice(scores) for name in names},
        b"random": {name: rng.gauss(0, 1e9) for name in names},
        b"ties": {b"p" * 600 + name: 1.0 for name in names[:900]},
    }


def plain(fields: dict[bytes, tuple[bytes, int | None]]) -> dict[bytes, Any]:
    """A hash's fields as they were written: without expiries where none has one."""
    if any(at_ms is not None for _, at_ms in fields.values()):
        return dict(fields)
    return {field: content for field, (content, _) in fields.items()}


@cache
def held(kind: str, value_type: int, run: bytes) -> Any:
    """What a segment of a set, hash or sorted set holds."""
    match kind:
        case "set":
            return set(texts(run))
        case "hash":
            return plain(hash_run(run, value_type))
    return dict(zset_run(run))


class Promises:
    """What a store of a kind promises; `kind` reads it."""

    kind: type[Store]

    def import_dump(self, rdb: Path, folder: Path) -> Any:
        """A dump, imported into a folder of the test's own: where it is now."""
        target = folder / f"imported{self.kind.ending}"
        redtool.import_(rdb, out=target)
        return target

    @pytest.fixture
    def imported(self, fixture: Fixture, tmp_path: Path) -> Any:
        """The fixture's dump, imported."""
        return self.import_dump(fixture.rdb, tmp_path)

    def stored(self, folder: Path, keys: Keys) -> Any:
        """A dump of these keys, imported."""
        (folder / "written.rdb").write_bytes(rdb_file(keys))
        return self.import_dump(folder / "written.rdb", folder)

    @pytest.mark.parametrize("fixture", ALL, ids=label)
    def test_the_records_hold_what_the_server_held(self, fixture: Fixture, imported: Any) -> None:
        with self.kind(imported) as store:
            found = {(one.db, one.key): one for one in store.objects()}
            assert found.keys() == fixture.keys.keys()
            for place, record in fixture.keys.items():
                truth = truth_form(record)
                assert form_of(store, found[place], truth) == truth, place
                assert store.find(*place) == found[place]
                if found[place].kind == "module" and isinstance(record["dump"], str):
                    assert found[place].payload in unpacked(record["dump"])
            check_books(store)
            libraries = {entry["name"] for entry in fixture.server.get("functions", [])}
            names = [key for key in store.meta() if key.startswith(b"function:")]
            assert {name.removeprefix(b"function:").decode() for name in names} == libraries

    @pytest.mark.parametrize("fixture", ALL, ids=label)
    def test_the_headers_say_what_redtool_says(self, fixture: Fixture, imported: Any) -> None:
        with self.kind(imported) as store:
            found = [
                (one.db, one.key, one.kind, ENCODINGS[one.encoding], one.idle_s, one.freq)
                for one in store.objects()
            ]
        with redtool.open(imported, clock=fixture.clock) as dataset:
            entries = dataset.entries(values=False)
            said = [(e.db, e.key, e.type, e.encoding, e.idle_s, e.freq) for e in entries]
        assert sorted(found, key=str) == sorted(said, key=str)

    def test_large_collections_are_runs_in_the_order_of_their_keys(self, tmp_path: Path) -> None:
        values = large_values()
        path = self.stored(tmp_path, {(0, key): (value, None) for key, value in values.items()})
        with self.kind(path) as store:
            check_books(store)
            for one in store.objects():
                assert one.segments is not None, one.key
                value = store.value(one)
                assert (plain(value) if one.kind == "hash" else value) == values[one.key], one.key

    def test_long_strings_are_pieces_each_at_the_offset_of_its_first_byte(
        self, tmp_path: Path
    ) -> None:
        rng = random.Random(9)
        cuts = [n * PIECE_BYTES for n in (1, 2, 3)]
        values = {
            b"%d" % length: rng.randbytes(length)
            for cut in cuts
            for length in (cut - 1, cut, cut + 1)
        }
        path = self.stored(tmp_path, {(0, key): (value, None) for key, value in values.items()})
        with self.kind(path) as store:
            check_books(store)
            for one in store.objects():
                value = values[one.key]
                assert (one.segments is not None) == (len(value) > PIECE_BYTES)
                assert store.value(one) == value
                for at in range(0, len(value) if one.segments else 0, 1000):
                    start = at - at % PIECE_BYTES
                    piece = store.run_of(one, b"b", struct.pack(">Q", start))
                    assert piece[at - start] == value[at]

    def test_long_metadata_of_a_stream_is_in_pieces(self, tmp_path: Path) -> None:
        dump, messages = tmp_path / "stream.rdb", 100_000
        maker = [sys.executable, str(ROOT / "bench/giants.py"), "stream", str(messages), str(dump)]
        subprocess.run(maker, check=True)
        path = self.import_dump(dump, tmp_path)
        with self.kind(path) as store:
            check_books(store)
            one = store.find(0, b"giant")
            assert one is not None
            assert len(one.payload) == 8
            value = store.value(one)
            assert len(value["entries"]) == messages
        with redtool.open(path) as dataset:
            (entry,) = dataset.entries(redtool.Filters(types=["stream"]))
        found, said = (
            {group["name"]: [tuple(pending) for pending in group["pel"]] for group in groups}
            for groups in (value["groups"], entry.value["groups"])
        )
        assert found == said
        assert [len(pel) for pel in found.values()] == [messages // 50, 0]

    def test_an_element_is_found_by_one_seek(self, tmp_path: Path) -> None:
        values = large_values()
        path = self.stored(tmp_path, {(0, key): (value, None) for key, value in values.items()})
        with self.kind(path) as store:
            for one in store.objects():
                value = values[one.key]
                if one.kind == "list":
                    for position in range(0, len(value), 50):
                        run = store.run_of(one, b"l", struct.pack(">Q", (1 << 63) + position))
                        assert value[position] in list_node(run[0], run[1:])
                    continue
                for element in value:
                    run = store.run_of(one, b"h", hash_order(element))
                    assert element in held(one.kind, one.value_type, run)
                    if one.kind != "set":
                        assert held(one.kind, one.value_type, run)[element] == value[element]
                if one.kind == "zset":
                    for member, score in value.items():
                        run = store.run_of(one, b"z", score_order(score) + member)
                        assert held(one.kind, one.value_type, run)[member] == score

    def test_long_keys_are_found_by_their_hash(self, tmp_path: Path) -> None:
        lengths = [0, 1, 490, 491, 492, 498, 499, 500, 506, 507, 508, 511, 600, 70_000]
        names = [b"k" * length + end for length in lengths for end in (b"", b"a", b"b")]
        keys = {
            (db, name): (b"%d:%d" % (db, n), 1_900_000_000_000 + n % 5 if n % 3 else None)
            for db in (0, 1, 15)
            for n, name in enumerate(names)
            if name
        }
        with self.kind(self.stored(tmp_path, keys)) as store:
            check_books(store)
            for (db, name), (value, expire_at_ms) in keys.items():
                one = store.find(db, name)
                assert one is not None
                assert (one.db, one.key, one.expire_at_ms) == (db, name, expire_at_ms)
                assert store.value(one) == value
            assert store.find(0, b"k" * 601 + b"a") is None
            assert len(list(store.objects())) == len(keys)

    def test_a_walk_of_the_objects_is_in_order_of_database_and_key(self, tmp_path: Path) -> None:
        names = [bytes([byte]) * n for byte in (0, 1, 97, 255) for n in (0, 1, 2)]
        keys = {(db, name): (b"v", None) for db in (300, 15, 0, 1) for name in sorted(set(names))}
        with self.kind(self.stored(tmp_path, keys)) as store:
            assert [(one.db, one.key) for one in store.objects()] == sorted(keys)
