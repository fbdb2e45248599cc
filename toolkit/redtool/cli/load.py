"""`redtool load SOURCE TARGET`: import with both ends named."""

from __future__ import annotations

from redtool.cli.rows import Argument, Verb
from redtool.cli.shared import FILTERS, MOVED, MOVING, OUTPUT, TABLE_TARGET, TRANSFORMS, UNMASKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Loads, and prints the account."""
    from redtool.cli.moved import move
    from redtool.verbs.move import load

    return move(load, values, printer, "loading", target=values["target"])


VERB = Verb(
    "load",
    "Load a dataset into a store; import with both ends named.",
    run,
    arguments=(
        Argument("source", "The dataset to read; - is an RDB on stdin."),
        Argument("target", "The store to make: x.lmdb, lmdb://PATH."),
    ),
    options=(*MOVING, *TABLE_TARGET, *FILTERS, *TRANSFORMS, UNMASKED, *OUTPUT),
    statuses=MOVED,
)
