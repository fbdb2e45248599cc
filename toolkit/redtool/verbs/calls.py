"""How every verb calls the core: with a progress function always, and with names in its errors."""

from __future__ import annotations

import os

from redtool.errors import DatasetNotFoundError, RedtoolError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from redtool._native import Progress


def unseen(done: int, total: int, keys: int) -> None:
    """A progress function that shows nothing. The core must still call one, so that Ctrl-C
    works."""


def watched(progress: Progress | None) -> Progress:
    """The progress function to hand to the core."""
    return progress or unseen


class named:
    """Puts datasets' names, as the user wrote them, into errors: instead of the absolute path that
    the core knows, and the first of them where an error has no path.

    A class, since contextlib costs milliseconds of start-up that `redtool serve` has not got.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, RedtoolError):
            error.path = self._as_written(error.path)
        elif isinstance(error, FileNotFoundError):
            name = self._as_written(error.filename)
            raise DatasetNotFoundError(error.strerror or str(error), path=name) from error
        elif isinstance(error, OSError):
            name = self._as_written(error.filename)
            raise StoreError(error.strerror or str(error), path=name) from error

    def _as_written(self, path: str | None) -> str:
        for name in self.names:
            scheme, _, place = name.partition("://")
            if path == os.path.abspath(place or name):
                return name
            # The core names a table with all that was resolved for it.
            if scheme == "dynamodb" and (path or "").split("?")[0] == name.split("?")[0]:
                return name
        return path or self.names[0]
