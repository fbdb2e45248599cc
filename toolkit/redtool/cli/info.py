"""`redtool info DATASET`: its header and counts."""

from __future__ import annotations

from redtool.cli.printer import columns, count, size
from redtool.cli.rows import Argument, Verb
from redtool.cli.shared import JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values
    from redtool.results import DatasetInfo


def run(values: Values, printer: Printer) -> int:
    """Prints what the dataset says of itself."""
    from redtool.verbs.inspect import info

    answer = info(values["source"])
    printer.result(answer.as_dict())
    for line in lines(answer):
        printer.data(line)
    return 0


def lines(answer: DatasetInfo) -> list[str]:
    """The answer for people."""
    kind = f"RDB version {answer.version}" if answer.scheme == "rdb" else answer.scheme.upper()
    dialect = f" ({answer.dialect})" if answer.dialect else ""
    shown = [f"{answer.source}: {kind}{dialect}, {size(answer.size_bytes)}"]
    width = max(map(len, answer.aux), default=0)
    shown += _section("aux", [[f"{name:{width}}  {value}"] for name, value in answer.aux.items()])
    shown += _section("functions", [[name] for name in answer.functions])
    shown += _section("modules", [[name] for name in answer.modules])
    databases = [
        [f"db {db}", count(counts.keys, "key"), f"{counts.expires:,} with an expiry"]
        for db, counts in answer.dbs.items()
    ]
    shown += _section("databases", databases)
    shown += _section("types", [[name, f"{n:,}"] for name, n in sorted(answer.types.items())])
    return shown


def _section(title: str, rows: list[list[str]]) -> list[str]:
    return [title, *("  " + line for line in columns(rows))] if rows else []


VERB = Verb(
    "info",
    "Show a dataset's header, its databases, and how many keys of each type.",
    run,
    arguments=(Argument("source", "The dataset.", metavar="DATASET"),),
    options=(JSON,),
    statuses=("0 fine", "2 trouble"),
)
