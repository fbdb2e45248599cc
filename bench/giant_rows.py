"""`make bench BENCH_ARGS=--giants`: every verb on one giant value of each kind, in each store.

A row is the time of one run, and whether the anonymous memory of it stayed under the limit: a
value of ten million elements must not need memory for them. Every answer is compared with what it
must be; a wrong one ends the bench. Alone: python bench/giant_rows.py N [KIND …]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

import giants
import peer
from giant_asks import ASKS, SCANS, scanned, whole_reply
from measure import BenchError, Watch, anonymous_bytes, run
from rows import MEMORY_LIMIT_BYTES, Row, size_text, table

from tests.dynamodb.local import ENVIRONMENT, HERE, DynamoDBLocal

ELEMENTS = 10_000_000
STORES = ["lmdb", "leveldb"]
"""Stores on this machine that the giants are imported into, by the name that --to takes."""
SMALLER = 10
"""A table that is read whole holds a giant of one in so many elements."""


Taken = list[tuple[str, float]]
"""Commands, and the seconds that each took."""


@dataclass(frozen=True)
class Giant:
    """One giant, and where its dump and what is made of it lie."""

    redtool: list[str]
    kind: str
    elements: int
    work: Path

    @property
    def rdb(self) -> Path:
        """Its dump."""
        return self.work / f"{self.kind}.rdb"

    def store(self, scheme: str) -> Path:
        """Its store."""
        return self.work / f"{self.kind}.{scheme}"

    def row(self, what: str, seconds: float, peak_bytes: int) -> Row:
        """What was measured."""
        verdict = "PASS" if 0 < peak_bytes <= MEMORY_LIMIT_BYTES else "MISS" if peak_bytes else "-"
        named = f"{self.kind}, {size_text(self.elements)}: {what}"
        bar = f"<= {MEMORY_LIMIT_BYTES // 1_000_000} MB"
        name = f"giant_{self.kind}_{what}".replace(" ", "_")
        return Row(name, named, "", "s", seconds, None, None, bar, verdict, peak_bytes)

    def verb(self, what: str, *args: str | Path) -> Row:
        """One run of a verb."""
        made = run([*self.redtool, *map(str, args), "--quiet"])
        return self.row(what, made.seconds, made.peak_bytes)


def file_rows(giant: Giant) -> Iterator[Row]:
    """Verbs on the dump alone."""
    older = giant.work / "older.rdb"
    yield giant.verb("verify --deep", "verify", giant.rdb, "--deep")
    # The oldest version that can hold it: all else about it is rewritten.
    version = "9" if giant.kind == "stream" else "6"
    convert = ("convert", giant.rdb, older, "--rdb-version", version, "--lossy")
    yield giant.verb(f"RDB to RDB {version}", *convert)
    older.unlink()
    yield giant.verb("verify --salvage", "verify", giant.rdb, "--salvage", older)
    older.unlink()


def store_rows(giant: Giant, scheme: str, other: str) -> Iterator[Row]:
    """Verbs that make a store or read it; there is one of the scheme `other` already."""
    store, dumped = giant.store(scheme), giant.work / "dumped.rdb"
    yield giant.verb(f"RDB to {scheme}", "import", giant.rdb, "--to", scheme, "--out", store)
    yield giant.verb(f"verify {scheme} --deep", "verify", store, "--deep")
    yield giant.verb(f"{scheme} to RDB", "dump", store, "-o", dumped)
    yield giant.verb(f"diff RDB {scheme}", "diff", giant.rdb, store)
    yield giant.verb(f"diff {scheme} RDB again", "diff", store, dumped)
    dumped.unlink()
    if other != scheme:
        copied = giant.work / f"copied.{scheme}"
        yield giant.verb(f"{other} to {scheme}", "convert", giant.store(other), copied)
        yield giant.verb(f"diff {other} {scheme}", "diff", giant.store(other), copied)
    yield from serve_rows(giant, scheme, str(store))


def table_rows(giant: Giant, service: DynamoDBLocal, read: bool) -> Iterator[Row]:
    """Verbs on a table of DynamoDB Local; those that read all of it only where that is asked for:
    the service reads a large item collection anew for each page of it.
    """
    url, dumped = service.url(f"{giant.kind}-{giant.elements}"), giant.work / "dumped.rdb"
    yield giant.verb("RDB to dynamodb", "convert", giant.rdb, url, "--create")
    if read:
        yield giant.verb("dynamodb to RDB", "dump", url, "-o", dumped)
        yield giant.verb("diff RDB dynamodb", "diff", giant.rdb, url)
        dumped.unlink()
    yield from serve_rows(giant, "dynamodb", url)


def timed(ask: Callable[[], bytes | int]) -> tuple[float, bytes | int]:
    """Seconds, and the answer."""
    started_s = time.perf_counter()
    answer = ask()
    return time.perf_counter() - started_s, answer


def serve_rows(giant: Giant, scheme: str, store: str) -> Iterator[Row]:
    """A server of the store: its memory through all asks, then the time of each."""
    port = peer.free_port()
    args = ["serve", store, "--readonly", "--port", str(port)]
    with peer.Server([*giant.redtool, *args], port, giant.work / "serve.log") as server:
        ready_s = server.wait_ready()
        watch = Watch(server.process.pid)
        taken = asked(giant, port)
        # The last look may be the first when the asks took no time.
        peak_bytes = max(anonymous_bytes(server.process.pid), watch.stop())
    yield giant.row(f"serve {scheme}, {len(taken)} asks", ready_s, peak_bytes)
    for what, seconds in taken:
        yield giant.row(f"{scheme} {what}", seconds, 0)


def asked(giant: Giant, port: int) -> Taken:
    """Every ask and a walk with cursors, each answer compared."""
    taken = []
    for ask in ASKS[giant.kind](giant.elements):
        seconds, reply = timed(lambda ask=ask: whole_reply(port, *ask.args))
        if reply != ask.reply:
            raise BenchError(f"{giant.kind}: {ask.args}: {reply!r:.300}")
        taken.append((" ".join(map(text, ask.args)), seconds))
    if giant.kind in SCANS:
        command, width = SCANS[giant.kind]
        seconds, given = timed(lambda: scanned(port, command))
        if given != width * giant.elements:
            raise BenchError(f"{giant.kind}: {command} gave {given} replies")
        taken.append((f"{command}, all of it", seconds))
    return taken


def text(word: str | bytes | int) -> str:
    """A word of a command, for people."""
    return word.decode() if isinstance(word, bytes) else str(word)


def giant_rows(
    redtool: list[str], elements: int, folder: Path, kinds: list[str], stores: list[str]
) -> Iterator[Row]:
    """All rows of these kinds; what is made for one is gone before the next."""
    for kind in kinds:
        with tempfile.TemporaryDirectory(dir=folder, prefix="giant-") as work:
            giant = Giant(redtool, kind, elements, Path(work))
            giants.write(kind, elements, giant.rdb)
            yield from file_rows(giant)
            for scheme in stores:
                yield from store_rows(giant, scheme, stores[0])


def giant_tables(
    redtool: list[str], elements: int, folder: Path, kinds: list[str]
) -> Iterator[Row]:
    """Rows of DynamoDB, each kind at two sizes."""
    if not HERE:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="giant-") as work:
        os.environ.update(ENVIRONMENT)
        for kind in kinds:
            for size in (elements // SMALLER, elements):
                giant = Giant(redtool, kind, size, Path(work))
                giants.write(kind, size, giant.rdb)
                with DynamoDBLocal(giant.work) as service:
                    yield from table_rows(giant, service, read=size < elements)
                giant.rdb.unlink()


def bench_giants(redtool: str, folder: Path) -> list[Row]:
    """The rows of the bench: every kind in every store, ten million elements."""
    made = []
    kinds = list(giants.KINDS)
    rows = giant_rows([redtool], ELEMENTS, folder, kinds, STORES)
    for row in chain(rows, giant_tables([redtool], ELEMENTS, folder, kinds)):
        print(row.what, file=sys.stderr, flush=True)
        made.append(row)
    return made


def main() -> None:
    """The table alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elements", type=int)
    parser.add_argument("kinds", nargs="*", default=list(giants.KINDS))
    parser.add_argument("--redtool", default=str(Path(sys.executable).parent / "redtool"))
    parser.add_argument("--store", action="append", help="a store (all)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    args = parser.parse_args()
    made = []
    stores = args.store or [*STORES, "dynamodb"]
    given = (shlex.split(args.redtool), args.elements, args.folder, args.kinds)
    rows = giant_rows(*given, [store for store in stores if store != "dynamodb"])
    for row in chain(rows, giant_tables(*given) if "dynamodb" in stores else ()):
        print(table([row]).splitlines()[-1], file=sys.stderr, flush=True)
        made.append(row)
    print(table(made))
    if args.json:
        args.json.write_text(json.dumps([row.as_json() for row in made], indent=1) + "\n")


if __name__ == "__main__":
    main()
