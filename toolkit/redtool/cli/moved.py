"""The verbs that move data: how they are called, and how they end: warnings, losses, failures, the
account, the exit status.
"""

from __future__ import annotations

import os
import sys

from redtool.cli.failure import TROUBLE, complain
from redtool.cli.printer import Printer, account_lines, count, size
from redtool.cli.shared import filters, transforms
from redtool.errors import StoreError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from redtool.cli.rows import Values
    from redtool.results import Account, ConvertResult

SHOWN_FAILURES = 10
# Options of verbs that can write a dump, and text.
DUMP_OPTIONS = ("for_server", "rdb_version", "lossy", "replace", "elements", "template")
# Forms that nobody reads on a terminal.
BINARY = ("rdb", "restore")


def move(
    function: Callable[..., ConvertResult],
    values: Values,
    printer: Printer,
    doing: str,
    **target: str | None,
) -> int:
    """Calls a verb's function with what its options say, and prints the account."""
    check_stdout(target, printer)
    with reported(values["report"]) as report:
        with printer.progress(f"{doing} {values['source']}") as progress:
            result = function(values["source"], **target, **options(values), progress=progress)
        report.add(result.as_dict())
    return finish(result, printer)


def options(values: Values) -> dict[str, Any]:
    """What the options of a verb that moves data say."""
    chosen: dict[str, Any] = {name: values[name] for name in DUMP_OPTIONS if name in values}
    if "no_compress" in values:
        chosen["compress"] = not values["no_compress"]
    changes = transforms(values)
    if changes.masks_with_a_new_secret:
        printer = Printer(json=values["json"], quiet=values["quiet"])
        printer.say("masked with a new secret; --mask-key SECRET makes the same mask in every run")
    return {
        **chosen,
        "filters": filters(values),
        "transforms": changes,
        "force": values["force"],
        "checksum": not values["no_checksum"],
        "dead_letters": values["dead_letters"],
        "tuning": {**dict(values["tuning"]), **table_tuning(values)},
    }


def table_tuning(values: Values) -> dict[str, str]:
    """How a table is made and filled: as `--option` would say it."""
    words = {name: "yes" for name in ("create", "native_ttl") if values.get(name)}
    given = {name: str(values[name]) for name in ("capacity", "max_wcu") if values.get(name)}
    return words | given


class reported:
    """Writes a verb's result, or how it failed, as JSON into the file of `--report`: whole or not
    at all."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.answer: dict[str, Any] = {}

    def add(self, answer: dict[str, Any]) -> None:
        """The result."""
        self.answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, at: object) -> None:
        if self.path is None:
            return
        if kind is not None:
            self.answer = {"ok": False, "error": str(error) or kind.__name__}
        import json

        partial = f"{self.path}.redtool-partial"
        try:
            with open(partial, "w", encoding="utf-8") as file:
                file.write(json.dumps(self.answer, ensure_ascii=False) + "\n")
            os.replace(partial, self.path)
        except OSError as trouble:
            raise StoreError(trouble.strerror or str(trouble), path=self.path) from None


def check_stdout(target: dict[str, str | None], printer: Printer) -> None:
    """Refuses a dump on stdout where something else is expected there."""
    form = target.get("format")
    names = [f"{form}://{name}" if form else name for name in target.values() if name]
    names = ["rdb://-" if name == "-" else name for name in names]
    to_stdout = [name.partition("://")[0] for name in names if name.endswith("://-")]
    if not to_stdout:
        return
    if printer.json:
        raise UsageError("the dump and --json both go to stdout", hint="name a file for the dump")
    if to_stdout[0] in BINARY and sys.stdout.isatty():
        raise UsageError("a dump is not for a terminal", hint="pipe it, or name a file")


def written(size_bytes: int) -> str:
    """What to say of a target's size; nothing of one that is in no file."""
    return f", {size(size_bytes)} written" if size_bytes else ""


def finish(result: ConvertResult, printer: Printer) -> int:
    """Prints a conversion's result; the exit status."""
    printer.result(result.as_dict())
    for warning in result.warnings:
        printer.warn(warning)
    keys = count(result.account.total.written, "key")
    amounts = f"{size(result.bytes_read)} read{written(result.bytes_written)}"
    printer.say(f"{result.target}: {keys}, {amounts}, {result.seconds:.2f} s")
    for line in account_lines(result.account):
        printer.say(line)
    for failure in result.failures[:SHOWN_FAILURES]:
        printer.warn(
            failed_key(result.source, failure.error, failure.offset, failure.db, failure.key)
        )
    return judge(result.account)


def judge(account: Account) -> int:
    """The exit status of an account."""
    if not account.balanced:
        complain("the account does not add up; do not trust the target")
        return TROUBLE
    if account.total.failed:
        complain(f"{count(account.total.failed, 'key')} failed")
        return TROUBLE
    return 0


def failed_key(path: str, what: str, offset: int | None, db: int | None, key: bytes | None) -> str:
    """A sentence about one key, with its place."""
    from redtool.errors import RedtoolError

    return str(RedtoolError(what, path=path, offset=offset, db=db, key=key))
