"""The comparison itself: two servers that are the same differ in nothing; a difference is found.

Both sides are redis-servers here, so what it says of redtool is not what it makes up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.differential.wire import Connection, Words
from tests.peer import RedisServer, needs_redis_server

from .families import FAMILIES, Round, names_of
from .judge import name_of
from .lines import line, parsed
from .minimise import Tries, least
from .runner import Plan, findings, payloads_of

pytestmark = needs_redis_server


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server."""
    with RedisServer(tmp_path_factory.mktemp("peer")) as server:
        yield server


def quiet(_: str) -> None:
    """Nobody looks on."""


@pytest.mark.parametrize("resp3", [False, True], ids=["resp2", "resp3"])
def test_two_servers_of_a_kind_differ_in_nothing(
    peer: RedisServer, tmp_path: Path, resp3: bool
) -> None:
    with RedisServer(tmp_path) as twin:
        plan = Plan((peer.port, twin.port), list(FAMILIES), count=3000, seed=3, resp3=resp3)
        assert [str(found) for found in findings(plan, quiet)] == []


def test_a_difference_is_shown_by_the_least_that_makes_it(
    peer: RedisServer, tmp_path: Path
) -> None:
    with RedisServer(tmp_path, "--hash-max-listpack-entries", "2") as other:
        plan = Plan((peer.port, other.port), ["hash"], count=5000, seed=1, most=1)
        (found,) = findings(plan, quiet)
        assert found.difference.name == "data, OBJECT ENCODING"
        assert len(found.commands) <= 2
        assert all(len(words) <= 8 for words in found.commands)


def test_every_command_is_made_sensibly(peer: RedisServer) -> None:
    """Makers that only ever earn errors would test nothing."""
    link = Connection(peer.port, resp3=False)
    made = Round(Random(5), list(FAMILIES), payloads_of(peer.port))
    answered = {name_of(words) for words in made.commands(30_000) if not link(words).is_error}
    link.close()
    assert set(names_of(list(FAMILIES))) - answered == set()


def test_the_least_is_found_wherever_it_is() -> None:
    wanted = {3, 40, 41, 97}

    def fails(parts: list[int]) -> bool:
        return wanted <= set(parts)

    assert least(list(range(100)), fails, Tries(1000)) == sorted(wanted)


def test_lines_read_back_as_what_was_written() -> None:
    commands: list[Words] = [
        [b"SET", b"", bytes(range(256))],
        [b"GET", b'"\\x41'],
        [b"ECHO", b"a b\r\n\t", b"#x"],
    ]
    assert parsed("# a note\n" + "\n".join(map(line, commands))) == commands


def test_families_name_commands_once_made() -> None:
    assert len(names_of(list(FAMILIES))) > 180
