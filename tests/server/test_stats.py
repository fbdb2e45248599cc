"""INFO's counters of calls and errors, and CLIENT LIST's of bytes, beside those of redis-server."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.wire import Connection
from tests.differential.writes.lines import parsed
from tests.peer import RedisServer, needs_redis_server
from tests.served import Served

# What is counted differs in many ways from a simple call.
SEQUENCES = [
    "auth k",
    "exec ; multi ; set a b ; auth a ; exec ; multi ; set ; exec",
    "multi ; incr a ; discard ; discard ; watch a ; multi ; multi ; exec",
    "eval \"redis.pcall('xgroup', 'createconsumer', 's', 'g', 'c') return\" 0 ; eval a",
    "eval \"return redis.call('set')\" 0 ; eval \"return redis.call('multi')\" 0",
    "eval \"return redis.pcall('nosuch')\" 0 ; eval \"return redis.error_reply('MY own')\" 0",
    'eval "error(\'boom\')" 0 ; eval "return {err=\'OWN word\'}" 0 ; eval "return (" 0',
    "set a x ; eval \"return redis.call('incr', 'a')\" 0",
    "set a x ; eval \"redis.pcall('incr', 'a') return 1\" 0",
    "nosuch ; set k ; set k v ; client nosuch ; client kill ; client kill x ; client id ; config",
    "set a x ; lpush a 1 ; incr a ; object encoding a ; object freq a ; script exists x",
    "evalsha ffffffffffffffffffffffffffffffffffffffff 0 ; fcall nosuch 0 ; hello 9",
]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """A redis-server and a redtool server, both empty."""
    with (
        RedisServer(tmp_path_factory.mktemp("peer")) as peer,
        Served(tmp_path_factory.mktemp("ours")) as ours,
    ):
        yield peer.port, ours.port


def info(link: Connection, *sections: bytes) -> list[str]:
    """The lines of sections of INFO."""
    return bytes(link([b"INFO", *sections]).value).decode().split("\r\n")


def counted(port: int, sequence: str) -> set[str]:
    """The counters after a sequence, without times."""
    link = Connection(port, resp3=False)
    link([b"FLUSHALL"])
    link([b"CONFIG", b"RESETSTAT"])
    for line in sequence.split(" ; "):
        link(next(iter(parsed(line))))
    lines = info(link, b"commandstats", b"errorstats", b"stats", b"latencystats")
    link.close()
    wanted = re.compile("cmdstat_|errorstat_|total_error_replies|latency_percentiles_")
    times = re.compile(r"usec=\d+,usec_per_call=[\d.]+,|(?<=p50=).*")
    return {times.sub("", line) for line in lines if wanted.match(line)}


@needs_redis_server
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_calls_and_errors_are_counted_as_redis_counts_them(
    ports: tuple[int, int], sequence: str
) -> None:
    theirs, ours = (counted(port, sequence) for port in ports)
    assert ours == theirs


def test_error_codes_that_scripts_make_up_are_bounded(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link = Connection(ours.port, resp3=False)
        for n in range(200):
            link([b"EVAL", b"return {err=ARGV[1]}", b"0", b"CODE%d own" % n])
        codes = [line for line in info(link, b"errorstats") if line.startswith("errorstat_")]
        link.close()
    assert len(codes) == 129
    assert "errorstat_ERRORSTATS_OVERFLOW:count=72" in codes


def test_percentiles_are_those_that_are_asked_for(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link = Connection(ours.port, resp3=False)

        def shown() -> str:
            lines = info(link, b"latencystats")
            return next((line for line in lines if line.startswith("latency_perc")), "")

        link([b"CONFIG", b"SET", b"latency-tracking-info-percentiles", b"0 99.5"])
        link([b"CONFIG", b"RESETSTAT"])
        assert re.fullmatch(r".*config\|resetstat:p0=\d+\.000,p99\.5=\d+\.000", shown())
        link([b"CONFIG", b"SET", b"latency-tracking", b"no"])
        link([b"CONFIG", b"RESETSTAT"])
        link([b"PING"])
        assert shown() == ""
        link([b"CONFIG", b"SET", b"latency-tracking", b"yes"])
        assert "config|set" in shown()
        link.close()


def test_a_client_sees_its_request_and_no_reply_waiting(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link = Connection(ours.port, resp3=False)
        link([b"PING"])
        line = bytes(link([b"CLIENT", b"LIST"]).value).decode()
        link.close()
    assert " qbuf=26 " in line
    assert " obl=0 oll=0 omem=0 " in line


def test_an_idle_client_is_disconnected_once_there_is_a_timeout(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link, idle = (Connection(ours.port, resp3=False) for _ in range(2))
        assert link([b"CONFIG", b"SET", b"timeout", b"1"]).value == b"OK"
        idle.link.settimeout(30)
        assert idle.link.recv(1) == b""


def test_connections_beyond_maxclients_are_refused_once_it_is_set(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link = Connection(ours.port, resp3=False)
        link([b"CONFIG", b"SET", b"maxclients", b"1"])
        with socket.create_connection(("127.0.0.1", ours.port), timeout=30) as second:
            assert second.recv(100).startswith(b"-ERR max number of clients reached")
        link([b"CONFIG", b"SET", b"maxclients", b"2"])
        third = Connection(ours.port, resp3=False)
        assert third([b"PING"]).value == b"PONG"
        link.close()
        third.close()
