"""MIGRATE between redtool and redis-server, both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.peer import RedisServer, free_port, needs_redis_server, run
from tests.served import BACKENDS, Served

pytestmark = needs_redis_server
NAMES = [f"m{n}" for n in range(1000)]


@pytest.fixture(scope="module", params=[*BACKENDS, "redis-server"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[redis.Redis, redis.Redis]]:
    """Whoever sends, and whoever is sent to: one of them is redis-server."""
    with (
        RedisServer(tmp_path_factory.mktemp("peer")) as peer,
        Served(
            tmp_path_factory.mktemp("ours"),
            "memory" if request.param == "redis-server" else request.param,
        ) as served,
    ):
        ours = redis.Redis(port=served.port, socket_timeout=60)
        yield (peer.client, ours) if request.param == "redis-server" else (ours, peer.client)


@pytest.fixture
def ends(both: tuple[redis.Redis, redis.Redis]) -> tuple[redis.Redis, redis.Redis]:
    """The same, empty."""
    for client in both:
        client.flushall()
    return both


@pytest.fixture
def ours(ends: tuple[redis.Redis, redis.Redis]) -> tuple[redis.Redis, redis.Redis]:
    """The same where redtool sends: redis-server keeps its connections, and their logins."""
    if "redtool_version" not in ends[0].info():
        pytest.skip("redis-server sends")
    return ends


def port_of(client: redis.Redis) -> int:
    return int(client.connection_pool.connection_kwargs["port"])


def migrate(source: redis.Redis, target: redis.Redis, key: str, *words: object) -> object:
    """Whatever MIGRATE replies."""
    asked = ("MIGRATE", "127.0.0.1", port_of(target), key, 0, 5000, *words)
    return run(source, *asked)


def test_keys_of_every_kind_move(ends: tuple[redis.Redis, redis.Redis]) -> None:
    source, target = ends
    source.set("text", "v" * 100_000)
    for size in (3, 1000):
        source.rpush(f"list{size}", *NAMES[:size])
        source.sadd(f"set{size}", *NAMES[:size])
        source.hset(f"hash{size}", mapping={name: name for name in NAMES[:size]})
        source.zadd(f"zset{size}", {name: n / 3 for n, name in enumerate(NAMES[:size])})
        source.xadd(f"stream{size}", {"a": 1}, id="1-1")
    before = run(source, "DEBUG", "DIGEST")
    keys = [key.decode() for key in source.scan_iter()]
    assert migrate(source, target, "", "KEYS", *keys) == b"OK"
    assert source.dbsize() == 0
    assert run(target, "DEBUG", "DIGEST") == before


def test_a_time_to_live_goes_along_and_a_copy_stays(ends: tuple[redis.Redis, redis.Redis]) -> None:
    source, target = ends
    source.set("k", "v", px=50_000)
    assert migrate(source, target, "k", "COPY") == b"OK"
    assert source.get("k") == b"v"
    assert 40_000 < target.pttl("k") <= 50_000
    with pytest.raises(redis.ResponseError, match="replied with error: BUSYKEY"):
        migrate(source, target, "k")
    assert source.get("k") == b"v"
    assert migrate(source, target, "k", "REPLACE") == b"OK"
    assert source.get("k") is None
    assert migrate(source, target, "k") == b"NOKEY"


def test_who_is_not_there_is_told(ours: tuple[redis.Redis, redis.Redis]) -> None:
    source, _ = ours
    source.set("k", "v")
    with pytest.raises(redis.ResponseError, match="IOERR error or timeout writing"):
        run(source, "MIGRATE", "127.0.0.1", free_port(), "k", 0, 500)
    assert source.get("k") == b"v"


def test_the_other_server_asks_for_a_password(ours: tuple[redis.Redis, redis.Redis]) -> None:
    source, target = ours
    source.mset({"a": 1, "b": 2})
    target.config_set("requirepass", "secret")
    try:
        with pytest.raises(redis.ResponseError, match="replied with error: NOAUTH"):
            migrate(source, target, "a")
        assert migrate(source, target, "a", "AUTH", "secret") == b"OK"
        assert migrate(source, target, "b", "AUTH2", "default", "secret") == b"OK"
    finally:
        target.config_set("requirepass", "")
    assert target.mget("a", "b") == [b"1", b"2"]
