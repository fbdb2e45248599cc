"""Small values that users write: durations, ranges, clocks, filters, names of datasets."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import redtool
from redtool import errors, times
from redtool.errors import DatasetNotFoundError, UnsupportedError, UsageError
from redtool.filters import Filters
from redtool.urls import beside, import_target, refuse_same, source_url, target_url


@pytest.mark.parametrize("module", [errors, times])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert (tried.failed, tried.attempted > 0) == (0, True)


@pytest.mark.parametrize(
    "text", ["", "h", "1y", "-1s", "1h30m", "nan", "inf", "1e999s", "ten", "s1"]
)
def test_a_bad_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as"):
        times.duration_ms(text)


@pytest.mark.parametrize(
    ("text", "range_ms"),
    [
        ("none", "none"),
        ("any", "any"),
        ("<1s", (None, 999)),
        ("<=1s", (None, 1000)),
        (">1s", (1001, None)),
        (">=1s", (1000, None)),
        ("1s..2s", (1000, 2000)),
        ("1s..", (1000, None)),
        ("..2s", (None, 2000)),
    ],
)
def test_a_range_of_time_to_live(text: str, range_ms: object) -> None:
    assert times.ttl_range(text) == range_ms


@pytest.mark.parametrize("text", ["", "..", "1h", "<", ">x", "1h..x", "some"])
def test_a_bad_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no range such as"):
        times.ttl_range(text)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("now", "now"),
        ("dump", "dump"),
        ("1769860800000", 1769860800000),
        ("2026-01-31T12:00", 1769860800000),
        ("2026-01-31T13:00+01:00", 1769860800000),
        ("2026-01-31", 1769817600000),
    ],
)
def test_a_clock(text: str, clock: str | int) -> None:
    assert times.clock(text) == clock


def test_a_bad_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="is no clock such as"):
        times.clock("yesterday")


def test_filters_become_only_what_was_given() -> None:
    assert Filters().as_options() == {}
    assert Filters(keys=["user:*"], dbs=[0], ttl="<1h", exclude_types=["set"]).as_options() == {
        "keys": [b"user:*"],
        "dbs": [0],
        "ttl": (None, 3_599_999),
        "exclude_types": ["set"],
    }


@pytest.mark.parametrize(
    "filters", [Filters(types=["hush"]), Filters(ttl="soon"), Filters(keys="user:*")]
)
def test_filters_that_mean_nothing_are_refused(filters: Filters) -> None:
    with pytest.raises(UsageError):
        filters.as_options()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("dump.rdb", "dump.lmdb"),
        ("/a/dump.rdb.gz", "/a/dump.lmdb"),
        ("x/dump.rdb.zst", "x/dump.lmdb"),
        ("backup", "backup.lmdb"),
        ("rdb:///a/b.rdb", "/a/b.lmdb"),
        ("v1.2/dump", "v1.2/dump.lmdb"),
        (".rdb", ".rdb.lmdb"),
    ],
)
def test_an_import_goes_beside_its_source(source: str, target: str) -> None:
    assert beside(source, "lmdb") == target


@pytest.mark.parametrize("to", ["/data/x.lmdb", "x.lmdb", "lmdb://x", "rdb://-"])
def test_an_import_goes_where_it_is_told(to: str) -> None:
    assert import_target("dump.rdb", to) == to


def test_a_kind_that_cannot_be_imported_to_is_told_from_a_path() -> None:
    assert import_target("dump.rdb", "lmdb") == "dump.lmdb"
    for to in ("aof", "x.txt", "sqlite"):
        with pytest.raises(UsageError, match=r"cannot import to"):
            import_target("dump.rdb", to)
    with pytest.raises(UsageError, match="two targets"):
        redtool.import_("dump.rdb", "x.lmdb", out="y.lmdb")


def test_an_import_of_stdin_needs_a_place() -> None:
    with pytest.raises(UsageError, match="no place of its own"):
        beside("-", "lmdb")


def test_an_import_to_an_unknown_store_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot import to 'aof'"):
        beside("dump.rdb", "aof")


def test_a_new_target_is_told_by_its_ending(tmp_path: Path) -> None:
    assert target_url(str(tmp_path / "x.lmdb")) == ("lmdb", str(tmp_path / "x.lmdb"), {})
    assert target_url("rdb:///x/strange.name") == ("rdb", "/x/strange.name", {})
    assert target_url("-") == ("rdb", "-", {})
    with pytest.raises(UsageError, match="cannot tell the format"):
        target_url(str(tmp_path / "x.bin"))


@pytest.mark.parametrize(
    "name",
    [
        "redis://localhost",
        "rediss://localhost",
        "redis+cluster://a:1",
        "s3://bucket/x.rdb",
        "/nowhere/x.aof",
    ],
)
def test_a_place_for_later_is_refused_with_a_sentence(name: str, native: None) -> None:
    with pytest.raises(UnsupportedError, match="cannot be read yet"):
        source_url(name)
    with pytest.raises(UnsupportedError, match="cannot be written yet"):
        target_url(name)


@pytest.mark.parametrize("name", ["x.rdb.gz", "x.rdb.zst"])
def test_what_can_only_be_read_is_refused_as_a_target(name: str) -> None:
    with pytest.raises(UnsupportedError, match="cannot be written yet"):
        target_url(name)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown scheme 'ftp'"):
        source_url("ftp://x")


def test_what_is_not_there_is_not_found(native: None) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        source_url("/nowhere/x.rdb")
    assert isinstance(caught.value, DatasetNotFoundError)
    assert str(caught.value) == "/nowhere/x.rdb: no such file or directory"


def test_content_counts_and_not_the_ending(tmp_path: Path, native: None) -> None:
    odd = tmp_path / "odd.lmdb"
    odd.write_bytes(b"REDIS0006\xff\xdc\xb3\x43\xf0\x5a\xdc\xf2\x56")
    assert source_url(str(odd)) == ("rdb", str(odd), {})


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 10_000, b"SQLite format 3\0"])
def test_what_is_no_dataset_is_refused(tmp_path: Path, data: bytes, native: None) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(data)
    with pytest.raises(UnsupportedError):
        source_url(str(junk))


def test_a_dataset_is_not_written_over_itself(tmp_path: Path) -> None:
    (tmp_path / "x.rdb").touch()
    (tmp_path / "y.rdb").symlink_to("x.rdb")
    with pytest.raises(UsageError, match="are the same"):
        refuse_same(("rdb", str(tmp_path / "x.rdb"), {}), ("rdb", str(tmp_path / "y.rdb"), {}))
    refuse_same(("rdb", "-", {}), ("rdb", "-", {}))
