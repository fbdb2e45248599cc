"""RESP byte for byte: requests out, replies in with everything a client library would smooth over.

A reply keeps its kind: `+` and `$` differ, so do the nulls of RESP2 and RESP3, an array and a set.
Doubles are kept as numbers, since two servers may print the same one in different ways.
"""

from __future__ import annotations

import socket
from typing import Any, NamedTuple, Protocol

Words = list[bytes]


class Reply(NamedTuple):
    """One reply: its kind, as RESP's type byte says it, and its value.

    Arrays, sets, pushes and maps hold lists of replies (a map's keys and values in turn); a null is
    `Reply("null", kind)`.
    """

    kind: str
    value: Any

    @property
    def is_error(self) -> bool:
        """Whether it is an error reply."""
        return self.kind in ("-", "!")

    @property
    def items(self) -> list[Reply]:
        """The replies inside; none for others."""
        return self.value if self.kind in "*~>%" else []


class Ask(Protocol):
    """Something that answers commands: a server or an embedded dataset, in one protocol."""

    def __call__(self, words: Words) -> Reply:
        """The reply to one command."""


def encode(words: Words) -> bytes:
    """A request as an array of bulk strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


class Decoder:
    """Replies out of a growing buffer."""

    def __init__(self) -> None:
        self.data = b""
        self.at = 0

    def feed(self, data: bytes) -> None:
        """More bytes."""
        self.data = self.data[self.at :] + data
        self.at = 0

    def take_line(self) -> bytes:
        """Up to the next CRLF; IndexError when it is not there yet."""
        end = self.data.find(b"\r\n", self.at)
        if end < 0:
            raise IndexError
        line, self.at = self.data[self.at : end], end + 2
        return line

    def take_bytes(self, length: int) -> bytes:
        """So many bytes and their CRLF; IndexError when they are not there yet."""
        end = self.at + length
        if len(self.data) < end + 2:
            raise IndexError
        found, self.at = self.data[self.at : end], end + 2
        return found

    def reply(self) -> Reply:
        """The next reply; IndexError, and nothing taken, when it is not whole yet."""
        start = self.at
        try:
            return self.parse()
        except IndexError:
            self.at = start
            raise

    def parse(self) -> Reply:
        """One reply, nested ones included."""
        line = self.take_line()
        kind, rest = chr(line[0]), line[1:]
        if kind in "+-(":
            return Reply(kind, rest)
        if kind == "_" or (rest == b"-1" and kind in "$*"):
            return Reply("null", kind)
        if kind in "$=!":
            return Reply(kind, self.take_bytes(int(rest)))
        if kind in "*~>%|":
            count = int(rest) * (2 if kind in "%|" else 1)
            return Reply(kind, [self.parse() for _ in range(count)])
        return self.scalar(kind, rest)

    @staticmethod
    def scalar(kind: str, rest: bytes) -> Reply:
        """An integer, a double or a boolean."""
        readers: dict[str, Any] = {":": int, ",": float, "#": lambda text: text == b"t"}
        return Reply(kind, readers[kind](rest))


class Connection:
    """A raw connection to a RESP server."""

    def __init__(self, port: int, resp3: bool, db: int = 0) -> None:
        self.link = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = Decoder()
        if resp3:
            self([b"HELLO", b"3"])
        self([b"SELECT", b"%d" % db])

    def __call__(self, words: Words) -> Reply:
        """Ask and wait for the reply."""
        self.send(words)
        reply = self.receive()
        if reply is None:
            raise ConnectionError(f"closed after {words!r}")
        return reply

    def send(self, words: Words) -> None:
        """A command out, nothing in."""
        self.link.sendall(encode(words))

    def receive(self) -> Reply | None:
        """The next reply or push; None when the connection was closed."""
        while True:
            try:
                return self.decoder.reply()
            except IndexError:
                data = self.link.recv(1 << 20)
                if not data:
                    return None
                self.decoder.feed(data)

    def close(self) -> None:
        """Hang up."""
        self.link.close()


def decode(data: bytes) -> Reply:
    """A reply that must fill all of `data`."""
    decoder = Decoder()
    decoder.feed(data)
    reply = decoder.reply()
    assert decoder.at == len(data), f"bytes after the reply: {data[decoder.at :]!r}"
    return reply
