"""shell: a conversation, with a dataset in this process or with a live server.

Both keep what a connection keeps (MULTI, CLIENT SETNAME, WATCH); what has to be known on this side,
the database, the protocol and whether a transaction is open, is followed from the replies, as
redis-cli does.
"""

from __future__ import annotations

import os

from redtool.errors import UsageError
from redtool.live import Connection, ConnectionLostError, is_live
from redtool.resp import Reply, parse_replies, parse_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redtool.dataset import Dataset

# Where writes can be kept.
KEPT = ("lmdb", "leveldb", "memory")
STREAMS = (b"subscribe", b"psubscribe", b"ssubscribe", b"monitor")
UNSUBSCRIBES = (b"unsubscribe", b"punsubscribe", b"sunsubscribe")


class Session:
    """A conversation: what it is with, and what state it is in."""

    def __init__(self, name: str, db: int, *, resp3: bool) -> None:
        self.name = name
        self.db = db
        self.resp3 = resp3
        self.in_transaction = False
        self.connected = True
        # Where commands that are queued now will begin to run.
        self._db_before = db

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def execute(self, words: Sequence[bytes]) -> Iterator[Reply]:
        """A command's reply; several when it subscribes, and what is pushed in between."""
        raise NotImplementedError

    def docs(self) -> Reply:
        """The reply to COMMAND DOCS: of every command that is understood."""
        return own_docs()

    def abandon(self) -> None:
        """After Ctrl-C: no reply that is still to come is wanted."""

    def close(self) -> None:
        """Ends it."""

    def streams(self, words: Sequence[bytes]) -> bool:
        """Whether a command's replies go on until Ctrl-C."""
        return False

    def follow(self, words: Sequence[bytes], reply: Reply) -> None:
        """What a command and its reply change."""
        verb = words[0].lower()
        if verb in (b"exec", b"discard") and len(words) == 1 and self.in_transaction:
            self.in_transaction = False
            if verb == b"discard" or reply.kind in ("error", "nil"):
                self.db = self._db_before
        elif reply.kind == "error":
            return
        elif verb == b"select" and len(words) == 2 and words[1].isdigit():
            self.db = int(words[1])
        elif verb == b"hello" and len(words) > 1:
            self.resp3 = words[1] == b"3"
        elif verb == b"multi":
            self.in_transaction, self._db_before = True, self.db
        elif verb == b"reset":
            self.in_transaction, self.db, self.resp3 = False, 0, False

    @property
    def running_db(self) -> int:
        """The database in which commands are run; in a transaction SELECT is only queued."""
        return self._db_before if self.in_transaction else self.db


class DatasetSession(Session):
    """With a dataset: the core keeps the session, and is told database and protocol each time."""

    def __init__(self, dataset: Dataset, db: int, *, resp3: bool) -> None:
        super().__init__(_short_name(dataset.url), db, resp3=resp3)
        self._dataset = dataset

    def execute(self, words: Sequence[bytes]) -> Iterator[Reply]:
        data = self._dataset.native.execute_raw(self.running_db, list(words), self.resp3)
        # After CLIENT REPLY OFF there is none, and one a channel after SUBSCRIBE.
        for reply in parse_replies(data):
            self.follow(words, reply)
            yield reply

    def close(self) -> None:
        self._dataset.close()


class LiveSession(Session):
    """With a live server: connected again, when the connection was lost, for the next command."""

    def __init__(self, url: str, db: int | None, *, resp3: bool) -> None:
        self._url = url
        self._connection = Connection(url, db=db, resp3=resp3)
        self._replies = b"on"
        super().__init__(self._connection.name, self._connection.db, resp3=resp3)

    def execute(self, words: Sequence[bytes]) -> Iterator[Reply]:
        self._connect()
        try:
            self._connection.send(words)
            if self._is_answered(words):
                yield from self._replies_to(words)
        except ConnectionLostError:
            self.close()
            if words[0].lower() != b"shutdown":
                raise

    def _replies_to(self, words: Sequence[bytes]) -> Iterator[Reply]:
        verb = words[0].lower()
        wanted = max(1, len(words) - 1) if verb in (*STREAMS, *UNSUBSCRIBES) else 1
        pushed = verb in (*STREAMS, *UNSUBSCRIBES)
        while wanted:
            reply = self._connection.receive()
            if pushed or reply.kind != "push":
                wanted -= 1
                self.follow(words, reply)
                if reply.kind == "error" or _is_queued(reply):
                    wanted = 0
                elif self.streams(words):
                    wanted = 1
            yield reply

    def _is_answered(self, words: Sequence[bytes]) -> bool:
        """CLIENT REPLY says whether the server answers."""
        before = self._replies
        if [word.lower() for word in words[:2]] == [b"client", b"reply"] and len(words) == 3:
            self._replies = words[2].lower()
            return self._replies == b"on"
        if before == b"skip":
            self._replies = b"on"
        return before not in (b"off", b"skip")

    def docs(self) -> Reply:
        if not self.in_transaction and self.connected:
            reply = next(self.execute([b"COMMAND", b"DOCS"]), None)
            if reply is not None and reply.kind in ("map", "array"):
                return reply
        # A server before 7.0, or one that wants a password first.
        return own_docs()

    def streams(self, words: Sequence[bytes]) -> bool:
        return words[0].lower() in STREAMS

    def abandon(self) -> None:
        # What may still come on this connection would be taken for the next command's reply.
        self.close()
        self._connect()

    def close(self) -> None:
        self.db, self.in_transaction, self._replies = self.running_db, False, b"on"
        self.connected = False
        self._connection.close()

    def _connect(self) -> None:
        if not self.connected:
            self._connection = Connection(self._url, db=self.db, resp3=self.resp3)
            self.connected = True


def open_session(
    url: str | os.PathLike[str],
    *,
    db: int | None = None,
    resp3: bool = False,
    clock: str | int = "now",
    databases: int = 16,
    writable: bool = False,
) -> Session:
    """A session with whatever the name is of.

    `writable` lets commands write: a store on this machine keeps that when the session is closed,
    of anything else it is a copy in memory that they change.
    """
    name = os.fspath(url)
    if is_live(name):
        if clock != "now" or databases != 16:
            raise UsageError("a live server has its own clock and databases", path=name)
        return LiveSession(name, db, resp3=resp3)
    from redtool.dataset import Dataset
    from redtool.urls import source_url

    if name.removeprefix("rdb://") == "-":
        raise UsageError("stdin is where the commands come from", path=name, hint="name a file")
    dataset = Dataset(
        name,
        clock=clock,
        databases=databases,
        writable=writable,
        copy=writable and source_url(name)[0] not in KEPT,
    )
    return DatasetSession(dataset, db or 0, resp3=resp3)


def own_docs() -> Reply:
    """What this redtool understands."""
    from redtool.dataset import Dataset

    with Dataset("memory:") as empty:
        return parse_reply(empty.native.execute_raw(0, [b"COMMAND", b"DOCS"], True))


def _short_name(url: str) -> str:
    """For a prompt: `lmdb:///data/dump.lmdb?x=y` is `dump.lmdb`."""
    if url.startswith("memory:"):
        return url
    place = url.partition("://")[2].partition("?")[0] or url
    return os.path.basename(place.rstrip("/")) or url


def _is_queued(reply: Reply) -> bool:
    return reply.kind == "status" and reply.value == b"QUEUED"
