"""A RESP reply, as redis-cli shows it: for people, raw, or as JSON.

formatted          1) "a"            2) (integer) 7       3) (nil)
raw                a\\n7\\n            nothing but the bytes, one element a line
plain              ["a", 7, null]    errors as {"error": "ERR …"}
"""

from __future__ import annotations

from redtool.errors import quoted
from redtool.resp import MANY, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Commands whose reply is a text of many lines, and is shown as it is in both forms.
TEXTS = (
    (b"info",),
    (b"lolwut",),
    (b"client", b"list"),
    (b"client", b"info"),
    (b"cluster", b"info"),
    (b"cluster", b"nodes"),
    (b"debug", b"htstats"),
    (b"debug", b"htstats-key"),
    (b"latency", b"doctor"),
    (b"latency", b"graph"),
    (b"memory", b"doctor"),
    (b"memory", b"malloc-stats"),
)


def form_of(*, as_raw: bool, as_formatted: bool, as_json: bool) -> str:
    """Which of the three forms was asked for; else it is `formatted` on a terminal only."""
    import sys

    if as_json:
        return "json"
    return "raw" if as_raw or not (as_formatted or sys.stdout.isatty()) else "formatted"


def shown(reply: Reply, form: str, command: Sequence[bytes] = ()) -> bytes:
    """What to print for a command's reply in one of the forms, to the end of its last line."""
    if form == "json":
        import json

        text = json.dumps(plain(reply), ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace") + b"\n"
    if reply.kind in ("string", "verbatim") and _is_text(command):
        return reply.value if reply.value.endswith(b"\n") else reply.value + b"\n"
    return (raw(reply) if form == "raw" else formatted(reply).encode()) + b"\n"


def _is_text(command: Sequence[bytes]) -> bool:
    first = tuple(word.lower() for word in command[:2])
    return first in TEXTS or first[:1] in TEXTS


def raw(reply: Reply) -> bytes:
    """The bytes themselves, elements on lines of their own."""
    if reply.kind == "map":
        return b"\n".join(raw(key) + b" " + raw(value) for key, value in reply.pairs())
    if reply.kind in MANY.values():
        return b"\n".join(raw(item) for item in reply.items)
    if reply.kind == "bool":
        return b"true" if reply.value == b"t" else b"false"
    return reply.value


def formatted(reply: Reply, indent: str = "") -> str:
    """For people: numbered, quoted, nested by indentation. The first line is not indented."""
    text = reply.value.decode("utf-8", "backslashreplace")
    match reply.kind:
        case "string":
            return quoted(reply.value, limit=len(reply.value))
        case "error":
            return f"(error) {text}"
        case "integer" | "double":
            return f"({reply.kind}) {text}"
        case "bool":
            return "(true)" if text == "t" else "(false)"
        case "nil":
            return "(nil)"
        case "map":
            return _formatted_map(reply.pairs(), indent)
        case "array" | "set" | "push":
            return _formatted_list(reply, indent)
    return text


def _formatted_list(reply: Reply, indent: str) -> str:
    if not reply.items:
        return f"(empty {'set' if reply.kind == 'set' else 'array'})"
    width = len(str(len(reply.items)))
    mark = "~" if reply.kind == "set" else ")"
    deeper = indent + " " * (width + 2)
    lines = [
        f"{number:>{width}}{mark} {formatted(item, deeper)}"
        for number, item in enumerate(reply.items, 1)
    ]
    return f"\n{indent}".join(lines)


def _formatted_map(pairs: list[tuple[Reply, Reply]], indent: str) -> str:
    if not pairs:
        return "(empty hash)"
    width = len(str(len(pairs)))
    deeper = indent + " " * (width + 2)
    lines = []
    for number, (key, value) in enumerate(pairs, 1):
        shown = formatted(value, deeper)
        # What takes one line stays in this one.
        gap = f"\n{deeper}" if value.kind in MANY.values() and "\n" in shown else ""
        lines.append(f"{number:>{width}}# {formatted(key, deeper)} => {gap}{shown}")
    return f"\n{indent}".join(lines)


def plain(reply: Reply) -> Any:
    """As JSON can hold it. Bytes that are not UTF-8 become `\\xNN`."""
    text = reply.value.decode("utf-8", "backslashreplace")
    match reply.kind:
        case "integer" | "big":
            return int(text)
        case "double":
            number = float(text)
            return number if number - number == 0 else text
        case "bool":
            return text == "t"
        case "nil":
            return None
        case "error":
            return {"error": text}
        case "map":
            return {str(plain(key)): plain(value) for key, value in reply.pairs()}
        case "array" | "set" | "push":
            return [plain(item) for item in reply.items]
    return text
