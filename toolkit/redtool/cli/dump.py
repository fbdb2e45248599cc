"""`redtool dump SOURCE -o out.rdb`: any dataset as an RDB dump, or as text."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import DUMP_TARGET, FILTERS, MOVED, MOVING, OUTPUT, TEXT, TRANSFORMS
from redtool.urls import DUMPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def form(word: str) -> str:
    """One of the forms of a dump."""
    if word not in DUMPS:
        raise ValueError(f"{word!r} is none of {', '.join(DUMPS)}")
    return word


def run(values: Values, printer: Printer) -> int:
    """Dumps, and prints the account."""
    from redtool.cli.moved import move
    from redtool.verbs.move import dump

    out, chosen = values["out"], values["format"]
    if chosen is not None and out is None:
        out = "-"
    return move(dump, values, printer, "dumping", out=out, format=chosen)


VERB = Verb(
    "dump",
    "Write any dataset as an RDB dump for any server, or as text.",
    run,
    details="What the chosen version cannot hold is listed and refused, unless --lossy.",
    arguments=(Argument("source", "The dataset to read."),),
    options=(
        Option(
            "out",
            ("--out", "-o"),
            "The dump to write; - is stdout, where --format goes by itself.",
            metavar="PATH",
        ),
        Option(
            "format",
            ("--format",),
            f"{', '.join(DUMPS)} [as the ending of PATH says].",
            metavar="FORM",
            parse=form,
        ),
        *MOVING,
        *DUMP_TARGET,
        *TEXT,
        *FILTERS,
        *TRANSFORMS,
        *OUTPUT,
    ),
    statuses=MOVED,
)
