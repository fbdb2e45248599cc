"""A terminal of 80 columns with a program in it, to be typed into and looked at.

pyte is the terminal: what is looked at is its screen, as a person would see it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pyte

WAIT_S = 30
QUIET_S = 0.1
COLUMNS, LINES = 80, 24


class Screen(pyte.Screen):
    """A screen that says where its cursor is, when the program asks."""

    answers_to = -1

    def write_process_input(self, data: str) -> None:
        os.write(self.answers_to, data.encode())


class Terminal:
    """`redtool WORDS…` on a pseudo-terminal of its own."""

    def __init__(self, folder: Path, *words: str, **env: str) -> None:
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        defaults = {"TERM": "xterm-256color", "HOME": str(folder)}
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            command = [sys.executable, "-m", "redtool", *words]
            os.execve(sys.executable, command, {**clean, **defaults, **env})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.screen = Screen(COLUMNS, LINES)
        self.screen.answers_to = self.master
        self.stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self.status: int | None = None

    def type(self, keys: str) -> None:
        """Types; `\\r` is Enter, `\\t` Tab, `\\x03` Ctrl-C."""
        os.write(self.master, keys.encode())

    @property
    def lines(self) -> list[str]:
        """The lines of the screen down to the last that is not empty."""
        shown = "\n".join(line.rstrip() for line in self.screen.display)
        return shown.rstrip("\n").split("\n")

    @property
    def line(self) -> str:
        """The line that the cursor is in."""
        return self.screen.display[self.screen.cursor.y].rstrip()

    def wait_for(self, line: str) -> None:
        """Waits until the cursor is in this line, and nothing more is being shown."""
        self.wait_until(lambda: self.line == line and not self._read(QUIET_S), repr(line))

    def wait_until(self, is_so: Callable[[], object], wanted: str = "what is waited for") -> None:
        """Waits until something is so."""
        end = time.monotonic() + WAIT_S
        while not is_so():
            if time.monotonic() > end:
                shown = "\n".join(self.lines)
                raise AssertionError(f"the cursor is in {self.line!r}, not {wanted}:\n{shown}")
            self._read(QUIET_S)

    def colour_of(self, text: str) -> str:
        """The colour in which a text of the cursor's line begins."""
        return str(self._first_of(text).fg)

    def is_italic(self, text: str) -> bool:
        """Whether a text of the cursor's line is in italics."""
        return bool(self._first_of(text).italics)

    def _first_of(self, text: str) -> pyte.screens.Char:
        row = self.screen.cursor.y
        return self.screen.buffer[row][self.screen.display[row].index(text)]

    def _read(self, seconds: float) -> bool:
        """Takes what is shown; whether the program is still there to show something."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data
        self.stream.feed(data)
        return bool(data)

    def ended(self) -> int:
        """Waits for the end; the exit status."""
        while self._read(WAIT_S):
            pass
        return self._wait()

    def _wait(self) -> int:
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()
        os.close(self.master)
