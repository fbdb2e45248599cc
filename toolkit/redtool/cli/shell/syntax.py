"""A command's arguments, from COMMAND DOCS: how they are written, and what is still missing.

    SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]

Words are matched from left to right. Optional arguments that stand side by side come in any order;
tokens win over values; a list takes all the words that fit. What has not been matched is pending:
the hint behind the cursor, and, by its tokens, what Tab offers.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Matched = tuple[int, list["Pending"]]

_INTEGER = re.compile(rb"[+-]?\d+")


class Pending:
    """A part that is still to be typed, and the tokens that it can begin with."""

    __slots__ = ("is_optional", "text", "tokens")

    def __init__(self, text: str, tokens: list[str], *, is_optional: bool) -> None:
        self.text = text
        self.tokens = tokens
        self.is_optional = is_optional


class Argument:
    """One argument, as COMMAND DOCS describes it."""

    def __init__(
        self,
        name: str,
        kind: str,
        token: str | None = None,
        flags: Sequence[str] = (),
        arguments: Sequence[Argument] = (),
    ) -> None:
        self.name = name
        self.kind = kind
        self.token = token
        self.is_optional = "optional" in flags
        self.is_many = "multiple" in flags
        self.repeats_token = "multiple_token" in flags
        self.arguments = arguments

    def written(self) -> str:
        """How it stands in a command's syntax."""
        value = self._value_written()
        once = f"{self.token} {value}" if self._has_token_before() else value
        if self.is_many:
            again = once if self.repeats_token else value
            once = f"{once} [{again} ...]"
        if self.is_optional:
            return f"[{once}]"
        is_choice = self.kind == "oneof" and not self._has_token_before()
        return f"<{once}>" if is_choice and not self.is_many else once

    def pending(self) -> Pending:
        """All of it is still missing."""
        return Pending(self.written(), self.first_tokens(), is_optional=self.is_optional)

    def first_tokens(self) -> list[str]:
        """The tokens that it can begin with."""
        if self.token is not None:
            return [self.token]
        return self._value_tokens()

    def match(self, words: Sequence[bytes]) -> Matched | None:
        """How many words it takes, and what of it is missing behind them; None when it is not
        this argument that the words begin with."""
        taken = self._match_once(words)
        if taken is None or not self.is_many:
            return taken
        used, missing = taken
        while used < len(words) and not missing:
            again = self._match_once(words[used:], is_again=True)
            if again is None:
                return used, missing
            used, missing = used + again[0], again[1]
        if used == len(words) and not missing:
            text = f"[{self._again_written()} ...]"
            missing = [Pending(text, self.first_tokens(), is_optional=True)]
        return used, missing

    def _match_once(self, words: Sequence[bytes], *, is_again: bool = False) -> Matched | None:
        skip = 0
        if self._has_token_before() and (self.repeats_token or not is_again):
            if not _is_token(self.token, words[0]):
                return None
            skip = 1
            if len(words) == 1:
                rest = Pending(self._value_written(), self._value_tokens(), is_optional=False)
                return 1, [rest]
        taken = self._match_value(words[skip:])
        return None if taken is None else (taken[0] + skip, taken[1])

    def _match_value(self, words: Sequence[bytes]) -> Matched | None:
        match self.kind:
            case "pure-token":
                return (1, []) if _is_token(self.token, words[0]) else None
            case "oneof":
                choices = [found for each in self.arguments if (found := each.match(words))]
                return max(choices, key=lambda found: found[0], default=None)
            case "block":
                taken = match_all(self.arguments, words)
                return taken if taken is not None and taken[0] else None
            case "integer" | "unix-time":
                return (1, []) if _INTEGER.fullmatch(words[0]) else None
            case "double":
                return (1, []) if _is_double(words[0]) else None
        return 1, []

    def _has_token_before(self) -> bool:
        return bool(self.token) and self.kind != "pure-token"

    def _again_written(self) -> str:
        value = self._value_written()
        return f"{self.token} {value}" if self.repeats_token and self.token else value

    def _value_written(self) -> str:
        match self.kind:
            case "pure-token":
                return self.token or '""'
            case "oneof":
                return "|".join(each.written() for each in self.arguments)
            case "block":
                return " ".join(each.written() for each in self.arguments)
        return self.name

    def _value_tokens(self) -> list[str]:
        if self.kind == "oneof":
            return [token for each in self.arguments for token in each.first_tokens()]
        if self.kind == "block":
            return first_tokens([each.pending() for each in self.arguments])
        return []


def match_all(arguments: Sequence[Argument], words: Sequence[bytes]) -> Matched | None:
    """How many words the arguments take, and what is missing behind them; None when one that is
    needed does not fit."""
    used = 0
    missing: list[Pending] = []
    rest = list(arguments)
    while rest:
        side_by_side = 0
        while side_by_side < len(rest) and rest[side_by_side].is_optional:
            side_by_side += 1
        if side_by_side:
            taken: Matched | None = _match_options(rest[:side_by_side], words[used:])
        elif used < len(words):
            taken = rest[0].match(words[used:])
        else:
            taken = 0, [rest[0].pending()]
        if taken is None:
            return None
        used += taken[0]
        missing += taken[1] if used == len(words) else []
        del rest[: side_by_side or 1]
    return used, missing


def _match_options(options: Sequence[Argument], words: Sequence[bytes]) -> Matched:
    """Each at most once, in any order."""
    rest = sorted(options, key=lambda option: not option.first_tokens())
    used = 0
    missing: list[Pending] = []
    while used < len(words):
        found = ((each, taken) for each in rest if (taken := each.match(words[used:])))
        option, taken = next(found, (None, None))
        if option is None or taken is None:
            break
        rest.remove(option)
        used += taken[0]
        missing = taken[1]
    return used, missing + [each.pending() for each in options if each in rest]


def first_tokens(pending: Sequence[Pending]) -> list[str]:
    """What can be typed next, of what is missing."""
    tokens = []
    for part in pending:
        tokens += part.tokens
        if not part.is_optional:
            break
    return tokens


def _is_token(token: str | None, word: bytes) -> bool:
    return token is not None and token.strip('"').lower().encode() == word.lower()


def _is_double(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
