"""The rows of the bench's table: what is compared with what, and the bar each must clear.

A row is a ratio of medians, arranged so that more is better for redtool: peer's time / our time,
or our rate / peer's rate. Memory rows are an amount and a limit. Values are None where a peer is
missing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

MEMORY_LIMIT_BYTES = 200_000_000


@dataclass(frozen=True)
class Bar:
    """One line of the contract."""

    name: str
    what: str
    peer: str
    at_least: float
    goal: float | None = None


BARS = [
    Bar("verify", "verify", "redis-check-rdb", 6, 10),
    Bar("verify_deep", "verify --deep", "redis-check-rdb", 2),
    Bar("import", "import RDB -> LMDB, synced", "redis-server load", 3, 4),
    Bar("dump", "dump LMDB -> RDB, LZF, synced", "redis-server SAVE", 2.5, 4),
    Bar("diff", "diff RDB with its LMDB", "redtool import", 1),
    Bar("start", "start to first GET, LMDB", "redis-server start", 30),
    Bar("get_p16", "GET, 50 clients, pipeline 16", "redis-server", 1.5),
    Bar("get_p1", "GET, 50 clients, pipeline 1", "redis-server", 1),
]


@dataclass(frozen=True)
class Row:
    """One measured row: `ours` and `theirs` in `unit`; ratio None when it could not be measured."""

    name: str
    what: str
    peer: str
    unit: str
    ours: float | None
    theirs: float | None
    ratio: float | None
    bar: str
    verdict: str
    peak_bytes: int = 0

    def as_json(self) -> dict[str, object]:
        """The row as plain values."""
        return asdict(self)


def bar_text(bar: Bar) -> str:
    """`>= 6x (goal 10x)`."""
    goal = f" (goal {bar.goal:g}x)" if bar.goal else ""
    return f">= {bar.at_least:g}x{goal}"


def ratio_row(
    bar: Bar, ours: float | None, theirs: float | None, unit: str, peak_bytes: int = 0
) -> Row:
    """A row of the ratio kind: of seconds or bytes the fewer are better, of `/s` the more."""
    text = bar_text(bar)
    if ours is None or theirs is None:
        return Row(bar.name, bar.what, bar.peer, unit, ours, theirs, None, text, "skip", peak_bytes)
    ratio = ours / theirs if unit == "/s" else theirs / ours
    verdict = "PASS" if ratio >= bar.at_least else "MISS"
    return Row(bar.name, bar.what, bar.peer, unit, ours, theirs, ratio, text, verdict, peak_bytes)


def info_row(row: Row) -> Row:
    """The same row as something to know, without a bar."""
    return replace(row, bar="", verdict="")


def memory_row(verb: str, keys: int, peak_bytes: int) -> Row:
    """A row of the memory kind; nothing sampled (too short a run, or no /proc) is no pass."""
    megabytes = peak_bytes / 1e6
    verdict = "PASS" if 0 < peak_bytes <= MEMORY_LIMIT_BYTES else "MISS" if peak_bytes else "skip"
    what = f"{verb}, anonymous memory, {size_text(keys)} keys"
    name = f"memory_{verb}_{size_text(keys)}"
    bar = f"<= {MEMORY_LIMIT_BYTES // 1_000_000} MB"
    return Row(name, what, "", "MB", megabytes, None, None, bar, verdict, peak_bytes)


def rate_row(name: str, what: str, rate: float | None, least: float, peak_bytes: int) -> Row:
    """A row of MB of dump a second."""
    verdict = "skip" if rate is None else "PASS" if rate >= least else "MISS"
    return Row(name, what, "", "MB/s", rate, None, None, f">= {least} MB/s", verdict, peak_bytes)


def size_text(keys: int) -> str:
    """`1M`, `20k`."""
    return f"{keys // 1_000_000}M" if keys >= 1_000_000 else f"{keys // 1000}k"


def value_text(value: float | None, unit: str) -> str:
    """A value to three digits or so."""
    if value is None:
        return "-"
    if unit == "s" and value < 1:
        return f"{value * 1000:.1f} ms"
    if unit == "/s":
        return f"{value / 1000:.0f}k/s"
    return f"{value:.2f} {unit}"


HEADER = ("what", "against", "redtool", "peer", "ratio", "bar", "", "peak anon")


def cells(row: Row) -> tuple[str, ...]:
    """A row as the table's texts."""
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}x"
    peak = f"{row.peak_bytes / 1e6:.0f} MB" if row.peak_bytes else "-"
    ours, theirs = value_text(row.ours, row.unit), value_text(row.theirs, row.unit)
    return (row.what, row.peer, ours, theirs, ratio, row.bar, row.verdict, peak)


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [HEADER, *(cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADER))]
    rule = "  ".join("-" * width for width in widths)
    texts = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([texts[0], rule, *texts[1:]])
