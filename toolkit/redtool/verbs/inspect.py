"""info and verify: what a dataset is, and whether it is whole."""

from __future__ import annotations

import os
from typing import Any

from redtool import _native
from redtool.errors import UsageError
from redtool.filters import Filters
from redtool.results import DatasetInfo, VerifyResult
from redtool.urls import refuse_same, source_url, target_url
from redtool.verbs.calls import named, watched


def info(source: str | os.PathLike[str], *, checksum: bool = False) -> DatasetInfo:
    """Header and counts, without decoding values."""
    source = os.fspath(source)
    url = source_url(source)
    with named(source):
        answer = _native.info(url, {"checksum": checksum})
    return DatasetInfo.from_native({**answer, "source": source})


def verify(
    source: str | os.PathLike[str],
    *,
    filters: Filters | None = None,
    deep: bool = False,
    checksum: bool = True,
    salvage: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: _native.Progress | None = None,
) -> VerifyResult:
    """Walks the whole dataset; `deep` also validates every packed encoding.

    Damage is in the result, not an exception. `salvage` names a new dataset that gets every whole
    key; `force` replaces what is there.
    """
    source = os.fspath(source)
    url = source_url(source)
    options: dict[str, Any] = {
        "filters": (filters or Filters()).as_options(),
        "deep": deep,
        "checksum": checksum,
        "force": force,
    }
    if salvage is not None:
        options["salvage"] = target_url(os.fspath(salvage))
        refuse_same(url, options["salvage"])
        if options["salvage"][1] == "-":
            raise UsageError("what is salvaged cannot go to stdout", hint="name a file")
    with named(source, os.fspath(salvage or source)):
        answer = _native.verify(url, options, watched(progress))
    return VerifyResult.from_native({**answer, "source": source})
