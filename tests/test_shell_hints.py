"""What is missing behind a line, and what Tab offers, from the COMMAND DOCS of redtool itself."""

from __future__ import annotations

import pytest

from redtool.cli.shell.docs import Docs
from redtool.cli.shell.syntax import Argument, match_all
from redtool.verbs.shell import own_docs

pytestmark = pytest.mark.usefixtures("native")


@pytest.fixture(scope="module")
def docs() -> Docs:
    return Docs(own_docs())


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("", ""),
        ("nope ", ""),
        ("get", " key"),
        ("get ", "key"),
        ("GET k", ""),
        ("GET k more", ""),
        ('GET "open', ""),
        ("3 get ", "key"),
        ("hset h ", "field value [field value ...]"),
        ("hset h f", " value"),
        ("hset h f v", " [field value ...]"),
        ("lpop l ", "[count]"),
        ("lpop l 2", ""),
        ("bitcount k 0 ", "end [BYTE|BIT]"),
        ("ping ", "[message]"),
        ("config get ", "parameter [parameter ...]"),
        ("zadd z xx ch ", "[GT|LT] [INCR] score member [score member ...]"),
        ("zadd z 1", " member"),
    ],
)
def test_a_hint_is_what_is_missing(docs: Docs, line: str, hint: str) -> None:
    assert docs.hint(line) == hint


def test_options_come_in_any_order(docs: Docs) -> None:
    assert docs.hint("set k v get ").startswith("[NX|XX] [EX seconds|PX ")
    assert docs.hint("set k v ex ").startswith("seconds ")
    assert docs.hint("set k v ex 5 get nx ") == ""
    assert docs.hint("set k v ex five") == ""


def test_a_container_hints_its_subcommands(docs: Docs) -> None:
    assert "|" in docs.hint("config ")
    assert docs.hint("config") == " " + docs.hint("config ")
    assert docs.hint("config nope ") == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hgeta", ["hgetall"]),
        ("HGETA", ["HGETALL"]),
        ("  2 HGETA", ["HGETALL"]),
        ("HGETALL ", []),
        ("config res", ["resetstat"]),
        ("set k v e", ["ex", "exat"]),
        ("SET k v NX E", ["EX", "EXAT"]),
        ("SET k v EX ", []),
        ("GEOSEARCH k FROM", ["FROMMEMBER", "FROMLONLAT"]),
        ("ZADD z X", ["XX"]),
        ("help hgeta", ["hgetall"]),
        ("help @ha", ["@hash"]),
        (":set n", ["nohints"]),
        ("qui", ["quit"]),
        ('GET "', []),
    ],
)
def test_tab_offers_what_can_come_next(docs: Docs, line: str, words: list[str]) -> None:
    assert [word for word, _ in docs.completions(line)] == words


def test_every_command_has_a_syntax_that_its_own_tokens_fit(docs: Docs) -> None:
    for name, command in docs.commands.items():
        assert command.written().upper().startswith(name.upper())
        for token in (t for each in command.arguments for t in each.first_tokens()):
            docs.hint(f"{name} {token} ")
            docs.completions(f"{name} {token} ")


def test_a_list_with_tokens_repeats_them() -> None:
    get = Argument("pattern", "pattern", "GET", ("optional", "multiple", "multiple_token"))
    once = Argument("id", "string", "IDS", ("multiple",))
    assert get.written() == "[GET pattern [GET pattern ...]]"
    assert once.written() == "IDS id [id ...]"
    taken = match_all([get], [b"GET", b"a", b"GET"])
    assert taken is not None
    assert (taken[0], [part.text for part in taken[1]]) == (3, ["pattern"])
    taken = match_all([once], [b"ids", b"a", b"b"])
    assert taken is not None
    assert (taken[0], [part.text for part in taken[1]]) == (3, ["[id ...]"])
