"""`redtool load SOURCE TARGET`: import with both ends named."""

from __future__ import annotations

from redtool.cli.rows import Argument, Verb
from redtool.cli.shared import FILTERS, FORCE, MOVED, NO_CHECKSUM, OUTPUT, filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Loads, and prints the account."""
    from redtool.cli.moved import check_stdout, finish
    from redtool.verbs.move import load

    check_stdout(values["target"], printer)
    with printer.progress(f"loading {values['source']}") as progress:
        result = load(
            values["source"],
            values["target"],
            filters=filters(values),
            force=values["force"],
            checksum=not values["no_checksum"],
            progress=progress,
        )
    return finish(result, printer)


VERB = Verb(
    "load",
    "Load a dataset into a store; import with both ends named.",
    run,
    arguments=(
        Argument("source", "The dataset to read; - is an RDB on stdin."),
        Argument("target", "The store to make: x.lmdb, lmdb://PATH."),
    ),
    options=(FORCE, NO_CHECKSUM, *FILTERS, *OUTPUT),
    statuses=MOVED,
)
