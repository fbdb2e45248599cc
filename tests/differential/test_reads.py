"""Every read command answers as redis-server answers, whatever the arguments.

The data is written into redis-server, saved by it, and opened by redtool as it is and through LMDB;
then both are asked the same random questions in both protocols. A short seeded run by default;
REDTOOL_DIFFERENTIAL_QUESTIONS sets how many questions each way gets, REDTOOL_DIFFERENTIAL_SEED
another start.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

import redtool
from tests.peer import RedisServer, needs_redis_server

from .compare import difference
from .data import Known, fill
from .questions import QUESTIONS, Maker, ask_about
from .wire import Ask, Connection, Reply, Words, decode

pytestmark = needs_redis_server

ASKED = int(os.environ.get("REDTOOL_DIFFERENTIAL_QUESTIONS", "640"))
SEED = int(os.environ.get("REDTOOL_DIFFERENTIAL_SEED", "1"))

NOT_ASKED = {
    "EVAL_RO": "scripts are not there yet",
    "EVALSHA_RO": "scripts are not there yet",
    "FCALL_RO": "scripts are not there yet",
    "LOLWUT": "art is free",
}


@dataclass
class Sides:
    """The peer, the dump it saved, the same in LMDB, and what is in it."""

    peer: RedisServer
    rdb: Path
    lmdb: Path
    known: Known


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """The same data on both sides."""
    folder = tmp_path_factory.mktemp("differential")
    with RedisServer(folder) as peer:
        if peer.version[:2] != (7, 0):
            pytest.skip("the list of version differences is that of 7.0")
        known = fill(Connection(peer.port, resp3=False), SEED)
        # Saved and loaded again: an encoding must not tell how a value came to be.
        peer.run("DEBUG", "RELOAD")
        rdb, lmdb = folder / "dump.rdb", folder / "dump.lmdb"
        redtool.import_(rdb, out=lmdb)
        yield Sides(peer, rdb, lmdb, known)


def embedded(dataset: redtool.Dataset, resp3: bool) -> Ask:
    """A dataset in this process as something to ask."""

    def ask(words: Words) -> Reply:
        return decode(dataset.native.execute_raw(0, words, resp3))

    return ask


def questions(known: Known, seed: int, count: int) -> Iterator[tuple[str, Words]]:
    """Random questions, every command as often as any other."""
    maker = Maker(known, Random(seed))
    names = sorted(QUESTIONS)
    for at in range(count):
        name = names[at % len(names)]
        yield name, ask_about(maker, name)


def compare_all(sides: Sides, ours: Ask, resp3: bool, salt: str) -> None:
    """Ask both sides everything; all differences in one message, by command."""
    peer = Connection(sides.peer.port, resp3)
    found: dict[str, list[str]] = {}
    for name, words in questions(sides.known, SEED + zlib.crc32(salt.encode()), ASKED):
        said = difference(name, words, peer, ours)
        if said:
            found.setdefault(name, []).append(f"{words!r:.400}\n    {said}")
    peer.close()
    count = sum(len(each) for each in found.values())
    shown = [f"{name}: {len(each)} of them\n  {each[0]}" for name, each in found.items()]
    assert not found, f"{count} answers differ\n" + "\n".join(shown)


@pytest.mark.parametrize("resp3", [False, True], ids=["resp2", "resp3"])
@pytest.mark.parametrize("store", ["rdb", "lmdb"])
def test_a_dataset_in_process_answers_as_redis_server(
    sides: Sides, store: str, resp3: bool
) -> None:
    with redtool.open(sides.rdb if store == "rdb" else sides.lmdb) as dataset:
        compare_all(sides, embedded(dataset, resp3), resp3, f"{store} {resp3}")


@pytest.mark.parametrize("resp3", [False, True], ids=["resp2", "resp3"])
def test_a_served_dataset_answers_as_redis_server(sides: Sides, resp3: bool) -> None:
    with redtool.serve(sides.lmdb, port=0) as server:
        ours = Connection(server.port, resp3)
        compare_all(sides, ours, resp3, f"socket {resp3}")
        ours.close()


def flags_of(row: Reply) -> set[bytes]:
    """A command's flags in a row of COMMAND."""
    return {flag.value for flag in row.items[2].items}


def read_commands(rows: list[Reply]) -> set[str]:
    """Names of the read-only commands of COMMAND's rows, subcommands by both words."""
    names: set[str] = set()
    for row in rows:
        if row.items[9].items:
            names |= read_commands(row.items[9].items)
        elif b"readonly" in flags_of(row):
            names.add(row.items[0].value.decode().replace("|", " ").upper())
    return names


def test_every_read_command_of_redis_server_is_asked(sides: Sides) -> None:
    peer = Connection(sides.peer.port, resp3=False)
    names = read_commands(peer([b"COMMAND"]).items)
    peer.close()
    assert len(names) > 80
    assert names - QUESTIONS.keys() - NOT_ASKED.keys() == set()
    assert QUESTIONS.keys() - names == set()


def test_every_command_is_asked_sensibly(sides: Sides) -> None:
    """Makers that only ever earn errors would test nothing."""
    peer = Connection(sides.peer.port, resp3=False)
    answered: set[str] = set()
    for name, words in questions(sides.known, SEED, 60 * len(QUESTIONS)):
        if name in answered or not peer(words).is_error:
            answered.add(name)
    peer.close()
    assert QUESTIONS.keys() - answered == set()
