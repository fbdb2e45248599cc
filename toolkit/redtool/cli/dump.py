"""`redtool dump SOURCE -o out.rdb`: any dataset as an RDB dump."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import DUMP_TARGET, FILTERS, MOVED, MOVING, OUTPUT, TRANSFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Dumps, and prints the account."""
    from redtool.cli.moved import move
    from redtool.verbs.move import dump

    return move(dump, values, printer, "dumping", out=values["out"])


VERB = Verb(
    "dump",
    "Write any dataset as an RDB dump, for any server.",
    run,
    details="What the chosen version cannot hold is listed and refused, unless --lossy.",
    arguments=(Argument("source", "The dataset to read."),),
    options=(
        Option(
            "out", ("--out", "-o"), "The dump to write; - is stdout.", metavar="PATH", required=True
        ),
        *MOVING,
        *DUMP_TARGET,
        *FILTERS,
        *TRANSFORMS,
        *OUTPUT,
    ),
    statuses=MOVED,
)
