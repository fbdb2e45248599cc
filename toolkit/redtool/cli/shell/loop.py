"""The conversation: a line becomes a command, its replies are printed, until the lines end.

It does not know where lines come from. A file's lines are bytes; those of a terminal come from
`editor`, or from a plain prompt where the terminal cannot do more.
"""

from __future__ import annotations

import os
import sys

from redtool.cli.reply import shown
from redtool.cli.shell.docs import HELP, Docs, repetitions
from redtool.cli.shell.words import split_words
from redtool.errors import RedtoolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from redtool.verbs.shell import Session

SLOW_S = 0.5
CLEAR = b"\x1b[H\x1b[2J"


class Shell:
    """A session and how its replies are printed."""

    def __init__(self, session: Session, form: str, *, interactive: bool) -> None:
        self.session = session
        self.interactive = interactive
        self.hints = True
        self.errors = 0
        self._form = form
        self._docs: Docs | None = None

    @property
    def prompt(self) -> str:
        """`dump.lmdb[1](TX)> `."""
        session = self.session
        if not session.connected:
            return "not connected> "
        db = f"[{session.db}]" if session.db else ""
        return f"{session.name}{db}{'(TX)' if session.in_transaction else ''}> "

    @property
    def docs(self) -> Docs:
        """What is known of the commands; asked for once, when it is first needed."""
        if self._docs is None:
            self._docs = Docs(self.session.docs())
        return self._docs

    def talk(self, lines: Iterable[bytes]) -> None:
        """Answers line by line, to the last one or to `quit`."""
        for line in lines:
            try:
                if not self.answer(line):
                    return
            except RedtoolError as error:
                if not self.interactive:
                    raise
                from redtool.cli.failure import complain, sentence

                complain(*sentence(error))

    def answer(self, line: bytes) -> bool:
        """Does what a line says; False when it says to end."""
        words = split_words(line)
        if words is None:
            self._print(b"Invalid argument(s)\n")
            return True
        if not words:
            return True
        verb = os.fsdecode(words[0]).lower()
        if verb in ("quit", "exit"):
            return False
        if verb in HELP:
            text = self.docs.help([os.fsdecode(word) for word in words[1:]])
            self._print(os.fsencode(text) + b"\n")
        elif verb.startswith(":"):
            self._set([os.fsdecode(word).lower() for word in words])
        elif verb == "clear" and len(words) == 1:
            self._print(CLEAR if sys.stdout.isatty() else b"")
        else:
            self._repeat(words)
        return True

    def _repeat(self, words: Sequence[bytes]) -> None:
        """Runs a command, or `5 INCR x` five times. Ctrl-C, on a terminal, ends only that."""
        times = repetitions(words)
        if times is not None and times <= 0:
            self._print(b"Invalid number of repetitions\n")
            return
        try:
            for _ in range(times or 1):
                self._run(words if times is None else words[1:])
        except KeyboardInterrupt as stop:
            if not self.interactive or type(stop) is not KeyboardInterrupt:
                raise
            self._print(b"\n")
            self.session.abandon()

    def _run(self, words: Sequence[bytes]) -> None:
        from time import monotonic

        started = monotonic()
        if self.interactive and self.session.streams(words):
            print("redtool: waiting for messages (Ctrl-C ends it)", file=sys.stderr)
        for reply in self.session.execute(words):
            self.errors += reply.kind == "error"
            self._print(shown(reply, self._form, words))
        seconds = monotonic() - started
        if self.interactive and seconds >= SLOW_S and self._form == "formatted":
            self._print(f"({seconds:.2f}s)\n".encode())

    def _set(self, words: Sequence[str]) -> None:
        if words in ([":set", "hints"], [":set", "nohints"]):
            self.hints = words[1] == "hints"
        else:
            self._print(b"Unknown preference; there are :set hints and :set nohints\n")

    def _print(self, data: bytes) -> None:
        # At once: whoever drives the shell through pipes waits for it.
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def typed_lines(shell: Shell) -> Iterator[bytes]:
    """Lines from a terminal."""
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        return _plainly_typed_lines(shell)
    from redtool.cli.shell.editor import edited_lines

    return edited_lines(shell)


def _plainly_typed_lines(shell: Shell) -> Iterator[bytes]:
    while True:
        print(shell.prompt, end="", flush=True)
        try:
            line = sys.stdin.buffer.readline()
        except KeyboardInterrupt as stop:
            if type(stop) is not KeyboardInterrupt:
                raise
            print()
            continue
        if not line:
            print()
            return
        yield line
