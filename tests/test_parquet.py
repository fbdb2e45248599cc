"""Parquet: a row a key, or a row an element, read back with pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

import redtool
from tests.conftest import FIXTURES, Runner

pytestmark = pytest.mark.usefixtures("native")


def rows(path: Path) -> list[dict[str, Any]]:
    table = parquet.read_table(path)
    return [dict(row) for row in table.to_pylist()]


def test_a_row_a_key(dump: Path, tmp_path: Path) -> None:
    result = redtool.convert(dump, tmp_path / "x.parquet")
    assert (result.ok, result.account.total.written) == (True, 29)
    assert result.bytes_written == (tmp_path / "x.parquet").stat().st_size
    found = {(row["db"], row["key"]): row for row in rows(tmp_path / "x.parquet")}
    with redtool.open(dump) as dataset:
        entries = list(dataset.entries())
    assert len(found) == len(entries) == 29
    for entry in entries:
        row = found[entry.db, entry.key]
        assert (row["type"], row["encoding"]) == (entry.type, entry.encoding)
        at = row["expire_at"]
        assert (None if at is None else round(at.timestamp() * 1000)) == entry.expire_at_ms
        if entry.type == "string":
            assert row["value"] == entry.value
        elif entry.type in ("list", "set", "zset", "hash"):
            assert row["elements"] == len(entry.value)
    assert found[0, b"h:compact"]["value"] == b'{"f":"v","n":"1"}'


def test_a_row_an_element(dump: Path, tmp_path: Path) -> None:
    redtool.convert(dump, tmp_path / "x.parquet", elements=True)
    found = rows(tmp_path / "x.parquet")
    with redtool.open(dump) as dataset:
        for entry in dataset.entries():
            mine = [row for row in found if (row["db"], row["key"]) == (entry.db, entry.key)]
            if entry.type == "string":
                assert [row["value"] for row in mine] == [entry.value]
            elif entry.type == "list":
                assert [row["value"] for row in mine] == entry.value
                assert [row["index"] for row in mine] == list(range(len(entry.value)))
            elif entry.type == "set":
                assert {row["value"] for row in mine} == entry.value
            elif entry.type == "zset":
                pairs = {(row["value"], row["score"]) for row in mine}
                assert pairs == {tuple(pair) for pair in entry.value}
            elif entry.type == "hash":
                assert {row["field"]: row["value"] for row in mine} == entry.value
            elif entry.type == "stream":
                ids = [ident for ident, _ in entry.value["entries"]]
                assert list(dict.fromkeys(row["id"] for row in mine)) == ids


@pytest.mark.parametrize("elements", [False, True])
def test_every_fixture_becomes_a_table(elements: bool, tmp_path: Path) -> None:
    for path in sorted(FIXTURES.glob("redis-7.2.6/*.rdb")):
        target = tmp_path / f"{path.stem}.parquet"
        result = redtool.convert(path, target, elements=elements)
        assert result.ok, path
        if not elements:
            assert parquet.read_metadata(target).num_rows == result.account.total.written


def test_a_value_too_large_for_a_cell_is_refused_unless_lossy(tmp_path: Path) -> None:
    big = 17 << 20
    length = b"\x80" + big.to_bytes(4, "big")
    dump = b"REDIS0009\xfe\x00\x00\x03big" + length + b"x" * big + b"\xff" + bytes(8)
    (tmp_path / "x.rdb").write_bytes(dump)
    with pytest.raises(redtool.LossError, match="larger than a cell"):
        redtool.convert(tmp_path / "x.rdb", tmp_path / "x.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["x.rdb"]
    result = redtool.convert(tmp_path / "x.rdb", tmp_path / "x.parquet", lossy=True)
    assert result.losses == {"value": 1}
    (row,) = rows(tmp_path / "x.parquet")
    assert (row["key"], row["bytes"] > big, row["value"]) == (b"big", True, None)


def test_it_is_all_or_nothing(run: Runner, dump: Path, tmp_path: Path) -> None:
    assert run("dump", "dump.rdb", "--format", "parquet", "-o", "x.parquet").status == 0
    again = run("dump", "dump.rdb", "--format", "parquet", "-o", "x.parquet")
    assert again.status == 2
    assert "already exists" in again.err
    (tmp_path / "cut.rdb").write_bytes(dump.read_bytes()[:-700])
    assert run("convert", "cut.rdb", "y.parquet").status == 2
    assert not list(tmp_path.glob("*y.parquet*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("convert", "dump.rdb", "x.parquet", "--template", "{key}"), "--template says nothing"),
        (("convert", "dump.rdb", "x.parquet", "--rdb-version", "9"), "--rdb-version says nothing"),
        (("convert", "dump.rdb", "x.lmdb", "--elements"), "--elements says nothing"),
        (("dump", "dump.rdb", "--format", "parquet"), "cannot go to stdout"),
    ],
)
def test_what_says_nothing_of_the_target_is_refused(
    words: tuple[str, ...], said: str, run: Runner, dump: Path
) -> None:
    done = run(*words)
    assert done.status == 2
    assert said in done.err
