"""The terminal: lines with history, completion and hints, by prompt_toolkit.

A hint is grey text behind the cursor while it is at the end of the line, cut at the edge of the
screen; it cannot be taken over, since it names arguments and has no values. With NO_COLOR it is in
italics.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.layout.processors import AfterInput
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from redtool.cli.shell import history
from redtool.cli.shell.docs import repetitions
from redtool.cli.shell.words import split_words

if TYPE_CHECKING:
    from redtool.cli.shell.docs import Docs
    from redtool.cli.shell.loop import Shell


def edited_lines(shell: Shell) -> Iterator[bytes]:
    """Lines as they are typed, until Ctrl-D; Ctrl-C gives one up."""
    docs = shell.docs
    colour = "italic" if os.environ.get("NO_COLOR") else "ansibrightblack"
    session: PromptSession[str] = PromptSession(
        history=Lines(history.path()),
        completer=Words(docs),
        complete_while_typing=False,
        input_processors=[AfterInput(lambda: hint(shell, docs, session), style="class:hint")],
        style=Style.from_dict({"hint": colour}),
        enable_suspend=True,
        reserve_space_for_menu=5,
    )
    while True:
        try:
            line = session.prompt(shell.prompt)
        except EOFError:
            return
        except KeyboardInterrupt as stop:
            if type(stop) is not KeyboardInterrupt:
                raise
            continue
        # Lines that are pasted come together.
        yield from (os.fsencode(part) for part in line.split("\n"))


def hint(shell: Shell, docs: Docs, session: PromptSession[str]) -> str:
    """What to show behind the line."""
    buffer = session.default_buffer
    if not shell.hints or session.app.is_done or buffer.cursor_position < len(buffer.text):
        return ""
    # The last column stays free, or the cursor's line would be broken.
    taken = get_cwidth(shell.prompt) + get_cwidth(buffer.text)
    room = session.app.output.get_size().columns - taken - 1
    return docs.hint(buffer.text)[: max(room, 0)]


class Words(Completer):
    """Commands, subcommands and tokens."""

    def __init__(self, docs: Docs) -> None:
        self._docs = docs

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """What Tab offers."""
        line = document.text_before_cursor
        last = len(line) - (line.rfind(" ") + 1)
        for word, about in self._docs.completions(line):
            yield Completion(word, -last, display_meta=about)


class Lines(History):
    """The history, in memory and in its file."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        """What the file holds, newest first."""
        return reversed(history.load(self._file))

    def append_string(self, string: str) -> None:
        """Keeps what was typed, unless it only repeats the line before."""
        for line in string.split("\n"):
            if line.strip() and line not in self._loaded_strings[:1]:
                super().append_string(line)

    def store_string(self, string: str) -> None:
        """Keeps a line in the file, unless it may hold a password."""
        data = os.fsencode(string)
        words = split_words(data)
        if words is None:
            # A quote too many must not hide a password.
            words = data.replace(b'"', b" ").replace(b"'", b" ").split()
        if not history.is_secret(words[repetitions(words) is not None :]):
            history.append(self._file, string)
