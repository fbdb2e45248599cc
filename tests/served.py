"""A redtool server that takes writes, started as a user starts it, on a loopback port."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

# What a dataset may be kept in while it is served.
BACKENDS = ["memory", "lmdb", "leveldb"]


class Served:
    """`redtool serve` of an empty dataset; what is written lives in memory or in a folder."""

    def __init__(self, folder: Path, backend: str = "memory", *options: str) -> None:
        words = [sys.executable, "-m", "redtool", "serve", "--port", "0", *options]
        words += ["--backend", backend, "--dir", str(folder)]
        self.backend = backend
        self.log = folder / "redtool.log"
        # Its words go to a file: a pipe that nobody reads would stop it.
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, cwd=folder, stderr=log, stdout=log)
        self.port = self.wait_ready()

    def wait_ready(self) -> int:
        """The port that it says it listens on; a server that ends instead is an error."""
        while True:
            said = self.log.read_text(errors="replace")
            found = re.search(r"127\.0\.0\.1:(\d+)", said)
            if found is not None:
                return int(found[1])
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"redtool serve did not come up:\n{said[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
