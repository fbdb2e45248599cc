"""All the data of both sides, key by key: digests, types, encodings, expiries, values, payloads."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.differential.compare import leaves, near_milliseconds
from tests.differential.wire import Reply, Words

from .judge import name_of, same, told
from .lockstep import Lockstep, Side
from .payload import for_the_peer
from .universe import KEYS

DATABASES = 3
ALL_KEYS = [key for keys in KEYS.values() for key in keys]
WHOLE: dict[bytes, Words] = {
    b"string": [b"GET"],
    b"list": [b"LRANGE", b"0", b"-1"],
    b"set": [b"SMEMBERS"],
    b"hash": [b"HGETALL"],
    b"zset": [b"ZRANGE", b"0", b"-1", b"WITHSCORES"],
    b"stream": [b"XINFO", b"STREAM", b"FULL", b"COUNT", b"0"],
}
RESTORED = b"restored:by:the:peer"


def data_difference(steps: Lockstep) -> str | None:
    """What differs between the data of both sides, or None."""
    peer, ours = steps.sides.peer, steps.sides.ours
    steps.sides.both([b"DISCARD"])
    for at in range(DATABASES):
        steps.sides.both([b"SELECT", b"%d" % at])
        # Looked up, so that what has expired is gone on both sides.
        steps.sides.both([b"EXISTS", *ALL_KEYS])
        for words in ([b"DBSIZE"], [b"KEYS", b"*"]):
            theirs, mine = settled(steps, words)
            if not same(words, theirs, mine):
                return f"db {at}: {words[0].decode()}\n{told(theirs, mine)}"
        keys = sorted(item.value for item in peer([b"KEYS", b"*"]).items)
        said = difference_in_keys(steps, keys)
        if said is not None:
            return f"db {at}: {said}"
    theirs, mine = peer([b"DEBUG", b"DIGEST"]), ours([b"DEBUG", b"DIGEST"])
    return None if theirs == mine else f"DEBUG DIGEST\n{told(theirs, mine)}"


def settled(steps: Lockstep, words: Words) -> tuple[Reply, Reply]:
    """Both replies, once what has expired is counted by neither side."""
    for _ in range(20):
        theirs, mine = steps.sides.both(words)
        if same(words, theirs, mine):
            break
        time.sleep(0.02)
    return theirs, mine


def difference_in_keys(steps: Lockstep, keys: list[bytes]) -> str | None:
    """What differs in the keys of the selected database."""
    peer, ours = steps.sides.peer, steps.sides.ours
    assert isinstance(peer, Side)
    assert isinstance(ours, Side)
    kinds = [reply.value for reply in peer.batch([[b"TYPE", key] for key in keys])]
    asked = [words for key, kind in zip(keys, kinds, strict=True) for words in about(key, kind)]
    for words, theirs, mine in steps.batch(asked) if asked else ():
        alike = near_milliseconds if words[0] == b"PEXPIRETIME" else None
        if not (alike(theirs, mine) if alike else same(words, theirs, mine)):
            return f"{name_of(words)} {words[1:3]!r}\n{told(theirs, mine)}"
    dumps = ours.batch([[b"DUMP", key] for key in keys]) if keys else []
    for key, dump in zip(keys, dumps, strict=True):
        said = difference_in_payload(peer, key, dump)
        if said is not None:
            return said
    return None


def about(key: bytes, kind: bytes) -> Iterator[Words]:
    """What is asked about a key."""
    yield [b"TYPE", key]
    yield [b"PEXPIRETIME", key]
    yield [b"OBJECT", b"ENCODING", key]
    at = 2 if kind == b"stream" else 1
    if kind in WHOLE:
        yield [*WHOLE[kind][:at], key, *WHOLE[kind][at:]]
    if kind == b"stream":
        yield [b"XRANGE", key, b"-", b"+"]
    yield [b"DEBUG", b"DIGEST-VALUE", key]


def difference_in_payload(peer: Side, key: bytes, dump: Reply) -> str | None:
    """What is wrong with redtool's DUMP: the peer restores it, and has the same value twice."""
    if dump.kind != "$":
        return f"DUMP {key!r} of redtool: {dump}"
    payload = for_the_peer(dump.value)
    if payload is None:
        return None
    taken = peer([b"RESTORE", RESTORED, b"0", payload, b"REPLACE"])
    if taken.is_error:
        return f"DUMP {key!r} of redtool is not restored by the peer: {taken.value!r}\n{payload!r}"
    restored = value_digest(peer, RESTORED)
    peer([b"COPY", key, RESTORED, b"REPLACE"])
    original = value_digest(peer, RESTORED)
    peer([b"DEL", RESTORED])
    if restored != original:
        return f"DUMP {key!r} of redtool, restored by the peer, is another value: {payload!r}"
    return None


def value_digest(peer: Side, key: bytes) -> object:
    """The peer's digest of a value without its expiry; scores as numbers, for -0 may become 0."""
    peer([b"PERSIST", key])
    if peer([b"TYPE", key]).value != b"zset":
        return peer([b"DEBUG", b"DIGEST-VALUE", key])
    flat = [leaf.value for leaf in leaves(peer([b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]))]
    return flat[::2], list(map(float, flat[1::2]))
