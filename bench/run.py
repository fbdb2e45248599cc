"""`make bench`: redtool against redis-server and redis-check-rdb, measured in the same run.

    python bench/run.py                  the table, medians of 5, on the 1 M key dump
    python bench/run.py --large          and the memory of each verb on 10 M keys (a 3 GB dump)
    python bench/run.py --giants         and every verb on single values of 10 M elements
    python bench/run.py --only serving   a part: verbs, or the server that takes writes
    python bench/run.py --json FILE      the same rows as JSON, with the machine

The page cache is warmed first; peer and redtool alternate, so that a noisy minute hits both.
redtool is the command a user types, whole process and interpreter included. Absolute times mean
nothing elsewhere: only the ratios are claims. A peer that is not installed is named and its rows
are skipped. Linux only (memory comes from /proc).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import conversions
import giant_rows
import keyspace
import make_dump
import peer
import serving
import tables
from measure import BenchError, Series, anonymous_bytes, run, warm
from rows import BARS, Row, memory_row, ratio_row, table

CHECK_RDB = "redis-check-rdb"
BENCHMARK = "redis-benchmark"
PEERS = [peer.REDIS_SERVER, CHECK_RDB, BENCHMARK]
FIRST_GET = ("GET", "session:000000000000")


@dataclass
class Bench:
    """One bench: where things lie, and what was measured so far by name."""

    redtool: str
    keys: int
    rdb: Path
    work: Path
    runs: int
    requests: int
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def lmdb(self) -> Path:
        """What the imports leave behind."""
        return self.work / "bench.lmdb"

    @property
    def dumped(self) -> Path:
        """What the dumps leave behind."""
        return self.work / "dumped.rdb"

    def of(self, name: str) -> Series:
        """The measurements of that name."""
        return self.series.setdefault(name, Series())

    def median(self, name: str) -> float | None:
        """Their median; None when there are none."""
        return self.series[name].median if name in self.series else None


def say(text: str) -> None:
    """Progress for people."""
    print(text, file=sys.stderr, flush=True)


def remove(path: Path) -> None:
    """Delete a file or folder; fine when it is not there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_verify(bench: Bench) -> None:
    """Both depths of verify beside redis-check-rdb."""
    if peer.installed(CHECK_RDB):
        bench.of("peer_check").take(run([CHECK_RDB, str(bench.rdb)]))
    bench.of("verify").take(run([bench.redtool, "verify", str(bench.rdb), "--quiet"]))
    bench.of("verify_deep").take(
        run([bench.redtool, "verify", str(bench.rdb), "--deep", "--quiet"])
    )


def run_peer_server(bench: Bench) -> None:
    """One life of redis-server: its start with the dump, the load it logs, and a SAVE."""
    if not peer.installed(peer.REDIS_SERVER):
        return
    with tempfile.TemporaryDirectory(dir=bench.work) as made:
        os.link(bench.rdb, Path(made) / "dump.rdb")
        with peer.redis_server(Path(made), "--rdbcompression", "yes") as server:
            started = server.wait_ready(*FIRST_GET)
            peak_bytes = anonymous_bytes(server.process.pid)
            bench.of("peer_start").add(started, peak_bytes)
            bench.of("peer_load").add(peer.load_seconds(server.log), peak_bytes)
            os.sync()
            # SAVE renames a new file over the name, so the linked dump keeps its content.
            saved, reply = peer.timed(server.port, "SAVE")
            if not reply.startswith(b"+OK"):
                raise BenchError(f"redis-server could not save: {reply!r}")
            bench.of("peer_save").add(saved)


def import_args(bench: Bench) -> list[str]:
    """The import a user would type, with a place of its own."""
    return [
        bench.redtool,
        "import",
        str(bench.rdb),
        "--to",
        "lmdb",
        "--out",
        str(bench.lmdb),
        "--quiet",
    ]


def run_conversions(bench: Bench) -> None:
    """Import, diff and dump, each into a place where nothing is.

    What the step before has left to write is written first: it is not theirs to wait for.
    """
    remove(bench.lmdb)
    os.sync()
    bench.of("import").take(run(import_args(bench)))
    bench.of("diff").take(run([bench.redtool, "diff", str(bench.rdb), str(bench.lmdb), "--quiet"]))
    remove(bench.dumped)
    os.sync()
    bench.of("dump").take(
        run([bench.redtool, "dump", str(bench.lmdb), "-o", str(bench.dumped), "--quiet"])
    )


def serve(bench: Bench) -> peer.Server:
    """redtool serving the imported LMDB."""
    port = peer.free_port()
    args = [bench.redtool, "serve", str(bench.lmdb), "--readonly", "--port", str(port)]
    return peer.Server(args, port, bench.work / "redtool-serve.log")


def run_start(bench: Bench) -> None:
    """From the start of the process to the first GET answered."""
    with serve(bench) as server:
        seconds = server.wait_ready(*FIRST_GET)
        if not server.ask(*FIRST_GET).startswith(b"$"):
            raise BenchError("the first GET did not find its key")
        bench.of("start").add(seconds, anonymous_bytes(server.process.pid))


def get_rate(bench: Bench, port: int, pipeline: int) -> float:
    """GETs a second of random existing sessions, as redis-benchmark counts them."""
    requests = bench.requests if pipeline > 1 else bench.requests // 8
    sessions = keyspace.session_count(bench.keys)
    args = [BENCHMARK, "-p", str(port), "-c", "50", "-P", str(pipeline), "-n", str(requests)]
    args += ["-r", str(sessions), "--csv", "GET", "session:__rand_int__"]
    made = subprocess.run(args, capture_output=True, text=True, check=True)
    lines = [line for line in made.stdout.splitlines() if line.startswith('"')]
    return float(next(csv.DictReader(lines))["rps"])


def run_gets(bench: Bench) -> None:
    """GET rates, the two servers side by side and asked in turn."""
    if not (peer.installed(peer.REDIS_SERVER) and peer.installed(BENCHMARK)):
        return
    with tempfile.TemporaryDirectory(dir=bench.work) as made:
        os.link(bench.rdb, Path(made) / "dump.rdb")
        with peer.redis_server(Path(made)) as theirs, serve(bench) as ours:
            theirs.wait_ready(*FIRST_GET)
            ours.wait_ready(*FIRST_GET)
            for turn in range(bench.runs):
                say(f"GET, run {turn + 1} of {bench.runs}")
                for pipeline in (16, 1):
                    rate = get_rate(bench, theirs.port, pipeline)
                    bench.of(f"peer_get_p{pipeline}").add(rate)
                    rate = get_rate(bench, ours.port, pipeline)
                    bench.of(f"get_p{pipeline}").add(rate, anonymous_bytes(ours.process.pid))


def check_result(bench: Bench) -> None:
    """A fast wrong answer is no answer: the dump must hold what the original holds."""
    run([bench.redtool, "diff", str(bench.rdb), str(bench.dumped), "--quiet"])
    if peer.installed(CHECK_RDB):
        run([CHECK_RDB, str(bench.dumped)])


# What each row's peer value is; `diff` is held against our own import.
THEIRS = {
    "verify": "peer_check",
    "verify_deep": "peer_check",
    "import": "peer_load",
    "dump": "peer_save",
    "diff": "import",
    "start": "peer_start",
    "get_p16": "peer_get_p16",
    "get_p1": "peer_get_p1",
}
MEMORY_VERBS = ["import", "dump", "verify", "diff"]


def measured_rows(bench: Bench) -> list[Row]:
    """The table of what a bench measured."""
    made = []
    for bar in BARS:
        ours, theirs = bench.median(bar.name), bench.median(THEIRS[bar.name])
        unit = "/s" if bar.name.startswith("get_") else "s"
        made.append(ratio_row(bar, ours, theirs, unit, bench.of(bar.name).peak_bytes))
    return made + memory_rows(bench)


def memory_rows(bench: Bench) -> list[Row]:
    """The highest anonymous memory of each verb."""
    return [memory_row(verb, bench.keys, bench.of(verb).peak_bytes) for verb in MEMORY_VERBS]


def run_verbs(bench: Bench) -> list[Row]:
    """Every row on the main dump."""
    warm(bench.rdb)
    for turn in range(bench.runs):
        say(f"verbs, run {turn + 1} of {bench.runs}")
        run_verify(bench)
        run_peer_server(bench)
        run_conversions(bench)
        run_start(bench)
        conversions.run_stores(bench, remove)
        conversions.run_texts(bench, remove)
    check_result(bench)
    run_gets(bench)
    tables.run_tables(bench)
    more = conversions.conversion_rows(bench) + tables.table_rows(bench)
    return measured_rows(bench) + more


def run_serving(bench: Bench) -> list[Row]:
    """The rows of the server that takes writes."""
    serving.run_serving(bench)
    return list(serving.serving_rows(bench))


def run_large(bench: Bench) -> list[Row]:
    """The memory rows on the large dump, one run each."""
    say(f"memory with {bench.keys} keys")
    bench.of("verify").take(run([bench.redtool, "verify", str(bench.rdb), "--quiet"]))
    run_conversions(bench)
    run_start(bench)
    start_ms = bench.of("start").median * 1000
    say(f"start to first GET with {bench.keys} keys: {start_ms:.1f} ms")
    return memory_rows(bench)


def find_redtool(named: str | None) -> str:
    """The redtool command: as named, beside this interpreter, or on the PATH."""
    beside = Path(sys.executable).parent / "redtool"
    found = named or (str(beside) if beside.exists() else shutil.which("redtool"))
    if not found:
        raise SystemExit("redtool is not installed: run `make bench`, or name it with --redtool")
    return found


PARTS = {"verbs": run_verbs, "serving": run_serving, "large": run_large}


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5, help="medians of so many runs (5)")
    parser.add_argument(
        "--requests", type=int, default=2_000_000, help="GETs a run with pipeline 16"
    )
    parser.add_argument("--large", action="store_true", help="also memory with 10 M keys")
    parser.add_argument("--giants", action="store_true", help="also values of 10 M elements")
    parser.add_argument("--only", choices=("verbs", "serving"), help="a part of the rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--redtool", metavar="PATH", help="the command to measure")
    parser.add_argument("--data", type=Path, default=make_dump.DATA, help="folder for dumps")
    return parser.parse_args()


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {"cores": os.cpu_count(), "platform": platform.platform(), "load": os.getloadavg()[0]}


def bench_keys(args: argparse.Namespace, keys: int, *parts: str) -> list[Row]:
    """The rows of one dump; everything that was made beside it is removed."""
    rdb = make_dump.ensure(keys, args.data)
    with tempfile.TemporaryDirectory(dir=args.data, prefix="run-") as work:
        bench = Bench(find_redtool(args.redtool), keys, rdb, Path(work), args.runs, args.requests)
        return [row for part in parts for row in PARTS[part](bench)]


def main() -> None:
    """Measure, print, and say what was skipped."""
    args = options()
    find_redtool(args.redtool)
    missing = [program for program in PEERS if not peer.installed(program)]
    for program in missing:
        say(f"{program} is not installed: its rows are skipped")
    try:
        parts = [args.only] if args.only else ["verbs", "serving"]
        made = bench_keys(args, args.keys, *parts)
        if args.large:
            made += bench_keys(args, 10_000_000, "large")
        if args.giants:
            made += giant_rows.bench_giants(find_redtool(args.redtool), args.data)
    except BenchError as error:
        raise SystemExit(f"bench stopped: {error}") from None
    print(table(made))
    if args.json:
        facts = {"machine": machine(), "missing": missing, "rows": [row.as_json() for row in made]}
        args.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
