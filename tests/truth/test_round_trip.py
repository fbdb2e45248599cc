"""Nothing is lost on the way into LMDB and back into a dump, whichever server wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

import redtool

from .check import check, check_functions
from .fixtures import ALL, Fixture, label

WRITABLE = range(6, 13)


@pytest.fixture
def imported(fixture: Fixture, tmp_path: Path) -> Path:
    """The fixture's dump, imported into LMDB."""
    target = tmp_path / "imported.lmdb"
    result = redtool.import_(fixture.rdb, out=target)
    assert result.ok
    assert result.account.total.written == len(fixture.keys)
    return target


def own_version(fixture: Fixture) -> int:
    """The version to write that can hold all that the fixture's server could."""
    return max(fixture.rdb_version, WRITABLE.start)


@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_lmdb_holds_what_the_server_held(fixture: Fixture, imported: Path) -> None:
    check(imported, fixture)
    check_functions(imported, fixture)
    assert not redtool.diff(fixture.rdb, imported).different


@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_a_dump_from_lmdb_holds_what_the_server_held(
    fixture: Fixture, imported: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back.rdb"
    redtool.dump(imported, back, rdb_version=own_version(fixture))
    check(back, fixture)
    check_functions(back, fixture)
    assert redtool.info(back).version == own_version(fixture)
    assert redtool.verify(back, deep=True).ok


def fits(fixture: Fixture, out: Path, version: int) -> bool:
    """Whether the dump could be written in that version without a loss."""
    try:
        return redtool.convert(fixture.rdb, out, rdb_version=version).ok
    except redtool.LossError:
        return False


@pytest.mark.parametrize("version", WRITABLE)
@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_every_version_is_written_whole_or_refused_with_its_losses(
    fixture: Fixture, version: int, tmp_path: Path
) -> None:
    out = tmp_path / "out.rdb"
    if fits(fixture, out, version):
        check(out, fixture)
        check_functions(out, fixture)
    else:
        assert version < own_version(fixture)
        assert not out.exists()
        result = redtool.convert(fixture.rdb, out, rdb_version=version, lossy=True)
        assert result.losses
        assert result.account.balanced
    assert redtool.info(out).version == version
    assert redtool.verify(out, deep=True).ok
