"""The least sequence that still shows a difference, found by leaving parts out and trying again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.differential.wire import Words

Part = TypeVar("Part")
# Tries after which what is found so far is good enough.
TRIES = 600


class Tries:
    """How often something was tried, and whether it may be tried again."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def take(self) -> bool:
        """One try, if there is one left."""
        self.left -= 1
        return self.left >= 0


def least(parts: Sequence[Part], fails: Callable[[list[Part]], bool], tries: Tries) -> list[Part]:
    """A part of the parts that still fails, from which no piece can be left out."""
    found = list(parts)
    size = max(1, len(found) // 2)
    while found:
        at, smaller = 0, False
        while at < len(found):
            rest = found[:at] + found[at + size :]
            if tries.take() and fails(rest):
                found, smaller = rest, True
            else:
                at += size
        if tries.left < 0 or (size == 1 and not smaller):
            break
        size = max(1, size // 2)
    return found


def minimise(commands: list[Words], fails: Callable[[list[Words]], bool]) -> list[Words]:
    """First whole commands are left out, then their words, then bytes of long words."""
    tries = Tries(TRIES)
    found = least(commands, fails, tries)
    for at in range(len(found)):
        found[at] = with_fewer_words(found, at, fails, tries)
        for place in range(len(found[at])):
            found[at] = with_shorter_word(found, at, place, fails, tries)
    return found


def with_fewer_words(
    commands: list[Words], at: int, fails: Callable[[list[Words]], bool], tries: Tries
) -> Words:
    """A command without the words that do not matter."""
    name, *words = commands[at]

    def fails_with(words: list[bytes]) -> bool:
        return fails([*commands[:at], [name, *words], *commands[at + 1 :]])

    return [name, *least(words, fails_with, tries)]


def with_shorter_word(
    commands: list[Words],
    at: int,
    place: int,
    fails: Callable[[list[Words]], bool],
    tries: Tries,
) -> Words:
    """A command in which a long word is shorter, if that shows as much."""
    words = commands[at]
    for length in (1, 8, 65):
        if len(words[place]) <= max(length, 12):
            break
        shorter = [*words[:place], words[place][:length], *words[place + 1 :]]
        if tries.take() and fails([*commands[:at], shorter, *commands[at + 1 :]]):
            return shorter
    return words
