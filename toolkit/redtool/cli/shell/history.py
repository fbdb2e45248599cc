"""The file of the lines that were typed: one a line, oldest first, for its owner only.

Lines with passwords are not kept in it. REDTOOL_HISTFILE names another file; /dev/null is none.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "~/.redtool_history"
KEPT_LINES = 1000

_SECRET_SETTINGS = (b"requirepass", b"masterauth", b"masteruser", b"tls-")


def path() -> str:
    """Where it is."""
    return os.environ.get("REDTOOL_HISTFILE") or os.path.expanduser(FILE)


def load(file: str) -> list[str]:
    """The newest lines, oldest first. A file that has grown to twice of that is cut."""
    if not os.path.isfile(file):
        return []
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            every = lines.read().split("\n")[:-1]
        if len(every) > 2 * KEPT_LINES:
            _replace(file, every[-KEPT_LINES:])
    except OSError:
        return []
    return every[-KEPT_LINES:]


def append(file: str, line: str) -> None:
    """Keeps a line; where that is not possible, the shell works without."""
    try:
        with open(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "wb") as out:
            out.write(os.fsencode(line) + b"\n")
    except OSError:
        return


def _replace(file: str, lines: Sequence[str]) -> None:
    new = f"{file}.{os.getpid()}"
    with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as out:
        out.write(b"".join(os.fsencode(line) + b"\n" for line in lines))
    os.replace(new, file)


def is_secret(words: Sequence[bytes]) -> bool:
    """Whether a command may hold a password."""
    lower = [word.lower() for word in words]
    match lower:
        case [b"auth", *_] | [b"acl", b"setuser", *_]:
            return True
        case [b"config", b"set", *settings]:
            return any(name.startswith(_SECRET_SETTINGS) for name in settings)
        case [b"hello" | b"migrate", *rest]:
            return b"auth" in rest or b"auth2" in rest
    return False
