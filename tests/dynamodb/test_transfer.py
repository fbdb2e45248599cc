"""Datasets go into tables and come out again, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

import redtool
from redtool.transforms import Transforms
from tests.conftest import MIXED, Runner
from tests.dynamodb.document import DynamoTable, items_of
from tests.dynamodb.local import DynamoDBLocal, needs_dynamodb_local
from tests.dynamodb.narrow import NarrowService
from tests.layout.promises import check_books, rdb_file

pytestmark = [needs_dynamodb_local, pytest.mark.usefixtures("service")]
MAKE = {"create": "yes"}


def many(n: int) -> bytes:
    """A dump of n small keys and a few big ones."""
    big = {b"field:%d" % i: b"value:%d" % i * 3 for i in range(2000)}
    keys = {(i % 3, b"key:%d" % i): (b"value:%d" % i, None) for i in range(n)}
    return rdb_file({**keys, **{(0, b"big:%d" % i): (big, None) for i in range(3)}})


def test_a_dump_goes_into_a_table_and_comes_out_again(table: str, tmp_path: Path) -> None:
    made = redtool.import_(MIXED, table, tuning=MAKE)
    assert made.account.balanced
    assert not redtool.diff(MIXED, table).different
    assert not redtool.diff(table, MIXED).different
    out = tmp_path / "out.rdb"
    redtool.dump(table, out)
    assert not redtool.diff(MIXED, out).different
    assert redtool.verify(table, deep=True).ok
    assert redtool.info(table).dbs == redtool.info(MIXED).dbs


@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
def test_stores_and_tables_are_made_of_each_other(table: str, kind: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"first.{kind}", tmp_path / f"second.{kind}"
    redtool.import_(MIXED, out=first)
    redtool.convert(first, table, tuning=MAKE)
    with DynamoTable(table) as store:
        check_books(store)
    redtool.convert(table, second)
    assert not redtool.diff(first, second).different
    assert redtool.verify(second, deep=True).ok


def test_entries_are_changed_on_the_way_into_a_table_and_out_of_it(
    table: str, tmp_path: Path
) -> None:
    changes = Transforms(rename=["h:=hash/"], ttl_shift="+1h", mask=["all"], mask_key="s")
    redtool.convert(MIXED, tmp_path / "changed.rdb", transforms=changes)
    redtool.convert(MIXED, table, transforms=changes, tuning=MAKE)
    assert not redtool.diff(tmp_path / "changed.rdb", table).different
    redtool.convert(MIXED, f"{table}-as-it-is", tuning=MAKE)
    redtool.convert(f"{table}-as-it-is", tmp_path / "out.rdb", transforms=changes)
    assert not redtool.diff(tmp_path / "changed.rdb", tmp_path / "out.rdb").different


def test_commands_and_walks_over_a_table_are_those_of_its_dump(table: str, tmp_path: Path) -> None:
    path = tmp_path / "many.rdb"
    path.write_bytes(many(500))
    redtool.import_(path, table, tuning=MAKE)
    with redtool.open(path) as dump, redtool.open(table) as dataset:
        for command in (
            ["GET", "key:3"],
            ["MGET", "key:0", "key:3", "none", "key:6"],
            ["DBSIZE"],
            ["HLEN", "big:1"],
            ["HGET", "big:1", "field:77"],
            ["HGET", "big:1", "none"],
            ["OBJECT", "ENCODING", "big:2"],
            ["DEBUG", "DIGEST"],
        ):
            assert dataset.execute(*command) == dump.execute(*command), command
        for pattern in ("*", "key:1*", "big:*", "key:33"):
            both = (set(one.execute("KEYS", pattern)) for one in (dataset, dump))
            assert next(both) == next(both)
        for db in range(3):
            assert scanned(dataset, db) == sorted(dump.execute("KEYS", "*", db=db))
            picked = {dataset.execute("RANDOMKEY", db=db) for _ in range(20)}
            assert len(picked) > 3
            assert picked <= set(dump.execute("KEYS", "*", db=db))
        entries = {(entry.db, entry.key): entry.value for entry in dataset}
        assert entries == {(entry.db, entry.key): entry.value for entry in dump}


def scanned(dataset: redtool.Dataset, db: int) -> list[bytes]:
    """Every key that SCAN gives, each once."""
    found: list[bytes] = []
    cursor = b"0"
    while True:
        cursor, some = dataset.execute("SCAN", cursor, "COUNT", "17", db=db)
        found += some
        if cursor == b"0":
            return sorted(found)


def test_what_the_service_leaves_undone_or_refuses_is_sent_again(
    table: str, service: DynamoDBLocal, tmp_path: Path
) -> None:
    path = tmp_path / "many.rdb"
    path.write_bytes(many(3000))
    with NarrowService(service.endpoint, refuse_every=5, undone_every=3) as narrow:
        slow = f"{table}?endpoint={narrow.endpoint}"
        redtool.import_(path, slow, tuning=MAKE)
        assert min(narrow.seen[what] for what in ("undone", "throttled", "broken")) > 3
        assert not redtool.diff(path, slow).different
    with DynamoTable(table) as store:
        check_books(store)


def test_a_service_that_takes_nothing_is_given_up_with_a_sentence(
    table: str, service: DynamoDBLocal, run: Runner
) -> None:
    redtool.import_(MIXED, table, tuning=MAKE)
    with NarrowService(service.endpoint) as narrow:
        narrow.always = "broken"
        ran = run("info", f"{table}?endpoint={narrow.endpoint}")
    assert ran.status == 2
    assert "InternalServerError" in ran.err
    assert "Traceback" not in ran.err


def test_the_write_capacity_asked_for_is_kept(table: str, written: Path) -> None:
    written.write_bytes(rdb_file({(0, b"%d" % n): (b"v", None) for n in range(300)}))
    start = time.monotonic()
    redtool.import_(written, table, tuning={**MAKE, "max_wcu": "100"})
    # A second's worth may go at once.
    assert 1.8 < time.monotonic() - start < 20


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_is_stopped_goes_on_where_it_was(
    table: str, how: signal.Signals, service: DynamoDBLocal, tmp_path: Path
) -> None:
    path = tmp_path / "many.rdb"
    path.write_bytes(many(20_000))
    words = ["import", str(path), "--to", table, "--create", "--max-wcu", "2000"]
    command = [sys.executable, "-m", "redtool", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ))
    name = table.partition("://")[2]
    stored = noted_keys(name, process)
    process.send_signal(how)
    process.wait(60)
    assert stored > 0
    assert process.returncode != 0
    with pytest.raises(redtool.RedtoolError, match=r"an import of .*many\.rdb stopped after \d+"):
        redtool.open(table)
    with pytest.raises(redtool.RedtoolError, match=r"this is another one"):
        redtool.import_(MIXED, table)
    with NarrowService(service.endpoint) as counted:
        made = redtool.import_(path, f"{table}?endpoint={counted.endpoint}")
        assert counted.seen["BatchWriteItem"] * 25 < 20_000 - stored + 5000
    assert made.account.total.written == 20_003
    assert not redtool.diff(path, table).different
    with DynamoTable(table) as store:
        check_books(store)


def noted_keys(name: str, process: subprocess.Popen[bytes]) -> int:
    """How many keys an import has noted as stored, as soon as it has noted some."""
    client = boto3.resource("dynamodb").Table(name)
    for _ in range(600):
        time.sleep(0.1)
        if process.poll() is not None:
            break
        try:
            item = client.get_item(Key={"pk": b"m", "sk": b"import"}).get("Item")
        except client.meta.client.exceptions.ResourceNotFoundException:
            continue
        keys = int.from_bytes(bytes(item["v"].value)[8:16], "little") if item else 0
        if keys:
            return keys
    return 0


def test_a_dataset_is_not_written_over(table: str) -> None:
    redtool.import_(MIXED, table, tuning=MAKE)
    before = items_of(table.partition("://")[2])
    with pytest.raises(redtool.TargetExistsError, match="holds a dataset already"):
        redtool.import_(MIXED, table)
    with pytest.raises(redtool.UsageError, match="not replaced"):
        redtool.import_(MIXED, table, force=True)
    with pytest.raises(redtool.UsageError, match="the same"):
        redtool.convert(table, table)
    assert items_of(table.partition("://")[2]) == before


def test_tables_are_merged_and_made_by_split(table: str, tmp_path: Path) -> None:
    redtool.split(MIXED, f"{table}-{{}}", by="type", tuning=MAKE)
    parts = [f"{table}-{kind}" for kind in redtool.info(MIXED).types]
    redtool.merge(parts, tmp_path / "whole.rdb")
    assert not redtool.diff(MIXED, tmp_path / "whole.rdb").different
