"""What the tests share: the project's folders, a runner of command lines, and small dumps."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
MIXED = FIXTURES / "mixed_v10.rdb"


@dataclass(frozen=True)
class Ran:
    """How a command line ended."""

    status: int
    out: str
    err: str


Runner = Callable[..., Ran]


@pytest.fixture(scope="session")
def native() -> None:
    """Skips where the native module has not been built."""
    if importlib.util.find_spec("redtool._native") is None:
        pytest.skip("the native module is not built")


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs `redtool WORDS…` in a folder of its own, with no terminal and no colour."""

    def runner(*words: str, stdin: bytes = b"", **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "redtool", *words],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", **env},
        )
        return Ran(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))

    return runner


@pytest.fixture
def dump(tmp_path: Path, native: None) -> Path:
    """A dump of every type, as `dump.rdb` in the folder that `run` runs in."""
    return Path(shutil.copy(MIXED, tmp_path / "dump.rdb"))
