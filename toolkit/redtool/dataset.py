"""An open dataset: run commands on it, walk its entries, count its keys.

Kept free of heavy imports: `redtool serve` and `redtool exec` come through here, and have to answer
in the time that Python takes to start.
"""

from __future__ import annotations

import os

from redtool import _native
from redtool.errors import UsageError
from redtool.times import clock as parse_clock
from redtool.urls import source_url
from redtool.verbs.calls import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Self

    from redtool.filters import Filters
    from redtool.results import Counts, Entry

Word = str | bytes | int | float


class Dataset:
    """An open dataset. Use it in a `with` statement, or close it.

    It is opened for reading; `writable` opens a store for commands that write, which are kept when
    it is closed. With `copy` they change a copy in memory. What is in memory is saved as the dump
    `saved_as` when it is served, by SAVE and at the end.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        clock: str | int = "now",
        databases: int = 16,
        checksum: bool = True,
        temp_dir: str | None = None,
        tuning: Mapping[str, str] | None = None,
        writable: bool = False,
        copy: bool = False,
        saved_as: str | None = None,
    ) -> None:
        self.url = os.fspath(url)
        options: dict[str, Any] = {
            "clock": _clock(clock),
            "databases": databases,
            "checksum": checksum,
            "writable": writable,
            "copy": copy,
        }
        if temp_dir is not None:
            options["temp_dir"] = temp_dir
        if saved_as is not None:
            options["saved_as"] = saved_as
        source = source_url(self.url, tuning)
        with named(self.url):
            self.native = _native.Dataset(source, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Entry]:
        return self.entries()

    def __repr__(self) -> str:
        return f"<redtool.Dataset {self.url!r}>"

    def close(self) -> None:
        """Releases the files."""
        self.native.close()

    def execute(self, *command: Word, db: int = 0) -> Any:
        """One Redis command's reply, in RESP3's types; an error reply is a ResponseError.

        Words are sent as they are: `dataset.execute("HGET", "user:1", b"name")`.
        """
        return self.native.execute(db, [encoded(word) for word in command])

    def entries(self, filters: Filters | None = None, *, values: bool = True) -> Iterator[Entry]:
        """Every entry that passes the filters, in the dataset's own order."""
        from redtool.results import Entry

        chosen = filters.as_options() if filters is not None else {}
        for row in self.native.entries({"filters": chosen, "values": values}):
            yield Entry.from_native(row)

    def get(self, key: str | bytes, db: int = 0) -> Entry | None:
        """The entry of one key, or None."""
        from redtool.results import Entry

        row = self.native.entry(db, encoded(key))
        return Entry.from_native(row) if row is not None else None

    def counts(self) -> Counts:
        """How many keys there are, by database and by type."""
        from redtool.results import Counts

        return Counts.from_native(self.native.counts())


def open(
    url: str | os.PathLike[str],
    *,
    clock: str | int = "now",
    databases: int = 16,
    checksum: bool = True,
    temp_dir: str | None = None,
) -> Dataset:
    """Opens a dataset for reading.

    `clock` says what time it is for expiries: "now", "dump" (the moment the dump was taken), an ISO
    time, or Unix milliseconds.
    """
    return Dataset(url, clock=clock, databases=databases, checksum=checksum, temp_dir=temp_dir)


def encoded(word: Word) -> bytes:
    """A command's word as bytes."""
    if isinstance(word, bytes):
        return word
    if isinstance(word, str):
        return os.fsencode(word)
    if isinstance(word, bool) or not isinstance(word, int | float):
        raise UsageError(f"{word!r} cannot be a word of a command")
    return repr(word).encode()


def _clock(clock: str | int) -> str | int:
    try:
        return parse_clock(clock) if isinstance(clock, str) else clock
    except ValueError as error:
        raise UsageError(str(error)) from None
