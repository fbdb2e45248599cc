"""What a verb of the command line is made of: rows of plain data.

Two parsers read the same rows: `lean`, which knows the common forms and imports nothing, and `app`,
which is Typer and knows all of them. Both only collect words; what the words mean is decided here,
by `read_values`, so that a value cannot depend on who parsed it. Plain classes, not dataclasses or
named tuples: importing either costs more than the whole of `lean`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from redtool.cli.printer import Printer

    Words = dict[str, str | bool | list[str] | None]
    Values = dict[str, Any]
    Run = Callable[[Values, Printer], int]


def text(word: str) -> str:
    """The word itself."""
    return word


class Argument:
    """A positional word, or with `many` all the words that are left.

    `command` marks words that are a command of their own: from the first of them on, nothing is
    taken for an option (`redtool exec x.lmdb ZRANGE board 0 -1`). An `optional` one, which can only
    be a verb's last, may be left out.
    """

    __slots__ = ("command", "help", "many", "metavar", "name", "optional")

    def __init__(
        self,
        name: str,
        help: str,
        *,
        many: bool = False,
        command: bool = False,
        optional: bool = False,
        metavar: str = "",
    ) -> None:
        self.name = name
        self.metavar = metavar or name.upper()
        self.help = help
        self.many = many
        self.command = command
        self.optional = optional


class Option:
    """An option with a value, or with no `metavar` a switch."""

    __slots__ = (
        "default",
        "flags",
        "help",
        "many",
        "metavar",
        "name",
        "panel",
        "parse",
        "required",
    )

    def __init__(
        self,
        name: str,
        flags: tuple[str, ...],
        help: str,
        *,
        metavar: str = "",
        parse: Callable[[str], Any] = text,
        default: str | None = None,
        many: bool = False,
        required: bool = False,
        panel: str = "Options",
    ) -> None:
        self.name = name
        self.flags = flags
        self.help = help
        self.metavar = metavar
        self.parse = parse
        self.default = default
        self.many = many
        self.required = required
        self.panel = panel

    @property
    def is_switch(self) -> bool:
        """Whether it stands alone."""
        return not self.metavar

    def unset(self) -> str | bool | list[str] | None:
        """The words of an option that was not given."""
        if self.is_switch:
            return False
        return [] if self.many else self.default


class Verb:
    """One verb: what it takes, what it does, and how it ends."""

    __slots__ = (
        "arguments",
        "details",
        "ends_by_itself",
        "name",
        "options",
        "run",
        "statuses",
        "summary",
    )

    def __init__(
        self,
        name: str,
        summary: str,
        run: Run,
        *,
        details: str = "",
        arguments: tuple[Argument, ...],
        options: tuple[Option, ...],
        statuses: tuple[str, ...],
        ends_by_itself: bool = False,
    ) -> None:
        """`ends_by_itself`: the verb has its own way to end at SIGTERM."""
        self.name = name
        self.summary = summary
        self.details = details
        self.arguments = arguments
        self.options = options
        self.statuses = statuses
        self.ends_by_itself = ends_by_itself
        self.run = run


class BadWord(Exception):
    """A word that its row cannot make sense of."""

    def __init__(self, flag: str, problem: str) -> None:
        super().__init__(problem)
        self.flag = flag
        self.problem = problem


def read_values(verb: Verb, words: Words) -> Values:
    """What the words mean."""
    values: Values = dict(words)
    for option in verb.options:
        word = words[option.name]
        try:
            if isinstance(word, list):
                values[option.name] = [option.parse(item) for item in word]
            elif isinstance(word, str):
                values[option.name] = option.parse(word)
        except ValueError as error:
            raise BadWord(option.flags[-1], str(error)) from None
    return values


def integer(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers in a range."""

    def parse(word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            raise ValueError(f"{word!r} is no whole number") from None
        if not low <= number <= high:
            raise ValueError(f"{number} is not between {low} and {high}")
        return number

    return parse
