"""Servers to be tested, empty at the start of each test: redis-server, and redtool by backend."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.differential.wire import Connection
from tests.peer import REDIS_SERVER, RedisServer
from tests.served import BACKENDS, Served

Server = RedisServer | Served


@pytest.fixture(scope="module", params=["redis-server", *BACKENDS])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running server."""
    folder = tmp_path_factory.mktemp("server")
    if request.param == "redis-server":
        if REDIS_SERVER is None:
            pytest.skip("redis-server is not installed, these promises are not asked of it")
        with RedisServer(folder) as peer:
            yield peer
    else:
        with Served(folder, request.param) as ours:
            yield ours


@pytest.fixture
def port(server: Server) -> int:
    """Its port; the data is gone."""
    link = Connection(server.port, resp3=False)
    assert link([b"FLUSHALL"]).value == b"OK"
    link.close()
    return server.port


@pytest.fixture
def client(port: int) -> Iterator[redis.Redis]:
    """A client that gets texts."""
    with redis.Redis(port=port, decode_responses=True, socket_timeout=30) as made:
        yield made


class Crew:
    """Threads whose mistakes are the test's."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.mistakes: list[BaseException] = []

    def start(self, work: Callable[..., object], *arguments: object) -> None:
        """One more at work."""

        def run() -> None:
            try:
                work(*arguments)
            except BaseException as mistake:
                self.mistakes.append(mistake)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def wait(self) -> None:
        """Until all are done."""
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client waits for ever"
        if self.mistakes:
            raise self.mistakes[0]


@pytest.fixture
def crew() -> Crew:
    """Nobody yet."""
    return Crew()
