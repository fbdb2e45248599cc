"""serve: a Redis-compatible server over a dataset, in this process.

Closed by default: it listens on loopback. Beyond that it has no password to ask for yet, so the
caller has to say `insecure`.
"""

from __future__ import annotations

import os

from redtool import _native
from redtool.dataset import Dataset
from redtool.errors import RedtoolError, StoreError, UsageError
from redtool.urls import source_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Self

BACKENDS = ("memory", "lmdb", "leveldb")
LOOPBACK = ("localhost", "::1", "[::1]")


class ServedDataset:
    """A dataset and the server over it. As a context manager it serves from a thread of its own."""

    def __init__(self, dataset: Dataset, options: dict[str, Any], plan: Plan) -> None:
        self.dataset = dataset
        self.plan = plan
        try:
            self.native = _native.Server(dataset.native, options)
        except RedtoolError:
            raise
        except OSError as error:
            wanted = ", ".join(options["bind"]) + f" port {options['port']}"
            raise StoreError(
                f"cannot listen on {wanted}: {error.strerror or error}",
                hint="choose another --port (0 is any free one) or --bind",
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def addresses(self) -> list[str]:
        """Where it listens: `127.0.0.1:6379`, `/run/redtool.sock`."""
        return self.native.addresses()

    @property
    def address(self) -> str:
        """The first address."""
        return self.addresses[0]

    @property
    def host(self) -> str:
        """The host of the first address."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the first address."""
        return int(self.address.rpartition(":")[2])

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serves in this thread until `stop` (or a signal, when asked for)."""
        self.native.run(on_ready)

    def start(self) -> None:
        """Serves in a thread; returns when connections are accepted."""
        import threading

        ready = threading.Event()
        self._thread = threading.Thread(target=self.run, args=(ready.set,), daemon=True)
        self._thread.start()
        while not ready.wait(0.05) and self._thread.is_alive():
            pass

    def stop(self) -> None:
        """Ends the server and closes the dataset."""
        self.native.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.dataset.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def serve(
    url: str | os.PathLike[str] | None = None,
    *,
    readonly: bool = False,
    backend: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    rdb: str | os.PathLike[str] | None = None,
    flushall: bool = False,
    tuning: Mapping[str, str] | None = None,
    port: int = 6379,
    bind: Sequence[str] = ("127.0.0.1",),
    unixsocket: str | None = None,
    threads: int = 0,
    databases: int = 16,
    clock: str | int = "now",
    insecure: bool = False,
    maxclients: int = 10_000,
    timeout_s: int = 0,
    cluster_enabled: bool = False,
    signals: bool = False,
) -> ServedDataset:
    """A server over a dataset.

        with redtool.serve("dump.lmdb", port=0) as server:
            client = redis.Redis(port=server.port)

    Without `with`, call `run`. `signals` lets SIGINT and SIGTERM end it. See `Plan` for what is
    written, and where. `tuning` holds options of the store and parameters of CONFIG SET.
    """
    refuse_open_doors(bind, port, insecure=insecure)
    options = {
        "bind": [host.strip("[]") for host in bind],
        "port": port,
        "unixsocket": unixsocket,
        "threads": threads,
        "insecure": insecure,
        "maxclients": maxclients,
        "timeout_s": timeout_s,
        "cluster_enabled": cluster_enabled,
        "signals": signals,
    }
    plan = Plan.make(url, readonly=readonly, backend=backend, dir=dir, rdb=rdb, flushall=flushall)
    dataset = plan.open(clock=clock, databases=databases, tuning=tuning)
    return ServedDataset(dataset, options, plan)


class Plan:
    """What a server serves, from where, and how writes are kept.

    | asked for | served | writes |
    |---|---|---|
    | a store (LMDB, LevelDB) | the store | kept in it, once a second |
    | `memory:NAME`, or nothing | memory | lost at the end |
    | anything else | a view of it | refused |
    | anything, `backend="memory"` | a copy in memory | lost at the end |
    | nothing, `dir` | `dump.rdb` in `dir`, in memory | saved there when told to and at the end |
    | `backend="lmdb"` or `"leveldb"` | `dump.lmdb` or `dump.leveldb` in `dir` | kept in it |
    """

    __slots__ = ("copy", "flushall", "saved_as", "seed", "url", "writable")

    def __init__(
        self,
        url: str,
        *,
        writable: bool,
        copy: bool,
        seed: str | None = None,
        saved_as: str | None = None,
        flushall: bool = False,
    ) -> None:
        self.url = url
        self.writable = writable
        self.copy = copy
        self.seed = seed
        self.saved_as = saved_as
        self.flushall = flushall

    @classmethod
    def make(
        cls,
        url: str | os.PathLike[str] | None,
        *,
        readonly: bool,
        backend: str | None,
        dir: str | os.PathLike[str] | None,
        rdb: str | os.PathLike[str] | None,
        flushall: bool,
    ) -> Self:
        """Reads the wishes; contradictory ones are refused."""
        if url is not None and rdb is not None:
            raise UsageError("a dataset and --rdb are both named", hint="--rdb seeds a new one")
        if backend not in (None, *BACKENDS):
            raise UsageError(f"no backend {backend!r}", hint=f"one of {', '.join(BACKENDS)}")
        if readonly and flushall:
            raise UsageError("--flushall of a dataset that is served --readonly")
        named = url if url is not None else rdb
        source = os.fspath(named) if named is not None else None
        if backend in ("lmdb", "leveldb"):
            place = os.path.join(os.fspath(dir or "."), f"dump.{backend}")
            refuse_two(place, source, flushall=flushall)
            return cls(
                place,
                writable=not readonly,
                copy=False,
                seed=source or "memory:",
                flushall=flushall,
            )
        if dir is not None and (source is None or backend == "memory" or rdb is not None):
            return cls.saved(dir, source, writable=not readonly, flushall=flushall)
        if dir is not None:
            raise UsageError(f"{source} is served where it is, not in --dir {os.fspath(dir)}")
        scheme = source_url(source or "memory:")[0]
        is_own = scheme in ("lmdb", "leveldb", "memory") and backend is None and rdb is None
        writable = not readonly and (is_own or backend == "memory" or rdb is not None)
        if flushall and not writable:
            raise UsageError(f"{source} cannot be written", hint="--backend memory serves a copy")
        copy = writable and not is_own and source is not None
        # A copy of a dump begins with the dump alone.
        flushes = flushall and rdb is None
        return cls(source or "memory:", writable=writable, copy=copy, flushall=flushes)

    @classmethod
    def saved(
        cls,
        dir: str | os.PathLike[str],
        source: str | None,
        *,
        writable: bool,
        flushall: bool,
    ) -> Self:
        """A dataset in memory that is saved as the `dump.rdb` of a folder, and begins with it."""
        folder = os.path.abspath(dir)
        if not os.path.isdir(folder):
            raise UsageError(f"{os.fspath(dir)}: no such directory", hint="make it, for --dir")
        place = os.path.join(folder, "dump.rdb")
        refuse_two(place, source, flushall=flushall)
        if source is None and os.path.exists(place) and not flushall:
            source = place
        copy = writable and source is not None
        saved_as = place if writable else None
        return cls(source or "memory:", writable=writable, copy=copy, saved_as=saved_as)

    def open(
        self, *, clock: str | int, databases: int, tuning: Mapping[str, str] | None
    ) -> Dataset:
        """Opens the dataset, made first when it is to be and is not there."""
        if self.seed is not None and (self.flushall or not os.path.exists(self.url)):
            from redtool.verbs.move import convert

            convert(self.seed, self.url, force=self.flushall)
        tuned = dict(tuning or {})
        parameters = {name: tuned.pop(name) for name in list(tuned) if is_parameter(name)}
        dataset = Dataset(
            self.url,
            clock=clock,
            databases=databases,
            tuning=tuned,
            writable=self.writable,
            copy=self.copy,
            saved_as=self.saved_as,
        )
        if self.flushall and self.seed is None:
            dataset.execute("FLUSHALL")
        if parameters:
            words = [word for pair in parameters.items() for word in pair]
            dataset.execute("CONFIG", "SET", *words)
        return dataset

    def describe(self) -> str:
        """What is served and how writes are kept, in a sentence for the one who starts it."""
        if not self.writable:
            return f"{self.url} read-only"
        if self.saved_as is not None:
            where = f"{self.saved_as} (at intervals, SAVE, BGSAVE and the end)"
            if self.url in ("memory:", self.saved_as):
                return f"a dataset in memory, saved as {where}"
            return f"a copy of {self.url} in memory, saved as {where}"
        if self.copy:
            return f"a copy of {self.url} in memory (writes are lost at the end)"
        if self.url.startswith("memory:"):
            return "a dataset in memory (writes are lost at the end)"
        return f"{self.url} (writes are kept in it once a second)"


def is_parameter(name: str) -> bool:
    """Whether an option is one of CONFIG; those of stores have no dashes in their names."""
    return "-" in name or name == "maxmemory"


def refuse_two(place: str, source: str | None, *, flushall: bool) -> None:
    """What is there already would be neither served nor kept."""
    if source is not None and os.path.exists(place) and not flushall:
        raise UsageError(
            f"{place} is there already, and would not be {source}",
            hint="serve it by its name, or start anew with --flushall",
        )


def refuse_open_doors(bind: Sequence[str], port: int, *, insecure: bool) -> None:
    """Beyond loopback anyone could read the data."""
    beyond = [host for host in bind if not _is_loopback(host)]
    if beyond and port >= 0 and not insecure:
        raise UsageError(
            f"{beyond[0]} is not loopback, and anyone who reaches it could read everything",
            hint="bind to 127.0.0.1, or say --insecure if the network is trusted",
        )


def _is_loopback(host: str) -> bool:
    """127.0.0.0/8 and ::1, by number; a name other than localhost could point anywhere."""
    host = host.removeprefix("-")
    return host in LOOPBACK or (host.startswith("127.") and host.replace(".", "").isdigit())
