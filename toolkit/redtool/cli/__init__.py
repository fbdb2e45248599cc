"""The command line. `main` reads the line, runs the verb, and turns what goes wrong into a
sentence.

table ── the list of verbs          rows ── what a verb is made of
lean ─── quick parser, no imports   app ─── Typer, for everything else
printer  stdout, stderr, JSON       view ── the progress bar (Rich)
<verb> ─ one module each: its rows, and a `run` that calls the function of that name
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.rows import Values, Verb

BROKEN_PIPE = 128 + 13
INTERRUPTED = 128 + 2
TERMINATED = 128 + 15


class Terminated(KeyboardInterrupt):
    """SIGTERM, which is to leave nothing half-made either."""


def main(line: list[str] | None = None) -> int:
    """Runs a command line; the exit status."""
    words = sys.argv[1:] if line is None else line
    try:
        status = run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has enough. Point stdout elsewhere, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Terminated:
        print("redtool: terminated", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print("redtool: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from redtool.cli.failure import explain

        return explain(error)
    return status


def run(words: list[str]) -> int:
    """Reads a command line and runs its verb."""
    asked = parse(words)
    if isinstance(asked, int):
        return asked
    verb, values = asked
    from redtool.cli.printer import Printer

    if not verb.ends_by_itself:
        end_at_sigterm()
    printer = Printer(json=values.get("json", False), quiet=values.get("quiet", False))
    return verb.run(values, printer)


def end_at_sigterm() -> None:
    """Has SIGTERM raise an exception, so that the work is undone as after Ctrl-C."""
    import signal

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, terminate)


def parse(words: list[str]) -> tuple[Verb, Values] | int:
    """The verb and its values by the lean parser, or by Typer when that is not sure."""
    quick = None if "_REDTOOL_COMPLETE" in os.environ else parse_lean(words)
    if quick is not None:
        return quick
    from redtool.cli import app

    return app.parse(words)


def parse_lean(words: list[str]) -> tuple[Verb, Values] | None:
    """The verb and its values, or None when in doubt."""
    from redtool.cli.lean import fence, split
    from redtool.cli.rows import BadWord, read_values
    from redtool.cli.table import MODULES, verb_named

    if not words or words[0] not in MODULES:
        return None
    verb = verb_named(words[0])
    split_words = split(verb, fence(verb, words[1:]))
    try:
        return (verb, read_values(verb, split_words)) if split_words is not None else None
    except BadWord:
        return None
