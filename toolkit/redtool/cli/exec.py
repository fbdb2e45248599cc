"""`redtool exec DATASET COMMAND…`: one Redis command on a dataset, with no server."""

from __future__ import annotations

import os
import sys

from redtool.cli.rows import Argument, Option, Verb, integer
from redtool.cli.shared import database
from redtool.times import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Runs the command, and prints its reply as redis-cli does."""
    from redtool.cli.reply import form_of, shown
    from redtool.dataset import Dataset
    from redtool.resp import parse_reply

    command = [os.fsencode(word) for word in values["command"]]
    with Dataset(values["source"], clock=values["clock"], databases=values["databases"]) as dataset:
        resp3 = values["resp3"] or values["json"]
        reply = parse_reply(dataset.native.execute_raw(values["db"], command, resp3))
    form = form_of(as_raw=values["raw"], as_formatted=values["no_raw"], as_json=values["json"])
    sys.stdout.flush()
    sys.stdout.buffer.write(shown(reply, form, command))
    return 1 if reply.kind == "error" else 0


VERB = Verb(
    "exec",
    "Run one Redis command on a dataset, with no server.",
    run,
    details="The reply looks as in redis-cli: for people on a terminal, raw in a pipe. "
    "Options go before the command's first word.",
    arguments=(
        Argument("source", "The dataset.", metavar="DATASET"),
        Argument("command", "The command and its arguments.", many=True, command=True),
    ),
    options=(
        Option("db", ("-n", "--db"), "Database.", metavar="DB", parse=database, default="0"),
        Option("raw", ("--raw",), "The bytes of the reply, also on a terminal.", panel="Output"),
        Option("no_raw", ("--no-raw",), "For people, also in a pipe.", panel="Output"),
        Option("resp3", ("--resp3", "-3"), "Ask for RESP3's types.", panel="Output"),
        Option("json", ("--json",), "The reply as JSON.", panel="Output"),
        Option(
            "clock",
            ("--clock",),
            "What time it is: now, dump (when it was taken), an ISO time.",
            metavar="TIME",
            parse=clock,
            default="now",
        ),
        Option(
            "databases",
            ("--databases",),
            "How many databases there are.",
            metavar="N",
            parse=integer(1, 2**31 - 1),
            default="16",
        ),
    ),
    statuses=("0 the command answered", "1 it answered with an error", "2 trouble"),
)
