"""Times as a user writes them: durations, ranges of time to live, and the clock of a dataset.

    duration   500ms 90s 15m 1h 7d 2w, or a number of seconds
    ttl        none · any · <1h · >7d · 1h..7d
    moment     7d (from now) · 2026-01-31T12:00Z · Unix time in milliseconds
    clock      now · dump · 2026-01-31T12:00Z · Unix time in milliseconds

Every function takes the text and raises ValueError with a sentence when it means nothing.
"""

from __future__ import annotations

import time

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

Ttl = str | tuple[int | None, int | None]


def duration_ms(text: str) -> int:
    """Milliseconds of a duration.

    >>> duration_ms("90s"), duration_ms("1.5h"), duration_ms("30")
    (90000, 5400000, 30000)
    """
    number = text.strip().lower().rstrip("smhdw")
    unit = text.strip().lower()[len(number) :] or "s"
    try:
        if unit not in _UNITS_MS or not number or number[0] not in "0123456789.":
            raise ValueError
        return round(float(number) * _UNITS_MS[unit])
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no duration such as 500ms, 90s, 15m, 1h or 7d") from None


def ttl_range(text: str) -> Ttl:
    """The times to live that pass.

    >>> ttl_range("none"), ttl_range("<1h"), ttl_range("1h..7d")
    ('none', (None, 3599999), (3600000, 604800000))
    """
    text = text.strip()
    if text in ("none", "any"):
        return text
    try:
        if text.startswith("<"):
            return None, duration_ms(text[1:].removeprefix("=")) - (text[1:2] != "=")
        if text.startswith(">"):
            return duration_ms(text[1:].removeprefix("=")) + (text[1:2] != "="), None
        low, dots, high = text.partition("..")
        if not dots or not (low or high):
            raise ValueError
        return duration_ms(low) if low else None, duration_ms(high) if high else None
    except ValueError:
        raise ValueError(f"{text!r} is no range such as none, any, <1h, >7d or 1h..7d") from None


def clock(text: str) -> str | int:
    """The clock of a dataset: now, dump, or a moment in Unix milliseconds.

    >>> clock("dump"), clock("2026-01-31T12:00Z")
    ('dump', 1769860800000)
    """
    if text in ("now", "dump"):
        return text
    moment = _absolute_ms(text)
    if moment is None:
        raise ValueError(f"{text!r} is no clock such as now, dump or 2026-01-31T12:00Z")
    return moment


def moment_ms(text: str) -> int:
    """A moment in Unix milliseconds: a duration from now, or an absolute time.

    >>> moment_ms("2026-01-31T12:00Z"), moment_ms("1769860800000")
    (1769860800000, 1769860800000)
    """
    moment = _absolute_ms(text)
    if moment is not None:
        return moment
    try:
        return round(time.time() * 1000) + duration_ms(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 7d or 2026-01-31T12:00Z") from None


def _absolute_ms(text: str) -> int | None:
    """Unix milliseconds of an ISO time, or of itself; None when it is neither."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) < 16 else None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
