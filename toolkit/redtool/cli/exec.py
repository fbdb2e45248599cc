"""`redtool exec DATASET COMMAND…`: one Redis command on a dataset, with no server."""

from __future__ import annotations

import os
import sys

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import CLOCK, DATABASES, REPLY_FORM, database

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
        *REPLY_FORM,
        Option("json", ("--json",), "The reply as JSON.", panel="Output"),
        CLOCK,
        DATABASES,
    ),
    statuses=("0 the command answered", "1 it answered with an error", "2 trouble"),
)
