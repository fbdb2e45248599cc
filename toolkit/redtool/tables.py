"""Datasets as Parquet: record batches out of the core, written by pyarrow (the extra `parquet`).

A row a key: db, key, type, encoding, expire_at, elements, bytes, and value (a string's bytes, a
collection as JSON). With `elements` a row an element: db, key, type, index (of a list), id (of a
stream entry), field, score, value, expire_at. Keys and values are binary, since Redis' are. What
describes the dataset (functions, groups of streams in rows of elements) has no place in a table.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from redtool import _native
from redtool.errors import StoreError, TargetExistsError, UsageError
from redtool.verbs.calls import watched

COMPRESSION = "zstd"
ROW_GROUP = 1 << 20


def write_parquet(
    source: _native.Url,
    target: str,
    options: dict[str, Any],
    *,
    force: bool,
    progress: _native.Progress | None,
) -> dict[str, Any]:
    """Writes a dataset as one Parquet file, all or nothing; the core's answer."""
    parquet = _pyarrow()
    from pyarrow import record_batch, schema

    if not force and os.path.lexists(target):
        raise TargetExistsError("already exists", path=target, hint="--force replaces it")
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name}.redtool-partial")
    columns = schema(_native.Schema(options["elements"]))
    try:
        with open(partial, "wb") as file:
            with parquet.ParquetWriter(file, columns, compression=COMPRESSION) as writer:
                answer = _native.tabulate(
                    source,
                    options,
                    watched(progress),
                    lambda batch: writer.write_batch(record_batch(batch), ROW_GROUP),
                )
            file.flush()
            os.fsync(file.fileno())
            answer["bytes_written"] = file.tell()
        os.replace(partial, target)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(error.strerror or str(error), path=target) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
    return answer


def _pyarrow() -> Any:
    """pyarrow.parquet, or a sentence."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet is written with pyarrow, which is not installed",
            hint="pip install 'redtool[parquet]'",
        ) from None
    return pyarrow.parquet
