"""`redtool merge A B … -o OUT`: several datasets into one, every key once."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import DUMP_TARGET, FILTERS, MOVED, MOVING, OUTPUT, TABLE_TARGET, TRANSFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def policy(word: str) -> str:
    """One of the policies."""
    from redtool.verbs.combine import POLICIES

    if word not in POLICIES:
        raise ValueError(f"{word!r} is none of {', '.join(POLICIES)}")
    return word


def run(values: Values, printer: Printer) -> int:
    """Merges, and prints the account."""
    from redtool.cli.moved import check_stdout, finish, options, reported
    from redtool.cli.printer import count
    from redtool.verbs.combine import merge

    check_stdout({"out": values["out"]}, printer)
    with reported(values["report"]) as report:
        with printer.progress("merging") as progress:
            result = merge(
                values["sources"],
                values["out"],
                on_conflict=values["on_conflict"],
                progress=progress,
                **options(values),
            )
        report.add(result.as_dict())
    if result.conflicts:
        gave_way = count(result.conflicts, "entry gave way", "entries gave way")
        printer.say(f"{gave_way} to another of the same key (skipped in the account)")
    return finish(result, printer)


VERB = Verb(
    "merge",
    "Merge several datasets into one, in which every key is there once.",
    run,
    details="A key that is in several of them is refused by name, unless --on-conflict says which "
    "entry stays.",
    arguments=(Argument("sources", "The datasets to read.", many=True, metavar="SOURCE"),),
    options=(
        Option("out", ("--out", "-o"), "The dataset to make.", metavar="PATH", required=True),
        Option(
            "on_conflict",
            ("--on-conflict",),
            "fail, first or last as named here, or newest: of the dump taken last.",
            metavar="POLICY",
            parse=policy,
            default="fail",
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
