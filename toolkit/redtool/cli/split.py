"""`redtool split SOURCE 'part-{}.rdb' --by slot --parts 3`: one dataset into several."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb, integer
from redtool.cli.shared import (
    DUMP_TARGET,
    FILTERS,
    MOVED,
    MOVING,
    OUTPUT,
    TABLE_TARGET,
    TRANSFORMS,
    slots,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def way(word: str) -> str:
    """One of the ways to split."""
    from redtool.verbs.combine import WAYS

    if word not in WAYS:
        raise ValueError(f"{word!r} is none of {', '.join(WAYS)}")
    return word


def ranges(word: str) -> list[tuple[int, int]]:
    """Ranges of slots, with commas between them."""
    return [slots(part) for part in word.split(",")]


def run(values: Values, printer: Printer) -> int:
    """Splits, and prints the account and what went where."""
    from redtool.cli.moved import failed_key, judge, options, reported, written
    from redtool.cli.printer import account_lines, count, size
    from redtool.verbs.combine import split

    with reported(values["report"]) as report:
        with printer.progress(f"splitting {values['source']}") as progress:
            result = split(
                values["source"],
                values["target"],
                by=values["by"],
                parts=values["parts"],
                slots=values["ranges"] or (),
                progress=progress,
                **options(values),
            )
        report.add(result.as_dict())
    printer.result(result.as_dict())
    for part in result.parts:
        for warning in part.warnings:
            printer.warn(f"{part.target}: {warning}")
        keys = count(part.account.total.written, "key")
        printer.say(f"{part.target}: {keys}{written(part.bytes_written)}")
    printer.say(f"{size(result.bytes_read)} read, {result.seconds:.2f} s")
    for line in account_lines(result.account):
        printer.say(line)
    for failure in result.failures[:10]:
        place = (failure.error, failure.offset, failure.db, failure.key)
        printer.warn(failed_key(result.source, *place))
    return judge(result.account)


VERB = Verb(
    "split",
    "Split a dataset into several, every key in exactly one of them.",
    run,
    details="The parts appear when all of them are complete. Their names are TARGET with its {} "
    "filled in: the slots (0-5460), 1-of-4, the database or the type.",
    arguments=(
        Argument("source", "The dataset to read."),
        Argument("target", "The names of the parts: part-{}.rdb."),
    ),
    options=(
        Option(
            "by",
            ("--by",),
            "slot (of Redis Cluster), hash (parts of about one size), db or type.",
            metavar="WAY",
            parse=way,
            default="slot",
        ),
        Option(
            "parts",
            ("--parts",),
            "How many parts, by slot and hash.",
            metavar="N",
            parse=integer(1, 16384),
        ),
        Option(
            "ranges",
            ("--slots",),
            "The slots of each part: 0-8191,8192-16383.",
            metavar="RANGES",
            parse=ranges,
        ),
        *MOVING,
        *DUMP_TARGET,
        *TABLE_TARGET,
        *FILTERS,
        *TRANSFORMS,
        *OUTPUT,
    ),
    statuses=MOVED,
)
