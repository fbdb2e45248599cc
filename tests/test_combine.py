"""merge and split: every key in exactly one place; and what every verb that moves data reports."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import redtool
from redtool.verbs.combine import split
from tests.conftest import Runner

pytestmark = pytest.mark.usefixtures("native")


def rdb(*records: bytes, ctime: int = 1_700_000_000) -> bytes:
    """A version 9 dump without a checksum."""
    taken = b"\xfa\x05ctime\x0a" + str(ctime).encode()
    return b"REDIS0009" + taken + b"\xfe\x00" + b"".join(records) + b"\xff" + bytes(8)


def string(key: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(key)]) + key + bytes([len(value)]) + value


# A set of type 20 whose listpack says that it is longer than it is.
DAMAGED = b"\x14\x03bad\x08" + bytes.fromhex("ff00000001000aff")


@pytest.mark.parametrize("kind", ["rdb", "lmdb"])
@pytest.mark.parametrize(
    ("by", "parts"), [("slot", 3), ("slot", 1), ("hash", 4), ("db", None), ("type", None)]
)
def test_what_is_split_and_merged_again_is_the_same(
    by: str, parts: int | None, kind: str, dump: Path, tmp_path: Path
) -> None:
    result = redtool.split(dump, tmp_path / f"part-{{}}.{kind}", by=by, parts=parts)
    assert result.ok
    assert result.account.total.written == 29
    assert sum(part.account.total.written for part in result.parts) == 29
    names = [part.target for part in result.parts]
    assert len(set(names)) == len(names)
    assert parts is None or len(names) == parts
    merged = redtool.merge(names, tmp_path / "all.rdb")
    assert (merged.ok, merged.conflicts) == (True, 0)
    assert not redtool.diff(dump, tmp_path / "all.rdb").different


def test_slots_are_those_of_a_new_cluster(dump: Path, tmp_path: Path) -> None:
    names = [Path(part.target).name for part in split(dump, tmp_path / "{}.rdb", parts=3).parts]
    assert names == ["0-5460.rdb", "5461-10922.rdb", "10923-16383.rdb"]


def test_a_key_in_two_sources_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.rdb").write_bytes(rdb(string(b"one", b"1"), string(b"both", b"a")))
    (tmp_path / "b.rdb").write_bytes(rdb(string(b"both", b"b")))
    sources = [tmp_path / "a.rdb", tmp_path / "b.rdb"]
    with pytest.raises(redtool.CorruptError, match="in 2 of the sources") as caught:
        redtool.merge(sources, tmp_path / "all.rdb")
    assert (caught.value.db, caught.value.key) == (0, b"both")
    assert not (tmp_path / "all.rdb").exists()


@pytest.mark.parametrize(("policy", "stays"), [("first", b"a"), ("last", b"c"), ("newest", b"b")])
@pytest.mark.parametrize("kind", ["rdb", "lmdb"])
def test_a_policy_says_which_entry_stays(
    policy: str, stays: bytes, kind: str, tmp_path: Path
) -> None:
    for name, taken in ((b"a", 3), (b"b", 5), (b"c", 4)):
        own = string(b"only:" + name, name)
        dump = rdb(string(b"k", name), own, ctime=1_700_000_000 + taken)
        (tmp_path / f"{name.decode()}.rdb").write_bytes(dump)
    sources = [tmp_path / f"{name}.rdb" for name in "abc"]
    target = tmp_path / f"all.{kind}"
    result = redtool.merge(sources, target, on_conflict=policy)
    assert result.ok
    assert result.account.total == redtool.Tally(6, 4, 0, 2, 0)
    assert result.conflicts == 2
    with redtool.open(target) as dataset:
        assert dataset.execute("GET", "k") == stays
        assert dataset.counts().keys == 4


def test_a_key_twice_in_one_source_is_damage_whatever_the_policy(tmp_path: Path) -> None:
    (tmp_path / "a.rdb").write_bytes(rdb(string(b"k", b"1"), string(b"k", b"2")))
    (tmp_path / "b.rdb").write_bytes(rdb())
    with pytest.raises(redtool.CorruptError, match="there twice"):
        redtool.merge(
            [tmp_path / "a.rdb", tmp_path / "b.rdb"], tmp_path / "c.rdb", on_conflict="last"
        )


def library(text: bytes) -> bytes:
    return b"\xf5" + bytes([len(text)]) + text


def test_a_library_that_differs_is_a_conflict_too(tmp_path: Path) -> None:
    for name in ("a", "b"):
        source = f"#!lua name=lib\nredis.register_function('{name}', function() end)".encode()
        (tmp_path / f"{name}.rdb").write_bytes(rdb(library(source)).replace(b"0009", b"0011"))
    sources = [tmp_path / "a.rdb", tmp_path / "b.rdb"]
    with pytest.raises(redtool.CorruptError, match='library "lib" differs'):
        redtool.merge(sources, tmp_path / "x.rdb")
    redtool.merge(sources, tmp_path / "x.rdb", on_conflict="first")
    with redtool.open(tmp_path / "x.rdb") as dataset:
        (listed,) = dataset.execute("FUNCTION", "LIST", "WITHCODE")
        assert listed[b"library_code"].endswith(b"('a', function() end)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x.rdb", "--parts", "2"), "the parts need names of their own"),
        (("x-{}.rdb",), "how many parts there are to be is not said"),
        (("x-{}.rdb", "--slots", "0-10"), "slot 11 is in no part"),
        (("x-{}.rdb", "--slots", "0-9000,8000-16383"), "slot 8000 is in two parts"),
        (("x-{}.rdb", "--by", "db", "--parts", "2"), "as many as there are"),
        (("x-{}.rdb", "--parts", "2", "--slots", "0-16383"), "ranges of slots are the parts"),
        (("x-{}.rdb", "--by", "colour"), "'colour' is none of slot, hash, db, type"),
    ],
)
def test_parts_that_would_lose_keys_are_refused(
    words: tuple[str, ...], said: str, dump: Path, run: Runner, tmp_path: Path
) -> None:
    done = run("split", "dump.rdb", *words)
    assert done.status == 2
    assert said in done.err
    assert list(tmp_path.glob("x*")) == []


@pytest.mark.parametrize("target", ["out.rdb", "out.lmdb"])
def test_damaged_entries_are_set_aside_and_the_status_says_so(
    target: str, run: Runner, tmp_path: Path
) -> None:
    (tmp_path / "x.rdb").write_bytes(rdb(string(b"a", b"1"), DAMAGED, string(b"b", b"2")))
    refused = run("convert", "x.rdb", target)
    assert refused.status == 2
    assert not (tmp_path / target).exists()
    done = run("convert", "x.rdb", target, "--dead-letter", "dead.jsonl", "--report", "r.json")
    assert done.status == 2
    assert "1 key failed" in done.err
    letter = json.loads((tmp_path / "dead.jsonl").read_text())
    assert (letter["db"], letter["key"], letter["rdb_type"]) == (0, "bad", 20)
    assert base64.b64decode(letter["payload"]) == DAMAGED[5:]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["account"]["total"] == {
        "read": 3,
        "written": 2,
        "filtered": 0,
        "skipped": 0,
        "failed": 1,
    }
    assert report["failures"][0]["key"] == "bad"
    with redtool.open(tmp_path / target) as dataset:
        assert dataset.counts().keys == 2


def test_a_report_tells_of_failure_too(run: Runner, dump: Path, tmp_path: Path) -> None:
    assert run("convert", "dump.rdb", "x.lmdb", "--report", "r.json").status == 0
    assert json.loads((tmp_path / "r.json").read_text())["ok"]
    assert run("convert", "dump.rdb", "x.lmdb", "--report", "r.json").status == 2
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["ok"] is False
    assert "already exists" in report["error"]


def test_a_store_is_copied_into_another(dump: Path, tmp_path: Path) -> None:
    redtool.convert(dump, tmp_path / "a.lmdb")
    result = redtool.convert(tmp_path / "a.lmdb", tmp_path / "b.lmdb")
    assert (result.ok, result.account.total.written) == (True, 29)
    assert not redtool.diff(tmp_path / "a.lmdb", tmp_path / "b.lmdb").different
    assert redtool.verify(tmp_path / "b.lmdb", deep=True).ok
    part = redtool.convert(
        tmp_path / "a.lmdb", tmp_path / "c.lmdb", filters=redtool.Filters(types=["hash"])
    )
    assert part.account.total == redtool.Tally(29, 5, 24, 0, 0)
    assert redtool.verify(tmp_path / "c.lmdb", deep=True).ok


def test_a_dataset_in_memory_is_found_by_its_name(dump: Path, tmp_path: Path) -> None:
    assert redtool.convert(dump, "memory:one").account.total.written == 29
    with redtool.open("memory:one") as dataset:
        assert dataset.execute("DBSIZE") == redtool.info(dump).dbs[0].keys
    assert not redtool.diff(dump, "memory:one").different
    redtool.convert("memory:one", tmp_path / "x.lmdb")
    assert redtool.verify(tmp_path / "x.lmdb", deep=True).ok
    with pytest.raises(redtool.TargetExistsError):
        redtool.convert(dump, "memory:one")
    assert redtool.convert(dump, "memory:one", force=True).ok
    with pytest.raises(FileNotFoundError):
        redtool.open("memory:nobody")
    with pytest.raises(redtool.UsageError, match="nobody could open"):
        redtool.convert(dump, "memory:")
    with redtool.open("memory:") as dataset:
        assert dataset.execute("DBSIZE") == 0


@pytest.mark.parametrize("option", ["nonsense=1", "nonsense"])
def test_a_store_refuses_what_cannot_be_tuned(option: str, run: Runner, dump: Path) -> None:
    done = run("import", "dump.rdb", "--option", option)
    assert done.status == 2
    assert "nonsense" in done.err
