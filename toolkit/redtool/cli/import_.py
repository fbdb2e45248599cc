"""`redtool import SOURCE`: a dump into a store beside it."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import FILTERS, MOVED, MOVING, OUTPUT, TABLE_TARGET, TRANSFORMS, UNMASKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Imports, and prints the account."""
    from redtool.cli.moved import move
    from redtool.verbs.move import import_

    return move(import_, values, printer, "importing", to=values["to"], out=values["out"])


VERB = Verb(
    "import",
    "Import a dump into a store beside it: dump.rdb becomes dump.lmdb.",
    run,
    arguments=(Argument("source", "The dump; - is stdin (then --out is needed)."),),
    options=(
        Option("to", ("--to",), "The kind of store, or its path.", metavar="KIND", default="lmdb"),
        Option("out", ("--out", "-o"), "The store's path, when not beside.", metavar="PATH"),
        *MOVING,
        *TABLE_TARGET,
        *FILTERS,
        *TRANSFORMS,
        UNMASKED,
        *OUTPUT,
    ),
    statuses=MOVED,
)
