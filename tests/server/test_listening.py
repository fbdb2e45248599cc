"""What clients are told unasked: messages, keyspace events, invalidated keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.commands.play import Client, written
from tests.differential.wire import Connection
from tests.differential.writes.lines import parsed
from tests.peer import RedisServer, needs_redis_server
from tests.served import Served

from .conftest import Crew


def listening(port: int, protocol: int = 2) -> Any:
    """A connection of redis-py that subscribes."""
    client: Any = redis.Redis(port=port, decode_responses=True, protocol=protocol)
    return client.pubsub()


def messages(listener: Any, count: int) -> list[tuple[str, str | None, str, Any]]:
    """So many messages, of whatever kind."""
    found: list[tuple[str, str | None, str, Any]] = []
    while len(found) < count:
        message = listener.get_message(timeout=10)
        assert message is not None, f"only {found}"
        found.append((message["type"], message["pattern"], message["channel"], message["data"]))
    return found


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_come_to_who_listens(port: int, client: Any, protocol: int) -> None:
    with listening(port, protocol) as listener:
        listener.subscribe("news", "sport")
        listener.psubscribe("n*")
        assert [m[3] for m in messages(listener, 3)] == [1, 2, 3]
        assert client.publish("news", "hello") == 2
        assert client.publish("weather", "rain") == 0
        assert sorted(messages(listener, 2), key=str) == [
            ("message", None, "news", "hello"),
            ("pmessage", "n*", "news", "hello"),
        ]
        listener.unsubscribe("news")
        listener.punsubscribe()
        assert [m[0] for m in messages(listener, 2)] == ["unsubscribe", "punsubscribe"]
        assert client.publish("news", "again") == 0
        assert client.publish("sport", "goal") == 1
        assert messages(listener, 1) == [("message", None, "sport", "goal")]


def test_messages_keep_their_order(port: int, client: Any, crew: Crew) -> None:
    listeners = []
    for _ in range(5):
        listener = listening(port)
        listener.subscribe("c")
        messages(listener, 1)
        listeners.append(listener)

    def publish() -> None:
        pipeline = client.pipeline(transaction=False)
        for at in range(2000):
            pipeline.publish("c", at)
        assert set(pipeline.execute()) == {5}

    crew.start(publish)
    for listener in listeners:
        assert [int(m[3]) for m in messages(listener, 2000)] == list(range(2000))
        listener.close()
    crew.wait()


def test_who_hangs_up_listens_no_longer(port: int, client: Any) -> None:
    link = Client(port, resp3=False)
    link([b"SUBSCRIBE", b"c"])
    assert client.publish("c", "x") == 1
    link.close()
    for _ in range(200):
        if client.pubsub_numsub("c")[0][1] == 0:
            break
        time.sleep(0.01)
    assert client.publish("c", "x") == 0


def test_in_resp3_a_listener_may_ask_as_well(port: int, client: Any) -> None:
    link = Client(port, resp3=True)
    assert written(link([b"SUBSCRIBE", b"c"])) == ">[$subscribe, $c, :1]"
    assert written(link([b"SET", b"k", b"v"])) == "+OK"
    client.publish("c", "x")
    assert written(link.read()) == ">[$message, $c, $x]"
    assert written(link([b"GET", b"k"])) == "$v"
    link.close()


@pytest.mark.parametrize(
    ("options", "key", "told"),
    [
        ([], b"k", True),
        ([b"BCAST", b"PREFIX", b"k"], b"kx", True),
        ([b"BCAST", b"PREFIX", b"k"], b"other", False),
        ([b"OPTIN"], b"k", False),
    ],
    ids=["read", "prefix", "another prefix", "not opted in"],
)
def test_who_tracks_is_told_what_changes(
    port: int, client: Any, options: list[bytes], key: bytes, told: bool
) -> None:
    link = Client(port, resp3=True)
    assert link([b"CLIENT", b"TRACKING", b"ON", *options]).value == b"OK"
    link([b"GET", b"k"])
    client.set(key, "v")
    link.send([b"PING"])
    said = written(link.read())
    if told:
        assert said == f">[$invalidate, *[${key.decode()}]]"
        said = written(link.read())
    assert said == "+PONG"
    link.close()


def test_one_s_own_changes_are_not_told_with_noloop(port: int) -> None:
    link = Client(port, resp3=True)
    link([b"CLIENT", b"TRACKING", b"ON", b"NOLOOP"])
    link([b"GET", b"k"])
    assert written(link([b"SET", b"k", b"v"])) == "+OK"
    assert written(link([b"PING"])) == "+PONG"
    link.close()


EVENTS = """
SET k v ; APPEND k w ; SETRANGE k 1 x ; INCR n ; INCRBYFLOAT n 1.5 ; EXPIRE k 100 ; PERSIST k
SET k v EX 100 ; GETEX k PX 100000 ; GETEX k PERSIST ; GETDEL k ; SETNX k v ; GETSET k w
DEL k none
MSET a 1 b 2 ; RENAME a c ; COPY c d ; MOVE d 1 ; EXPIRE c -1 ; SETBIT bits 7 1 ; BITOP NOT e bits
BITFIELD bits SET u8 0 1 ; PFADD p 1 2 ; PFMERGE q p ; LPUSH l a b ; RPUSH l c ; LPOP l ; RPOP l
LINSERT l BEFORE a x ; LSET l 0 y ; LREM l 1 y ; LTRIM l 5 9 ; RPUSH l a b ; LMOVE l m LEFT RIGHT
LMPOP 2 l m LEFT ; RPOPLPUSH m l ; SADD s a b ; SREM s a ; SMOVE s t b ; SADD s a ; SPOP s
SADD s 1 2 ; SINTERSTORE u s ; SINTERSTORE u none ; SUNIONSTORE u s ; HSET h a 1 ; HINCRBY h a 1
HINCRBYFLOAT h a 1.5 ; HDEL h a ; ZADD z 1 a 2 b 3 c ; ZADD z INCR 1 a ; ZINCRBY z 1 a ; ZREM z a
ZPOPMIN z ; ZRANGESTORE y z 0 -1 ; ZUNIONSTORE y 1 z ; ZREMRANGEBYRANK y 0 -1 ; GEOADD g 1 1 a
GEOSEARCHSTORE i g FROMLONLAT 1 1 BYRADIUS 1 km ; XADD x 1-1 a 1 ; XGROUP CREATE x g 0
XREADGROUP GROUP g bob STREAMS x > ; XGROUP CREATECONSUMER x g al ; XGROUP DELCONSUMER x g al
XGROUP SETID x g 0 ; XGROUP DESTROY x g ; XADD x MAXLEN 1 2-1 a 1 ; XDEL x 2-1 ; XSETID x 9-9
XTRIM x MAXLEN 0 ; SORT s STORE o ; SORT none STORE o ; UNLINK x ; RESTORE k2 0 bad ; GET missing
SET k v PX 1 ; wait ; GET k ; SELECT 1 ; SET k v ; FLUSHDB ; SELECT 0 ; SET k v NX ; SET k v NX
LPUSHX none a ; HSETNX h a 1 ; HSETNX h a 2 ; SADD s 1 ; ZADD z 3 c ; EXPIRE none 1 ; LSET l 0 z
FLUSHALL ; GET n ; MGET n m n ; EXISTS n m ; TOUCH n ; TTL n ; TYPE n ; STRLEN n ; GETRANGE n 0 1
OBJECT ENCODING n ; DUMP n ; GETEX n ; GETDEL n ; SET n v GET ; DEL n ; GETSET n v ; DEL n
LCS n m ; BITCOUNT n ; BITOP NOT o n ; PFCOUNT n ; PFMERGE n m ; DEL n ; LLEN n ; LRANGE n 0 1
LINDEX n 0 ; LPOP n ; LMOVE n m LEFT LEFT ; SMEMBERS n ; SPOP n ; SINTERSTORE o n m ; SMOVE n m a
HGET n f ; HMGET n f g ; HGETALL n ; HSCAN n 0 ; HDEL n f ; ZRANGE n 0 1 ; ZSCORE n a ; ZPOPMIN n
ZUNIONSTORE o 2 n m ; ZRANGESTORE o n 0 1 ; GEOPOS n a ; GEOSEARCH n FROMMEMBER a BYBOX 1 1 km
XLEN n ; XRANGE n - + ; XREAD STREAMS n 0 ; XREADGROUP GROUP g c STREAMS n > ; XACK n g 1-1
XCLAIM n g c 0 1-1 ; XAUTOCLAIM n g c 0 0 ; XPENDING n g ; XDEL n 1-1 ; XINFO STREAM n ; SORT n
COPY n m ; RENAME n m ; PERSIST n ; DEBUG OBJECT n ; RANDOMKEY ; XADD n NOMKSTREAM * a 1
XGROUP CREATE n g 0 MKSTREAM ; SET a 1 ; SET b 1 ; COPY a b REPLACE ; RENAME a b
SET k v PX 1 ; wait ; SET k v ; SET k v PX 1 ; wait ; TTL k ; SET k v PX 1 ; wait ; INCR k
SET k v PX 1 ; wait ; RPUSH k a ; MSET k 1 m 2 ; EVAL "redis.call('get', 'z')" 0
"""


def events(port: int) -> Iterator[tuple[str, list[tuple[bytes, bytes]]]]:
    """Each command with the events that it makes, by channel and message."""
    link, listener = Connection(port, resp3=False), Client(port, resp3=False)
    link([b"FLUSHALL"])
    assert link([b"CONFIG", b"SET", b"notify-keyspace-events", b"KEAnm"]).value == b"OK"
    listener([b"PSUBSCRIBE", b"__key*__:*"])
    for line in " ; ".join(EVENTS.strip().splitlines()).split(" ; "):
        if line == "wait":
            time.sleep(0.02)
            continue
        (words,) = parsed(line)
        link(words)
        # What this makes is the last to come.
        link([b"PUBLISH", b"__key__:end", b"end"])
        made = []
        while (message := [item.value for item in listener.read().items])[-1] != b"end":
            made.append((message[2], message[3]))
        yield line, made
    link.close()
    listener.close()


@needs_redis_server
def test_events_are_those_of_redis_server(tmp_path: Path) -> None:
    (tmp_path / "peer").mkdir()
    with RedisServer(tmp_path / "peer") as peer, Served(tmp_path) as ours:
        theirs, mine = dict(events(peer.port)), dict(events(ours.port))
    assert mine == theirs


def test_expiry_is_told_without_being_looked_for(port: int, client: Any) -> None:
    client.config_set("notify-keyspace-events", "Ex")
    listener = Client(port, resp3=False)
    listener([b"SUBSCRIBE", b"__keyevent@0__:expired"])
    client.set("k", "v", px=20)
    assert written(listener.read()) == "*[$message, $__keyevent@0__:expired, $k]"
    listener.close()
    client.config_set("notify-keyspace-events", "")
