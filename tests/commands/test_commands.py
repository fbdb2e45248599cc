"""Every command of redtool's own table has cases, and each answers as redis-server answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.wire import Connection, Reply
from tests.peer import RedisServer, needs_redis_server
from tests.served import Served

from .cases import CASES, Case
from .play import play, steps

# They hold subcommands, which have cases each.
CONTAINERS = {"acl", "client", "cluster", "config", "function", "latency", "memory", "module"}
CONTAINERS |= {"object", "pubsub", "script", "slowlog", "xgroup", "xinfo"}
each_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """A redis-server 7.0 and a redtool server, both empty."""
    with (
        RedisServer(tmp_path_factory.mktemp("peer")) as peer,
        Served(tmp_path_factory.mktemp("ours")) as ours,
    ):
        if peer.version[:2] != (7, 0):
            pytest.skip("what has its expectation written down is what 7.0 does not have")
        yield peer.port, ours.port


@needs_redis_server
@pytest.mark.parametrize("resp3", [False, True], ids=["resp2", "resp3"])
@each_case
def test_a_command_answers_as_redis_server(ports: tuple[int, int], case: Case, resp3: bool) -> None:
    assert play(case.text, ports, resp3) == []


def rows_of(reply: Reply) -> Iterator[str]:
    """The names in COMMAND's reply, those of subcommands with them."""
    for row in reply.items:
        yield row.items[0].value.decode()
        yield from rows_of(row.items[9])


def test_every_command_has_a_case(tmp_path: Path) -> None:
    with Served(tmp_path) as ours:
        link = Connection(ours.port, resp3=False)
        rows = set(rows_of(link([b"COMMAND"])))
        link.close()
    written = {case.row for case in CASES}
    assert rows - written - CONTAINERS == set()
    assert written - rows == set()


@each_case
def test_a_case_is_about_its_command(case: Case) -> None:
    wanted = [word.encode().upper() for word in case.row.split("|")]
    said = [[word.upper() for word in step.words[: len(wanted)]] for step in steps(case.text)]
    assert wanted in said


def test_there_are_many_cases() -> None:
    assert sum(len([*steps(case.text)]) for case in CASES) > 2000
