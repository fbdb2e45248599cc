"""Replies look as redis-cli prints them, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from redtool.cli.reply import formatted, plain, raw
from redtool.resp import parse_reply

CASES: list[tuple[bytes, str, bytes, Any]] = [
    (b"+OK\r\n", "OK", b"OK", "OK"),
    (b"-ERR no\r\n", "(error) ERR no", b"ERR no", {"error": "ERR no"}),
    (b":-7\r\n", "(integer) -7", b"-7", -7),
    (b'$4\r\na"\n\xff\r\n', '"a\\"\\n\\xff"', b'a"\n\xff', 'a"\n\\xff'),
    (b"$0\r\n\r\n", '""', b"", ""),
    (b"$-1\r\n", "(nil)", b"", None),
    (b"*-1\r\n", "(nil)", b"", None),
    (b"_\r\n", "(nil)", b"", None),
    (b"*0\r\n", "(empty array)", b"", []),
    (b"~0\r\n", "(empty set)", b"", []),
    (b"%0\r\n", "(empty hash)", b"", {}),
    (b"*2\r\n$1\r\na\r\n:1\r\n", '1) "a"\n2) (integer) 1', b"a\n1", ["a", 1]),
    (
        b"*2\r\n*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n:1\r\n",
        '1) 1) "a"\n   2) 1) "b"\n2) (integer) 1',
        b"a\nb\n1",
        [["a", ["b"]], 1],
    ),
    (b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n", '1# "f" => "v"', b"f v", {"f": "v"}),
    (b",1.5\r\n", "(double) 1.5", b"1.5", 1.5),
    (b",inf\r\n", "(double) inf", b"inf", "inf"),
    (b"#t\r\n", "(true)", b"true", True),
    (
        b"(12345678901234567890\r\n",
        "12345678901234567890",
        b"12345678901234567890",
        12345678901234567890,
    ),
    (b"=8\r\ntxt:text\r\n", "text", b"text", "text"),
]


@pytest.mark.parametrize(("data", "people", "bare", "json"), CASES)
def test_a_reply_in_its_three_forms(data: bytes, people: str, bare: bytes, json: Any) -> None:
    reply = parse_reply(data)
    assert formatted(reply) == people
    assert raw(reply) == bare
    assert plain(reply) == json


def test_numbers_are_aligned() -> None:
    reply = parse_reply(b"*10\r\n" + b":1\r\n" * 10)
    assert formatted(reply).splitlines()[0] == " 1) (integer) 1"
    assert formatted(reply).splitlines()[9] == "10) (integer) 1"


def test_what_a_map_holds_begins_a_line_when_it_takes_several() -> None:
    one, two = b"%1\r\n+a\r\n:1\r\n", b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n"
    shown = formatted(parse_reply(b"%2\r\n+x\r\n" + one + b"+y\r\n" + two))
    assert shown == (
        "1# x => 1# a => (integer) 1\n2# y => \n   1# a => (integer) 1\n   2# b => (integer) 2"
    )


@pytest.mark.parametrize("cut", [b"", b"$5\r\nab", b"*2\r\n:1\r\n", b"+O", b"$1000000000000\r\nx"])
def test_a_reply_that_ends_early_is_the_end(cut: bytes) -> None:
    with pytest.raises(EOFError):
        parse_reply(cut)


@pytest.mark.parametrize("junk", [b"HTTP/1.1 400\r\n", b"$x\r\n", b"*-2\r\n", b"\r\n"])
def test_what_is_no_reply_is_said_to_be_none(junk: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_reply(junk)


def test_attributes_are_passed_over() -> None:
    assert formatted(parse_reply(b"|1\r\n+ttl\r\n:3\r\n+OK\r\n")) == "OK"
