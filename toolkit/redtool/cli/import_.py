"""`redtool import SOURCE`: a dump into a store beside it."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import FILTERS, FORCE, MOVED, NO_CHECKSUM, OUTPUT, filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Imports, and prints the account."""
    from redtool.cli.moved import check_stdout, finish
    from redtool.verbs.move import import_

    check_stdout(values["out"], printer)
    with printer.progress(f"importing {values['source']}") as progress:
        result = import_(
            values["source"],
            values["to"],
            out=values["out"],
            filters=filters(values),
            force=values["force"],
            checksum=not values["no_checksum"],
            progress=progress,
        )
    return finish(result, printer)


VERB = Verb(
    "import",
    "Import a dump into a store beside it: dump.rdb becomes dump.lmdb.",
    run,
    arguments=(Argument("source", "The dump; - is stdin (then --out is needed)."),),
    options=(
        Option("to", ("--to",), "The kind of store, or its path.", metavar="KIND", default="lmdb"),
        Option("out", ("--out", "-o"), "The store's path, when not beside.", metavar="PATH"),
        FORCE,
        NO_CHECKSUM,
        *FILTERS,
        *OUTPUT,
    ),
    statuses=MOVED,
)
