"""SAVE, BGSAVE, SHUTDOWN and SYNC: what is served as a dump, of every backend."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

import redtool
from tests.differential.wire import Connection
from tests.peer import RedisServer, needs_redis_server, run
from tests.served import BACKENDS, Served

REDIS_CLI = shutil.which("redis-cli")
needs_redis_cli = pytest.mark.skipif(REDIS_CLI is None, reason="redis-cli is not installed")


def filled(port: int) -> redis.Redis:
    """A client of a server that now has a key of each kind, small and big, and a function."""
    client = redis.Redis(port=port, socket_timeout=60)
    client.set("text", "value", px=10_000_000)
    client.set("long", os.urandom(200_000))
    for size in (3, 2000):
        names = [f"m{n}" for n in range(size)]
        client.rpush(f"list{size}", *names)
        client.sadd(f"set{size}", *names)
        client.hset(f"hash{size}", mapping={name: name * 3 for name in names})
        client.zadd(f"zset{size}", {name: n / 7 for n, name in enumerate(names)})
        for name in names[:300]:
            client.xadd(f"stream{size}", {"name": name})
    run(client, "SELECT", 3)
    client.set("elsewhere", 1)
    run(client, "SELECT", 0)
    client.function_load("#!lua name=lib\nredis.register_function('f', function() return 7 end)")
    return client


def digest(client: redis.Redis) -> bytes:
    """DEBUG DIGEST: the same for the same data."""
    return bytes(run(client, "DEBUG", "DIGEST"))


def fetched(port: int, path: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """What `redis-cli --rdb` (or another option) makes of a server."""
    words = [str(REDIS_CLI), "-p", str(port), *(options or ("--rdb",)), str(path)]
    return subprocess.run(words, capture_output=True, timeout=60, check=False)


def until(holds: Callable[[], bool]) -> None:
    """Waits for something that comes about by itself."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never comes about"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is writable again at the end."""
    yield tmp_path
    tmp_path.chmod(0o755)


@needs_redis_server
@needs_redis_cli
@pytest.mark.parametrize("backend", BACKENDS)
def test_redis_cli_fetches_a_dump_that_a_real_server_loads(tmp_path: Path, backend: str) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    with Served(ours, backend) as served:
        client = filled(served.port)
        ran = fetched(served.port, theirs / "dump.rdb")
        assert ran.returncode == 0, ran.stderr
        with RedisServer(theirs) as peer:
            assert digest(peer.client) == digest(client)
            assert peer.client.fcall("f", 0) == 7
        with redtool.open(theirs / "dump.rdb") as dataset:
            assert dataset.counts().keys == 13
            assert dataset.execute("ZSCORE", "zset2000", "m7") == 1.0
        # The server goes on as before.
        assert client.ping()


@needs_redis_cli
def test_only_the_functions_are_fetched_when_only_they_are_wanted(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        filled(served.port)
        ran = fetched(served.port, tmp_path / "f.rdb", "--functions-rdb")
        assert ran.returncode == 0, ran.stderr
    with redtool.open(tmp_path / "f.rdb") as dataset:
        assert dataset.counts().keys == 0
        assert dataset.execute("FUNCTION", "LIST")


@needs_redis_cli
def test_a_dataset_that_is_only_read_is_fetched_too(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        before = digest(filled(served.port))
    with redtool.serve(tmp_path / "dump.rdb", port=0) as server:
        ran = fetched(server.port, tmp_path / "again.rdb")
        assert ran.returncode == 0, ran.stderr
    with redtool.serve(tmp_path / "again.rdb", port=0) as server:
        assert digest(redis.Redis(port=server.port)) == before


@needs_redis_server
def test_a_server_that_would_follow_is_refused_in_words(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        link = Connection(served.port, resp3=False)
        assert link([b"REPLCONF", b"listening-port", b"7000"]).value == b"OK"
        for request in ([b"SYNC"], [b"PSYNC", b"?", b"-1"]):
            assert b"no replicas" in link(request).value
        link.close()
        replica = tmp_path / "replica"
        replica.mkdir()
        with RedisServer(replica) as peer:
            peer.run("REPLICAOF", "127.0.0.1", served.port)
            log = replica / "redis-server.log"
            until(lambda: b"no replicas" in log.read_bytes())
            assert peer.client.info("replication")["master_link_status"] == "down"


def test_what_was_saved_is_there_after_a_kill(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = filled(served.port)
        before = digest(client)
        assert client.save()
        assert client.info("persistence")["rdb_changes_since_last_save"] == 0
        client.set("later", 1)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(30)
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        assert digest(client) == before
        assert client.config_get("d[bi]*") == {
            "dbfilename": "dump.rdb",
            "dir": str(tmp_path),
        }


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "SHUTDOWN", "SHUTDOWN SAVE"])
def test_the_end_saves(tmp_path: Path, end: str) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        client.set("k", "v")
        if end.startswith("SIG"):
            served.process.send_signal(signal.Signals[end])
        else:
            client.shutdown(save=end.endswith("SAVE"))
        assert served.process.wait(30) == 0
    with Served(tmp_path) as served:
        assert redis.Redis(port=served.port).get("k") == b"v"


def test_shutdown_nosave_does_not(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        client.set("k", "v")
        client.shutdown(nosave=True)
        assert served.process.wait(30) == 0
    assert not (tmp_path / "dump.rdb").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(folder: Path) -> None:
    with Served(folder) as served:
        refuses_to_save(redis.Redis(port=served.port), lambda: folder.chmod(0o555))


def test_a_folder_that_is_gone_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with Served(folder) as served:
        client = redis.Redis(port=served.port)
        refuses_to_save(client, lambda: folder.rename(tmp_path / "elsewhere"))
        (tmp_path / "elsewhere").rename(folder)
        assert client.save()
        assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
        assert client.set("k", "v")


def refuses_to_save(client: redis.Redis, spoil: Callable[[], object]) -> None:
    """SAVE, BGSAVE and SHUTDOWN of a server whose folder is no good any more."""
    client.set("k", "v")
    client.save()
    spoil()
    with pytest.raises(redis.ResponseError, match="data"):
        client.save()
    assert client.info("persistence")["rdb_last_bgsave_status"] == "err"
    with pytest.raises(redis.ResponseError, match="Errors trying to SHUTDOWN"):
        run(client, "SHUTDOWN")
    # Whoever asked has seen it fail, and writes go on; as in Redis they do not when nobody has.
    assert client.set("k", "w")
    client.bgsave()
    until(lambda: refuses_to_write(client))
    client.config_set("stop-writes-on-bgsave-error", "no")
    assert client.set("k", "w")
    client.config_set("stop-writes-on-bgsave-error", "yes")
    assert refuses_to_write(client)


def refuses_to_write(client: redis.Redis) -> bool:
    """Whether a write is refused because nothing can be saved."""
    try:
        client.set("k", "w")
    except redis.ResponseError as error:
        return "unable to persist to disk" in str(error)
    return False


def test_a_full_disk_leaves_the_old_dump(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        client = redis.Redis(port=served.port)
        client.set("k", "v")
        client.save()
        old = (tmp_path / "dump.rdb").read_bytes()
        client.set("big", os.urandom(500_000))
        with pytest.raises(redis.ResponseError, match=r"dump\.rdb"):
            client.save()
        assert (tmp_path / "dump.rdb").read_bytes() == old
        assert {path.name for path in tmp_path.iterdir()} == {"dump.rdb", "redtool.log"}
        client.delete("big")
        client.save()


def test_a_dump_is_of_one_moment_and_in_nobodys_way(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port, socket_timeout=60)
        run(client, "DEBUG", "POPULATE", 100_000, "key", 100)
        client.zadd("zset", {f"m{n}": n for n in range(20_000)})
        before = digest(client)
        client.bgsave()
        info = client.info("persistence")
        writes = 0
        while info["rdb_bgsave_in_progress"]:
            pipe = client.pipeline(transaction=False)
            for n in range(100):
                pipe.set(f"key:{writes * 100 + n}", "changed")
                pipe.zadd("zset", {f"m{n}": -n})
                pipe.set(f"new:{writes}:{n}", "new")
            pipe.execute()
            writes += 1
            info = client.info("persistence")
        assert info["rdb_last_bgsave_status"] == "ok"
        assert writes > 1
        assert info["rdb_changes_since_last_save"] > 0
        client.shutdown(nosave=True)
    with Served(tmp_path) as served:
        assert digest(redis.Redis(port=served.port, socket_timeout=60)) == before


def test_the_whole_dataset_goes_and_the_dump_is_as_it_was(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port, socket_timeout=60)
        run(client, "DEBUG", "POPULATE", 100_000, "key", 100)
        before = digest(client)
        client.bgsave()
        client.swapdb(0, 1)
        client.set("k", "v")
        client.flushall()
        client.set("k", "w")
        until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0)
        client.shutdown(nosave=True)
    with Served(tmp_path) as served:
        assert digest(redis.Redis(port=served.port, socket_timeout=60)) == before


def test_hash_fields_that_expire_are_saved(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        client.hset("h", mapping={"a": 1, "b": 2})
        client.hexpire("h", 1000, "a")
        client.save()
        client.shutdown(nosave=True)
    with Served(tmp_path) as served:
        ttl = redis.Redis(port=served.port).httl("h", "a", "b")
        assert 900 < ttl[0] <= 1000
        assert ttl[1] == -1


@needs_redis_server
def test_the_dump_is_what_redis_server_begins_with(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        before = digest(filled(served.port))
    with RedisServer(tmp_path) as peer:
        assert digest(peer.client) == before
        peer.client.set("theirs", 1)
        before = digest(peer.client)
        peer.client.save()
    with Served(tmp_path) as served:
        assert digest(redis.Redis(port=served.port)) == before


def test_without_a_folder_nothing_is_claimed(tmp_path: Path) -> None:
    with redtool.serve(port=0) as server:
        client = redis.Redis(port=server.port)
        assert client.config_get("save") == {"save": ""}
        for command in ("SAVE", "BGSAVE", "SHUTDOWN SAVE"):
            with pytest.raises(redis.ResponseError, match="start with --dir to save it"):
                run(client, *command.split())
        with pytest.raises(redis.ResponseError, match="start with --dir to save it"):
            client.config_set("save", "900 1")


def test_a_dataset_in_memory_is_saved_when_it_is_time(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        assert client.config_get("save") == {"save": "3600 1 300 100 60 10000"}
        client.config_set("save", "1 2")
        client.set("k", "v")
        time.sleep(2.5)
        assert not (tmp_path / "dump.rdb").exists(), "one change is not two"
        client.set("k", "w")
        until((tmp_path / "dump.rdb").exists)
        until(lambda: client.info("persistence")["rdb_changes_since_last_save"] == 0)
        persistence = client.info("persistence")
        assert (persistence["rdb_last_bgsave_time_sec"], persistence["rdb_saves"]) == (0, 1)
        with redtool.open(tmp_path / "dump.rdb") as dataset:
            assert dataset.execute("GET", "k") == b"w"


@needs_redis_cli
def test_dumps_that_were_sent_are_counted(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        client = redis.Redis(port=served.port)
        assert client.info("stats")["sync_full"] == 0
        assert fetched(served.port, tmp_path / "f.rdb").returncode == 0
        assert client.info("stats")["sync_full"] == 1


def test_a_seed_and_a_dump_are_not_mixed(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        redis.Redis(port=served.port).set("k", "v")
    (tmp_path / "dump.rdb").rename(tmp_path / "seed.rdb")
    seed = tmp_path / "seed.rdb"
    with redtool.serve(rdb=seed, dir=tmp_path, port=0) as server:
        assert redis.Redis(port=server.port).get("k") == b"v"
    assert (tmp_path / "dump.rdb").exists()
    with pytest.raises(redtool.UsageError, match="is there already"):
        redtool.serve(rdb=seed, dir=tmp_path, port=0)
    with redtool.serve(rdb=seed, dir=tmp_path, port=0, flushall=True) as server:
        assert redis.Redis(port=server.port).get("k") == b"v"
    with redtool.serve(dir=tmp_path, port=0, flushall=True) as server:
        assert redis.Redis(port=server.port).dbsize() == 0
