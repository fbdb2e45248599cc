"""maxmemory, its policies and its relatives: what goes when there is no room, and who is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.differential.wire import Connection
from tests.served import Served

from .conftest import Server
from .test_saving import until

LRU_LFU = ["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu"]
ALL_KEYS = ["allkeys-lru", "allkeys-lfu", "allkeys-random"]
VOLATILE = ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]
ROOM_BYTES = 200 * 1024
# Beyond its limit a server goes by at most what a command adds.
LEEWAY_BYTES = 16 * 1024


def used(client: redis.Redis) -> int:
    """Memory that counts against the limit."""
    return int(client.info("memory")["used_memory"])


def stat(client: redis.Redis, name: str) -> int:
    """A number of INFO."""
    return int(client.info("stats")[name])


def limit(client: redis.Redis, policy: str, room_bytes: int = ROOM_BYTES) -> int:
    """Sets a limit with some room, and the policy; the limit."""
    most = used(client) + room_bytes
    client.config_set("maxmemory", most, "maxmemory-policy", policy)
    return most


def add(client: redis.Redis, names: Iterator[str], expire_s: int | None = None) -> int:
    """Sets keys until one is refused, or all are set; how many were."""
    done = 0
    for name in names:
        try:
            client.set(name, "x" * 100, ex=expire_s)
        except redis.exceptions.OutOfMemoryError:
            break
        done += 1
    return done


def names(word: str, count: int = 2000) -> Iterator[str]:
    """So many names of keys."""
    return (f"{word}:{n}" for n in range(count))


@pytest.fixture
def cache(server: Server, client: redis.Redis) -> Iterator[redis.Redis]:
    """A client of a server that evicts: one over a store does not."""
    if isinstance(server, Served) and server.backend != "memory":
        pytest.skip("what is in a store is not evicted")
    yield client
    client.config_set("maxmemory", 0, "maxmemory-policy", "noeviction", "maxmemory-samples", 5)
    client.config_set("maxmemory-clients", 0, "tracking-table-max-keys", 1_000_000)
    client.config_resetstat()


@pytest.mark.parametrize("policy", ALL_KEYS + VOLATILE)
def test_the_limit_is_kept(cache: redis.Redis, policy: str) -> None:
    most = limit(cache, policy)
    assert add(cache, names("k"), expire_s=10_000) == 2000
    assert most - LEEWAY_BYTES < used(cache) < most + LEEWAY_BYTES
    assert stat(cache, "evicted_keys") == 2000 - cache.dbsize() > 100


@pytest.mark.parametrize("policy", VOLATILE)
def test_keys_without_an_expiry_stay_where_only_others_go(cache: redis.Redis, policy: str) -> None:
    limit(cache, policy)
    assert add(cache, names("for ever", 300)) == 300
    assert add(cache, names("for a while"), expire_s=10_000) == 2000
    assert cache.exists(*names("for ever", 300)) == 300
    cache.delete(*names("for a while"))
    evicted = stat(cache, "evicted_keys")
    assert add(cache, names("more")) < 2000
    assert stat(cache, "evicted_keys") == evicted
    assert cache.get("for ever:1") is not None, "what takes no memory is not refused"
    assert cache.delete("for ever:1") == 1


def test_noeviction_refuses_what_takes_memory(cache: redis.Redis) -> None:
    limit(cache, "noeviction")
    assert add(cache, names("k")) < 2000
    assert stat(cache, "evicted_keys") == 0
    script = "#!lua\nreturn redis.call('SET', 'k', 'v')"
    with pytest.raises(redis.ResponseError, match="maxmemory"):
        cache.eval(script, 0)
    assert cache.eval(script.replace("#!lua", "#!lua flags=allow-oom"), 0) == "OK"


def test_a_script_that_has_written_is_not_stopped_half_way(cache: redis.Redis) -> None:
    limit(cache, "noeviction")
    add(cache, names("k"))
    begun = "redis.call('DEL', 'k:0') return redis.call('SET', 'k', ARGV[1])"
    assert cache.eval(begun, 0, "x") == "OK"
    with pytest.raises(redis.ResponseError, match="maxmemory"):
        cache.eval("return redis.call('SET', 'k', ARGV[1])", 0, "x")


def test_what_expires_first_goes_first(cache: redis.Redis) -> None:
    limit(cache, "volatile-ttl")
    cache.config_set("maxmemory-samples", 64)
    add(cache, names("late", 300), expire_s=20_000)
    add(cache, names("soon", 300), expire_s=100)
    more = 0
    while stat(cache, "evicted_keys") < 100:
        more += add(cache, names(f"more{more}", 50), expire_s=20_000)
    assert cache.exists(*names("late", 300)) > 290
    assert cache.exists(*names("soon", 300)) < 220


@pytest.mark.parametrize("policy", LRU_LFU)
def test_what_is_used_stays(cache: redis.Redis, policy: str) -> None:
    cache.config_set("lfu-log-factor", 0)
    most = limit(cache, policy)
    assert add(cache, names("unused", 400), expire_s=10_000) == 400
    assert add(cache, names("used", 400), expire_s=10_000) == 400
    # Redis tells times of use apart by whole seconds.
    time.sleep(1.1)
    for _ in range(5):
        cache.mget(*names("used", 400))
    new = 0
    while stat(cache, "evicted_keys") < 200:
        new += add(cache, names(f"new{new}", 50), expire_s=10_000)
    assert used(cache) < most + LEEWAY_BYTES
    # What was chosen as a candidate before it was used goes all the same, in Redis.
    assert cache.exists(*names("used", 400)) > 300
    if policy.endswith("lru"):
        assert cache.exists(*names("unused", 400)) < 250
    cache.config_set("lfu-log-factor", 10)


def test_a_big_collection_counts_for_all_it_holds(cache: redis.Redis) -> None:
    for policy in ("noeviction", "allkeys-lru"):
        most = limit(cache, policy, 3 << 20)
        pipe = cache.pipeline(transaction=False)
        for n in range(20_000):
            pipe.rpush("list", "x" * 100)
            pipe.zadd("zset", {f"m{n}": n})
            pipe.hset("hash", f"f{n}", "x" * 50)
            pipe.sadd("set", f"member{n}")
            pipe.xadd("stream", {"field": "x" * 20})
        refused = sum(isinstance(reply, Exception) for reply in pipe.execute(raise_on_error=False))
        assert (refused > 0) == (policy == "noeviction")
        # A node of a collection is made larger ahead of what comes into it.
        assert used(cache) < most + (1 << 20)
        cache.flushall()
        assert used(cache) < most - (2 << 20), "what is gone takes no memory"


def test_those_who_want_to_know_are_told(cache: redis.Redis, port: int) -> None:
    cache.config_set("notify-keyspace-events", "Ee")
    cache.set("key", "x")
    tracker, listener, watcher = (Connection(port, resp3=True) for _ in range(3))
    tracker([b"CLIENT", b"TRACKING", b"ON"])
    tracker([b"GET", b"key"])
    assert listener([b"SUBSCRIBE", b"__keyevent@0__:evicted"]).kind == ">"
    watcher([b"WATCH", b"key"])
    cache.config_set("maxmemory", 1, "maxmemory-policy", "allkeys-random")
    until(lambda: stat(cache, "evicted_keys") == 1)
    cache.config_set("maxmemory", 0)
    told = tracker.receive()
    assert told is not None
    assert [told.kind, told.items[1].items[0].value] == [">", b"key"]
    told = listener.receive()
    assert told is not None
    assert [item.value for item in told.items[1:]] == [b"__keyevent@0__:evicted", b"key"]
    watcher([b"MULTI"])
    assert watcher([b"EXEC"]).kind == "null"
    for link in (tracker, listener, watcher):
        link.close()
    cache.config_set("notify-keyspace-events", "")


def test_a_lower_limit_is_met_without_a_command(cache: redis.Redis) -> None:
    add(cache, names("k"))
    cache.config_set("maxmemory-policy", "allkeys-lru")
    most = used(cache) - ROOM_BYTES
    cache.config_set("maxmemory", most)
    until(lambda: used(cache) <= most)
    until(lambda: cache.dbsize() + stat(cache, "evicted_keys") == 2000)


def test_clients_are_not_served_at_the_expense_of_others(cache: redis.Redis, port: int) -> None:
    cache.client_no_evict("ON")
    cache.config_set("maxmemory-clients", 3 << 20)
    heavy = Connection(port, resp3=False)
    with contextlib.suppress(OSError):
        heavy.link.sendall(b"*1\r\n$%d\r\n" % (8 << 20))
        heavy.link.sendall(b"x" * (4 << 20))
        assert heavy.receive() is None
    heavy.close()
    until(lambda: stat(cache, "evicted_clients") == 1)
    assert cache.ping()


def test_a_client_that_is_spared_stays(cache: redis.Redis, port: int) -> None:
    cache.client_no_evict("ON")
    spared = Connection(port, resp3=False)
    spared([b"CLIENT", b"NO-EVICT", b"ON"])
    spared([b"CLIENT", b"SETNAME", b"spared"])
    cache.config_set("maxmemory-clients", 1 << 20)
    spared.link.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (2 << 20) + b"x" * (1 << 20))

    def memory() -> int:
        line = next(one for one in cache.client_list() if one["name"] == "spared")
        return int(line["tot-mem"])

    until(lambda: memory() > 1 << 20)
    assert stat(cache, "evicted_clients") == 0
    spared.close()


def test_the_table_of_tracked_keys_is_bounded(cache: redis.Redis, port: int) -> None:
    tracker = Connection(port, resp3=True)
    tracker([b"CLIENT", b"TRACKING", b"ON"])
    for n in range(100):
        tracker([b"GET", b"k%d" % n])
    assert stat(cache, "tracking_total_keys") == stat(cache, "tracking_total_items") == 100
    cache.config_set("tracking-table-max-keys", 10)
    until(lambda: stat(cache, "tracking_total_keys") == 10)
    tracker.close()


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_a_store_is_not_evicted_from(tmp_path: Path, backend: str) -> None:
    with Served(tmp_path, backend) as ours:
        client = redis.Redis(port=ours.port)
        with pytest.raises(redis.ResponseError, match="in a store"):
            client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", 1)
        value = b"x" * 300_000
        for n in range(10):
            client.set(f"k{n}", value)
        assert client.mget([f"k{n}" for n in range(10)]) == [value] * 10
        client.close()


def test_parameters_are_options_at_start(tmp_path: Path) -> None:
    options = ["--option", "maxmemory=64mb", "--option", "maxmemory-policy=allkeys-lfu"]
    with Served(tmp_path, "memory", *options) as ours:
        client = redis.Redis(port=ours.port, decode_responses=True)
        assert client.config_get("maxmemory") == {"maxmemory": str(64 << 20)}
        client.set("k", "v")
        assert client.object("freq", "k") == 5
        client.close()


@pytest.mark.parametrize("policy", ["allkeys-lfu", "volatile-lru"])
def test_a_dump_holds_what_the_policy_goes_by(tmp_path: Path, policy: str) -> None:
    options = ["--option", f"maxmemory-policy={policy}", "--option", "lfu-log-factor=0"]
    with Served(tmp_path, "memory", *options) as ours:
        client = redis.Redis(port=ours.port)
        client.set("k", "v")
        for _ in range(7):
            client.get("k")
        dump = client.dump("k")
        assert dump is not None
        client.restore("k", 0, dump, replace=True, idletime=1000)
        client.restore("often", 0, dump, frequency=77)
        client.save()
        client.close()
    with Served(tmp_path, "memory", *options) as ours:
        client = redis.Redis(port=ours.port)
        if policy.endswith("lfu"):
            assert [client.object("freq", name) for name in ("k", "often")] == [5, 77]
        else:
            assert client.object("idletime", "k") in range(1000, 1100)
            assert client.object("idletime", "often") < 100
        client.close()
