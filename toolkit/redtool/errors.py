"""What can go wrong, as one tree.

    RedtoolError
    ├── UsageError (ValueError)                   what was asked for makes no sense
    ├── ScriptError (ValueError)                  a script failed, or gave what makes no entry
    ├── FormatError (ValueError)                  the bytes of a dataset are not what they should be
    │   ├── TruncatedError                        they end inside something
    │   ├── CorruptError                          they contradict themselves
    │   ├── ChecksumError                         the stored checksum differs from the computed one
    │   └── UnsupportedError                      of a version, type or kind that cannot be read
    ├── LossError                                 the target cannot hold it all; see --lossy
    ├── DatasetNotFoundError (FileNotFoundError)  nothing is there
    ├── TargetExistsError (FileExistsError)       something is there already; see --force
    ├── StoreError (OSError)                      a store or file could not be read or written
    │   ├── DiskFullError                         for lack of room
    │   └── OutputClosedError (BrokenPipeError)   whoever read the output has gone
    └── ResponseError                             a command's error reply, in Redis' words

Each carries its place: `path`, `offset` (bytes), `db` and `key`, and a `hint`; what is not known is
None. `str(error)` is one line with the place, without the hint. The native module raises these
classes by name.
"""

from __future__ import annotations


class RedtoolError(Exception):
    """The root: a message, its place, and what to do about it."""

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        offset: int | None = None,
        db: int | None = None,
        key: bytes | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.offset = offset
        self.db = db
        self.key = key
        self.hint = hint

    def __str__(self) -> str:
        """`dump.rdb: the listpack has no terminator at byte 1234 (db 0, key "user:1")`."""
        text = f"{self.path}: {self.message}" if self.path else self.message
        if self.offset is not None:
            text += f" at byte {self.offset}"
        place = [f"db {self.db}"] if self.db is not None else []
        if self.key is not None:
            place.append(f"key {quoted(self.key)}")
        return f"{text} ({', '.join(place)})" if place else text


class UsageError(RedtoolError, ValueError):
    """What was asked for makes no sense, or is not there yet."""


class ScriptError(RedtoolError, ValueError):
    """A script failed, or gave what makes no entry."""


class FormatError(RedtoolError, ValueError):
    """The bytes of a dataset are not what they should be."""


class TruncatedError(FormatError):
    """The bytes end inside something."""


class CorruptError(FormatError):
    """The bytes contradict themselves or the format."""


class ChecksumError(FormatError):
    """The stored checksum differs from the computed one."""


class UnsupportedError(FormatError):
    """Of a version, type or kind that redtool cannot read."""


class LossError(RedtoolError):
    """The target cannot hold everything that the source has."""


class DatasetNotFoundError(RedtoolError, FileNotFoundError):
    """There is no dataset at the place named."""


class TargetExistsError(RedtoolError, FileExistsError):
    """Something is at the target's place already."""


class StoreError(RedtoolError, OSError):
    """A store or file could not be read or written."""


class DiskFullError(StoreError):
    """There is no room left."""


class OutputClosedError(StoreError, BrokenPipeError):
    """Whoever read the output has gone."""


class ResponseError(RedtoolError):
    """A command's error reply, in Redis' words."""


def quoted(data: bytes, limit: int = 64) -> str:
    """Bytes as redis-cli quotes them, cut to `limit` bytes for messages.

    >>> quoted(b'a"b\\n\\xff')
    '"a\\\\"b\\\\n\\\\xff"'
    """
    text = "".join(_QUOTED[byte] for byte in data[:limit])
    return f'"{text}"' + ("…" if len(data) > limit else "")


_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"
}  # fmt: skip
_QUOTED = [
    _ESCAPES.get(chr(byte)) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
    for byte in range(256)
]
