"""RESP replies, read from bytes or from a connection.

A reply is a line, whose first byte is its kind, and what the line announces:

    +OK                 status          $3 abc        string        *2 …      array
    -ERR no             error           =7 txt:abc    verbatim      ~2 …      set
    :7                  integer         !6 ERR no     error         >2 …      push
    ,1.5   (12   #t     double big bool $-1  *-1  _   nil           %2 …      map, keys and values

An attribute (`|1 …`) is passed over. A length is a claim: what it announces is read in pieces.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

SIMPLE = {"+": "status", "-": "error", ":": "integer", ",": "double", "(": "big", "#": "bool"}
BULK = {"$": "string", "=": "verbatim", "!": "error"}
MANY = {"*": "array", "~": "set", ">": "push", "%": "map"}
LINE_MAX_BYTES = 1 << 20
PIECE_BYTES = 1 << 20


class Reply:
    """A kind and its value: bytes, or the replies it is made of (a map's keys and values in
    turn)."""

    __slots__ = ("items", "kind", "value")

    def __init__(self, kind: str, value: bytes = b"", items: list[Reply] | None = None) -> None:
        self.kind = kind
        self.value = value
        self.items = items if items is not None else []

    def pairs(self) -> list[tuple[Reply, Reply]]:
        """The keys and values of a map, or of the array that stands for one in RESP2."""
        return list(zip(self.items[::2], self.items[1::2], strict=True))


def parse_reply(data: bytes) -> Reply:
    """The first reply in the bytes."""
    from io import BytesIO

    return read_reply(BytesIO(data))


def parse_replies(data: bytes) -> Iterator[Reply]:
    """All replies in the bytes."""
    from io import BytesIO

    stream = BytesIO(data)
    while stream.tell() < len(data):
        yield read_reply(stream)


def read_reply(stream: BinaryIO) -> Reply:
    """The next reply.

    raises: EOFError when the stream ends before it does; ValueError when it is none.
    """
    line = _line(stream)
    mark, line = chr(line[0]), line[1:]
    if mark in SIMPLE:
        return Reply(SIMPLE[mark], line)
    if mark == "_" or line == b"-1":
        return Reply("nil")
    length = int(line)
    if length < 0:
        raise ValueError(f"a length of {length}")
    if mark in BULK:
        value = _exactly(stream, length + 2)[:-2]
        return Reply(BULK[mark], value[4:] if mark == "=" else value)
    if mark != "|" and mark not in MANY:
        raise ValueError(f"no kind of reply begins with {mark!r}")
    items = [read_reply(stream) for _ in range(length * (2 if mark in "%|" else 1))]
    return read_reply(stream) if mark == "|" else Reply(MANY[mark], items=items)


def _line(stream: BinaryIO) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        more = stream.readline(LINE_MAX_BYTES)
        if not more:
            raise EOFError
        line += more
        if len(line) > LINE_MAX_BYTES:
            raise ValueError("a line without end")
    if len(line) < 3:
        raise ValueError("an empty line")
    return line[:-2]


def _exactly(stream: BinaryIO, length: int) -> bytes:
    pieces = []
    while length > 0:
        piece = stream.read(min(length, PIECE_BYTES))
        if not piece:
            raise EOFError
        pieces.append(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
