"""The fixtures and their truth: dumps by real servers, and what those servers answered about them.

`fixtures/<server>/<name>.rdb` lies beside `<name>.truth.jsonl` (or .gz): a line about the
server, then a line a key. Bytes are base64 text, or {"zb64": base64 of zlib}.
`fixtures/corrupt.jsonl.gz` holds the damaged dumps themselves, each with what a real server made
of it.

REDTOOL_FIXTURES names another folder to test against.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIXTURES = Path(os.environ.get("REDTOOL_FIXTURES", ROOT / "fixtures"))


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a .jsonl or .jsonl.gz file."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def unpacked(text: str | dict[str, Any]) -> bytes:
    """Bytes as the truth writes them."""
    if isinstance(text, dict):
        return zlib.decompress(base64.b64decode(text["zb64"]))
    return base64.b64decode(text)


@dataclass(frozen=True)
class Fixture:
    """One dump with its truth."""

    rdb: Path
    truth: Path

    @property
    def name(self) -> str:
        """`redis-7.0.15/streams`."""
        return f"{self.rdb.parent.name}/{self.rdb.stem}"

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """All lines of the truth."""
        return lines(self.truth)

    @property
    def server(self) -> dict[str, Any]:
        """What the truth says about the server and the file."""
        return self.records[0]

    @property
    def keys(self) -> dict[tuple[int, bytes], dict[str, Any]]:
        """The truth of each key."""
        return {(record["db"], unpacked(record["key"])): record for record in self.records[1:]}

    @property
    def rdb_version(self) -> int:
        """The version in the dump's header."""
        return int(self.rdb.read_bytes()[5:9])

    @property
    def clock(self) -> int | str:
        """A moment when every key of the dump was alive."""
        return int(self.server["time_ms"]) if "time_ms" in self.server else "dump"

    @property
    def has_modules(self) -> bool:
        """Whether a server needs modules to load it."""
        return self.rdb.stem.startswith("modules")


def truth_of(rdb: Path) -> Path | None:
    """The truth beside a dump."""
    names = [rdb.with_suffix(".truth.jsonl"), rdb.with_suffix(".truth.jsonl.gz")]
    return next((path for path in names if path.exists()), None)


def fixtures() -> list[Fixture]:
    """Every dump that has a truth."""
    dumps = sorted(FIXTURES.glob("*/*.rdb"))
    return [Fixture(rdb, truth) for rdb in dumps if (truth := truth_of(rdb)) is not None]


def damaged() -> list[dict[str, Any]]:
    """The damaged dumps: the manifest's lines, `bytes` being the dump."""
    return [row | {"bytes": unpacked(row["bytes"])} for row in lines(FIXTURES / "corrupt.jsonl.gz")]


ALL = fixtures()
"""Every fixture, for parametrized tests."""


def label(fixture: Fixture) -> str:
    """How a test names its fixture."""
    return fixture.name
