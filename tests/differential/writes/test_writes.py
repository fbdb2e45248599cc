"""Random writes to redtool, on each backend and in both protocols, do what redis-server does.

A short seeded run by default. REDTOOL_FUZZ_COMMANDS says how many commands each way gets (a million
take some minutes), REDTOOL_FUZZ_SEED another start, REDTOOL_FUZZ_FAMILIES=list,zset which commands.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest

from tests.peer import RedisServer, needs_redis_server
from tests.served import BACKENDS, Served

from .families import FAMILIES
from .runner import Plan, findings, missing

pytestmark = needs_redis_server

COMMANDS = int(os.environ.get("REDTOOL_FUZZ_COMMANDS", "3000"))
SEED = int(os.environ.get("REDTOOL_FUZZ_SEED", "1"))
CHOSEN = os.environ.get("REDTOOL_FUZZ_FAMILIES", ",".join(FAMILIES)).split(",")


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server 7.0."""
    with RedisServer(tmp_path_factory.mktemp("peer")) as server:
        if server.version[:2] != (7, 0):
            pytest.skip("the list of version differences is that of 7.0")
        yield server


@pytest.fixture(scope="module", params=BACKENDS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """An empty redtool server, over each backend in turn."""
    with Served(tmp_path_factory.mktemp("served"), request.param) as server:
        yield server


@pytest.mark.parametrize("resp3", [False, True], ids=["resp2", "resp3"])
def test_random_writes_do_what_they_do_in_redis_server(
    peer: RedisServer, served: Served, resp3: bool
) -> None:
    seed = SEED + zlib.crc32(f"{served.backend} {resp3}".encode())
    plan = Plan((peer.port, served.port), CHOSEN, COMMANDS, seed, resp3=resp3)
    found = [str(each) for each in findings(plan, print)]
    assert not found, f"seed {seed}\n" + "\n\n".join(found)


def test_every_command_that_is_compared_is_there(peer: RedisServer, served: Served) -> None:
    plan = Plan((peer.port, served.port), list(FAMILIES), count=0, seed=0)
    assert missing(plan) == []
