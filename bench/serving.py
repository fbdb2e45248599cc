"""The bench's rows of the server that takes writes, beside redis-server, asked in turn.

The default tests of redis-benchmark are asked with pipelines of 1, 16 and 64 by 50 connections of
one client thread. On two cores that client is soon as busy as the server: how much more the server
could do is in the rows of requests a second of its processor time, which have no bar.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import peer
from measure import BenchError, Series, anonymous_bytes
from rows import Bar, Row, info_row, ratio_row

BENCHMARK = "redis-benchmark"
CONNECTIONS = 50
ELEMENTS = 1_000_000
SMALL_STRINGS = 10_000_000
BATCH = 1000
# Requests of a pipeline, in thousands; lists are read in a fraction of it.
REQUESTS = {1: 50, 16: 400, 64: 800}
TESTS = (
    "ping_mbulk",
    "set",
    "get",
    "incr",
    "lpush",
    "rpush",
    "lpop",
    "rpop",
    "sadd",
    "hset",
    "spop",
    "zadd",
    "zpopmin",
    "mset",
    "lrange_100",
    "lrange_300",
    "lrange_500",
    "lrange_600",
)
SLOW_TESTS = {"mset": 4, "lrange_100": 5, "lrange_300": 10, "lrange_500": 20, "lrange_600": 20}
TWICE = {"set", "get"}
SCRIPT = ("EVAL", "return redis.call('GET', KEYS[1])", "1", "key:1")


class Measured(Protocol):
    """What of a bench is needed here."""

    redtool: str
    work: Path
    runs: int

    def of(self, name: str) -> Series: ...
    def median(self, name: str) -> float | None: ...


@dataclass(frozen=True)
class Asked:
    """One measurement of both servers: redis-benchmark with these words."""

    bar: Bar
    words: tuple[str, ...]
    pipeline: int
    requests: int


@dataclass(frozen=True)
class Pair:
    """The two servers, and where rows of theirs begin their names."""

    theirs: peer.Server
    ours: peer.Server

    def each(self) -> Iterator[tuple[str, peer.Server]]:
        """Theirs first."""
        yield "peer_", self.theirs
        yield "", self.ours


def default_tests() -> Iterator[Asked]:
    """The default tests of redis-benchmark, with each pipeline."""
    for pipeline, thousands in REQUESTS.items():
        for test in TESTS:
            least = 1.0 if pipeline == 1 else 2.0 if test in TWICE else 1.5
            what = f"{test.upper()}, pipeline {pipeline}, memory"
            yield Asked(
                Bar(f"{test}_p{pipeline}_memory", what, peer.REDIS_SERVER, least),
                ("-t", test),
                pipeline,
                thousands * 1000 // SLOW_TESTS.get(test, 1),
            )
    for pipeline in (1, 16):
        what = f"EVAL of GET, pipeline {pipeline}, memory"
        bar = Bar(f"eval_p{pipeline}_memory", what, peer.REDIS_SERVER, 1)
        yield Asked(bar, SCRIPT, pipeline, REQUESTS[pipeline] * 1000 // 4)


def kept_tests() -> Iterator[Asked]:
    """Over LMDB, beside a redis-server with `appendonly yes`, on a million keys."""
    beside = "redis-server, appendonly everysec"
    spread = ("-r", str(ELEMENTS))
    for test in ("set", "hset", "zadd", "lpush"):
        bar = Bar(f"{test}_p16_lmdb", f"{test.upper()}, pipeline 16, LMDB", beside, 0.6)
        yield Asked(bar, ("-t", test, *spread), 16, ELEMENTS)
    for name, words in (
        ("get", ("-t", "get", *spread)),
        ("hget", (*spread, "HGET", "myhash", "element:__rand_int__")),
        ("zscore", (*spread, "ZSCORE", "myzset", "element:__rand_int__")),
    ):
        bar = Bar(f"{name}_p16_lmdb", f"{name.upper()}, pipeline 16, LMDB", beside, 1.5)
        yield Asked(bar, words, 16, ELEMENTS)


@contextmanager
def servers(bench: Measured, ours: Iterable[str], theirs: Iterable[str]) -> Iterator[Pair]:
    """A redis-server and a redtool of these options, empty, each in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=bench.work) as made:
        port = peer.free_port()
        args = [bench.redtool, "serve", "--port", str(port), *ours]
        folder = Path(made)
        with (
            peer.redis_server(folder, *theirs) as redis,
            peer.Server(
                [arg.replace("FOLDER", made) for arg in args], port, folder / "redtool.log"
            ) as redtool,
        ):
            redis.wait_ready()
            redtool.wait_ready()
            yield Pair(redis, redtool)


def cpu_s(server: peer.Server) -> float:
    """Processor time that a server has taken, its kernel's included."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(port: int, asked: Asked) -> float:
    """Requests a second, as redis-benchmark counts them."""
    args = [BENCHMARK, "-p", str(port), "-c", str(CONNECTIONS), "-P", str(asked.pipeline)]
    args += ["-n", str(asked.requests), "--csv", *asked.words]
    made = subprocess.run(args, capture_output=True, text=True, check=True)
    lines = [line for line in made.stdout.splitlines() if line.startswith('"')]
    if len(lines) < 2:
        raise BenchError(f"{' '.join(args)}: {made.stdout} {made.stderr}")
    return float(list(csv.DictReader(lines))[-1]["rps"])


def measure(bench: Measured, pair: Pair, asked: Asked) -> None:
    """One turn of both."""
    for prefix, server in pair.each():
        started_s = cpu_s(server)
        value = rate(server.port, asked)
        taken_s = max(cpu_s(server) - started_s, 1e-3)
        bench.of(prefix + asked.bar.name).add(value, anonymous_bytes(server.process.pid))
        bench.of(f"{prefix}{asked.bar.name}_cpu").add(asked.requests / taken_s)


def run_tests(bench: Measured, tests: list[Asked], pair: Pair) -> None:
    """All turns of the tests, each beginning with nothing."""
    for _ in range(bench.runs):
        for server in (pair.theirs, pair.ours):
            server.ask("FLUSHALL")
            server.ask("SET", "key:1", "value")
        for asked in tests:
            measure(bench, pair, asked)


def batches(commands: Iterable[tuple[str | int, ...]]) -> Iterator[bytes]:
    """Commands as RESP, in pieces."""
    encoded = (peer.encode(*words) for words in commands)
    while piece := b"".join(islice(encoded, BATCH)):
        yield piece


def numbers(seed: int) -> Iterator[int]:
    """Random elements of a big collection."""
    source = random.Random(seed)
    while True:
        yield source.randrange(ELEMENTS)


# Name, what is asked of element `n`, and how often.
BIG_ASKS = (
    ("zadd", lambda n: ("ZADD", "zset", n * 7 % ELEMENTS, f"member:{n}"), 300_000),
    ("zrank", lambda n: ("ZRANK", "zset", f"member:{n}"), 300_000),
    ("hset", lambda n: ("HSET", "hash", f"member:{n}", f"other:{n}"), 300_000),
    ("hget", lambda n: ("HGET", "hash", f"member:{n}"), 300_000),
    ("lindex", lambda n: ("LINDEX", "list", n), 50_000),
)


def fill_big(port: int) -> None:
    """A sorted set, a hash and a list of a million elements."""
    every = range(ELEMENTS)
    peer.pipeline(port, batches(("ZADD", "zset", n, f"member:{n}") for n in every))
    peer.pipeline(port, batches(("HSET", "hash", f"member:{n}", f"value:{n}") for n in every))
    peer.pipeline(port, batches(("RPUSH", "list", f"member:{n}") for n in every))


def run_big(bench: Measured, pair: Pair) -> None:
    """Big collections, through one connection that is always full."""
    for _, server in pair.each():
        server.ask("FLUSHALL")
        fill_big(server.port)
    for turn in range(bench.runs):
        for name, ask, count in BIG_ASKS:
            ready = list(batches(map(ask, islice(numbers(turn), count))))
            for prefix, server in pair.each():
                started_s = time.perf_counter()
                peer.pipeline(server.port, ready)
                value = count / (time.perf_counter() - started_s)
                bench.of(f"{prefix}{name}_big").add(value)


def run_memory(bench: Measured, pair: Pair) -> None:
    """Anonymous memory that ten million small strings take."""
    for prefix, server in pair.each():
        server.ask("FLUSHALL")
        before = anonymous_bytes(server.process.pid)
        commands = (("SET", f"key:{n:010}", f"value:{n:010}") for n in range(SMALL_STRINGS))
        peer.pipeline(server.port, batches(commands))
        taken = anonymous_bytes(server.process.pid) - before
        bench.of(f"{prefix}bytes_a_key").add(taken / SMALL_STRINGS)


def run_serving(bench: Measured) -> None:
    """Everything here."""
    if not (peer.installed(peer.REDIS_SERVER) and peer.installed(BENCHMARK)):
        return
    with servers(bench, ["--backend", "memory"], []) as pair:
        run_tests(bench, list(default_tests()), pair)
    with servers(bench, ["--backend", "memory"], []) as pair:
        run_big(bench, pair)
    with servers(bench, ["--backend", "memory"], []) as pair:
        run_memory(bench, pair)
    kept = ["--appendonly", "yes", "--appendfsync", "everysec"]
    with servers(bench, ["--backend", "lmdb", "--dir", "FOLDER"], kept) as pair:
        run_tests(bench, list(kept_tests()), pair)


def serving_rows(bench: Measured) -> Iterator[Row]:
    """The rows of what was measured."""
    for asked in [*default_tests(), *kept_tests()]:
        yield both(bench, asked.bar)
    for name, _, _ in BIG_ASKS:
        what = f"{name.upper()}, {ELEMENTS // 1_000_000} M elements, memory"
        yield both(bench, Bar(f"{name}_big", what, peer.REDIS_SERVER, 1))
    for test in sorted(TWICE):
        for pipeline in (16, 64):
            name = f"{test}_p{pipeline}_memory_cpu"
            what = f"{test.upper()}, pipeline {pipeline}, a CPU second of the server"
            yield info_row(both(bench, Bar(name, what, peer.REDIS_SERVER, 0)))
    bar = Bar("bytes_a_key", "bytes a small string, 10 M of them", peer.REDIS_SERVER, 1)
    ours, theirs = bench.median(bar.name), bench.median(f"peer_{bar.name}")
    yield ratio_row(bar, ours, theirs, "B")


def both(bench: Measured, bar: Bar) -> Row:
    """The row of two rates."""
    ours, theirs = bench.median(bar.name), bench.median(f"peer_{bar.name}")
    return ratio_row(bar, ours, theirs, "/s", bench.of(bar.name).peak_bytes)
