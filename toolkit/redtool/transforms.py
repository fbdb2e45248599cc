"""How entries are changed on their way: the same transforms on every path.

The steps come in one order, and each sees what the one before it made: the script, renaming by
prefix, renaming by regular expression, databases, expiries, the mask. The changing itself is done
in the core, but for the script; this is only its description.

A script is a Python file with a function `map(entry)` that is given a `redtool.Entry` and returns
one (`dataclasses.replace(entry, key=b"…")`), None to leave it out, or an iterable of entries. It is
called entry by entry and holds the GIL, so it is much slower than everything else here; its values
have to fit in memory. `entry.encoding` is "" where the source is a dump, and is not looked at in
what comes back: a value that comes back equal keeps its encoding.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from redtool.errors import ScriptError, UsageError
from redtool.results import Entry
from redtool.times import duration_ms, moment_ms

Text = str | bytes
Mapper = Callable[[Entry], Entry | Iterable[Entry] | None]
FUNCTION = "map"
MASKS = ("values", "keys", "all")


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """What becomes of keys, databases, expiries and values."""

    map: str | os.PathLike[str] | Mapper | None = None
    """A script's path, or the function itself."""
    rename: Sequence[str | tuple[Text, Text]] = ()
    """Prefixes: `old:=new:`, or pairs. The first that a key begins with counts."""
    rename_regex: Sequence[str | tuple[str, Text]] = ()
    """`RE=>REPL`, or pairs; `$1` and `${name}` are groups. The first that is found counts, and is
    replaced wherever it is found."""
    map_db: Sequence[str | tuple[int, int]] = ()
    """`0=3`, or pairs: entries of database 0 go into 3."""
    ttl_shift: str | int | None = None
    """Expiries of keys and hash fields come this much later: `+1h`, `-30m`, or milliseconds."""
    ttl_drop: bool = False
    """Neither keys nor hash fields expire."""
    ttl_set: str | int | None = None
    """Every key, and every hash field that has an expiry, expires then: `7d` from now, an ISO time,
    or Unix milliseconds."""
    ttl_default: str | int | None = None
    """Keys without an expiry, after the above, expire then; hash fields stay as they are."""
    mask: Sequence[str] = ()
    """`values`, `keys` or `all`, and of which keys: `values=user:*`. Several add up."""
    mask_keys: str | None = None
    """Masks keys, but only some of their parts between `:`: `digits`, those with a digit, or those
    in which a regular expression is found."""
    mask_key: Text | None = field(default=None, repr=False)
    """The secret of the mask; `@FILE` is what stands in that file. None: a new one each time."""

    def as_options(self) -> dict[str, Any]:
        """What the native module takes; only what was given."""
        given = {
            "script": _function(self.map),
            "rename": [_pair(one, "=", "old:=new:") for one in _listed("rename", self.rename)],
            "rename_regex": [
                (os.fsdecode(expression), to)
                for expression, to in (
                    _pair(one, "=>", "RE=>REPL")
                    for one in _listed("rename_regex", self.rename_regex)
                )
            ],
            "map_db": [_db_pair(one) for one in _listed("map_db", self.map_db)],
            "ttl": self._ttl(),
            "ttl_default": _read(moment_ms, self.ttl_default),
        }
        return {k: v for k, v in {**given, **self._mask()}.items() if v is not None and v != []}

    @property
    def masks_with_a_new_secret(self) -> bool:
        """Whether nobody will be able to make the same mask again."""
        return bool(self.mask or self.mask_keys) and self.mask_key is None

    def _ttl(self) -> tuple[str, int] | None:
        shift, at = _read(shift_ms, self.ttl_shift), _read(moment_ms, self.ttl_set)
        ways = [
            way
            for way in (
                ("shift", shift) if shift is not None else None,
                ("drop", 0) if self.ttl_drop else None,
                ("set", at) if at is not None else None,
            )
            if way is not None
        ]
        if len(ways) > 1:
            named = " and ".join(f"ttl_{way}" for way, _ in ways)
            raise UsageError(f"{named} contradict each other", hint="leave out one of them")
        return ways[0] if ways else None

    def _mask(self) -> dict[str, Any]:
        scopes = [_read(mask_scope, one) for one in _listed("mask", self.mask)]
        if self.mask_keys is not None and not any(what != "values" for what, _ in scopes):
            scopes.append(("keys", None))
        if not scopes:
            if self.mask_key is not None:
                raise UsageError("a mask's secret without a mask", hint="add --mask")
            return {}
        return {
            "mask": scopes,
            "mask_parts": self.mask_keys,
            "mask_secret": _secret(self.mask_key),
        }


def shift_ms(text: str) -> int:
    """Milliseconds to shift expiries by.

    >>> shift_ms("+1h"), shift_ms("-30m")
    (3600000, -1800000)
    """
    word = text.strip()
    return -duration_ms(word[1:]) if word.startswith("-") else duration_ms(word.removeprefix("+"))


def mask_scope(text: str) -> tuple[str, bytes | None]:
    """What is masked, and of which keys.

    >>> mask_scope("all"), mask_scope("values=user:*")
    (('all', None), ('values', b'user:*'))
    """
    what, scoped, glob = text.partition("=")
    if what not in MASKS or (scoped and not glob):
        raise ValueError(f"{text!r} is no mask such as {', '.join(MASKS)} or values=user:*")
    return what, os.fsencode(glob) if scoped else None


def prefix_pair(text: str) -> str:
    """`old=new`, checked."""
    _split(text, "=", "old:=new:")
    return text


def regex_pair(text: str) -> str:
    """`RE=>REPL`, checked."""
    _split(text, "=>", "RE=>REPL")
    return text


def db_pair(text: str) -> tuple[int, int]:
    """Two databases.

    >>> db_pair("0=3")
    (0, 3)
    """
    try:
        one, other = (int(word) for word in text.split("="))
        if not (0 <= one < 2**31 and 0 <= other < 2**31):
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is no pair of databases such as 0=3") from None
    return one, other


def raised(error: BaseException, function: Any) -> tuple[str, str]:
    """What the core says when a script raised: a sentence and a hint."""
    import traceback

    path = _home(function)[0]
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == path]
    where = f" in line {lines[-1]} of {os.path.basename(path)}" if lines else ""
    last = traceback.format_exception_only(error)[-1].strip()
    return f"the script failed{where}", last


def refused(what: str, function: Any) -> tuple[str, str]:
    """What the core says when an answer of a script makes no entry."""
    path, line = _home(function)
    where = f"{getattr(function, '__name__', FUNCTION)} is in line {line} of {path}"
    return f"what the script gave cannot be written: {what}", where


def _home(function: Any) -> tuple[str, int]:
    code = getattr(function, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else ("?", 0)


def _function(script: str | os.PathLike[str] | Mapper | None) -> Mapper | None:
    if script is None or callable(script):
        return script
    path = os.fspath(script)
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
    except OSError as error:
        raise UsageError(error.strerror or str(error), path=path) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise ScriptError(f"{getattr(error, 'msg', error)}{where}", path=path) from None
    names: dict[str, Any] = {"__name__": "redtool_script", "__file__": path}
    folder = os.path.dirname(os.path.abspath(path))
    sys.path.insert(0, folder)
    try:
        exec(code, names)
    except Exception as error:
        raise ScriptError(f"{type(error).__name__}: {error}", path=path) from error
    finally:
        sys.path.remove(folder)
    function = names.get(FUNCTION)
    if not callable(function):
        raise ScriptError("it has no function map(entry)", path=path)
    return function  # type: ignore[no-any-return]


def _secret(key: Text | None) -> bytes:
    if key is None:
        import secrets

        return secrets.token_bytes(32)
    if isinstance(key, str) and key.startswith("@"):
        path = key[1:]
        try:
            with open(path, "rb") as file:
                key = file.read().rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(error.strerror or str(error), path=path) from None
    if not key:
        raise UsageError("the secret of a mask is empty")
    return os.fsencode(key)


def _listed(name: str, value: Sequence[Any]) -> Sequence[Any]:
    if isinstance(value, str | bytes):
        raise UsageError(f"{name} is a list", hint=f"write {name}=[{value!r}]")
    return value


def _read(reader: Callable[[str], Any], value: Any) -> Any:
    """A value out of its text; one that is no text is taken as it is."""
    if not isinstance(value, str):
        return value
    try:
        return reader(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _split(text: str, between: str, like: str) -> tuple[str, str]:
    one, found, other = text.partition(between)
    if not found:
        raise ValueError(f"{text!r} is no pair such as {like}")
    return one, other


def _pair(one: Any, between: str, like: str) -> tuple[bytes, bytes]:
    old, new = _read(lambda text: _split(text, between, like), one)
    return os.fsencode(old), os.fsencode(new)


def _db_pair(one: Any) -> tuple[int, int]:
    old, new = _read(db_pair, one)
    return old, new
