"""Giants: one value of very many elements, or of very many bytes, through every verb.

The bench's own driver (`bench/giant_rows.py`) runs them, here with 200,000 elements and there with
ten million; it compares every answer of the server with what it must be. Memory is held by the
system: under RLIMIT_DATA a verb that kept the whole string in memory would fail.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.usefixtures("native"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux counts it"),
]

GIANTS = ROOT / "bench/giants.py"
ROWS = ROOT / "bench/giant_rows.py"
ELEMENTS = 200_000
KINDS = ["list", "set", "hash", "zset", "ttl_hash", "stream", "string", "packed_string"]
MEMORY_BYTES = 200_000_000
STRING_ELEMENTS = 10_000_000
"""Makes a string of 300 MB, of which LZF leaves 3.4 MB."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_gets_through_and_every_answer_is_right(kind: str, tmp_path: Path) -> None:
    line = [sys.executable, str(ROWS), str(ELEMENTS), kind, "--folder", str(tmp_path)]
    redtool = f"{sys.executable} -m redtool"
    done = subprocess.run(
        [*line, "--redtool", redtool], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{kind}, 200k: serve lmdb" in done.stdout


def limited(*words: str | Path) -> str:
    """What redtool prints with room for less than the string."""
    done = subprocess.run(
        [sys.executable, "-m", "redtool", *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES)),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_string_longer_than_the_memory_goes_through_every_verb(tmp_path: Path) -> None:
    dump, store, again = (tmp_path / name for name in ("string.rdb", "string.lmdb", "again.rdb"))
    maker = [sys.executable, str(GIANTS), "packed_string", str(STRING_ELEMENTS), str(dump)]
    subprocess.run(maker, check=True)
    limited("import", dump, "--out", store, "-q")
    limited("verify", store, "--deep", "-q")
    limited("dump", store, "-o", again, "-q")
    limited("diff", dump, store, "-q")
    limited("diff", store, again, "-q")
    length = int(limited("exec", store, "STRLEN", "giant"))
    assert length > MEMORY_BYTES
    assert limited("exec", store, "GETRANGE", "giant", str(length - 3), "-1") == "aaa\n"
    assert limited("exec", store, "BITCOUNT", "giant") == f"{3 * length}\n"
    assert again.stat().st_size < length // 50
