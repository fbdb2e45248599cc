"""redtool: open, query, convert, compare and serve Redis datasets, wherever they live.

    import redtool

    result = redtool.convert("dump.rdb", "dump.lmdb")
    print(result.account.total.written, "keys")

    with redtool.open("dump.lmdb") as dataset:
        print(dataset.execute("HGETALL", "user:1"))
        for entry in dataset.entries(redtool.Filters(keys=["session:*"], ttl="<1h")):
            print(entry.key, entry.value)

Every name below is loaded when it is first used: `redtool serve` has to answer within the blink
that Python itself takes to start, so nothing here may pull in what a verb does not need.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.dataset import Dataset, open
    from redtool.errors import (
        ChecksumError,
        CorruptError,
        DatasetNotFoundError,
        DiskFullError,
        FormatError,
        LossError,
        RedtoolError,
        ResponseError,
        ScriptError,
        StoreError,
        TargetExistsError,
        TruncatedError,
        UnsupportedError,
        UsageError,
    )
    from redtool.filters import Filters
    from redtool.results import (
        Account,
        ConvertResult,
        Counts,
        DatabaseCounts,
        DatasetInfo,
        Difference,
        DiffResult,
        Entry,
        Failure,
        MergeResult,
        Problem,
        SplitResult,
        Tally,
        VerifyResult,
    )
    from redtool.transforms import Transforms
    from redtool.verbs.combine import merge, split
    from redtool.verbs.compare import diff
    from redtool.verbs.inspect import info, verify
    from redtool.verbs.move import convert, dump, import_, load
    from redtool.verbs.serve import ServedDataset, serve

_HOMES = {
    "redtool.dataset": ("Dataset", "open"),
    "redtool.errors": (
        "ChecksumError",
        "CorruptError",
        "DatasetNotFoundError",
        "DiskFullError",
        "FormatError",
        "LossError",
        "RedtoolError",
        "ResponseError",
        "ScriptError",
        "StoreError",
        "TargetExistsError",
        "TruncatedError",
        "UnsupportedError",
        "UsageError",
    ),
    "redtool.filters": ("Filters",),
    "redtool.results": (
        "Account",
        "ConvertResult",
        "Counts",
        "DatabaseCounts",
        "DatasetInfo",
        "DiffResult",
        "Difference",
        "Entry",
        "Failure",
        "MergeResult",
        "Problem",
        "SplitResult",
        "Tally",
        "VerifyResult",
    ),
    "redtool.transforms": ("Transforms",),
    "redtool.verbs.combine": ("merge", "split"),
    "redtool.verbs.compare": ("diff",),
    "redtool.verbs.inspect": ("info", "verify"),
    "redtool.verbs.move": ("convert", "dump", "import_", "load"),
    "redtool.verbs.serve": ("ServedDataset", "serve"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Account",
    "ChecksumError",
    "ConvertResult",
    "CorruptError",
    "Counts",
    "DatabaseCounts",
    "Dataset",
    "DatasetInfo",
    "DatasetNotFoundError",
    "DiffResult",
    "Difference",
    "DiskFullError",
    "Entry",
    "Failure",
    "Filters",
    "FormatError",
    "LossError",
    "MergeResult",
    "Problem",
    "RedtoolError",
    "ResponseError",
    "ScriptError",
    "ServedDataset",
    "SplitResult",
    "StoreError",
    "Tally",
    "TargetExistsError",
    "Transforms",
    "TruncatedError",
    "UnsupportedError",
    "UsageError",
    "VerifyResult",
    "__version__",
    "convert",
    "diff",
    "dump",
    "import_",
    "info",
    "load",
    "merge",
    "open",
    "serve",
    "split",
    "verify",
]


def __getattr__(name: str) -> object:
    """Loads a public name from its home on first use."""
    if name == "__version__":
        from redtool import _native

        value: object = _native.version()
    elif name in _HOME_OF:
        from importlib import import_module

        value = getattr(import_module(_HOME_OF[name]), name)
    else:
        raise AttributeError(f"module 'redtool' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
