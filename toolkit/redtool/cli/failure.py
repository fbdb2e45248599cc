"""What went wrong, in a sentence on stderr, with what to do about it on a line of its own.

redtool: error: dump.rdb: the listpack has no terminator at byte 1234 (db 0, key "user:1")
hint: --salvage OUT keeps every key that is whole
"""

from __future__ import annotations

import os
import sys

from redtool.errors import FormatError, LossError, RedtoolError, TargetExistsError

TROUBLE = 2
DEBUG = "REDTOOL_DEBUG"


def explain(error: Exception) -> int:
    """Prints an error; the exit status."""
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    message, hint = sentence(error)
    complain(message, hint)
    return TROUBLE


def complain(message: str, hint: str | None = None) -> None:
    """Prints one error line, and a hint when there is one."""
    print(f"redtool: {_red('error:')} {_one_line(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {_one_line(hint)}", file=sys.stderr)


def sentence(error: Exception) -> tuple[str, str | None]:
    """What to print for an error, and the hint."""
    if isinstance(error, RedtoolError):
        return str(error), error.hint or _usual_hint(error)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}", None
    if isinstance(error, ImportError) and "_native" in str(error):
        return "the native module is not built", "run `make`, or `maturin develop`"
    if isinstance(error, MemoryError):
        return "out of memory", None
    detail = f"{type(error).__name__}: {error}"
    return f"unexpected {detail}", f"this is a bug in redtool; {DEBUG}=1 shows a traceback"


def _usual_hint(error: RedtoolError) -> str | None:
    """What helps against this kind of error, when the core did not say."""
    if isinstance(error, TargetExistsError):
        return "--force replaces it"
    if isinstance(error, LossError):
        return "--lossy writes the rest and counts what is left out"
    if isinstance(error, FormatError) and error.offset is not None:
        return "`redtool verify --salvage OUT` keeps every key that is whole"
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _red(text: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or not sys.stderr.isatty() else f"\x1b[1;31m{text}\x1b[0m"
