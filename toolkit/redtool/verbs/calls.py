"""How every verb calls the core: with a progress function always, and with names in its errors."""

from __future__ import annotations

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
    """Puts the dataset's name, as the user wrote it, in front of errors that have none.

    A class, since contextlib costs milliseconds of start-up that `redtool serve` has not got.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, RedtoolError):
            error.path = error.path or self.name
        elif isinstance(error, FileNotFoundError):
            raise DatasetNotFoundError(error.strerror or str(error), path=self.name) from error
        elif isinstance(error, OSError):
            raise StoreError(error.strerror or str(error), path=self.name) from error
