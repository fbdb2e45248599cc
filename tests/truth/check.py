"""Holding a dataset against a fixture's truth, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redtool

from .fixtures import Fixture, unpacked
from .meaning import entry_form, truth_form

Place = tuple[int, bytes]


def entries_of(path: Path, clock: int | str) -> dict[Place, redtool.Entry]:
    """Every entry of a dataset; a key that comes twice is a mistake."""
    found: dict[Place, redtool.Entry] = {}
    with redtool.open(path, clock=clock) as dataset:
        for entry in dataset.entries():
            assert (entry.db, entry.key) not in found, f"{entry.key!r} came twice"
            found[entry.db, entry.key] = entry
    return found


def check_ages(entry: redtool.Entry, record: dict[str, Any]) -> None:
    """Idle time and frequency; the server's LRU clock is good to a second or two."""
    if "idle_s" in record and record["idle_s"] is not None:
        assert entry.idle_s is not None
        assert abs(entry.idle_s - record["idle_s"]) <= 2
    if "freq" in record:
        assert entry.freq == record["freq"]


def check_module(entry: redtool.Entry, record: dict[str, Any]) -> None:
    """A module's value is carried as its bytes, which are those of the DUMP payload."""
    if isinstance(record["dump"], str):
        assert entry.value["payload"] in unpacked(record["dump"])


def check(path: Path, fixture: Fixture, ages: bool = True) -> None:
    """The dataset at `path` holds what the fixture's server held, no more and no less."""
    truths = fixture.keys
    found = entries_of(path, fixture.clock)
    assert found.keys() == truths.keys()
    for place, record in truths.items():
        truth = truth_form(record)
        assert entry_form(found[place], truth) == truth, f"db {place[0]}, key {place[1]!r}"
        if ages:
            check_ages(found[place], record)
        if truth["type"] == "module":
            check_module(found[place], record)


def check_functions(path: Path, fixture: Fixture) -> None:
    """The dataset at `path` has the fixture's function libraries."""
    names = sorted(library["name"] for library in fixture.server.get("functions", []))
    assert sorted(redtool.info(path).functions) == names
