"""diff: what is not the same in two datasets, by meaning."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from redtool import _native
from redtool.filters import Filters
from redtool.results import Difference, DiffResult
from redtool.urls import source_url
from redtool.verbs.calls import named, watched


def diff(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    filters: Filters | None = None,
    ttl_tolerance_ms: int = 0,
    limit: int = 100,
    checksum: bool = True,
    on_difference: Callable[[Difference], None] | None = None,
    progress: _native.Progress | None = None,
) -> DiffResult:
    """Compares two datasets key by key.

    Encodings, the order of sets and hashes, and LRU or LFU do not matter. Expiries may be
    `ttl_tolerance_ms` apart. The result holds the first `limit` differences; `on_difference` sees
    them all as they are found.
    """
    a, b = os.fspath(a), os.fspath(b)
    kept: list[Difference] = []

    def emit(batch: list[dict[str, Any]]) -> None:
        if on_difference is None and len(kept) >= limit:
            return
        for row in batch:
            difference = Difference.from_native(row)
            if len(kept) < limit:
                kept.append(difference)
            if on_difference is not None:
                on_difference(difference)

    options = {
        "filters": (filters or Filters()).as_options(),
        "ttl_tolerance_ms": ttl_tolerance_ms,
        "checksum": checksum,
    }
    urls = source_url(a), source_url(b)
    with named(f"{a}, {b}", a, b):
        answer = _native.diff(*urls, options, watched(progress), emit)
    return DiffResult.from_native({**answer, "differences": kept})
