"""What a server of a giant is asked, and the bytes that it must answer.

Asks aim at the middle, where a value that is walked from an end shows by its time.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import peer
from giants import KEY, LINE_BYTES, PENDING_SHARE, STREAM_MS, STRING_BYTES

END = b"+PONG\r\n"
SCAN_COUNT = 20_000


@dataclass(frozen=True)
class Ask:
    """A command and its reply."""

    args: tuple[str | bytes | int, ...]
    reply: bytes


def integer(n: int) -> bytes:
    """An integer reply."""
    return b":%d\r\n" % n


def bulk(data: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(data), data)


def array(items: list[bytes]) -> bytes:
    """An array of replies."""
    return b"*%d\r\n" % len(items) + b"".join(items)


def item(i: int) -> bytes:
    """An element of a list, set or sorted set."""
    return b"item:%010d" % i


def items(some: range) -> bytes:
    """Such elements as a reply."""
    return array([bulk(item(i)) for i in some])


def message(i: int) -> bytes:
    """A message of the stream as a reply."""
    return array([bulk(message_id(i)), array([bulk(b"n"), bulk(b"%010d" % i)])])


def message_id(i: int) -> bytes:
    """Its id."""
    return b"%d-0" % (STREAM_MS + i)


def list_asks(n: int) -> Iterator[Ask]:
    """Lists by place."""
    half = n // 2
    yield Ask(("LLEN", KEY), integer(n))
    yield Ask(("LINDEX", KEY, half), bulk(item(half)))
    yield Ask(("LINDEX", KEY, -half), bulk(item(n - half)))
    yield Ask(("LRANGE", KEY, half, half + 9), items(range(half, half + 10)))
    yield Ask(("LRANGE", KEY, -3, -1), items(range(n - 3, n)))
    yield Ask(("LPOS", KEY, item(n - 1), "RANK", -1), integer(n - 1))


def set_asks(n: int) -> Iterator[Ask]:
    """Sets by member."""
    yield Ask(("SCARD", KEY), integer(n))
    yield Ask(("SISMEMBER", KEY, item(n // 2)), integer(1))
    yield Ask(("SISMEMBER", KEY, item(n)), integer(0))
    yield Ask(("SMISMEMBER", KEY, item(0), "x"), array([integer(1), integer(0)]))
    yield Ask(("SINTERCARD", 2, KEY, KEY, "LIMIT", 10), integer(10))


def hash_asks(n: int) -> Iterator[Ask]:
    """Hashes by field, with expiries or without."""
    half = n // 2
    field, value = b"field:%010d" % half, b"value:%010d" % half
    yield Ask(("HLEN", KEY), integer(n))
    yield Ask(("HGET", KEY, field), bulk(value))
    yield Ask(("HMGET", KEY, "x", field), array([b"$-1\r\n", bulk(value)]))
    yield Ask(("HEXISTS", KEY, "field"), integer(0))
    yield Ask(("HSTRLEN", KEY, field), integer(len(value)))


def zset_asks(n: int) -> Iterator[Ask]:
    """Sorted sets by member, rank and score."""
    half = n // 8 * 4
    score = half // 4
    by_score = ("ZRANGEBYSCORE", KEY, score, "+inf", "LIMIT")
    yield Ask(("ZCARD", KEY), integer(n))
    yield Ask(("ZSCORE", KEY, item(half)), bulk(b"%d" % score))
    yield Ask((*by_score, 0, 3), items(range(half, half + 3)))
    yield Ask(("ZREVRANGEBYSCORE", KEY, score, 0, "LIMIT", 1, 2), items(range(half + 2, half, -1)))
    # The first command that needs ranks counts the segments; those after it do not.
    yield Ask(("ZRANK", KEY, item(half)), integer(half))
    yield Ask(("ZREVRANK", KEY, item(half)), integer(n - 1 - half))
    yield Ask(("ZRANGE", KEY, half, half + 4), items(range(half, half + 5)))
    yield Ask((*by_score, n // 4, 3), items(range(half + n // 4, half + n // 4 + 3)))
    yield Ask(("ZCOUNT", KEY, 1, score), integer(half))


def stream_asks(n: int) -> Iterator[Ask]:
    """Streams by id, and their groups."""
    half, pending = n // 2, -(-n // PENDING_SHARE)
    last = (pending - 1) * PENDING_SHARE
    yield Ask(("XLEN", KEY), integer(n))
    middle = array([message(half), message(half + 1)])
    yield Ask(("XRANGE", KEY, message_id(half), "+", "COUNT", 2), middle)
    ends = array([message(n - 1), message(n - 2)])
    yield Ask(("XREVRANGE", KEY, "+", "-", "COUNT", 2), ends)
    owner = array([array([bulk(b"ada"), bulk(b"%d" % pending)])])
    summary = [integer(pending), bulk(message_id(0)), bulk(message_id(last)), owner]
    yield Ask(("XPENDING", KEY, "readers"), array(summary))


def string_asks(n: int) -> Iterator[Ask]:
    """The string of lines by place."""
    size = n * STRING_BYTES
    line = size // LINE_BYTES // 2
    text = b"%015d\n" % line
    start = line * LINE_BYTES
    yield Ask(("STRLEN", KEY), integer(size))
    yield Ask(("GETRANGE", KEY, start, start + LINE_BYTES - 1), bulk(text))
    yield Ask(("GETBIT", KEY, start * 8 + 3), integer(1))
    yield Ask(("BITPOS", KEY, 1, start), integer(start * 8 + 2))
    ones = sum(byte.bit_count() for byte in text)
    yield Ask(("BITCOUNT", KEY, start, start + LINE_BYTES - 1), integer(ones))


def packed_string_asks(n: int) -> Iterator[Ask]:
    """The string of one letter."""
    start = n * STRING_BYTES // 2
    yield Ask(("GETRANGE", KEY, start, start + 2), bulk(b"aaa"))
    yield Ask(("BITPOS", KEY, 1, start), integer(start * 8 + 1))


ASKS = {
    "list": list_asks,
    "set": set_asks,
    "hash": hash_asks,
    "zset": zset_asks,
    "ttl_hash": hash_asks,
    "stream": stream_asks,
    "string": string_asks,
    "packed_string": packed_string_asks,
}
SCANS = {"set": ("SSCAN", 1), "hash": ("HSCAN", 2), "zset": ("ZSCAN", 2), "ttl_hash": ("HSCAN", 2)}
"""What walks a kind with a cursor, and how many replies an element is."""


def whole_reply(port: int, *args: str | bytes | int) -> bytes:
    """All of the reply to one command."""
    with socket.create_connection(("127.0.0.1", port), timeout=600) as link:
        link.sendall(peer.encode(*args) + peer.encode("PING"))
        parts = [link.recv(1 << 20)]
        while parts[-1] and not (parts[-2:][0][-7:] + parts[-1]).endswith(END):
            parts.append(link.recv(1 << 20))
    return b"".join(parts).removesuffix(END)


def scanned(port: int, command: str) -> int:
    """How many replies a walk with cursors gives."""
    cursor, given = b"0", 0
    while True:
        reply = whole_reply(port, command, KEY, cursor, "COUNT", SCAN_COUNT)
        _, _, cursor, count, _ = reply.split(b"\r\n", 4)
        given += int(count[1:])
        if cursor == b"0":
            return given
