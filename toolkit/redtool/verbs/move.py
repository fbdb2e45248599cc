"""convert, load, import and dump: a dataset from one place to another, all or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from redtool import _native
from redtool.errors import UsageError
from redtool.filters import Filters
from redtool.results import ConvertResult
from redtool.transforms import Transforms
from redtool.urls import (
    DUMPS,
    import_target,
    is_kind,
    is_store,
    refuse_same,
    source_url,
    target_url,
)
from redtool.verbs.calls import named, watched


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    filters: Filters | None = None,
    transforms: Transforms | None = None,
    force: bool = False,
    for_server: str | None = None,
    rdb_version: int | None = None,
    lossy: bool = False,
    checksum: bool = True,
    compress: bool = True,
    replace: bool = False,
    elements: bool = False,
    template: str | None = None,
    dead_letters: str | os.PathLike[str] | None = None,
    tuning: Mapping[str, str] | None = None,
    progress: _native.Progress | None = None,
) -> ConvertResult:
    """Copies a dataset into a new one.

    The target appears under its name only when it is complete; whatever happens before leaves what
    was there. `force` replaces it. `for_server` ("redis-6.2") or `rdb_version` say what an RDB
    target, or commands, must be readable by; what it could not hold is a LossError, unless `lossy`.
    `filters` say which entries are taken, `transforms` how those are changed; keys that become one
    are an error.

    Of text forms `replace` has commands replace the keys that are there, `elements` gives CSV and
    Parquet a row an element, and `template` says what a line of `keys` is: "{db} {key} {type}".

    Entries that are damaged end the work, or with `dead_letters` are set aside in that file, one
    JSON line each, and counted as failed. `tuning` is how the store that is made is tuned, or the
    one that is read when none is made.
    """
    source, target = os.fspath(source), os.fspath(target)
    goal = target_url(target, tuning)
    origin = source_url(source, None if is_store(goal[0]) else tuning)
    goal = goal if is_store(goal[0]) else target_url(target)
    refuse_same(origin, goal)
    options = move_options(
        filters=filters,
        transforms=transforms,
        force=force,
        for_server=for_server,
        rdb_version=rdb_version,
        lossy=lossy,
        checksum=checksum,
        compress=compress,
        replace=replace,
        elements=elements,
        template=template,
        dead_letters=dead_letters,
    )
    _refuse_idle(options, goal[0], target)
    with named(source, target):
        if goal[0] == "parquet":
            from redtool.tables import write_parquet

            chosen = {name: options[name] for name in TABLE_OPTIONS}
            answer = write_parquet(origin, goal[1], chosen, force=force, progress=progress)
        else:
            answer = _native.convert(origin, goal, options, watched(progress))
    return ConvertResult.from_native({**answer, "source": source, "target": target})


# What a table takes of the options.
TABLE_OPTIONS = ("filters", "transforms", "checksum", "lossy", "dead_letters", "elements")
# Options that only some targets have.
ONLY_FOR = {
    "target": ("--for", ("rdb", "resp", "restore")),
    "rdb_version": ("--rdb-version", ("rdb", "restore")),
    "replace": ("--replace", ("resp", "restore")),
    "elements": ("--elements", ("csv", "parquet")),
    "template": ("--template", ("keys",)),
}


def _refuse_idle(options: dict[str, Any], scheme: str, target: str) -> None:
    """An option that would do nothing is a mistake."""
    for name, (flag, schemes) in ONLY_FOR.items():
        if options[name] and scheme not in schemes:
            hint = f"it is for {' and '.join(schemes)}"
            raise UsageError(f"{flag} says nothing of this target", path=target, hint=hint)


def move_options(
    *,
    filters: Filters | None = None,
    transforms: Transforms | None = None,
    force: bool = False,
    for_server: str | None = None,
    rdb_version: int | None = None,
    lossy: bool = False,
    checksum: bool = True,
    compress: bool = True,
    replace: bool = False,
    elements: bool = False,
    template: str | None = None,
    dead_letters: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """What every verb that moves data hands to the core."""
    if for_server is not None and rdb_version is not None:
        raise UsageError("a server and an RDB version were both named", hint="name one of them")
    return {
        "filters": (filters or Filters()).as_options(),
        "transforms": (transforms or Transforms()).as_options(),
        "force": force,
        "target": for_server or "",
        "rdb_version": rdb_version,
        "lossy": lossy,
        "checksum": checksum,
        "compress": compress,
        "replace": replace,
        "elements": elements,
        "template": template,
        "dead_letters": os.path.abspath(dead_letters) if dead_letters is not None else None,
    }


def load(
    source: str | os.PathLike[str], target: str | os.PathLike[str], **options: Any
) -> ConvertResult:
    """Loads a dataset into a store; takes what `convert` takes."""
    return convert(source, target, **options)


def import_(
    source: str | os.PathLike[str],
    to: str = "lmdb",
    *,
    out: str | os.PathLike[str] | None = None,
    **options: Any,
) -> ConvertResult:
    """Imports a dump into a store beside it (`dump.rdb` into `dump.lmdb`), or at `out`.

    `to` is a kind of store, or itself the path of one.
    """
    target = os.fspath(out) if out is not None else import_target(os.fspath(source), to)
    if out is not None and not is_kind(to):
        raise UsageError("two targets are named", path=to, hint="leave out one of them")
    return convert(source, target, **options)


def dump(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,
    **options: Any,
) -> ConvertResult:
    """Writes a dataset as an RDB dump, or in the text form named by `format`, which goes to stdout
    when `out` is None or "-"; takes what `convert` takes."""
    if out is None and format is None:
        raise UsageError("no place is named for the dump", hint="name a file, or - for stdout")
    if format is not None and format not in DUMPS:
        raise UsageError(f"unknown format {format!r}", hint=f"formats are {', '.join(DUMPS)}")
    target = "-" if out is None else os.fspath(out)
    if format is not None:
        target = f"{format}://{target}"
    if target_url(target)[0] not in DUMPS:
        hint = "use convert for other targets"
        raise UsageError("a dump is an RDB file or text", path=target, hint=hint)
    return convert(source, target, **options)
