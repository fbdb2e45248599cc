"""The bench's rows of conversions: between stores, and to and from text.

Stores are held against redis-server loading the same dump, and against each other; text forms
against an amount of dump a second, since no peer that writes them is in distributions. The first
JSON lines row is one core alone (`taskset`), the others all there are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from measure import Series, run
from rows import Bar, Row, rate_row, ratio_row

MEGABYTE = 1e6


class Measured(Protocol):
    """What of a bench is needed here."""

    redtool: str
    rdb: Path
    work: Path

    @property
    def lmdb(self) -> Path: ...
    def of(self, name: str) -> Series: ...
    def median(self, name: str) -> float | None: ...


@dataclass(frozen=True)
class Pair:
    """A conversion held against another measurement."""

    bar: Bar
    theirs: str


PAIRS = [
    Pair(Bar("to_leveldb", "import RDB -> LevelDB, synced", "redis-server load", 2.5), "peer_load"),
    Pair(Bar("lmdb_leveldb", "convert LMDB -> LevelDB", "RDB -> LevelDB", 1), "to_leveldb"),
    Pair(Bar("leveldb_lmdb", "convert LevelDB -> LMDB", "RDB -> LMDB", 1), "import"),
    Pair(Bar("jsonl", "RDB -> JSON lines", "one core of the same", 1.6), "jsonl_one"),
    Pair(Bar("from_jsonl", "JSON lines -> RDB", "RDB -> JSON lines", 0.5), "jsonl"),
]
# Name, what, and MB of dump a second.
RATES = [
    ("jsonl_one", "RDB -> JSON lines, one core", 120),
    ("resp", "RDB -> RESP commands", 250),
    ("restore", "RDB -> RESTORE commands", 500),
]


def run_stores(bench: Measured, remove: Callable[[Path], None]) -> None:
    """Each way between the stores, into places where nothing is."""
    leveldb, back = bench.work / "bench.leveldb", bench.work / "back.lmdb"
    ways = [
        ("to_leveldb", bench.rdb, leveldb),
        ("lmdb_leveldb", bench.lmdb, leveldb),
        ("leveldb_lmdb", leveldb, back),
    ]
    for name, source, target in ways:
        remove(target)
        os.sync()
        bench.of(name).take(run([bench.redtool, "convert", str(source), str(target), "--quiet"]))
    remove(back)
    remove(leveldb)


def run_texts(bench: Measured, remove: Callable[[Path], None]) -> None:
    """Each text form, to a file."""
    lines = bench.work / "bench.jsonl"
    alone = ["taskset", "-c", "0"] if shutil.which("taskset") else None
    for name, form, prefix in (
        ("jsonl_one", "jsonl", alone),
        ("resp", "resp", []),
        ("restore", "restore", []),
        ("jsonl", "jsonl", []),
    ):
        if prefix is None:
            continue
        target = lines.with_suffix(f".{form}")
        remove(target)
        os.sync()
        words = [bench.redtool, "dump", str(bench.rdb), "--format", form, "-o", str(target)]
        bench.of(name).take(run([*prefix, *words, "--quiet"]))
        if form != "jsonl":
            remove(target)
    again = bench.work / "again.rdb"
    remove(again)
    os.sync()
    bench.of("from_jsonl").take(run([bench.redtool, "convert", str(lines), str(again), "--quiet"]))
    run([bench.redtool, "diff", str(bench.rdb), str(again), "--quiet"])
    remove(again)
    remove(lines)


def conversion_rows(bench: Measured) -> list[Row]:
    """The rows of what was measured."""
    made = []
    for pair in PAIRS:
        ours, theirs = bench.median(pair.bar.name), bench.median(pair.theirs)
        peak_bytes = bench.of(pair.bar.name).peak_bytes
        made.append(ratio_row(pair.bar, ours, theirs, "s", peak_bytes))
    megabytes = bench.rdb.stat().st_size / MEGABYTE
    for name, what, least in RATES:
        seconds = bench.median(name)
        rate = megabytes / seconds if seconds else None
        made.append(rate_row(name, what, rate, least, bench.of(name).peak_bytes))
    return made
