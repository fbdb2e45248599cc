"""A process measured as its user runs it: wall time, exit status, peak anonymous memory.

Anonymous memory is what a process really takes: heap and stacks, not the file pages it maps,
which the kernel can drop at any time. It is `RssAnon` of /proc/<pid>/status, sampled while the
process and its children run; so this part of the bench is for Linux, and elsewhere the memory
reads 0.
"""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SAMPLE_INTERVAL_S = 0.01
MARK = b"RssAnon:"


class BenchError(Exception):
    """A measured program did not do its work, so there is nothing to measure."""


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process and its children now; 0 when it is gone."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/status").read_bytes().splitlines():
            if line.startswith(MARK):
                total = int(line.split()[1]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += anonymous_bytes(int(child))
    except OSError:
        pass
    return total


class Watch:
    """Samples a process' anonymous memory in a thread until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.sample, args=(pid,), daemon=True)
        self.thread.start()

    def sample(self, pid: int) -> None:
        """Keep the highest sample."""
        while not self.done.wait(SAMPLE_INTERVAL_S):
            self.peak_bytes = max(self.peak_bytes, anonymous_bytes(pid))

    def stop(self) -> int:
        """The peak."""
        self.done.set()
        self.thread.join()
        return self.peak_bytes


@dataclass(frozen=True)
class Run:
    """One run of a program."""

    seconds: float
    peak_bytes: int


def run(args: list[str], expect: int = 0) -> Run:
    """Run a program to its end; another exit status than `expect` is a BenchError."""
    started_s = time.perf_counter()
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    watch = Watch(process.pid)
    _, said = process.communicate()
    seconds = time.perf_counter() - started_s
    peak_bytes = watch.stop()
    if process.returncode != expect:
        words = said.decode(errors="replace").strip()[-2000:]
        raise BenchError(f"{' '.join(args)}: exit status {process.returncode}\n{words}")
    return Run(seconds, peak_bytes)


class Series:
    """Values of the same measurement, and the highest memory seen beside them."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.peak_bytes = 0

    def add(self, value: float, peak_bytes: int = 0) -> None:
        """One more run."""
        self.values.append(value)
        self.peak_bytes = max(self.peak_bytes, peak_bytes)

    def take(self, made: Run) -> None:
        """One more run of a program."""
        self.add(made.seconds, made.peak_bytes)

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.values)


def warm(path: Path) -> None:
    """Read a file (or a folder's files) so that its pages are in the page cache."""
    files = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    for file in files:
        with file.open("rb") as source:
            while source.read(1 << 22):
                pass
