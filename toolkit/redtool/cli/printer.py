"""Where a verb's words go: data to stdout, words for people to stderr.

With `--json` the result is one JSON object on stdout and nothing else; with `--quiet` only what was
asked for and what went wrong. A progress bar appears on a terminal, and only for work that takes
long enough to be looked at: Rich is imported when the first bar is drawn, not before.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from redtool.cli.view import Bar
    from redtool.results import Account

DRAW_AFTER_S = 0.3


class Printer:
    """The two outputs, and what may be written to them."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    def data(self, text: str) -> None:
        """A line of the answer."""
        if not self.json:
            print(text)

    def say(self, text: str) -> None:
        """A line for people."""
        if not (self.quiet or self.json):
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """A line that people should see even when they asked for quiet."""
        if not self.json:
            print(f"redtool: warning: {text}", file=sys.stderr)

    def result(self, answer: dict[str, Any]) -> None:
        """The whole answer, when JSON was asked for."""
        if self.json:
            import json

            print(json.dumps(answer, ensure_ascii=False))

    def progress(self, label: str) -> Meter:
        """A progress function, to be used in a `with` statement."""
        dumb = os.environ.get("TERM", "dumb") in ("", "dumb")
        return Meter(label, draws=sys.stderr.isatty() and not (self.quiet or dumb))


class Meter:
    """A progress function that draws a bar when there is someone to see it."""

    def __init__(self, label: str, *, draws: bool) -> None:
        self.label = label
        self.draws = draws
        self.started = time.monotonic()
        self.bar: Bar | None = None

    def __call__(self, done: int, total: int, keys: int) -> None:
        if not self.draws:
            return
        seconds = time.monotonic() - self.started
        if self.bar is None:
            if seconds < DRAW_AFTER_S:
                return
            from redtool.cli.view import Bar

            self.bar = Bar(self.label)
        self.bar.update(done, total, keys / seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.close()


def size(count: int) -> str:
    """A number of bytes for people: `14.5 kB`."""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number of things: `1 key`, `1,234 keys`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def account_lines(account: Account) -> list[str]:
    """The account as a small table: a row for each type, and the sum."""
    names = account.total._fields
    rows = [["", *names]]
    rows += [[kind, *(f"{n:,}" for n in tally)] for kind, tally in account.types.items()]
    rows.append(["total", *(f"{n:,}" for n in account.total)])
    return ["  " + line for line in columns(rows)]
