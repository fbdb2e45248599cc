"""What redtool writes, redis-server 7.0 loads, and holds the same data as the original's server.

The comparison is redis-server's own: DEBUG DIGEST over the whole data set, and beside it what that
digest leaves out, the groups of streams, exact expiries and function libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import redtool
from tests.peer import RedisServer, needs_redis_server

from .fixtures import ALL, Fixture, label

pytestmark = needs_redis_server

PEER_RDB_VERSION = 10
# A module's values need the module in the server, so these cannot be loaded by a plain one.
LOADABLE = [fixture for fixture in ALL if not fixture.has_modules]
SAME_AGE = [fixture for fixture in LOADABLE if fixture.rdb_version <= PEER_RDB_VERSION]
NEWER = [fixture for fixture in LOADABLE if fixture.rdb_version > PEER_RDB_VERSION]

# Fixtures whose digest in another server is another one, for reasons that are not redtool's:
# expired keys are dropped on load; a score of -0 becomes 0 when a small sorted set is packed;
# hash fields with an expiry have no form in 7.0.
DIGEST_CHANGES_ON_LOAD = {"expired", "zsets", "hfe"}
# 7.2 and later put the shortest text of an expanded sorted set's scores into the digest, 7.0 puts
# 17 digits: the same data has another digest.
SCORES_IN_DIGEST = {"mixed", "tiny", "tiny_nocomp"}


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One redis-server for all the dumps of this file."""
    with RedisServer(tmp_path_factory.mktemp("peer")) as server:
        if server.version < (7, 0):
            pytest.skip("the installed redis-server is older than 7.0")
        yield server


def value_of(peer: RedisServer, key: bytes) -> Any:
    """A value as the server tells it: groups of streams, scores as numbers, else its digest."""
    kind = peer.run("TYPE", key)
    if kind == b"stream":
        return peer.run("XINFO", "STREAM", key, "FULL", "COUNT", 0)
    if kind == b"zset":
        flat = peer.run("ZRANGE", key, 0, -1, "WITHSCORES")
        return {member: float(score) for member, score in flat}
    return peer.run("DEBUG", "DIGEST-VALUE", key)


def moving(value: Any) -> Any:
    """XINFO's reply without what says how it is stored, not what: the radix tree's sizes."""
    if isinstance(value, list):
        return [moving(part) for part in value]
    if isinstance(value, dict) and b"radix-tree-keys" in value:
        stored = {b"radix-tree-keys", b"radix-tree-nodes"}
        if value[b"length"] == 0:
            # 7.0 shows the largest id of all for an empty stream of the first form, else 0-0.
            stored.add(b"recorded-first-entry-id")
        return {name: moving(part) for name, part in value.items() if name not in stored}
    return value


def holdings(peer: RedisServer) -> dict[Any, Any]:
    """All that the server holds, by database and key, and its functions."""
    # Libraries have no order: a server lists them as its hash table has them.
    libraries = peer.run("FUNCTION", "LIST", "WITHCODE")
    held: dict[Any, Any] = {"functions": sorted(str(sorted(lib.items())) for lib in libraries)}
    for db in range(16):
        peer.run("SELECT", db)
        for key in peer.run("KEYS", "*"):
            held[db, key] = (peer.run("PEXPIRETIME", key), moving(value_of(peer, key)))
    peer.run("SELECT", 0)
    return held


def loaded(peer: RedisServer, rdb: Path) -> tuple[bytes, dict[Any, Any]]:
    """The digest and the holdings after loading a dump."""
    peer.load(rdb)
    return peer.run("DEBUG", "DIGEST"), holdings(peer)


def through_lmdb(fixture: Fixture, tmp_path: Path, **options: Any) -> Path:
    """The fixture's dump after a way through LMDB."""
    store, back = tmp_path / "imported.lmdb", tmp_path / "back.rdb"
    redtool.import_(fixture.rdb, out=store)
    redtool.dump(store, back, **options)
    return back


@pytest.mark.parametrize("fixture", SAME_AGE, ids=label)
def test_a_dump_through_lmdb_is_the_same_data_to_redis_server(
    fixture: Fixture, peer: RedisServer, tmp_path: Path
) -> None:
    original_digest, original = loaded(peer, fixture.rdb)
    digest, held = loaded(peer, through_lmdb(fixture, tmp_path, for_server="redis-7.0"))
    assert held == original
    if fixture.rdb.stem not in DIGEST_CHANGES_ON_LOAD:
        assert digest == original_digest
        assert digest.decode() == fixture.server["debug_digest"]


@pytest.mark.parametrize("fixture", SAME_AGE, ids=label)
def test_an_older_version_is_the_same_data_to_redis_server(
    fixture: Fixture, peer: RedisServer, tmp_path: Path
) -> None:
    original_digest, original = loaded(peer, fixture.rdb)
    version = max(fixture.rdb_version, 6)
    digest, held = loaded(peer, through_lmdb(fixture, tmp_path, rdb_version=version))
    assert held == original
    if fixture.rdb.stem not in DIGEST_CHANGES_ON_LOAD:
        assert digest == original_digest


@pytest.mark.parametrize("fixture", NEWER, ids=label)
def test_a_newer_dump_written_for_redis_7_0_is_loaded_by_it(
    fixture: Fixture, peer: RedisServer, tmp_path: Path
) -> None:
    back = through_lmdb(fixture, tmp_path, for_server="redis-7.0", lossy=True)
    digest, held = loaded(peer, back)
    names = {(db, key) for db, key in fixture.keys if fixture.rdb.stem != "expired"}
    assert names <= held.keys()
    if fixture.rdb.stem not in DIGEST_CHANGES_ON_LOAD | SCORES_IN_DIGEST:
        assert digest.decode() == fixture.server["debug_digest"]
