"""`--map script.py`: what a Python function makes of entries, on every path, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import redtool
from redtool.results import Entry
from redtool.transforms import Transforms
from tests.conftest import FIXTURES, Runner

pytestmark = pytest.mark.usefixtures("native")

Place = tuple[int, bytes]
Mapped = Entry | list[Entry] | Iterator[Entry] | None


def entries_of(path: Path) -> dict[Place, Entry]:
    with redtool.open(path) as dataset:
        return {(entry.db, entry.key): entry for entry in dataset.entries()}


@pytest.fixture(params=["rdb-rdb", "rdb-lmdb", "lmdb-rdb", "lmdb-lmdb"])
def path(request: pytest.FixtureRequest, dump: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A source and a target."""
    source, target = request.param.split("-")
    if source == "lmdb":
        redtool.convert(dump, tmp_path / "dump.lmdb")
    return tmp_path / f"dump.{source}", tmp_path / f"out.{target}"


def mapped(source: Path, target: Path, function: Any) -> dict[Place, Entry]:
    result = redtool.convert(source, target, transforms=Transforms(map=function))
    assert result.account.balanced
    return entries_of(target)


def test_entries_pass_drop_and_double(path: tuple[Path, Path]) -> None:
    def function(entry: Entry) -> Mapped:
        if entry.type == "string":
            return None
        if entry.type == "list":
            return (replace(entry, key=entry.key + end) for end in (b"", b"+", b"++"))
        return entry

    before = entries_of(path[0])
    result = redtool.convert(*path, transforms=Transforms(map=function))
    after = entries_of(path[1])
    types = result.account.types
    assert result.account.balanced
    assert types["string"].filtered == types["string"].read == 13
    assert types["list"].written == types["list"].read == 9
    assert len(after) == 29 - 13 + 6
    for place, entry in before.items():
        if entry.type not in ("string", "zset"):
            assert after[place].value == entry.value
            assert after[place].encoding == entry.encoding
    assert redtool.verify(path[1], deep=True).ok


def test_every_type_can_be_changed(path: tuple[Path, Path]) -> None:
    def function(entry: Entry) -> Entry:
        value: Any = entry.value
        if entry.type == "string":
            value = value + b"!"
        elif entry.type == "list":
            value = [*value, "text"]
        elif entry.type == "set":
            value = {*value, b"one more"}
        elif entry.type == "zset":
            value = [(member, score * 2) for member, score in value]
        elif entry.type == "hash":
            value[b"f"] = b"changed in place"
        elif entry.type == "stream":
            value = {**value, "entries": value["entries"][:1]}
        return replace(entry, value=value, key=b"new:" + entry.key, expire_at_ms=None, db=2)

    distinct = Transforms(map=lambda e: function(e) if e.db == 0 else None)
    assert redtool.convert(*path, transforms=distinct).account.balanced
    after = entries_of(path[1])
    assert {db for db, _ in after} == {2}
    for (_, key), entry in after.items():
        old = next(e for e in entries_of(path[0]).values() if e.db == 0 and b"new:" + e.key == key)
        assert entry.expire_at_ms is None
        match entry.type:
            case "string":
                assert entry.value == old.value + b"!"
            case "list":
                assert entry.value == [*old.value, b"text"]
            case "set":
                assert entry.value == old.value | {b"one more"}
            case "zset":
                assert sorted(entry.value) == sorted((m, s * 2) for m, s in old.value)
            case "hash":
                assert entry.value == {**old.value, b"f": b"changed in place"}
            case "stream":
                assert entry.value["entries"] == old.value["entries"][:1]
                assert entry.value["length"] == 1
                assert entry.value["groups"] == old.value["groups"]
    assert redtool.verify(path[1], deep=True).ok


def test_a_type_can_become_another_and_hash_fields_can_expire(path: tuple[Path, Path]) -> None:
    def function(entry: Entry) -> Entry | None:
        if entry.type != "string" or entry.db:
            return None
        at_ms = {b"value": 4_102_444_800_000}
        fields = {b"value": entry.value, b"n": b"1"}
        return replace(entry, type="hash", value=fields, field_expire_ms=at_ms)

    result = redtool.convert(
        *path,
        transforms=Transforms(map=function),
        rdb_version=12 if path[1].suffix == ".rdb" else None,
    )
    assert result.account.balanced
    assert set(result.account.types) >= {"hash"}
    after = entries_of(path[1])
    strings = [e for (db, _), e in entries_of(path[0]).items() if e.type == "string" and not db]
    assert len(after) == len(strings)
    for old in strings:
        entry = after[0, old.key]
        assert entry.value == {b"value": old.value, b"n": b"1"}
        assert entry.field_expire_ms == {b"value": 4_102_444_800_000}


def test_streams_and_modules_come_through_whole(tmp_path: Path) -> None:
    for name in ("redis-7.4.1/streams", "redis-7.4.1/modules", "redis-7.4.1/hfe"):
        source = FIXTURES / f"{name}.rdb"
        target = tmp_path / f"{Path(name).name}.rdb"
        mapped(source, target, replace)
        assert redtool.diff(source, target).different == 0


def test_what_has_no_elements_is_no_entry(dump: Path, tmp_path: Path) -> None:
    def function(entry: Entry) -> Entry:
        empty: dict[str, Any] = {"set": set(), "hash": {}, "list": [], "zset": []}
        return replace(entry, value=empty.get(entry.type, entry.value))

    after = mapped(dump, tmp_path / "out.rdb", function)
    assert {entry.type for entry in after.values()} == {"string", "stream"}


SCRIPT = """\
from dataclasses import replace


def map(entry):
    if entry.key == b"int8":
        return {answer}
    return entry
"""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("1 / 0", "the script failed in line 6 of map.py"),
        ("5", "it gave an object of type int, not an Entry, None or several entries"),
        ("[entry, 5]", "it gave an object of type int, not an Entry"),
        ("replace(entry, value=5)", "a string's value is of type int, not bytes"),
        ("replace(entry, type='set', value=[b'a', b'a'])", '"a" is there twice'),
        ("replace(entry, type='zset', value=[(b'a', float('nan'))])", "a score is not a number"),
        ("replace(entry, type='zset', value=[b'a'])", "b'a' is no pair of member and score"),
        ("replace(entry, type='hash', value=[1])", "the value of a hash is of type list"),
        ("replace(entry, type='list', value=b'abc')", "the value of a list is of type bytes"),
        ("replace(entry, type='module')", "a module cannot be changed or made by a script"),
        ("replace(entry, type='tree')", '"tree" is no type'),
        ("replace(entry, db=-1)", "db is -1, not a whole number"),
        ("replace(entry, key=None)", "the key is of type NoneType, not bytes"),
        ("replace(entry, expire_at_ms='soon')", "expire_at_ms is 'soon', not Unix milliseconds"),
        (
            "replace(entry, type='stream', value={'entries': [('5', [b'a', b'b'])]})",
            "'5' is no stream id",
        ),
        (
            "replace(entry, type='stream', value={'entries': [('5-1', [b'a'])]})",
            "message 5-1 is not made of fields and values",
        ),
    ],
)
def test_a_wrong_answer_is_a_sentence_with_db_key_and_line(
    dump: Path, tmp_path: Path, run: Runner, answer: str, said: str
) -> None:
    key = next(e.key for e in entries_of(dump).values() if e.type == "string" and e.db == 0)
    text = SCRIPT.format(answer=answer).replace('b"int8"', repr(key))
    (tmp_path / "map.py").write_text(text)
    for target in ("out.rdb", "out.lmdb"):
        ran = run("convert", "dump.rdb", target, "--map", "map.py")
        assert (ran.status, ran.out) == (2, "")
        assert said in ran.err
        assert f'(db 0, key "{key.decode()}")' in ran.err
        hint = (
            "ZeroDivisionError: division by zero" if "/" in answer else "map is in line 4 of map.py"
        )
        assert f"hint: {hint}" in ran.err
        assert "Traceback" not in ran.err
        assert not (tmp_path / target).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def map(entry:\n", "map.py: '(' was never closed in line 1"),
        ("x = 1\n", "map.py: it has no function map(entry)"),
        ("import nothing_like_it\n", "map.py: ModuleNotFoundError: No module named"),
        (None, "map.py: No such file or directory"),
    ],
)
def test_a_script_that_cannot_be_loaded_is_a_sentence(
    dump: Path, tmp_path: Path, run: Runner, text: str | None, said: str
) -> None:
    if text is not None:
        (tmp_path / "map.py").write_text(text)
    ran = run("convert", "dump.rdb", "out.rdb", "--map", "map.py")
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_a_script_may_import_what_lies_beside_it(dump: Path, tmp_path: Path, run: Runner) -> None:
    (tmp_path / "helper.py").write_text("END = b'!'\n")
    (tmp_path / "map.py").write_text(
        "from dataclasses import replace\nfrom helper import END\n\n\n"
        "def map(entry):\n    return replace(entry, key=entry.key + END)\n"
    )
    ran = run("import", "dump.rdb", "--map", "map.py", "--json")
    assert json.loads(ran.out)["account"]["total"]["written"] == 29
    assert all(key.endswith(b"!") for _, key in entries_of(tmp_path / "dump.lmdb"))


def test_a_mask_comes_after_the_script(dump: Path, tmp_path: Path) -> None:
    changes = Transforms(
        map=lambda entry: replace(entry, type="string", value=b"a secret word"),
        mask=["values"],
        mask_key="s",
    )
    redtool.convert(dump, tmp_path / "out.rdb", transforms=changes)
    values = {entry.value for entry in entries_of(tmp_path / "out.rdb").values()}
    assert len(values) == 1
    assert b"secret" not in values.pop()


@pytest.mark.parametrize("target", ["whole.rdb", "whole.lmdb"])
def test_a_merge_calls_a_script_twice_and_sees_that_it_says_the_same(
    target: str, dump: Path, tmp_path: Path
) -> None:
    def steady(entry: Entry) -> Mapped:
        return replace(entry, key=entry.key + b"+")

    calls = 0

    def changing(entry: Entry) -> Mapped:
        nonlocal calls
        calls += 1
        return replace(entry, key=entry.key + b"%d" % calls)

    whole = tmp_path / target
    redtool.merge([dump], whole, transforms=Transforms(map=steady))
    assert all(key.endswith(b"+") for _, key in entries_of(whole))
    whole.unlink()
    with pytest.raises(redtool.ScriptError, match="source 1 had other keys the second time") as at:
        redtool.merge([dump], whole, transforms=Transforms(map=changing))
    assert "the same of the same entry" in str(at.value.hint)
    assert not whole.exists()
