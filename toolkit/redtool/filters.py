"""Which entries a verb takes: the same filter on every path.

An entry passes when it matches one of each list that is given, and none of the `exclude_` lists.
Globs are Redis' own (`user:*`, `h[ae]llo`, `\\*`), on the whole key; a regex is looked for anywhere
in it. The filtering itself is done in the core; this is only its description.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from redtool.errors import UsageError
from redtool.times import Ttl, ttl_range

TYPES = ("string", "list", "set", "zset", "hash", "stream", "module")

Text = str | bytes


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Globs, regular expressions, types and databases, to take and to leave, and a range of TTL."""

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

    def as_options(self) -> dict[str, Any]:
        """What the native module takes; only what was given."""
        options: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "ttl":
                if value is not None:
                    options["ttl"] = _ttl(value)
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


def _ttl(value: Ttl) -> Ttl:
    if not isinstance(value, str):
        return value
    try:
        return ttl_range(value)
    except ValueError as error:
        raise UsageError(str(error)) from None
