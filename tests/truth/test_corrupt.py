"""A damaged dump is loaded or refused as a real server would, with the place, never with a crash.

The damaged dumps and the oracle's words come from `fixtures/corrupt.jsonl.gz`. Each is opened in a
process apart with little memory (`judge.py`); a hang is cut off, a crash names its file.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .fixtures import FIXTURES, damaged

# Far above what any of them needs, so that only a hang comes to it.
HANG_S = 30
DUMPS = [row for row in damaged() if row["file"].endswith(".rdb")]
KINDS = sorted({(row["file"].split("/")[0], row["kind"]) for row in DUMPS})

Verdict = dict[str, Any]


class Judge:
    """The process apart; started again when a dump has killed it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """The running process."""
        if self.process is None:
            args = [sys.executable, str(Path(__file__).with_name("judge.py")), str(self.folder)]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(args, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        return self.process

    def stop(self) -> str:
        """End the process; what it said on stderr."""
        if self.process is None:
            return ""
        self.process.kill()
        _, words = self.process.communicate()
        self.process = None
        return words

    def judge(self, data: bytes) -> Verdict:
        """The verdict on a dump; crashes and hangs are verdicts too."""
        path = self.folder / "damaged.rdb"
        path.write_bytes(data)
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            if not waiting.select(HANG_S):
                self.stop()
                return {"verdict": "hung"}
        answer = process.stdout.readline()
        if not answer:
            return {"verdict": "crashed", "why": self.stop()[-500:]}
        return json.loads(answer)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """One judge for all dumps of this file."""
    made = Judge(tmp_path_factory.mktemp("judge"))
    yield made
    made.stop()


def complaint(row: dict[str, Any], verdict: Verdict) -> str | None:
    """What is wrong with a verdict, or None."""
    oracle = row["oracle"]["redis-unstable"]["load"]
    word = verdict["verdict"]
    if word not in ("ok", "refused"):
        return f"{word}: {verdict.get('why')}"
    if oracle not in ("crashed", word):
        return f"{word} where a server says {oracle}: {verdict.get('why')}"
    for part in (verdict, verdict["deep"], verdict["import"]):
        if part["verdict"] == "refused" and part["offset"] is None:
            return f"refused without an offset: {part['why']}"
    return depth_complaint(verdict)


def depth_complaint(verdict: Verdict) -> str | None:
    """Deep validation refuses what a plain walk refuses; a refused import leaves nothing."""
    if verdict["verdict"] == "refused" and verdict["deep"]["verdict"] == "ok":
        return f"refused, but passed by deep validation: {verdict['why']}"
    if verdict["import"].get("left"):
        return "the refused import left a target"
    return None


@pytest.mark.parametrize(("folder", "kind"), KINDS)
def test_damage_is_judged_as_a_server_judges_it(folder: str, kind: str, judge: Judge) -> None:
    complaints = {}
    for row in DUMPS:
        if row["file"].startswith(f"{folder}/") and row["kind"] == kind:
            said = complaint(row, judge.judge(row["bytes"]))
            if said:
                complaints[row["file"]] = (said, row["detail"], row["oracle"]["redis-unstable"])
    assert not complaints, "\n".join(f"{name}: {said}" for name, said in complaints.items())


@pytest.mark.parametrize("name", ["redis-7.0.15/tiny", "redis-7.4.1/tiny", "redis-2.4.18/tiny"])
def test_a_dump_cut_at_any_byte_is_refused_with_the_place(name: str, judge: Judge) -> None:
    whole = (FIXTURES / f"{name}.rdb").read_bytes()
    for kept in range(len(whole)):
        verdict = judge.judge(whole[:kept])
        assert verdict["verdict"] == "refused", f"cut at {kept}: {verdict}"
        assert 0 <= verdict["offset"] <= kept, f"cut at {kept}: {verdict}"
        assert verdict["import"]["verdict"] == "refused"


@pytest.mark.parametrize("row", DUMPS[::60], ids=lambda row: str(row["file"]))
def test_the_command_line_says_it_in_one_line(row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "damaged.rdb"
    path.write_bytes(row["bytes"])
    args = [sys.executable, "-m", "redtool", "verify", str(path), "--quiet"]
    made = subprocess.run(args, capture_output=True, text=True, timeout=HANG_S, check=False)
    refused = row["oracle"]["redis-unstable"]["load"] == "refused"
    assert made.returncode == (2 if refused else 0), made.stderr
    assert "Traceback" not in made.stderr
    assert "panicked" not in made.stderr
    if refused:
        assert "at byte" in made.stderr + made.stdout
