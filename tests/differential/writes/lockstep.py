"""A sequence of commands sent to both sides, reply by reply the same.

Commands go out in batches, so that a million take minutes; one that is judged apart goes alone,
when the batch before it is answered. What a transaction answers is judged by what is in its queue.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from dataclasses import dataclass

from tests.differential.wire import Connection, Reply, Words, encode

from .judge import name_of, same, told
from .randoms import Sides, judge_apart, judged_apart

BATCH = 100
STEP = 1 << 18
PATIENCE_S = 30
OK = Reply("+", b"OK")
QUEUED = Reply("+", b"QUEUED")


class Unanswered(ConnectionError):
    """A side that closed the connection or gave no reply in time."""


class Side(Connection):
    """A connection that takes many commands at once."""

    def __init__(self, port: int, resp3: bool, label: str) -> None:
        super().__init__(port, resp3)
        self.label = label

    def batch(self, commands: list[Words]) -> list[Reply]:
        """All replies. Written and read by turns: neither side's buffers can fill for good."""
        pending = memoryview(b"".join(map(encode, commands)))
        replies: list[Reply] = []
        while len(replies) < len(commands):
            want = [self.link] if pending else []
            readable, writable, _ = select.select([self.link], want, [], PATIENCE_S)
            if not readable and not writable:
                raise Unanswered(f"{self.label}: no reply in {PATIENCE_S} s")
            if writable:
                pending = pending[self.link.send(pending[:STEP]) :]
            if readable:
                self.gather(commands, replies)
        return replies

    def gather(self, commands: list[Words], replies: list[Reply]) -> None:
        """What has come, added to the replies."""
        try:
            data = self.link.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            raise Unanswered(
                f"{self.label}: closed the connection at {commands[len(replies)]!r:.200}"
            )
        self.decoder.feed(data)
        while len(replies) < len(commands):
            try:
                reply = self.decoder.reply()
            except IndexError:
                return
            if reply.kind != ">":
                replies.append(reply)

    def __call__(self, words: Words) -> Reply:
        """One reply."""
        return self.batch([words])[0]


@dataclass
class Difference:
    """The first command of a sequence that was answered differently, and how."""

    at: int
    name: str
    what: str


class Lockstep:
    """Both sides, from an empty data set on."""

    def __init__(self, ports: tuple[int, int], resp3: bool) -> None:
        self.sides = Sides(
            peer=Side(ports[0], resp3, "redis-server"), ours=Side(ports[1], resp3, "redtool")
        )
        # The names in the queue of an open transaction; None when none is open.
        self.queue: list[Words] | None = None
        # What the last EXEC has done.
        self.done: list[Words] = []
        for words in ([b"FLUSHALL"], [b"SELECT", b"0"]):
            self.sides.both(words)

    def batch(self, commands: list[Words]) -> Iterator[tuple[Words, Reply, Reply]]:
        """Each command with both replies."""
        peer, ours = self.sides.peer, self.sides.ours
        assert isinstance(peer, Side)
        assert isinstance(ours, Side)
        yield from zip(commands, peer.batch(commands), ours.batch(commands), strict=True)

    def run(self, commands: list[Words]) -> Difference | None:
        """Send all of it; stop at the first difference."""
        pending: list[Words] = []
        for at, words in enumerate(commands):
            apart = judged_apart(words)
            if not apart:
                pending.append(words)
            if apart or len(pending) >= BATCH:
                found = self.flush(pending, at + (not apart) - len(pending))
                pending = []
                if found is None and apart:
                    found = self.alone(words, at)
                if found is not None:
                    return found
        return self.flush(pending, len(commands) - len(pending))

    def flush(self, commands: list[Words], start: int) -> Difference | None:
        """Send a batch."""
        if not commands:
            return None
        try:
            for at, (words, theirs, ours) in enumerate(self.batch(commands), start):
                if not self.same(words, theirs, ours):
                    return self.difference(at, words, theirs, ours)
        except Unanswered as error:
            return Difference(start + len(commands) - 1, "unanswered", str(error))
        return None

    def alone(self, words: Words, at: int) -> Difference | None:
        """Judge a command apart. In a transaction it would be queued, which shows nothing."""
        if self.queue is not None:
            return None
        try:
            said = judge_apart(words, self.sides)
        except Unanswered as error:
            return Difference(at, "unanswered", f"{error}")
        return None if said is None else Difference(at, name_of(words), said)

    def same(self, words: Words, theirs: Reply, ours: Reply) -> bool:
        """Whether replies are the same, keeping account of what a transaction has in its queue."""
        name = name_of(words)
        self.done = []
        if name == "MULTI" and theirs == OK:
            self.queue = []
        elif self.queue is not None and theirs == QUEUED:
            self.queue.append(words)
        elif name in ("EXEC", "DISCARD") and self.queue is not None:
            self.done, self.queue = self.queue, None
            if name == "EXEC" and theirs.kind == ours.kind == "*":
                return self.same_replies(theirs, ours)
            return theirs == ours
        return same(words, theirs, ours)

    def same_replies(self, theirs: Reply, ours: Reply) -> bool:
        """What EXEC answers."""
        if not len(self.done) == len(theirs.items) == len(ours.items):
            return False
        triples = zip(self.done, theirs.items, ours.items, strict=True)
        return all(same(*triple) for triple in triples)

    def difference(self, at: int, words: Words, theirs: Reply, ours: Reply) -> Difference:
        """What differs; in a transaction's replies, by the first command that did so."""
        for inner, *replies in zip(self.done, theirs.items, ours.items, strict=False):
            if not same(inner, *replies):
                return Difference(at, name_of(inner), told(*replies))
        return Difference(at, name_of(words), told(theirs, ours))

    def close(self) -> None:
        """Hang up on both."""
        for side in (self.sides.peer, self.sides.ours):
            assert isinstance(side, Side)
            side.close()
