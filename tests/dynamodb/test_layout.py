"""The document of the table is true: what redtool writes into DynamoDB, boto3 reads by it."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

import redtool
from tests.conftest import MIXED, ROOT
from tests.dynamodb.document import CHUNK_BYTES, DynamoTable, items_of
from tests.dynamodb.local import needs_dynamodb_local
from tests.layout.promises import Promises, check_books, rdb_file
from tests.layout.store import parse_object

pytestmark = [needs_dynamodb_local, pytest.mark.usefixtures("service")]

DOCUMENT = (ROOT / "server/store/src/dynamodb/mod.rs").read_text()
_NUMBERS = count()


class TestDynamoDb(Promises):
    """A table read with boto3."""

    kind = DynamoTable

    def import_dump(self, rdb: Path, folder: Path) -> Any:
        table = f"dynamodb://promises-{next(_NUMBERS)}"
        redtool.import_(rdb, table, tuning={"create": "yes"})
        return table


def test_the_documents_example_is_an_item_of_ours(table: str, written: Path) -> None:
    example = re.search(
        r"^//! pk ([0-9a-f]+) +sk ([0-9a-f]+) +e (\d+)\n//! v +([0-9a-f ]+)\n",
        DOCUMENT,
        re.MULTILINE,
    )
    assert example is not None
    pk, sk, value = (bytes.fromhex(example[n]) for n in (1, 2, 4))
    one = parse_object(pk, value)
    assert (one.db, one.key, one.expire_at_ms) == (3, b"user:1", int(example[3]))
    written.write_bytes(rdb_file({(3, b"user:1"): ({b"f": b"v"}, int(example[3]))}))
    redtool.import_(written, table, tuning={"create": "yes"})
    items = {(item["pk"], item["sk"]): item for item in items_of(table.partition("://")[2])}
    assert items[pk, sk] == {"pk": pk, "sk": sk, "v": value, "e": int(example[3])}


def test_values_that_are_too_long_for_an_item_are_cut(table: str, written: Path) -> None:
    long = b"k" * 900_000
    values: dict[bytes, Any] = {
        long: b"a key that is too long",
        b"elements": {b"f%d" % n: b"v" * 500_000 for n in range(3)},
        b"list": [b"x" * (CHUNK_BYTES + n) for n in (-5, 0, 5)],
    }
    written.write_bytes(rdb_file({(0, key): (value, None) for key, value in values.items()}))
    redtool.import_(written, table, tuning={"create": "yes"})
    with DynamoTable(table) as store:
        check_books(store)
        assert store.chunks_used > 8
        for one in store.objects():
            value = store.value(one)
            if one.kind == "hash":
                value = {field: content for field, (content, _) in value.items()}
            assert value == values[one.key]
    assert not redtool.diff(written, table).different


def test_what_expires_has_the_time_for_dynamodb_where_that_is_asked_for(
    table: str, written: Path
) -> None:
    big = {b"%d" % n: b"v" * 50 for n in range(1000)}
    at_ms = 4_102_444_800_001
    keys = {(0, b"a"): (b"v", at_ms), (0, b"b"): (big, at_ms), (0, b"c"): (big, None)}
    written.write_bytes(rdb_file(keys))
    redtool.import_(written, table, tuning={"create": "yes", "native_ttl": "yes"})
    name = table.partition("://")[2]
    for item in items_of(name):
        mortal = item["pk"] in (b"\0\0\0\0a", b"\0\0\0\0b")
        assert item.get("ttl") == (4_102_444_801 if mortal else None), item["sk"]
    state = boto3.client("dynamodb").describe_time_to_live(TableName=name)
    assert state["TimeToLiveDescription"]["AttributeName"] == "ttl"
    assert not redtool.diff(written, table).different


def test_what_an_abandoned_import_left_is_not_taken_for_a_part(table: str) -> None:
    redtool.import_(MIXED, table, tuning={"create": "yes"})
    name = table.partition("://")[2]
    items = items_of(name)
    segment = next(item for item in items if item["sk"].startswith(b"s"))
    other = {**segment, "sk": b"s" + bytes(8) + segment["sk"][9:], "v": b"\x01x"}
    lost = {**segment, "pk": b"\0\0\0\x09gone"}
    chunk = {"pk": segment["pk"], "sk": b"c" + bytes(12), "v": b"x"}
    client = boto3.resource("dynamodb").Table(name)
    for item in (other, lost, chunk):
        client.put_item(Item=item)
    assert not redtool.diff(MIXED, table).different
    assert redtool.verify(table).ok
