"""A real redis-server to hold redtool against, started on a loopback port of its own.

Tests that need it are skipped, by name, where redis-server is not installed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest
import redis

REDIS_SERVER = shutil.which("redis-server")
needs_redis_server = pytest.mark.skipif(
    REDIS_SERVER is None, reason="redis-server is not installed, nothing to compare with"
)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(client: redis.Redis, *command: Any) -> Any:
    """One command's reply, as plain as redis-py gives it."""
    execute: Any = client.execute_command
    return execute(*command, NEVER_DECODE=True)


class RedisServer:
    """A redis-server on a folder; it saves only when told to, and keeps no expiry cycle going."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        args = [str(REDIS_SERVER), "--port", str(self.port), "--bind", "127.0.0.1"]
        args += ["--dir", str(folder), "--save", "", "--appendonly", "no"]
        args += ["--enable-debug-command", "local", *options]
        with (folder / "redis-server.log").open("wb") as log:
            # SORT ALPHA goes by the locale; C is the one that everybody has.
            env = {**os.environ, "LC_ALL": "C"}
            self.process = subprocess.Popen(args, stdout=log, stderr=subprocess.STDOUT, env=env)
        self.client = redis.Redis(port=self.port, socket_timeout=60)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it answers; a server that died on the way is an error with its log."""
        for _ in range(1000):
            try:
                self.client.ping()
                return
            except redis.RedisError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        log = (self.folder / "redis-server.log").read_text(errors="replace")
        raise RuntimeError(f"redis-server did not come up:\n{log[-2000:]}")

    def run(self, *command: Any) -> Any:
        """One command's reply, as plain as redis-py gives it."""
        return run(self.client, *command)

    @property
    def version(self) -> tuple[int, ...]:
        """Its version as numbers."""
        info = self.client.info("server")
        return tuple(int(part) for part in info["redis_version"].split("."))

    def load(self, rdb: Path) -> None:
        """Replace all it holds with what a dump holds."""
        shutil.copy(rdb, self.folder / "dump.rdb")
        self.run("FUNCTION", "FLUSH")
        self.run("DEBUG", "RELOAD", "NOSAVE")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(30)
