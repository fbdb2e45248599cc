"""`redtool verify DATASET`: is it whole?"""

from __future__ import annotations

from redtool.cli.failure import TROUBLE, complain
from redtool.cli.rows import Argument, Option, Verb
from redtool.cli.shared import FILTERS, FORCE, NO_CHECKSUM, OUTPUT, filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values
    from redtool.results import VerifyResult

SHOWN_PROBLEMS = 20
CHECKSUMS = {
    "ok": "checksum ok",
    "none": "no checksum",
    "skipped": "checksum not checked",
    "bad": "checksum wrong",
}


def run(values: Values, printer: Printer) -> int:
    """Walks the dataset, and prints what is wrong with it."""
    from redtool.verbs.inspect import verify

    with printer.progress(f"verifying {values['source']}") as progress:
        result = verify(
            values["source"],
            filters=filters(values),
            deep=values["deep"],
            checksum=not values["no_checksum"],
            salvage=values["salvage"],
            force=values["force"],
            progress=progress,
        )
    printer.result(result.as_dict())
    show(result, printer, salvage=values["salvage"], quiet=values["quiet"])
    return 0 if result.ok and result.account.balanced else TROUBLE


def show(result: VerifyResult, printer: Printer, *, salvage: str | None, quiet: bool) -> None:
    """Prints the problems, the verdict and the account."""
    from redtool.cli.moved import failed_key
    from redtool.cli.printer import account_lines, count, size

    for warning in result.warnings:
        printer.warn(warning)
    for p in result.problems[:SHOWN_PROBLEMS]:
        complain(failed_key(result.source, p.what, p.offset, p.db, p.key))
    hidden = len(result.problems) - SHOWN_PROBLEMS
    if hidden > 0:
        complain(f"{result.source}: and {hidden:,} more (--json lists them all)")
    if result.problems and salvage is None:
        printer.say(f"hint: {hint(result)}")
    if quiet:
        return
    checksum = CHECKSUMS.get(result.checksum, result.checksum)
    keys, amount = count(result.account.total.read, "key"), size(result.bytes_read)
    verdict = "whole" if result.ok else "damaged"
    printer.data(
        f"{result.source}: {verdict}, {keys}, {amount}, {checksum}, {result.seconds:.2f} s"
    )
    for line in account_lines(result.account):
        printer.data(line)
    if salvage is not None:
        printer.data(f"{salvage}: {count(result.account.total.written, 'key')} salvaged")


def hint(result: VerifyResult) -> str:
    """What helps: nothing can be salvaged from a file whose only fault is its checksum."""
    if result.checksum == "bad" and len(result.problems) == 1:
        return "the file was changed after it was written; --no-checksum reads it all the same"
    return "--salvage OUT keeps every key that is whole"


VERB = Verb(
    "verify",
    "Check that a dataset is whole: structure, checksum, and with --deep every value.",
    run,
    arguments=(Argument("source", "The dataset.", metavar="DATASET"),),
    options=(
        Option("deep", ("--deep",), "Also validate every packed encoding."),
        Option("salvage", ("--salvage",), "Write every whole key to a new dataset.", metavar="OUT"),
        FORCE,
        NO_CHECKSUM,
        *FILTERS,
        *OUTPUT,
    ),
    statuses=("0 it is whole", "2 it is damaged, or other trouble"),
)
