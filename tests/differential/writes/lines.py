"""Sequences as lines that redis-cli takes, and back."""

from __future__ import annotations

import re

from tests.differential.wire import Words

PLAIN = re.compile(rb"[A-Za-z0-9_:.,+*/@%#=<>()\[\]-]+")
ESCAPES = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x22: '\\"', 0x5C: "\\\\"}
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|.)")
UNESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def quoted(word: bytes) -> str:
    """A word as redis-cli reads it."""
    if PLAIN.fullmatch(word):
        return word.decode()
    shown = (ESCAPES.get(x) or (chr(x) if 32 <= x < 127 else f"\\x{x:02x}") for x in word)
    return '"' + "".join(shown) + '"'


def line(words: Words) -> str:
    """A command as redis-cli reads it."""
    return " ".join(map(quoted, words))


def unquoted(text: str) -> bytes:
    """What stands between quotes, its escapes resolved."""

    def meant(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else UNESCAPED.get(code, code)

    return ESCAPE.sub(meant, text).encode("latin-1")


def parsed(text: str) -> list[Words]:
    """The commands of a file of lines; empty ones and those after a # are not commands."""
    found = [WORD.findall(each) for each in text.splitlines() if not each.startswith("#")]
    return [[b.encode() if b else unquoted(a) for a, b in words] for words in found if words]


def shortened(text: str, limit: int = 300) -> str:
    """A line that fits a screen."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
