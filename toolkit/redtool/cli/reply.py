"""A RESP reply, as redis-cli shows it: for people, raw, or as JSON.

    formatted          1) "a"            2) (integer) 7       3) (nil)
    raw                a\\n7\\n            nothing but the bytes, one element a line
    plain              ["a", 7, null]    errors as {"error": "ERR …"}

The kinds are RESP's own: status, error, integer, string, verbatim, nil, double, big, bool, array,
set, push, map.
"""

from __future__ import annotations

from redtool.errors import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIMPLE = {"+": "status", "-": "error", ":": "integer", ",": "double", "(": "big", "#": "bool"}
BULK = {"$": "string", "=": "verbatim", "!": "error"}
MANY = {"*": "array", "~": "set", ">": "push", "%": "map"}


class Reply:
    """A kind and its value: bytes, or the replies it is made of (a map's keys and values in
    turn)."""

    __slots__ = ("items", "kind", "value")

    def __init__(self, kind: str, value: bytes = b"", items: list[Reply] | None = None) -> None:
        self.kind = kind
        self.value = value
        self.items = items if items is not None else []


def parse_reply(data: bytes) -> Reply:
    """The first reply in the bytes."""
    return _parse(data, 0)[0]


def _parse(data: bytes, start: int) -> tuple[Reply, int]:
    end = data.index(b"\r\n", start)
    mark, line, after = chr(data[start]), data[start + 1 : end], end + 2
    if mark in SIMPLE:
        return Reply(SIMPLE[mark], line), after
    if mark == "_" or line == b"-1":
        return Reply("nil"), after
    length = int(line)
    if mark in BULK:
        value = data[after : after + length]
        return Reply(BULK[mark], value[4:] if mark == "=" else value), after + length + 2
    items = []
    for _ in range(length * (2 if mark == "%" else 1)):
        item, after = _parse(data, after)
        items.append(item)
    return Reply(MANY[mark], items=items), after


def raw(reply: Reply) -> bytes:
    """The bytes themselves, elements on lines of their own."""
    if reply.kind == "map":
        pairs = zip(reply.items[::2], reply.items[1::2], strict=True)
        return b"\n".join(raw(key) + b" " + raw(value) for key, value in pairs)
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
            return _formatted_map(reply.items, indent)
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


def _formatted_map(items: list[Reply], indent: str) -> str:
    if not items:
        return "(empty hash)"
    width = len(str(len(items) // 2))
    deeper = indent + " " * (width + 2)
    lines = []
    for number, (key, value) in enumerate(zip(items[::2], items[1::2], strict=True), 1):
        shown = formatted(value, deeper)
        gap = f"\n{deeper}" if value.kind in MANY.values() and value.items else ""
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
            pairs = zip(reply.items[::2], reply.items[1::2], strict=True)
            return {str(plain(key)): plain(value) for key, value in pairs}
        case "array" | "set" | "push":
            return [plain(item) for item in reply.items]
    return text
