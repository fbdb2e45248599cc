"""What a dataset's name means: the one table of schemes, and how a name becomes a native `Url`.

A name is `-`, `scheme://place`, `memory:NAME`, or a path. A path that exists is recognised by its
content; one that is still to be made, by its ending. A scheme that DESIGN promises for later is in
the table too, so that it is refused with a sentence and not taken for a file.
"""

from __future__ import annotations

import os

from redtool.errors import DatasetNotFoundError, StoreError, UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from redtool._native import Url


class Scheme:
    """One row: a kind of place where datasets live."""

    __slots__ = ("endings", "name", "reads", "store", "what", "writes")

    def __init__(
        self,
        name: str,
        what: str,
        endings: tuple[str, ...] = (),
        *,
        reads: bool,
        writes: bool,
        store: bool = False,
    ) -> None:
        self.name = name
        self.what = what
        self.endings = endings
        self.reads = reads
        self.store = store
        self.writes = writes


SCHEMES = (
    Scheme("rdb", "an RDB dump", (".rdb",), reads=True, writes=True),
    Scheme("lmdb", "an LMDB store", (".lmdb",), reads=True, writes=True, store=True),
    Scheme("memory", "a dataset in memory", reads=True, writes=True, store=True),
    Scheme("rdb.gz", "a gzipped RDB dump", (".rdb.gz",), reads=True, writes=False),
    Scheme("rdb.zst", "a zstd-compressed RDB dump", (".rdb.zst",), reads=True, writes=False),
    Scheme("aof", "an append-only file", (".aof", "appendonlydir"), reads=False, writes=False),
    Scheme("leveldb", "a LevelDB store", (".leveldb",), reads=True, writes=True, store=True),
    Scheme("jsonl", "JSON lines", (".jsonl", ".ndjson"), reads=True, writes=True),
    Scheme("json", "JSON documents", (".json",), reads=False, writes=True),
    Scheme("csv", "CSV", (".csv",), reads=False, writes=True),
    Scheme("parquet", "a Parquet table", (".parquet",), reads=False, writes=True),
    Scheme("resp", "RESP commands", (".resp",), reads=False, writes=True),
    Scheme("restore", "RESTORE commands", reads=False, writes=True),
    Scheme("keys", "lines of keys", reads=False, writes=True),
    Scheme("dynamodb", "a DynamoDB table", reads=True, writes=True, store=True),
    Scheme("redis", "a live server", reads=False, writes=False),
    Scheme("rediss", "a live server", reads=False, writes=False),
    Scheme("redis+sentinel", "a live server", reads=False, writes=False),
    Scheme("redis+cluster", "a live cluster", reads=False, writes=False),
    Scheme("s3", "an object in S3", reads=False, writes=False),
)
_BY_NAME = {scheme.name: scheme for scheme in SCHEMES}
_PATHS = ("rdb", "lmdb", "leveldb")
# What a dump can be: it goes to a file, or to stdout.
DUMPS = ("rdb", "jsonl", "json", "csv", "parquet", "resp", "restore", "keys")


def source_url(name: str, tuning: Mapping[str, str] | None = None) -> Url:
    """The native url of a dataset that is to be read; `tuning` says how its store is opened."""
    scheme, place = _split(name)
    if scheme is None:
        scheme = _by_content(place, name)
    if not scheme.reads:
        raise _not_yet(name, scheme, "read")
    if scheme.name == "dynamodb":
        from redtool.aws import source_table

        return source_table(name, tuning or {})
    options = dict(tuning or {})
    if scheme.name == "memory" or place == "-":
        return scheme.name, place, options
    if not os.path.exists(place):
        raise DatasetNotFoundError("no such file or directory", path=name)
    return _native_name(scheme), os.path.abspath(place), options


def target_url(name: str, tuning: Mapping[str, str] | None = None) -> Url:
    """The native url of a dataset to be made; `tuning` says how its store is. What is there already
    is the core's to refuse."""
    scheme, place = _split(name)
    if scheme is None:
        scheme = _by_ending(place)
    if scheme is None and os.path.exists(place):
        scheme = _by_content(place, name)
    if scheme is None:
        raise UsageError(
            "cannot tell the format by this name",
            path=name,
            hint=f"end it in {_endings()}, or write SCHEME://PATH",
        )
    if not scheme.writes:
        raise _not_yet(name, scheme, "written")
    if scheme.name == "dynamodb":
        from redtool.aws import target_table

        return target_table(name, tuning or {})
    if place == "-" and (scheme.name not in DUMPS or scheme.name == "parquet"):
        raise UsageError(f"{scheme.what} cannot go to stdout", path=name, hint="name a file")
    options = dict(tuning or {})
    if scheme.name == "memory" or place == "-":
        return scheme.name, place, options
    return scheme.name, os.path.abspath(place), options


def is_store(scheme: str) -> bool:
    """Whether a scheme is that of a store, which can be tuned."""
    return _BY_NAME[scheme].store


def is_kind(name: str) -> bool:
    """Whether a name is that of a kind of place, not of a place."""
    return name in _BY_NAME


def import_target(source: str, to: str) -> str:
    """The name of what an import makes: `to` when it is a path or a URL, else beside the source."""
    if not is_kind(to) and (_split(to)[0] is not None or _by_ending(to) is not None):
        return to
    return beside(source, to)


def beside(source: str, scheme: str) -> str:
    """The name of a new dataset next to its source: `dump.rdb.gz` and lmdb give `dump.lmdb`."""
    row = _BY_NAME.get(scheme)
    if row is None or row.name not in _PATHS:
        hint = f"--to takes {_listed([*_PATHS])}, or a path that ends in {_endings()}"
        raise UsageError(f"cannot import to {scheme!r}", hint=hint)
    _, place = _split(source)
    if place in ("-", ""):
        raise UsageError("this source has no place of its own", path=source, hint="add --out PATH")
    stem = place.rstrip("/")
    for ending in sorted((e for s in SCHEMES for e in s.endings), key=len, reverse=True):
        if ending.startswith(".") and stem.endswith(ending) and os.path.basename(stem) != ending:
            stem = stem[: -len(ending)]
            break
    return stem + row.endings[0]


def refuse_same(source: Url, target: Url) -> None:
    """A dataset cannot be written over itself while it is read."""
    if "dynamodb" in (source[0], target[0]):
        # What a table's name means, its service decides.
        one, other = (
            (u[0], u[1], u[2].get("region"), u[2].get("endpoint")) for u in (source, target)
        )
        if one == other:
            raise UsageError("source and target are the same", path=source[1])
        return
    if "" in (source[1], target[1]) or "-" in (source[1], target[1]):
        return
    if (source[0] == "memory") != (target[0] == "memory"):
        return
    if os.path.realpath(source[1]) == os.path.realpath(target[1]):
        raise UsageError("source and target are the same", path=source[1])


def _split(name: str) -> tuple[Scheme | None, str]:
    """The scheme that the name itself states, and the rest."""
    if name == "-":
        return _BY_NAME["rdb"], "-"
    if name.startswith("memory:"):
        return _BY_NAME["memory"], name.removeprefix("memory:").removeprefix("//")
    head, separator, place = name.partition("://")
    if not separator or not head.replace("+", "").replace(".", "").isalnum():
        return None, name
    scheme = _BY_NAME.get(head)
    if scheme is None:
        known = ", ".join(row.name for row in SCHEMES if row.reads)
        raise UsageError(f"unknown scheme {head!r}", path=name, hint=f"known are {known}")
    if not place:
        raise UsageError("no place is named", path=name, hint=f"write {head}://PATH")
    return scheme, place


def _by_content(place: str, name: str) -> Scheme:
    """The scheme of what lies at a path."""
    from redtool import _native

    try:
        kind = _native.sniff(place)
    except FileNotFoundError:
        later = _by_ending(place)
        if later is not None and not later.reads:
            raise _not_yet(name, later, "read") from None
        raise DatasetNotFoundError("no such file or directory", path=name) from None
    except OSError as error:
        raise StoreError(error.strerror or str(error), path=name) from None
    unread = _unread_ending(place)
    # Documents of JSON begin as lines of it do.
    scheme = unread if unread and kind == "jsonl" else _BY_NAME.get(kind) or unread
    if scheme is None:
        what = "an empty file" if _is_empty(place) else "not a dataset that redtool knows"
        hint = "redtool reads RDB dumps and JSON lines (also .gz, .zst), LMDB and LevelDB stores"
        raise UnsupportedError(what, path=name, offset=0, hint=hint)
    return scheme


def _by_ending(place: str) -> Scheme | None:
    """The scheme that a path's ending stands for."""
    lowered = place.rstrip("/").lower()
    for scheme in SCHEMES:
        if any(lowered.endswith(ending) for ending in scheme.endings):
            return scheme
    return None


def _unread_ending(place: str) -> Scheme | None:
    """The scheme of an ending whose content the core does not know yet."""
    scheme = _by_ending(place)
    return scheme if scheme is not None and not scheme.reads else None


def _is_empty(place: str) -> bool:
    return os.path.isfile(place) and os.path.getsize(place) == 0


def _native_name(scheme: Scheme) -> str:
    """Compressed dumps are rdb to the core, which looks at the bytes itself."""
    return scheme.name.partition(".")[0]


def _endings() -> str:
    return _listed([_BY_NAME[name].endings[0] for name in _PATHS])


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _not_yet(name: str, scheme: Scheme, verb: str) -> UnsupportedError:
    """A place that is known, but that redtool cannot read or write."""
    can = [row.what for row in SCHEMES if (row.reads if verb == "read" else row.writes)]
    return UnsupportedError(
        f"{scheme.what} cannot be {verb} yet",
        path=name,
        hint=f"what can be {verb} is {', '.join(can[:-1])} and {can[-1]}",
    )
