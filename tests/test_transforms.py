"""Which keys a portion takes, and what transforms make of them, on every path.

The dump is `fixtures/mixed_v10.rdb`: 29 keys of every type in six databases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import redtool
from redtool.filters import Filters, bucket, fraction, slots
from redtool.results import Entry
from redtool.transforms import Transforms
from tests.conftest import FIXTURES, Runner

pytestmark = pytest.mark.usefixtures("native")

Place = tuple[int, bytes]


def keys_of(path: Path) -> set[Place]:
    with redtool.open(path) as dataset:
        return {(entry.db, entry.key) for entry in dataset.entries(values=False)}


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory, native: None) -> Path:
    """A dump of 3,000 small strings, written by hand: magic, keys, end, no checksum."""
    path = tmp_path_factory.mktemp("many") / "many.rdb"
    names = [f"user:{n}".encode() for n in range(3000)]
    rows = b"".join(b"\0" + bytes([len(name)]) + name + b"\x01v" for name in names)
    path.write_bytes(b"REDIS0009\xfe\0" + rows + b"\xff" + bytes(8))
    return path


def test_a_sample_is_a_subset_of_its_size_and_the_same_on_every_path(
    many: Path, tmp_path: Path
) -> None:
    tenth = Filters(sample="10%")
    redtool.convert(many, tmp_path / "a.rdb", filters=tenth)
    redtool.convert(many, tmp_path / "b.lmdb", filters=tenth)
    redtool.convert(many, tmp_path / "all.lmdb")
    redtool.convert(tmp_path / "all.lmdb", tmp_path / "c.rdb", filters=tenth)
    taken = keys_of(tmp_path / "a.rdb")
    # Binomial: 300 expected, a standard deviation of 16.4; five of them on either side.
    assert 218 <= len(taken) <= 382
    assert taken < keys_of(many)
    assert taken == keys_of(tmp_path / "b.lmdb") == keys_of(tmp_path / "c.rdb")
    other = redtool.convert(many, tmp_path / "d.rdb", filters=Filters(sample="1/10", seed=1))
    assert keys_of(tmp_path / "d.rdb") != taken
    assert other.account.balanced


def test_both_sides_of_a_diff_see_the_same_sample(many: Path, tmp_path: Path) -> None:
    redtool.convert(many, tmp_path / "all.lmdb")
    found = redtool.diff(many, tmp_path / "all.lmdb", filters=Filters(sample="5%"))
    assert found.different == 0
    assert 90 <= found.same <= 210


def test_verify_takes_filters(many: Path) -> None:
    account = redtool.verify(many, filters=Filters(bucket="1/3")).account.total
    assert account.read == 3000
    assert 800 <= 3000 - account.filtered <= 1200


def parts(many: Path, tmp_path: Path, filters: list[Filters]) -> Iterator[set[Place]]:
    for number, chosen in enumerate(filters):
        redtool.convert(many, tmp_path / f"{number}.rdb", filters=chosen)
        yield keys_of(tmp_path / f"{number}.rdb")


@pytest.mark.parametrize(
    "filters",
    [
        [Filters(bucket=(k, 4)) for k in range(1, 5)],
        [Filters(slots=[span]) for span in ("0-5460", "5461-10922", "10923-16383")],
    ],
    ids=["buckets", "slots"],
)
def test_parts_are_all_keys_each_once(many: Path, tmp_path: Path, filters: list[Filters]) -> None:
    sets = list(parts(many, tmp_path, filters))
    assert sum(map(len, sets)) == 3000
    assert set().union(*sets) == keys_of(many)
    assert all(len(part) > 600 for part in sets)


def test_portions_on_the_command_line(many: Path, tmp_path: Path, run: Runner) -> None:
    words = ["--sample", "50%", "--seed", "7", "--slot", "0-9999", "--bucket", "1/2", "--json"]
    total = json.loads(run("convert", str(many), "x.rdb", *words).out)["account"]["total"]
    assert 300 <= total["written"] <= 620
    assert run("diff", str(many), "x.rdb", *words).status == 0
    assert run("verify", str(many), *words).status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sample", "150%"], "'150%' is no fraction such as 1%, 0.5% or 1/100"),
        (["--slot", "0-16384"], "'0-16384' is no range of slots such as 0-5460"),
        (["--bucket", "0/4"], "'0/4' is no bucket such as 1/4"),
    ],
)
def test_a_portion_that_cannot_be_is_a_usage_error(
    dump: Path, run: Runner, words: list[str], said: str
) -> None:
    ran = run("convert", "dump.rdb", "x.rdb", *words)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert not (dump.parent / "x.rdb").exists()


def test_portions_are_exact() -> None:
    assert fraction("0.1%") == fraction("1/1000") == (1, 1000)
    assert (slots("5"), bucket("3/3")) == ((5, 5), (3, 3))
    for bad in ("", "%", "-1%", "1/0", "x", "nan"):
        with pytest.raises(ValueError, match="no fraction"):
            fraction(bad)


def changed(source: Path, target: Path, **changes: Any) -> dict[Place, Entry]:
    """The entries of `source` as transforms make them, on the way into `target`."""
    result = redtool.convert(source, target, transforms=Transforms(**changes))
    assert result.account.balanced
    return entries_of(target)


def entries_of(path: Path) -> dict[Place, Entry]:
    if path.suffix == ".jsonl":
        store = path.with_suffix(".read.lmdb")
        redtool.convert(path, store, force=True)
        path = store
    with redtool.open(path) as dataset:
        return {(entry.db, entry.key): entry for entry in dataset.entries()}


@pytest.fixture
def paths(dump: Path, tmp_path: Path) -> list[tuple[Path, Path]]:
    """Every way from a file or store into a file or store."""
    endings = ("rdb", "lmdb", "leveldb", "jsonl")
    sources = [dump, *(tmp_path / f"dump.{ending}" for ending in endings[1:])]
    for source in sources[1:]:
        redtool.convert(dump, source)
    return [
        (source, tmp_path / f"out-{source.suffix[1:]}.{ending}")
        for source in sources
        for ending in endings
    ]


Paths = list[tuple[Path, Path]]


def test_renamed_mapped_and_timed_keys_arrive_on_every_path(paths: Paths) -> None:
    before = entries_of(paths[0][0])
    for source, target in paths:
        after = changed(
            source,
            target,
            rename=["h:=hash/"],
            rename_regex=[r"^(s):(\w+)=>$2.$1"],
            map_db=["1=9"],
            ttl_shift="+1h",
            ttl_default="2100-01-01T00:00Z",
        )
        assert len(after) == len(before)
        for (db, key), entry in before.items():
            name = re.sub(rb"^(s):(\w+)", rb"\2.\1", re.sub(rb"^h:", b"hash/", key))
            moved = after[9 if db == 1 else db, name]
            assert (moved.type, moved.value) == (entry.type, entry.value)
            assert moved.expire_at_ms == (
                4_102_444_800_000 if entry.expire_at_ms is None else entry.expire_at_ms + 3_600_000
            )


ALL_CHANGES: dict[str, Any] = {
    "rename": ["h:=hash/"],
    "map_db": ["1=9"],
    "ttl_shift": "+1h",
    "mask": ["all"],
    "mask_key": "s",
}


@pytest.mark.parametrize("form", ["json", "csv", "resp", "restore", "keys"])
def test_text_of_changed_entries_is_that_of_a_changed_dump(
    form: str, dump: Path, tmp_path: Path
) -> None:
    changes = Transforms(**ALL_CHANGES)
    redtool.convert(dump, tmp_path / "changed.rdb", transforms=changes)
    redtool.convert(tmp_path / "changed.rdb", f"{form}://{tmp_path}/expected", lossy=True)
    redtool.convert(dump, f"{form}://{tmp_path}/direct", transforms=changes, lossy=True)
    text = (tmp_path / "direct").read_bytes()
    assert text == (tmp_path / "expected").read_bytes()
    assert len(text) > 150


@pytest.mark.parametrize("elements", [False, True])
def test_a_table_of_changed_entries_is_that_of_a_changed_dump(
    elements: bool, dump: Path, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    changes = Transforms(**ALL_CHANGES)
    redtool.convert(dump, tmp_path / "changed.rdb", transforms=changes)
    redtool.convert(tmp_path / "changed.rdb", tmp_path / "expected.parquet", elements=elements)
    redtool.convert(dump, tmp_path / "direct.parquet", transforms=changes, elements=elements)
    expected = parquet.read_table(tmp_path / "expected.parquet")
    assert parquet.read_table(tmp_path / "direct.parquet").equals(expected)


def test_keys_that_become_one_are_refused_by_name_on_every_path(paths: Paths) -> None:
    for source, target in paths:
        with pytest.raises(redtool.RedtoolError) as caught:
            redtool.convert(source, target, transforms=Transforms(rename_regex=["^.*$=>same"]))
        assert caught.value.key == b"same"
        assert not target.exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ttl_drop": True}, (None, {})),
        ({"ttl_set": 4_102_444_800_000}, (4_102_444_800_000, {b"f": 4_102_444_800_000})),
        ({"ttl_set": 5}, (5, {b"f": 5})),
        ({"ttl_shift": "-1s"}, (4_000_000_000_000 - 1000, {b"f": 4_000_000_000_500 - 1000})),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_expiries_of_hash_fields_follow(
    tmp_path: Path, native: None, change: dict[str, Any], expected: object
) -> None:
    source = tmp_path / "hfe.rdb"
    key_ms, field_ms = (at.to_bytes(8, "little") for at in (4_000_000_000_000, 4_000_000_000_500))
    fields = b"\x02\x01\x01f\x01v\x00\x01g\x01w"
    record = b"\xfc" + key_ms + b"\x18\x01h" + field_ms + fields
    source.write_bytes(b"REDIS0012\xfe\0" + record + b"\xff" + bytes(8))
    for ending in ("rdb", "lmdb"):
        entry = changed(source, tmp_path / f"out.{ending}", **change)[0, b"h"]
        assert entry.value == {b"f": b"v", b"g": b"w"}
        assert (entry.expire_at_ms, entry.field_expire_ms) == expected


def strings(value: Any) -> Iterator[bytes]:
    """All strings of a value, wherever they stand."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from strings(item)


def shape(text: bytes) -> str:
    try:
        letters = text.decode()
    except UnicodeDecodeError:
        return f"{len(text)} bytes"
    if any((c < " " and c not in "\t\n\r") or c == "\x7f" for c in letters):
        return f"{len(text)} bytes"
    letters = re.sub(r"[^\x00-\x7f]", lambda c: f"<{len(c.group().encode())}>", letters)
    return re.sub("[0-9]", "0", re.sub("[A-Z]", "A", re.sub("[a-z]", "a", letters)))


def test_a_mask_keeps_shapes_and_lets_no_string_through_on_every_path(paths: Paths) -> None:
    before = entries_of(paths[0][0])
    was = {text for (_, key), e in before.items() for text in (key, *strings(e.value))}
    masked = [changed(*path, mask=["all"], mask_key="s") for path in paths]
    assert all(meaning(one) == meaning(masked[0]) for one in masked)
    after = masked[0]
    now = {text for (_, key), e in after.items() for text in (key, *strings(e.value))}
    through = {text for text in was & now if len(text) > 3 and re.search(rb"\w", text)}
    assert not through
    shapes = [sorted(shape(key) for _, key in one) for one in (before, after)]
    assert shapes[0] == shapes[1]
    for name in ("string", "list", "set", "hash", "zset", "stream"):
        sizes = [
            sorted(len(e.value) for e in one.values() if e.type == name) for one in (before, after)
        ]
        assert sizes[0] == sizes[1], name
    scores = [
        sorted(score for e in one.values() if e.type == "zset" for _, score in e.value)
        for one in (before, after)
    ]
    assert scores[0] == scores[1]


def meaning(entries: dict[Place, Entry]) -> dict[Place, Any]:
    """Entries without what the kind of a dataset decides."""
    return {
        place: (e.type, sorted(e.value) if e.type == "zset" else e.value, e.expire_at_ms)
        for place, e in entries.items()
    }


def test_a_mask_is_that_of_its_secret(dump: Path, tmp_path: Path, run: Runner) -> None:
    (tmp_path / "secret").write_text("s\n")
    words = ["convert", "dump.rdb", "--mask", "all", "-q"]
    assert run(*words, "a.rdb", "--mask-key", "s").status == 0
    assert run(*words, "b.lmdb", "--mask-key", "@secret").status == 0
    assert run("diff", "a.rdb", "b.lmdb").status == 0
    assert run(*words, "c.rdb", "--mask-key", "t").status == 0
    assert run("diff", "a.rdb", "c.rdb", "-q").status == 1
    ran = run("convert", "dump.rdb", "d.rdb", "--mask", "values")
    assert ran.status == 0
    assert "masked with a new secret; --mask-key SECRET" in ran.err


def test_integers_stay_integers_of_their_length_and_encoding(tmp_path: Path, native: None) -> None:
    source = tmp_path / "ints.rdb"
    intset = bytes.fromhex("0200000003000000") + b"".join(
        n.to_bytes(2, "little", signed=True) for n in (-300, 7, 1200)
    )
    rows = b"\0\x04n:42\xc1\x2d\x10\x0b\x03set" + bytes([len(intset)]) + intset
    source.write_bytes(b"REDIS0009\xfe\0" + rows + b"\xff" + bytes(8))
    redtool.convert(source, tmp_path / "m.lmdb", transforms=Transforms(mask=["all"], mask_key="s"))
    with redtool.open(tmp_path / "m.lmdb") as dataset:
        number, members = sorted(dataset.entries(), key=lambda e: e.type != "string")
    assert (number.encoding, len(number.value), number.value.isdigit()) == ("int", 4, True)
    assert number.key.split(b":")[1].isdigit()
    assert members.encoding == "intset"
    assert sorted(len(m) for m in members.value) == [1, 4, 4]


def test_parts_of_keys_are_masked_and_values_join(tmp_path: Path, native: None) -> None:
    source = tmp_path / "join.rdb"
    pairs = [(b"user:1234:cart", b"1234"), (b"order:1234", b"user"), (b"{u:77}:a", b"77")]
    rows = b"".join(b"\0" + bytes([len(k)]) + k + bytes([len(v)]) + v for k, v in pairs)
    source.write_bytes(b"REDIS0009\xfe\0" + rows + b"\xff" + bytes(8))
    changes = Transforms(mask=["values=*:*"], mask_keys="digits", mask_key="s")
    redtool.convert(source, tmp_path / "m.rdb", transforms=changes)
    after = {key: e.value for (_, key), e in entries_of(tmp_path / "m.rdb").items()}
    user = next(key for key in after if key.startswith(b"user:"))
    part = user.split(b":")[1]
    assert user == b"user:" + part + b":cart"
    assert part != b"1234"
    assert len(part) == 4
    assert after[user] == part
    assert b"order:" + part in after
    tag = next(key for key in after if key.startswith(b"{u:"))
    assert tag == b"{u:" + after[tag] + b"}:a"


def test_what_cannot_be_masked_is_refused_or_counted(tmp_path: Path, run: Runner) -> None:
    modules = FIXTURES / "redis-7.4.1" / "modules.rdb"
    for target in ("x.rdb", "x.lmdb"):
        words = ["convert", str(modules), target, "--mask", "values", "--mask-key", "s"]
        refused = run(*words)
        assert refused.status == 2
        assert "cannot be masked" in refused.err
        assert "--lossy" in refused.err
        ran = run(*words, "--lossy", "--json")
        answer = json.loads(ran.out)
        assert answer["losses"]["unmasked"] == answer["account"]["total"]["skipped"] > 0
        assert answer["account"]["balanced"]
