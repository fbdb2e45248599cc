"""COMMAND DOCS describes every command's arguments as redis-server does, name by name.

Compared reply by reply, kinds included: arguments with names, types, tokens, key specifications,
flags and nesting; groups, versions and deprecations. Summaries and costs are redtool's own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import redtool
from tests.conftest import MIXED
from tests.differential.wire import Connection, Reply
from tests.peer import RedisServer, needs_redis_server

pytestmark = [needs_redis_server, pytest.mark.usefixtures("native")]

COMPARED = ("arguments", "since", "group", "doc_flags", "deprecated_since")

# Redis 7.2 says so (7.4 of the expiry of hash fields), redis-server 7.0 does not yet: the names of
# the arguments.
NEWER_ARGUMENTS = {
    "zrank": ["key", "member", "withscore"],
    "zrevrank": ["key", "member", "withscore"],
}
NEWER_COMMANDS = {
    "client|no-touch": ["enabled"],
    "client|setinfo": ["attr"],
    "cluster|myshardid": [],
    **{name: ["key", "fields"] for name in ("hexpiretime", "hpexpiretime", "hpttl", "httl")},
    "hexpire": ["key", "seconds", "condition", "fields"],
    "hexpireat": ["key", "unix-time-seconds", "condition", "fields"],
    "hpersist": ["key", "fields"],
    "hpexpire": ["key", "milliseconds", "condition", "fields"],
    "hpexpireat": ["key", "unix-time-milliseconds", "condition", "fields"],
    "waitaof": ["numlocal", "numreplicas", "timeout"],
}

Docs = dict[str, dict[str, Reply]]


@dataclass
class Sides:
    """What both say of all commands, subcommands among them."""

    theirs: Docs
    ours: Docs


@pytest.fixture(scope="module")
def served(native: None) -> Iterator[int]:
    """The port of a redtool server."""
    with redtool.serve(MIXED, port=0) as server:
        yield server.port


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a redis-server 7.0."""
    with RedisServer(tmp_path_factory.mktemp("docs")) as server:
        if server.version[:2] != (7, 0):
            pytest.skip("the list of version differences is that of 7.0")
        yield server.port


@pytest.fixture(scope="module", params=[False, True], ids=["resp2", "resp3"])
def sides(request: pytest.FixtureRequest, served: int, peer: int) -> Sides:
    """Both sides, asked in one protocol."""
    return Sides(docs_of(peer, request.param), docs_of(served, request.param))


def docs_of(port: int, resp3: bool) -> Docs:
    """All of a server's COMMAND DOCS."""
    connection = Connection(port, resp3)
    reply = connection([b"COMMAND", b"DOCS"])
    connection.close()
    return dict(flat(reply))


def pairs(reply: Reply) -> Iterator[tuple[str, Reply]]:
    """Keys and values of a map, which RESP2 makes an array."""
    for key, value in zip(reply.items[::2], reply.items[1::2], strict=True):
        yield key.value.decode(), value


def flat(commands: Reply) -> Iterator[tuple[str, dict[str, Reply]]]:
    """Names and facts of commands and of their subcommands."""
    for name, reply in pairs(commands):
        facts = dict(pairs(reply))
        yield name, facts
        if "subcommands" in facts:
            yield from flat(facts["subcommands"])


def argument_names(facts: dict[str, Reply]) -> list[str]:
    """Names of the arguments of the first level."""
    if "arguments" not in facts:
        return []
    return [dict(pairs(each))["name"].value.decode() for each in facts["arguments"].items]


def test_arguments_are_described_as_redis_server_describes_them(sides: Sides) -> None:
    common = sides.theirs.keys() & sides.ours.keys()
    assert len(common) > 350
    differences = [
        f"{name}: {fact}\n  {sides.ours[name].get(fact)}\n  not {sides.theirs[name].get(fact)}"
        for name in sorted(common)
        for fact in COMPARED
        if sides.ours[name].get(fact) != sides.theirs[name].get(fact)
        and not (fact == "arguments" and name in NEWER_ARGUMENTS)
    ]
    assert not differences, "\n".join(differences)


def test_what_is_deprecated_says_what_to_use_instead(sides: Sides) -> None:
    deprecated = {name for name, facts in sides.ours.items() if "deprecated_since" in facts}
    assert deprecated == {name for name, facts in sides.ours.items() if "replaced_by" in facts}


def test_newer_commands_and_arguments_are_those_of_later_versions(sides: Sides) -> None:
    newer = {name: argument_names(sides.ours[name]) for name in NEWER_ARGUMENTS}
    assert newer == NEWER_ARGUMENTS
    assert all(argument_names(sides.theirs[name]) == names[:-1] for name, names in newer.items())
    unknown = sides.ours.keys() - sides.theirs.keys()
    assert {name: argument_names(sides.ours[name]) for name in unknown} == NEWER_COMMANDS
