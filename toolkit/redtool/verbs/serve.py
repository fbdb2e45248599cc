"""serve: a Redis-compatible server over a dataset, in this process.

Closed by default: it listens on loopback. Beyond that it has no password to ask for yet, so the
caller has to say `insecure`.
"""

from __future__ import annotations

from redtool import _native
from redtool.dataset import Dataset
from redtool.errors import RedtoolError, StoreError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence
    from typing import Any, Self

LOOPBACK = ("localhost", "::1", "[::1]")


class ServedDataset:
    """A dataset and the server over it. As a context manager it serves from a thread of its own."""

    def __init__(self, dataset: Dataset, options: dict[str, Any]) -> None:
        self.dataset = dataset
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
    url: str | os.PathLike[str],
    *,
    port: int = 6379,
    bind: Sequence[str] = ("127.0.0.1",),
    unixsocket: str | None = None,
    threads: int = 0,
    databases: int = 16,
    clock: str | int = "now",
    insecure: bool = False,
    maxclients: int = 10_000,
    timeout_s: int = 0,
    signals: bool = False,
) -> ServedDataset:
    """A server over a dataset, read-only.

        with redtool.serve("dump.lmdb", port=0) as server:
            client = redis.Redis(port=server.port)

    Without `with`, call `run`. `signals` lets SIGINT and SIGTERM end it.
    """
    refuse_open_doors(bind, port, insecure=insecure)
    options = {
        "bind": [host.strip("[]") for host in bind],
        "port": port,
        "unixsocket": unixsocket,
        "threads": threads,
        "readonly": True,
        "insecure": insecure,
        "maxclients": maxclients,
        "timeout_s": timeout_s,
        "signals": signals,
    }
    return ServedDataset(Dataset(url, clock=clock, databases=databases), options)


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
