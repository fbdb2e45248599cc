"""`redtool diff A B`: what is not the same, key by key."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb, integer
from redtool.cli.shared import FILTERS, NO_CHECKSUM, OUTPUT, duration, filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values
    from redtool.results import Difference, DiffResult

KINDS = ("missing", "extra", "type", "value", "expiry")


def run(values: Values, printer: Printer) -> int:
    """Compares, and prints the first differences and the counts."""
    from redtool.verbs.compare import diff

    with printer.progress(f"comparing {values['a']}") as progress:
        result = diff(
            values["a"],
            values["b"],
            filters=filters(values),
            ttl_tolerance_ms=values["ttl_tolerance"],
            limit=values["limit"],
            checksum=not values["no_checksum"],
            progress=progress,
        )
    printer.result(result.as_dict())
    if not values["quiet"]:
        show(result, printer)
    return 1 if result.different else 0


def show(result: DiffResult, printer: Printer) -> None:
    """Prints the differences, one a line, and how many there are."""
    for difference in result.differences:
        printer.data(difference_line(difference))
    hidden = result.different - len(result.differences)
    if hidden > 0:
        printer.data(f"… and {hidden:,} more (--limit N shows more)")
    counted = [f"{getattr(result, kind):,} {kind}" for kind in KINDS if getattr(result, kind)]
    printer.data(", ".join([f"{result.same:,} same", *(counted or ["no difference"])]))


def difference_line(difference: Difference) -> str:
    """`value    db 0  hash  "user:1"  at "name": "Ann" is "Anne"`."""
    from redtool.errors import quoted

    head = f"{difference.kind:8} db {difference.db}  {difference.type:6}  {quoted(difference.key)}"
    place = f"at {difference.path}: " if difference.path else ""
    return f"{head}  {place}{difference.detail}".rstrip()


VERB = Verb(
    "diff",
    "Compare two datasets by meaning: what is missing, extra or different.",
    run,
    details="missing is in A and not in B, extra the other way round. How a value is encoded, the "
    "order of sets and hashes, and LRU or LFU do not matter.",
    arguments=(Argument("a", "One dataset."), Argument("b", "The other.")),
    options=(
        Option(
            "ttl_tolerance",
            ("--ttl-tolerance",),
            "Expiries may be this far apart: 500ms, 2s.",
            metavar="TIME",
            parse=duration,
            default="0",
        ),
        Option(
            "limit",
            ("--limit",),
            "Show this many differences.",
            metavar="N",
            parse=integer(0, 2**53),
            default="100",
        ),
        NO_CHECKSUM,
        *FILTERS,
        *OUTPUT,
    ),
    statuses=("0 they are the same", "1 they differ", "2 trouble"),
)
