r"""A line's words, quoted as redis-cli wants them.

SET "a key" "\x00\xff\n"       double quotes know \xNN \n \r \t \b \a; other \c is c
SET 'it\'s' 'no \x00 here'     single quotes know only \'
SET a"b"                       quotes may begin inside a word, but must end it
"""

from __future__ import annotations

import re

_SPACE = re.compile(rb"\s*")
# Possessive, or a backslash could be given up to let a quote close early.
_PIECE = re.compile(
    rb"""
      " (?P<double> (?: \\. | [^"\\] )*+ ) " (?=\s|$)
    | ' (?P<single> (?: \\' | [^'] )*+ ) ' (?=\s|$)
    | (?P<bare> [^\s"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split_words(line: bytes) -> list[bytes] | None:
    """The words of a line, or None when its quotes do not match."""
    words: list[bytes] = []
    place = _past_space(line, 0)
    while place < len(line):
        word = b""
        while place < len(line) and not line[place : place + 1].isspace():
            piece = _PIECE.match(line, place)
            if piece is None:
                return None
            word += _plain(piece)
            place = piece.end()
        words.append(word)
        place = _past_space(line, place)
    return words


def _past_space(line: bytes, place: int) -> int:
    found = _SPACE.match(line, place)
    return found.end() if found else place


def _plain(piece: re.Match[bytes]) -> bytes:
    """What a piece of a word stands for."""
    if piece["double"] is not None:
        return _ESCAPE.sub(_unescaped, piece["double"])
    if piece["single"] is not None:
        return piece["single"].replace(b"\\'", b"'")
    return piece["bare"]


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    if len(code) == 3:
        return bytes.fromhex(code[1:].decode())
    return _ESCAPED.get(code, code)
