"""`redtool shell DATASET`: commands by hand, or from stdin.

words ── redis-cli's quoting         loop ─── reads, runs, prints: all but the terminal
docs ─── COMMAND DOCS, and help      editor ─ the terminal (prompt_toolkit)
syntax ─ arguments and their hints   history  the file of lines that were typed
"""

from __future__ import annotations

import sys

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import CLOCK, DATABASES, REPLY_FORM, database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Talks until the line `quit`, or the end of stdin."""
    from redtool.cli.reply import form_of
    from redtool.cli.shell.loop import Shell, typed_lines
    from redtool.verbs.shell import open_session

    form = form_of(as_raw=values["raw"], as_formatted=values["no_raw"], as_json=values["json"])
    session = open_session(
        values["source"],
        db=values["db"],
        resp3=values["resp3"] or values["json"],
        clock=values["clock"],
        databases=values["databases"],
        writable=values["writable"],
    )
    with session:
        people = sys.stdin.isatty() and sys.stdout.isatty()
        shell = Shell(session, form, interactive=people)
        shell.talk(typed_lines(shell) if people else sys.stdin.buffer)
    return 1 if values["exit_error"] and shell.errors else 0


VERB = Verb(
    "shell",
    "Talk to a dataset or a live server: Redis commands, one a line.",
    run,
    details="On a terminal with history, completion (Tab) and hints; help, help COMMAND and help "
    "@GROUP explain, Ctrl-D or quit ends it. Else commands come from stdin, one a line, and "
    "replies go to stdout. Quoting, repetition (5 INCR x) and the looks of replies are those of "
    "redis-cli. A live server is redis://USER:PASSWORD@HOST:PORT/DB, rediss:// or "
    "unix://PATH. REDTOOL_HISTFILE names the file of the history (~/.redtool_history).",
    arguments=(Argument("source", "The dataset, or a server's URL.", metavar="DATASET"),),
    options=(
        Option("db", ("-n", "--db"), "Database to begin in [0].", metavar="DB", parse=database),
        Option(
            "writable",
            ("--writable", "-w"),
            "Let commands write: a store keeps it at the end, of a dump it is a copy in memory.",
        ),
        Option("exit_error", ("-e", "--exit-error"), "Exit with 1 when a reply was an error."),
        *REPLY_FORM,
        Option("json", ("--json",), "Each reply as a line of JSON.", panel="Output"),
        CLOCK,
        DATABASES,
    ),
    statuses=(
        "0 it was ended, whatever the replies were",
        "1 with -e, a reply was an error",
        "2 trouble: no such dataset, no connection",
    ),
)
