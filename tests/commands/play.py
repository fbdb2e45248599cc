"""Sequences of commands as text, played to redis-server and to redtool side by side.

    SET k "a b" ; GET k              replies are compared with redis-server's
    GETX k -> $a                     the reply must be this (redis-server is not looked at)
    LASTSAVE ~> :\\d+                 the reply must match this
    2> GET k                         by another connection
    2& BLPOP k 0 ; RPUSH k a ; 2<    sent by it without waiting, and its reply read later
    wait 0.05                        time passes

Replies are written as `written` writes them: `+OK`, `:1`, `$text`, `nil`, `*[:1, $a]`, `-ERR …`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.differential.wire import Connection, Reply, Words
from tests.differential.writes.judge import same
from tests.differential.writes.lines import parsed

STEP = re.compile(r"(?:(\d)([>&<]))?(.*?)(?: (->|~>) (.*))?", re.DOTALL)
# So long it takes at most until a command that was sent is waiting in the server.
SETTLED_S = 0.05
# And so long a reply may take.
PATIENCE_S = 10


@dataclass(frozen=True)
class Step:
    """One command or a reading of a reply, by one of the connections."""

    text: str
    client: int
    words: Words
    sends: bool
    reads: bool
    exact: str | None
    pattern: str | None


def steps(text: str) -> Iterator[Step]:
    """The steps of a sequence."""
    for part in text.strip().split(" ; "):
        found = STEP.fullmatch(part.strip())
        assert found is not None, part
        client, mode, line, kind, expected = found.groups()
        yield Step(
            text=part.strip(),
            client=int(client or 1),
            words=next(iter(parsed(line)), []),
            sends=mode != "<",
            reads=mode != "&",
            exact=expected if kind == "->" else None,
            pattern=expected if kind == "~>" else None,
        )


def written(reply: Reply) -> str:
    """A reply as a sequence writes it."""
    if reply.kind == "null":
        return "nil"
    if reply.kind in "*~%>":
        return f"{reply.kind}[{', '.join(map(written, reply.value))}]"
    if isinstance(reply.value, bytes):
        return reply.kind + reply.value.decode("utf-8", "backslashreplace")
    return f"{reply.kind}{reply.value}"


class Client(Connection):
    """A connection whose reply may be read later."""

    def __init__(self, port: int, resp3: bool) -> None:
        super().__init__(port, resp3)
        self.link.settimeout(PATIENCE_S)

    def read(self) -> Reply:
        """The next reply or push, or that the connection was closed."""
        return self.receive() or Reply("closed", None)


class Player:
    """Connections to one server."""

    def __init__(self, port: int, resp3: bool) -> None:
        self.port, self.resp3 = port, resp3
        self.clients: dict[int, Client] = {}

    def client(self, number: int) -> Client:
        """A connection, made when it is first spoken of."""
        if number not in self.clients:
            self.clients[number] = Client(self.port, self.resp3)
        return self.clients[number]

    def play(self, step: Step) -> Reply | None:
        """The reply, if the step reads one."""
        client = self.client(step.client)
        if step.sends:
            client.send(step.words)
        if not step.reads:
            time.sleep(SETTLED_S)
            return None
        return client.read()

    def close(self) -> None:
        """Hang up."""
        for client in self.clients.values():
            client.close()


def play(text: str, ports: tuple[int, int], resp3: bool) -> list[str]:
    """What is wrong in the replies to a sequence, played from empty servers."""
    peer, ours = (Player(port, resp3) for port in ports)
    try:
        for player in (peer, ours):
            player.client(1)([b"FLUSHALL"])
        return [said for step in steps(text) if (said := played(step, peer, ours)) is not None]
    finally:
        peer.close()
        ours.close()


def played(step: Step, peer: Player, ours: Player) -> str | None:
    """What is wrong with the reply to a step."""
    if step.words[:1] == [b"wait"] and step.sends:
        time.sleep(float(step.words[1]))
        return None
    theirs, mine = peer.play(step), ours.play(step)
    if theirs is None or mine is None:
        return None
    shown = written(mine)
    if step.exact is not None:
        return None if shown == step.exact else f"{step.text}\n    but it is {shown}"
    if step.pattern is not None:
        matches = re.fullmatch(step.pattern, shown, re.DOTALL)
        return None if matches else f"{step.text}\n    but it is {shown}"
    alike = theirs == mine or (bool(step.words) and same(step.words, theirs, mine))
    return None if alike else f"{step.text}\n    Redis   {written(theirs)}\n    redtool {shown}"
