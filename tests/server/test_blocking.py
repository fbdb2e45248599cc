"""Clients that wait: who is served, in which order, by what, and what ends a wait otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.commands.play import Client, written
from tests.differential.wire import Words


def words(line: str) -> Words:
    """A command's words."""
    return line.encode().split()


class Waiting:
    """Connections that have sent something and not read the reply yet."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.main = Client(port, resp3=False)
        self.clients: list[Client] = []

    def send(self, line: str) -> Client:
        """A new client that waits, seen waiting by the server before this returns."""
        made = Client(self.port, resp3=False)
        self.clients.append(made)
        before = self.blocked()
        made.send(words(line))
        self.until(before + 1)
        return made

    def until(self, count: int) -> None:
        """Return when the server has so many waiting."""
        for _ in range(500):
            if self.blocked() == count:
                return
            time.sleep(0.01)
        raise AssertionError(f"{self.blocked()} clients wait, not {count}")

    def blocked(self) -> int:
        """How many clients wait, as the server says."""
        said = self.main(words("INFO clients")).value.decode()
        return int(dict(line.split(":") for line in said.split() if ":" in line)["blocked_clients"])

    def do(self, line: str) -> str:
        """A command by a client that does not wait."""
        return written(self.main(words(line)))

    def close(self) -> None:
        """Hang up."""
        for each in (self.main, *self.clients):
            each.close()


@pytest.fixture
def wait(port: int) -> Iterator[Waiting]:
    """Nobody waits yet."""
    made = Waiting(port)
    yield made
    made.close()


def read(client: Client) -> str:
    """A reply, as text."""
    return written(client.read())


def test_who_came_first_is_served_first(wait: Waiting) -> None:
    clients = [wait.send("BLPOP l 0") for _ in range(4)]
    wait.do("RPUSH l a b")
    wait.do("RPUSH l c d")
    assert [read(each) for each in clients] == [f"*[$l, ${name}]" for name in "abcd"]
    assert wait.do("EXISTS l") == ":0"


def test_one_push_of_many_serves_many(wait: Waiting) -> None:
    clients = [wait.send("BLPOP l 0"), wait.send("BRPOP l 0"), wait.send("BLPOP l 0")]
    wait.do("RPUSH l a b c d")
    assert [read(each) for each in clients] == ["*[$l, $a]", "*[$l, $d]", "*[$l, $b]"]
    assert wait.do("LRANGE l 0 -1") == "*[$c]"


def test_a_transaction_serves_when_it_is_over(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    for line in ("MULTI", "RPUSH l a", "RPUSH l b", "LPOP l", "EXEC"):
        wait.do(line)
    assert read(client) == "*[$l, $b]"


def test_what_came_and_went_in_a_transaction_serves_nobody(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    for line in ("MULTI", "RPUSH l a", "DEL l", "EXEC"):
        wait.do(line)
    wait.until(1)
    wait.do("RPUSH l b")
    assert read(client) == "*[$l, $b]"


@pytest.mark.parametrize(
    "lines",
    [
        ["RPUSH x a", "RENAME x l"],
        ["RPUSH x a", "RENAMENX x l"],
        ["RPUSH x a", "COPY x l"],
        ["RPUSH x a", "RPOPLPUSH x l"],
        ["RPUSH x a", "LMOVE x l LEFT LEFT"],
        ["RPUSH x a", "SORT x ALPHA STORE l"],
        ["SELECT 1", "RPUSH l a", "MOVE l 0"],
        ["SELECT 1", "RPUSH l a", "SWAPDB 0 1"],
        ["SELECT 1", "RPUSH l a", "COPY l l DB 0"],
        ["SET l x", "DEL l", "RPUSH l a"],
        ["SADD l x", "RPUSH x a", "RENAME x l"],
    ],
    ids=" + ".join,
)
def test_a_list_that_appears_by_any_way_serves(wait: Waiting, lines: list[str]) -> None:
    client = wait.send("BLPOP l 0")
    for line in lines:
        assert not wait.do(line).startswith("-")
    assert read(client) == "*[$l, $a]"


def test_a_payload_that_is_restored_serves(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    wait.do("RPUSH x a")
    wait.main([b"RESTORE", b"l", b"0", wait.main([b"DUMP", b"x"]).value])
    assert read(client) == "*[$l, $a]"


def test_a_script_serves(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    wait.main([b"EVAL", b"return redis.call('RPUSH', KEYS[1], 'a')", b"1", b"l"])
    assert read(client) == "*[$l, $a]"


def test_a_key_of_another_type_serves_nobody(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    wait.do("SADD l a")
    wait.until(1)
    assert wait.do("TYPE l") == "+set"
    wait.do("DEL l")
    wait.do("RPUSH l b")
    assert read(client) == "*[$l, $b]"


def test_one_wait_serves_the_next(wait: Waiting) -> None:
    last = wait.send("BLPOP c 0")
    second = wait.send("BLMOVE b c LEFT RIGHT 0")
    first = wait.send("BRPOPLPUSH a b 0")
    wait.do("RPUSH a x")
    assert [read(each) for each in (first, second, last)] == ["$x", "$x", "*[$c, $x]"]
    assert wait.do("DBSIZE") == ":0"


def test_a_wait_for_many_keys_is_served_once(wait: Waiting) -> None:
    client = wait.send("BLPOP a b a 0")
    for line in ("MULTI", "RPUSH b y", "RPUSH a x", "EXEC"):
        wait.do(line)
    assert read(client) in ("*[$a, $x]", "*[$b, $y]")
    assert wait.do("DBSIZE") == ":1"


def test_other_kinds_of_wait(wait: Waiting) -> None:
    least = wait.send("BZPOPMIN z 0")
    most = wait.send("BZPOPMAX z 0")
    some = wait.send("BZMPOP 0 1 z MIN COUNT 2")
    wait.do("ZADD z 1 a 2 b 3 c 4 d")
    assert read(least) == "*[$z, $a, $1]"
    assert read(most) == "*[$z, $d, $4]"
    assert read(some) == "*[$z, *[*[$b, $2], *[$c, $3]]]"
    pops = wait.send("BLMPOP 0 2 x y RIGHT COUNT 2")
    wait.do("RPUSH y 1 2 3")
    assert read(pops) == "*[$y, *[$3, $2]]"


def test_all_readers_of_a_stream_are_served(wait: Waiting) -> None:
    readers = [wait.send("XREAD BLOCK 0 STREAMS x $") for _ in range(3)]
    wait.do("XADD x 1-1 a 1")
    assert {read(each) for each in readers} == {"*[*[$x, *[*[$1-1, *[$a, $1]]]]]"}


def test_one_reader_of_a_group_is_served(wait: Waiting) -> None:
    wait.do("XGROUP CREATE x g $ MKSTREAM")
    first = wait.send("XREADGROUP GROUP g a BLOCK 0 STREAMS x >")
    second = wait.send("XREADGROUP GROUP g b BLOCK 0 STREAMS x >")
    wait.do("XADD x 1-1 a 1")
    assert read(first) == "*[*[$x, *[*[$1-1, *[$a, $1]]]]]"
    wait.until(1)
    wait.do("XGROUP DESTROY x g")
    assert read(second).startswith("-NOGROUP")


@pytest.mark.parametrize(
    "line",
    [
        "BLPOP l 0.2",
        "BRPOP l m 0.2",
        "BLMOVE l m LEFT LEFT 0.2",
        "BRPOPLPUSH l m 0.2",
        "BLMPOP 0.2 1 l LEFT",
        "BZPOPMIN z 0.2",
        "BZMPOP 0.2 1 z MIN",
        "XREAD BLOCK 200 STREAMS x $",
    ],
)
def test_a_wait_ends_in_its_time(wait: Waiting, line: str) -> None:
    client = wait.send(line)
    started = time.monotonic()
    assert read(client) == "nil"
    assert time.monotonic() - started < 2
    wait.until(0)
    assert wait.do("RPUSH l a") == ":1"


def test_waits_end_in_the_order_of_their_times(wait: Waiting) -> None:
    started = time.monotonic()
    long, short = wait.send("BLPOP l 0.8"), wait.send("BLPOP l 0.3")
    assert read(short) == "nil"
    assert time.monotonic() - started < 0.8
    assert read(long) == "nil"
    assert time.monotonic() - started >= 0.75


def test_waits_can_be_ended_by_others(wait: Waiting) -> None:
    client = Client(wait.port, resp3=False)
    name = client(words("CLIENT ID")).value
    for option, reply in [("", "nil"), ("TIMEOUT", "nil"), ("ERROR", "-UNBLOCKED")]:
        client.send(words("BLPOP l 0"))
        wait.until(1)
        assert wait.do(f"CLIENT UNBLOCK {name} {option}") == ":1"
        assert read(client).partition(" ")[0] == reply
    assert wait.do(f"CLIENT UNBLOCK {name}") == ":0"
    assert written(client(words("PING"))) == "+PONG"
    client.close()


def test_who_is_killed_while_waiting_takes_nothing(wait: Waiting) -> None:
    client = Client(wait.port, resp3=False)
    name = client(words("CLIENT ID")).value
    client.send(words("BLPOP l 0"))
    wait.until(1)
    assert wait.do(f"CLIENT KILL ID {name}") == ":1"
    assert client.read().kind == "closed"
    wait.until(0)
    assert wait.do("RPUSH l a") == ":1"
    assert wait.do("LRANGE l 0 -1") == "*[$a]"


def test_who_hangs_up_while_waiting_takes_nothing(wait: Waiting) -> None:
    first, second = wait.send("BLPOP l 0"), wait.send("BLPOP l 0")
    first.close()
    wait.until(1)
    wait.do("RPUSH l a")
    assert read(second) == "*[$l, $a]"


def test_what_follows_in_a_pipeline_waits_too(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    client.send(words("RPUSH m x"))
    client.send(words("LLEN m"))
    time.sleep(0.1)
    assert wait.do("EXISTS m") == ":0"
    wait.do("RPUSH l a")
    assert [read(client) for _ in range(3)] == ["*[$l, $a]", ":1", ":1"]


def test_flushing_serves_nobody(wait: Waiting) -> None:
    client = wait.send("BLPOP l 0")
    wait.do("FLUSHALL")
    wait.until(1)
    wait.do("RPUSH l a")
    assert read(client) == "*[$l, $a]"


def test_many_wait_at_once(wait: Waiting) -> None:
    clients = [Client(wait.port, resp3=False) for _ in range(200)]
    for at, client in enumerate(clients):
        client.send(words(f"BLPOP l:{at % 10} 0"))
    wait.until(200)
    for at in range(10):
        wait.do(f"RPUSH l:{at} " + " ".join(map(str, range(20))))
    served: list[Any] = [client.read().items[1].value for client in clients]
    assert sorted(map(int, served)) == sorted(list(range(20)) * 10)
    for client in clients:
        client.close()


def test_replicas_are_waited_for_in_vain(wait: Waiting) -> None:
    assert wait.do("WAIT 0 0") == ":0"
    started = time.monotonic()
    assert wait.do("WAIT 1 150") == ":0"
    assert 0.14 < time.monotonic() - started < 2
