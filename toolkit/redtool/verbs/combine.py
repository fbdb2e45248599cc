"""merge and split: several datasets into one, one into several; every key in exactly one place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from redtool import _native
from redtool.errors import UsageError
from redtool.filters import SLOTS, Filters
from redtool.results import ConvertResult, MergeResult, SplitResult
from redtool.urls import refuse_same, source_url, target_url
from redtool.verbs.calls import named, watched
from redtool.verbs.inspect import info
from redtool.verbs.move import move_options

POLICIES = ("fail", "first", "last", "newest")
WAYS = ("slot", "hash", "db", "type")
HOLE = "{}"


def merge(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    on_conflict: str = "fail",
    filters: Filters | None = None,
    tuning: Mapping[str, str] | None = None,
    progress: _native.Progress | None = None,
    **options: Any,
) -> MergeResult:
    """Merges datasets into a new one.

    A key that is in several of them is an error that names it, or the entry that stays is that of
    the `first` or `last` of them, or of the `newest` dump (by the time it was taken). Function
    libraries likewise. Takes the other options of `convert`.
    """
    if on_conflict not in POLICIES:
        raise UsageError(f"unknown policy {on_conflict!r}", hint=f"one of {', '.join(POLICIES)}")
    names = [os.fspath(source) for source in sources]
    if not names:
        raise UsageError("no source is named")
    target = os.fspath(target)
    origins, goal = [source_url(name) for name in names], target_url(target, tuning)
    if [url[1] for url in origins].count("-") > 1:
        raise UsageError("stdin can be read once only", hint="name files")
    for origin in origins:
        refuse_same(origin, goal)
    chosen = {**move_options(filters=filters, **options), "on_conflict": on_conflict}
    with named(target, *names, target):
        answer = _native.merge(origins, goal, chosen, watched(progress))
    return MergeResult.from_native({**answer, "source": ", ".join(names), "target": target})


def split(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    by: str = "slot",
    parts: int | None = None,
    slots: Sequence[tuple[int, int]] = (),
    filters: Filters | None = None,
    tuning: Mapping[str, str] | None = None,
    progress: _native.Progress | None = None,
    **options: Any,
) -> SplitResult:
    """Splits a dataset into new ones, whose names are `target` with its `{}` filled in.

    `by` slot: ranges of Redis Cluster slots, `parts` equal ones as a new cluster has, or those in
    `slots`; hash: `parts` of about one size, by the keys' names; db; type. Takes the other options
    of `convert`.
    """
    source, target = os.fspath(source), os.fspath(target)
    if HOLE not in target:
        raise UsageError("the parts need names of their own", path=target, hint="like part-{}.rdb")
    origin = source_url(source)
    takes = _parts(source, by, parts, slots)
    goals = {name: target.replace(HOLE, name) for name in takes}
    chosen = move_options(filters=filters, **options)
    urls = []
    for name, part in takes.items():
        goal = target_url(goals[name], tuning)
        refuse_same(origin, goal)
        urls.append((goal, {"filters": part.as_options()}))
    with named(source, source, *goals.values()):
        answer = _native.split(origin, urls, chosen, watched(progress))
    made = [
        ConvertResult.from_native({**part, "source": source, "target": goal, "seconds": 0.0})
        for part, goal in zip(answer["parts"], goals.values(), strict=True)
    ]
    return SplitResult.from_native({**answer, "source": source, "parts": made})


def _parts(
    source: str, by: str, parts: int | None, slots: Sequence[tuple[int, int]]
) -> dict[str, Filters]:
    """The parts' names, and which entries each takes."""
    if slots and (by != "slot" or parts is not None):
        raise UsageError("ranges of slots are the parts", hint="leave out --parts, or --slots")
    if by in ("db", "type") and parts is not None:
        raise UsageError(f"the parts by {by} are as many as there are", hint="leave out --parts")
    if by == "slot":
        ranges = list(slots) or list(_equal(parts or 0, SLOTS))
        _refuse_gaps(ranges)
        return {f"{low}-{high}": Filters(slots=[(low, high)]) for low, high in ranges}
    if by == "hash":
        many = _many(parts)
        return {f"{n}-of-{many}": Filters(bucket=(n, many)) for n in range(1, many + 1)}
    if by == "db":
        return {str(db): Filters(dbs=[db]) for db in info(source).dbs}
    if by == "type":
        return {kind: Filters(types=[kind]) for kind in info(source).types}
    raise UsageError(f"cannot split by {by!r}", hint=f"by {', '.join(WAYS)}")


def _many(parts: int | None) -> int:
    if parts is None or parts < 1:
        raise UsageError("how many parts there are to be is not said", hint="add --parts N")
    return parts


def _equal(parts: int, whole: int) -> Iterable[tuple[int, int]]:
    """Ranges as `redis-cli --cluster create` gives them to masters."""
    many = _many(parts)
    if many > whole:
        raise UsageError(f"there are only {whole} slots")
    edges = [round(n * whole / many) for n in range(many + 1)]
    return [(low, high - 1) for low, high in pairwise(edges)]


def _refuse_gaps(ranges: Sequence[tuple[int, int]]) -> None:
    """Every slot belongs to exactly one part, so that no key is lost or there twice."""
    following = 0
    for low, high in sorted(ranges):
        if low != following:
            what = "is in no part" if low > following else "is in two parts"
            slot = min(low, following)
            raise UsageError(f"slot {slot} {what}", hint="ranges of slots cover 0-16383 once")
        following = high + 1
    if following != SLOTS:
        raise UsageError(f"slot {following} is in no part", hint="ranges cover 0-16383 once")
