"""What the verbs answer: frozen dataclasses, made from the plain values that the core returns.

Every result has `as_dict()`, which is what `--json` prints: bytes become text (UTF-8, other bytes
as `\\xNN`), nested results become objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple, Self


def as_json(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Tally | DatabaseCounts):
        return value._asdict()
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        names = {key: as_json(key) if isinstance(key, bytes) else str(key) for key in value}
        return {names[key]: as_json(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((as_json(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


class _Result:
    """What all results can do."""

    def as_dict(self) -> dict[str, Any]:
        """The result as plain values for JSON."""
        return as_json(self)  # type: ignore[no-any-return]

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        """The result out of the core's answer; what this version does not know is left out."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in answer.items() if name in known})


class Tally(NamedTuple):
    """What became of a number of keys."""

    read: int
    written: int
    filtered: int
    skipped: int
    failed: int

    @property
    def balanced(self) -> bool:
        """Whether every key that was read is accounted for."""
        return self.read == self.written + self.filtered + self.skipped + self.failed


@dataclass(frozen=True)
class Account(_Result):
    """What became of the keys, per type: read = written + filtered + skipped + failed."""

    types: dict[str, Tally]

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        names = sorted({name for column in answer.values() for name in column})
        columns = [answer.get(column, {}) for column in Tally._fields]
        return cls({n: Tally(*(column.get(n, 0) for column in columns)) for n in names})

    @property
    def total(self) -> Tally:
        """The sum over all types."""
        rows = [Tally(0, 0, 0, 0, 0), *self.types.values()]
        return Tally(*(sum(column) for column in zip(*rows, strict=True)))

    @property
    def balanced(self) -> bool:
        """Whether the sum holds for every type."""
        return all(tally.balanced for tally in self.types.values())

    def as_dict(self) -> dict[str, Any]:
        named = {name: tally._asdict() for name, tally in self.types.items()}
        return {"types": named, "total": self.total._asdict(), "balanced": self.balanced}


@dataclass(frozen=True)
class Failure(_Result):
    """An entry that could not be written."""

    error: str
    offset: int | None = None
    db: int | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class ConvertResult(_Result):
    """How a conversion went."""

    source: str
    target: str
    account: Account
    losses: dict[str, int]
    warnings: list[str]
    failures: list[Failure]
    bytes_read: int
    bytes_written: int
    """Size of the target's files; 0 of one that has none, a table or a dataset in memory."""
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything arrived and the account holds."""
        return self.account.balanced and not self.account.total.failed

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        failures = [Failure.from_native(failure) for failure in answer["failures"]]
        account = Account.from_native(answer["account"])
        return super().from_native({**answer, "account": account, "failures": failures})

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, **as_json(self), "account": self.account.as_dict()}


@dataclass(frozen=True)
class MergeResult(ConvertResult):
    """How a merge went."""

    conflicts: int = 0
    """Entries that gave way to others of their key; they are counted as skipped."""


@dataclass(frozen=True)
class SplitResult(_Result):
    """How a split went."""

    source: str
    account: Account
    parts: list[ConvertResult]
    failures: list[Failure]
    bytes_read: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything arrived and the account holds."""
        return self.account.balanced and not self.account.total.failed

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        failures = [Failure.from_native(failure) for failure in answer["failures"]]
        account = Account.from_native(answer["account"])
        return super().from_native({**answer, "account": account, "failures": failures})

    def as_dict(self) -> dict[str, Any]:
        parts = [part.as_dict() for part in self.parts]
        account = self.account.as_dict()
        return {"ok": self.ok, **as_json(self), "account": account, "parts": parts}


@dataclass(frozen=True)
class Difference(_Result):
    """A key that is not the same in both datasets."""

    kind: str
    """missing (in a, not in b), extra (in b only), type, value or expiry."""
    db: int
    key: bytes
    type: str
    detail: str
    path: str | None = None
    """The first element that differs: a field, an index, a member, an entry id."""


@dataclass(frozen=True)
class DiffResult(_Result):
    """How many keys are the same, and how the others differ."""

    same: int
    missing: int
    extra: int
    type: int
    value: int
    expiry: int
    seconds: float
    differences: list[Difference]
    """The first ones, up to the limit asked for."""

    @property
    def different(self) -> int:
        """How many differences there are."""
        return self.missing + self.extra + self.type + self.value + self.expiry

    def as_dict(self) -> dict[str, Any]:
        return {"equal": not self.different, **as_json(self)}


@dataclass(frozen=True)
class Problem(_Result):
    """Something wrong in a dataset."""

    what: str
    offset: int | None = None
    db: int | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class VerifyResult(_Result):
    """What a walk over a whole dataset found."""

    source: str
    ok: bool
    account: Account
    problems: list[Problem]
    warnings: list[str]
    checksum: str
    """ok, none (the file has none), skipped or bad."""
    version: int
    dialect: str
    bytes_read: int
    seconds: float

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        problems = [Problem.from_native(problem) for problem in answer["problems"]]
        account = Account.from_native(answer["account"])
        return super().from_native({**answer, "account": account, "problems": problems})

    def as_dict(self) -> dict[str, Any]:
        return {**as_json(self), "account": self.account.as_dict()}


class DatabaseCounts(NamedTuple):
    """How many keys a database has, and how many of them expire."""

    keys: int
    expires: int


@dataclass(frozen=True)
class Counts(_Result):
    """How many keys there are."""

    dbs: dict[int, DatabaseCounts]
    types: dict[str, int]

    @property
    def keys(self) -> int:
        """In all databases together."""
        return sum(db.keys for db in self.dbs.values())

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        return super().from_native({**answer, "dbs": _databases(answer["dbs"])})


@dataclass(frozen=True)
class DatasetInfo(_Result):
    """Header and counts of a dataset."""

    source: str
    scheme: str
    size_bytes: int
    version: int
    dialect: str
    aux: dict[str, str]
    functions: list[str]
    modules: list[str]
    dbs: dict[int, DatabaseCounts]
    types: dict[str, int]

    @classmethod
    def from_native(cls, answer: dict[str, Any]) -> Self:
        return super().from_native({**answer, "dbs": _databases(answer["dbs"])})


@dataclass(frozen=True)
class Entry(_Result):
    """One key and all that is known of it."""

    db: int
    key: bytes
    type: str
    encoding: str
    value: Any
    """bytes (string), list, set, dict (hash), pairs of member and score (zset), dict (stream)."""
    expire_at_ms: int | None = None
    idle_s: int | None = None
    freq: int | None = None
    field_expire_ms: dict[bytes, int] | None = None
    """Of a hash: the expiries of those fields that have one."""


def _databases(answer: dict[int, dict[str, int]]) -> dict[int, DatabaseCounts]:
    return {db: DatabaseCounts(**counts) for db, counts in sorted(answer.items())}
