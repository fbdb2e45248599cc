"""Which keys a portion takes, and what transforms make of them, on every path.

The dump is `fixtures/mixed_v10.rdb`: 29 keys of every type in six databases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import redtool
from redtool.filters import Filters, bucket, fraction, slots
from tests.conftest import Runner

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
