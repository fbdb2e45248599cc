"""`redtool convert SOURCE TARGET`: any dataset into any other."""

from __future__ import annotations

from redtool.cli.rows import Argument, Verb
from redtool.cli.shared import (
    DUMP_TARGET,
    FILTERS,
    MOVED,
    MOVING,
    OUTPUT,
    TABLE_TARGET,
    TEXT,
    TRANSFORMS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Converts, and prints the account."""
    from redtool.cli.moved import move
    from redtool.verbs.move import convert

    return move(convert, values, printer, "converting", target=values["target"])


VERB = Verb(
    "convert",
    "Convert any dataset into any other.",
    run,
    arguments=(
        Argument("source", "The dataset to read; - is an RDB on stdin."),
        Argument(
            "target", "The dataset to make; its ending says the format; - is an RDB on stdout."
        ),
    ),
    options=(*MOVING, *DUMP_TARGET, *TEXT, *TABLE_TARGET, *FILTERS, *TRANSFORMS, *OUTPUT),
    statuses=MOVED,
)
