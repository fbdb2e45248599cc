"""A DynamoDB table, read with boto3 by the document at the head of server/store/src/dynamodb/mod.rs
alone.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import boto3

from tests.layout.store import Record, Store, expire_key, parse_object

CHUNK_BYTES = 393_216
ITEM_BYTES = 400 * 1024
META = b"m"

Item = dict[str, Any]


def items_of(table: str) -> list[Item]:
    """Every item of a table, binary values as bytes."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [plain(item) for page in pages for item in page["Items"]]


def plain(item: Item) -> Item:
    """An item without the names of its types; a number is an int."""
    values = {name: next(iter(value.items())) for name, value in item.items()}
    return {name: int(value) if kind == "N" else value for name, (kind, value) in values.items()}


def size_of(item: Item) -> int:
    """The size of an item as DynamoDB counts it, numbers at their largest."""
    value_bytes = sum(21 if isinstance(value, int) else len(value) for value in item.values())
    return value_bytes + sum(map(len, item))


class DynamoTable(Store):
    """A table read whole, and its records put in order as those of other stores are."""

    def __init__(self, path: Any) -> None:
        self.items = items_of(str(path).removeprefix("dynamodb://").partition("?")[0])
        self.by_key = {(item["pk"], item["sk"]): item for item in self.items}
        assert len(self.by_key) == len(self.items)
        self.chunks_used = 0
        self.tables: dict[bytes, dict[bytes, bytes]] = {
            name: {} for name in (b"expires", b"meta", b"objects", b"segments")
        }
        for item in self.items:
            if item["pk"] == META and not self.is_chunk(item):
                self.tables[b"meta"][item["sk"]] = self.whole(item)
            elif item["sk"] == b"o":
                self.tables[b"objects"][item["pk"]] = self.whole(item)
                if "e" in item:
                    self.tables[b"expires"][expire_key(item["e"], item["pk"])] = b""
        ids = {
            key: parse_object(key, record).segments
            for key, record in self.tables[b"objects"].items()
        }
        for item in self.items:
            segments = ids.get(item["pk"])
            if segments is None:
                continue
            if item["sk"].startswith(b"s" + struct.pack(">Q", segments)):
                self.tables[b"segments"][item["sk"][1:]] = self.whole(item)
        self.order = {name: sorted(records) for name, records in self.tables.items()}

    @staticmethod
    def is_chunk(item: Item) -> bool:
        return bool(item["sk"][:1] == b"c" and len(item["sk"]) == 13)

    def whole(self, item: Item) -> bytes:
        """An item's value: its own, or its chunks'."""
        if "n" not in item:
            return bytes(item["v"])
        assert "v" not in item
        generation = item["g"]
        assert len(generation) == 8
        chunks = [
            self.by_key[item["pk"], b"c" + generation + struct.pack(">I", n)]["v"]
            for n in range(item["n"])
        ]
        assert {len(chunk) for chunk in chunks[:-1]} <= {CHUNK_BYTES}
        assert 0 < len(chunks[-1]) <= CHUNK_BYTES
        self.chunks_used += len(chunks)
        return b"".join(chunks)

    def close(self) -> None:
        pass

    def records(self, table: bytes, start: bytes = b"") -> Iterator[Record]:
        keys = self.order[table]
        for key in keys[bisect_left(keys, start) :]:
            yield key, self.tables[table][key]

    def get(self, table: bytes, key: bytes) -> bytes | None:
        return self.tables[table].get(key)

    def last(self, table: bytes, key: bytes) -> Record | None:
        keys = self.order[table]
        place = bisect_left(keys, key + b"\0")
        return (keys[place - 1], self.tables[table][keys[place - 1]]) if place else None

    def check_tables(self) -> None:
        """Every item is a record or a chunk of one, and none is too large; nothing is left over."""
        records = sum(len(self.tables[name]) for name in (b"meta", b"objects", b"segments"))
        assert len(self.items) == records + self.chunks_used
        assert b"import" not in self.tables[b"meta"]
        assert all(size_of(item) <= ITEM_BYTES for item in self.items)
        for item in self.items:
            known = {"pk", "sk", "v", "n", "g", "e", "ttl"}
            assert item.keys() <= known, item.keys()
