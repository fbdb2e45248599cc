"""Every dump of every server is read to exactly what that server said was in it."""

from __future__ import annotations

import pytest

import redtool

from .check import check, check_functions
from .fixtures import ALL, Fixture, label


def test_the_fixtures_are_there() -> None:
    assert len(ALL) > 50


@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_every_key_is_read_as_its_server_held_it(fixture: Fixture) -> None:
    check(fixture.rdb, fixture)


@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_header_counts_and_functions_are_read(fixture: Fixture) -> None:
    info = redtool.info(fixture.rdb)
    assert info.version == fixture.rdb_version
    sizes = {db: counts.keys for db, counts in info.dbs.items() if counts.keys}
    truths = fixture.keys
    assert sizes == {db: sum(at == db for at, _ in truths) for db in {at for at, _ in truths}}
    check_functions(fixture.rdb, fixture)


@pytest.mark.parametrize("fixture", ALL, ids=label)
def test_a_good_dump_passes_deep_validation(fixture: Fixture) -> None:
    result = redtool.verify(fixture.rdb, deep=True)
    assert result.ok, result.problems
    assert not result.problems
    assert result.account.balanced
    assert result.account.total.read == len(fixture.keys)
