"""redis-server as the bench's peer: started on a free loopback port, asked, stopped.

Only the process started here is ever stopped. No redis-py: a client library would add its own
start-up time to the numbers, and the loader needs a raw pipeline.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

REDIS_SERVER = "redis-server"


def installed(program: str) -> bool:
    """Whether a peer program can be run here."""
    return shutil.which(program) is not None


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def encode(*args: str | bytes | int) -> bytes:
    """One command as a RESP array of bulk strings."""
    data = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%b\r\n" % (len(d), d) for d in data)


def ask(port: int, *args: str | bytes | int, timeout_s: float = 600.0) -> bytes:
    """The first bytes of the reply to one command on a new connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
        link.sendall(encode(*args))
        reply = link.recv(65536)
    if not reply:
        raise ConnectionError(f"port {port} closed the connection without a reply")
    return reply


def timed(port: int, *args: str | bytes | int) -> tuple[float, bytes]:
    """Seconds one command took, connection included, and the first bytes of its reply."""
    started_s = time.perf_counter()
    reply = ask(port, *args)
    return time.perf_counter() - started_s, reply


def wait_reply(
    port: int, started_s: float, *args: str | bytes | int, limit_s: float = 600
) -> float:
    """Seconds from `started_s` to the first reply that is no error, polled tightly."""
    while time.perf_counter() - started_s < limit_s:
        try:
            if not ask(port, *args).startswith(b"-"):
                return time.perf_counter() - started_s
        except OSError:
            pass
        time.sleep(0.0002)
    raise TimeoutError(f"no reply from port {port} within {limit_s} s")


class Server:
    """A server process that speaks RESP on `port`; stopped when the block ends."""

    def __init__(self, args: list[str], port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self.started_s = time.perf_counter()
        with log.open("wb") as sink:
            self.process = subprocess.Popen(args, stdout=sink, stderr=subprocess.STDOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_ready(self, *args: str | bytes | int) -> float:
        """Seconds from the process' start to its first reply that is not an error."""
        return wait_reply(self.port, self.started_s, *(args or ("PING",)))

    def ask(self, *args: str | bytes | int) -> bytes:
        """The first bytes of the reply to one command."""
        return ask(self.port, *args)


def redis_server(folder: Path, *options: str, rdb: str = "dump.rdb") -> Server:
    """A redis-server on `folder`/`rdb` that saves only when told to."""
    port = free_port()
    args = [REDIS_SERVER, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    args += ["--dbfilename", rdb, "--save", "", "--appendonly", "no", "--daemonize", "no"]
    args += ["--enable-debug-command", "local", *options]
    return Server(args, port, folder / "redis-server.log")


def load_seconds(log: Path) -> float:
    """What redis-server itself logged as the time to load its dump."""
    mark = "DB loaded from disk: "
    for line in log.read_text(errors="replace").splitlines():
        if mark in line:
            return float(line.split(mark)[1].split()[0])
    raise ValueError(f"{log} has no line '{mark}'")


def drain(link: socket.socket, token: bytes, errors: list[bytes]) -> None:
    """Read replies until `token` comes back; keep the first error replies."""
    tail = b""
    while token not in tail:
        data = link.recv(1 << 20)
        if not data:
            errors.append(b"connection closed")
            return
        seen = tail[-len(token) :] + data
        at = seen.find(b"\r\n-")
        if at >= 0 and len(errors) < 5:
            errors.append(seen[at + 2 : at + 200])
        tail = seen


def pipeline(port: int, batches: Iterable[bytes]) -> None:
    """Send RESP batches as fast as the server takes them; an error reply is an error here."""
    token = b"bench-pipeline-end"
    errors: list[bytes] = []
    with socket.create_connection(("127.0.0.1", port)) as link:
        reader = threading.Thread(target=drain, args=(link, token, errors))
        reader.start()
        for batch in batches:
            link.sendall(batch)
        link.sendall(encode("ECHO", token))
        reader.join()
    if errors:
        raise RuntimeError(f"the server refused a command: {errors[0]!r}")
