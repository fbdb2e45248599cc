"""Live servers, through redis-py: it reads the URL, connects, and gives the password.

What comes after is plain RESP on its socket, since redis-py's own replies have lost what they were
on the wire: which kind of text, which kind of number.

    redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]    rediss:// over TLS    unix://PATH[?db=N]
"""

from __future__ import annotations

from redtool.errors import RedtoolError, StoreError, UsageError
from redtool.resp import Reply, read_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SCHEMES = ("redis", "rediss", "unix")
CONNECT_TIMEOUT_S = 10


class ConnectionLostError(StoreError):
    """The connection ended, or what came over it was no reply. The next connect may do better."""


def is_live(url: str) -> bool:
    """Whether a name is that of a server which can be connected to."""
    return url.partition("://")[0] in SCHEMES and "://" in url


class Connection:
    """One connection to one server."""

    def __init__(self, url: str, *, db: int | None = None, resp3: bool = False) -> None:
        self._connection = _unconnected(url, db=db, resp3=resp3)
        self.db = int(self._connection.db)
        self.name = _name(self._connection)
        self._connect()

    def _connect(self) -> None:
        from redis import AuthenticationError, RedisError

        try:
            self._connection.connect()
        except AuthenticationError as error:
            hint = "the password goes into the URL: redis://USER:PASSWORD@HOST"
            raise ConnectionLostError(str(error), path=self.name, hint=hint) from None
        except (RedisError, OSError) as error:
            raise ConnectionLostError(f"cannot connect: {_why(error)}", path=self.name) from None
        self._stream = self._connection._sock.makefile("rb")

    def send(self, words: Sequence[bytes]) -> None:
        """Sends a command."""
        from redis import RedisError

        try:
            self._connection.send_command(*words, check_health=False)
        except (RedisError, OSError) as error:
            raise self._lost(_why(error)) from None

    def receive(self) -> Reply:
        """Waits for the next reply."""
        try:
            return read_reply(self._stream)
        except EOFError:
            raise self._lost("the server closed the connection") from None
        except OSError as error:
            raise self._lost(_why(error)) from None
        except (ValueError, RecursionError) as error:
            raise self._lost(f"the server's reply makes no sense: {error}") from None

    def close(self) -> None:
        """Ends the connection. Closing twice is fine."""
        stream = getattr(self, "_stream", None)
        if stream is not None:
            stream.close()
        self._connection.disconnect()

    def _lost(self, what: str) -> RedtoolError:
        self.close()
        return ConnectionLostError(what, path=self.name)


def _unconnected(url: str, *, db: int | None, resp3: bool) -> Any:
    """redis-py's connection for a URL; a database that is given goes before that in the URL."""
    from redis import ConnectionPool

    # Without a timeout: a command may block for as long as it likes.
    defaults = {"socket_timeout": None, "socket_connect_timeout": CONNECT_TIMEOUT_S}
    try:
        pool = ConnectionPool.from_url(url, protocol=3 if resp3 else 2, **defaults)
        if db is not None:
            pool.connection_kwargs["db"] = db
        return pool.make_connection()
    except (ValueError, TypeError) as error:
        hint = "write redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix://PATH"
        raise UsageError(f"not the URL of a server: {error}", hint=hint) from None


def _why(error: Exception) -> str:
    """What the system said, where redis-py wrapped it in words of its own."""
    for cause in (error, error.__context__):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error)


def _name(connection: Any) -> str:
    """The server, without what else is in its URL: that may be a password."""
    path = getattr(connection, "path", None)
    return str(path) if path else f"{connection.host}:{connection.port}"
