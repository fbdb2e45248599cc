"""Which entries a verb takes: the same filter on every path.

An entry passes when it matches one of each list that is given, and none of the `exclude_` lists.
Globs are Redis' own (`user:*`, `h[ae]llo`, `\\*`), on the whole key; a regex is looked for anywhere
in it. A sample, slots and a bucket go by the key's name alone, so that they are the same keys in
every dataset. The filtering itself is done in the core; this is only its description.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from redtool.errors import UsageError
from redtool.times import Ttl, ttl_range

SLOTS = 16384
TYPES = ("string", "list", "set", "zset", "hash", "stream", "module")

Text = str | bytes
Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Globs, regular expressions, types and databases, to take and to leave; a range of TTL; and
    a portion of all keys."""

    keys: Sequence[Text] = ()
    regex: Sequence[str] = ()
    types: Sequence[str] = ()
    dbs: Sequence[int] = ()
    ttl: Ttl | None = None
    """`none`, `any`, `<1h`, `>7d`, `1h..7d`, or a pair of milliseconds (None: no bound)."""
    exclude_keys: Sequence[Text] = ()
    exclude_regex: Sequence[str] = ()
    exclude_types: Sequence[str] = ()
    exclude_dbs: Sequence[int] = ()
    sample: str | Pair | None = None
    """This fraction of all keys: `1%`, `0.5%`, `1/100`, or a pair of part and whole."""
    seed: int = 0
    """Another seed samples other keys."""
    slots: Sequence[str | Pair] = ()
    """Redis Cluster slots: `0-5460`, `7`, or pairs of first and last."""
    bucket: str | Pair | None = None
    """`K/N`: the K-th of N parts of about one size, which together are all keys."""

    def as_options(self) -> dict[str, Any]:
        """What the native module takes; only what was given."""
        options: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _READERS:
                if value is not None:
                    options[field.name] = _read(_READERS[field.name], value)
            elif field.name == "slots":
                if value:
                    options["slots"] = [_read(slots, one) for one in _listed("slots", value)]
            elif field.name == "seed":
                if value:
                    options["seed"] = value
            elif value:
                options[field.name] = _listed(field.name, value)
        for name in (*options.get("types", ()), *options.get("exclude_types", ())):
            if name not in TYPES:
                raise UsageError(f"unknown type {name!r}", hint=f"types are {', '.join(TYPES)}")
        return options


def _listed(name: str, value: Sequence[Any]) -> list[Any]:
    """A list, with globs as bytes. A lone string would be taken for a list of its letters."""
    if isinstance(value, str | bytes):
        raise UsageError(f"{name} is a list", hint=f"write {name}=[{value!r}]")
    return [os.fsencode(item) for item in value] if name.endswith("keys") else list(value)


def _read(reader: Callable[[str], Any], value: Any) -> Any:
    """A value out of its text; one that is no text is taken as it is."""
    if not isinstance(value, str):
        return value
    try:
        return reader(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def fraction(text: str) -> Pair:
    """A fraction of all keys, exactly.

    >>> fraction("1%"), fraction("0.5%"), fraction("1/100"), fraction("0.25")
    ((1, 100), (1, 200), (1, 100), (1, 4))
    """
    from fractions import Fraction

    word = text.strip()
    try:
        part = Fraction(word.removesuffix("%").strip()) / (100 if word.endswith("%") else 1)
        if not 0 <= part <= 1 or part.denominator >= 2**63:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is no fraction such as 1%, 0.5% or 1/100") from None
    return part.numerator, part.denominator


def slots(text: str) -> Pair:
    """A range of Redis Cluster slots, both ends included.

    >>> slots("0-5460"), slots("7")
    ((0, 5460), (7, 7))
    """
    low, _, high = text.partition("-")
    first, last = _whole(low), _whole(high or low)
    if first is None or last is None or not first <= last < SLOTS:
        raise ValueError(f"{text!r} is no range of slots such as 0-5460; they go to {SLOTS - 1}")
    return first, last


def bucket(text: str) -> Pair:
    """One of N buckets.

    >>> bucket("1/4")
    (1, 4)
    """
    one, _, many = text.partition("/")
    k, n = _whole(one), _whole(many)
    if k is None or n is None or not 1 <= k <= n:
        raise ValueError(f"{text!r} is no bucket such as 1/4, the first of four")
    return k, n


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


_READERS: dict[str, Callable[[str], Any]] = {
    "ttl": ttl_range,
    "sample": fraction,
    "bucket": bucket,
}
