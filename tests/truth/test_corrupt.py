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

# Refusals that are about that server, not about the dump: its number of databases, its version,
# its modules, its Lua. Size hints (RESIZEDB) are not believed by redtool, so they cannot harm.
BEYOND_A_READER = (
    *("Failed loading library", "more than 16 databases", "Can't handle RDB format version"),
    *("no matching module", "Pre-release function format"),
)
# What the server loads and a strict reader refuses, as in server/format/tests/damaged.rs: an
# encoding byte where a length is expected; a version that is not all digits; LZF of nothing.
STRICTER = {
    *("v6/len-0244.rdb", "v11/len-0356.rdb", "v11/flip-0045.rdb"),
    *("v6/version-0338.rdb", "v6/version-0339.rdb", "v11/version-0482.rdb"),
    *("v11/version-0483.rdb", "v11/flip-0147.rdb", "v6/lzf-0455.rdb", "v11/lzf-0588.rdb"),
}

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


def excused(row: dict[str, Any]) -> bool:
    """Whether redtool is known to judge otherwise than the server, and rightly so."""
    why = row["oracle"]["redis-unstable"].get("why", "")
    detail = row["detail"].get("field", row["detail"].get("what", "")).upper()
    if any(words in why for words in BEYOND_A_READER):
        return True
    return detail.startswith(("RESIZEDB", "FUNCTION2")) or row["file"] in STRICTER


def complaint(row: dict[str, Any], verdict: Verdict) -> str | None:
    """What is wrong with a verdict, or None."""
    oracle = row["oracle"]["redis-unstable"]["load"]
    if verdict["verdict"] not in ("ok", "refused"):
        return f"{verdict['verdict']}: {verdict.get('why')}"
    # The oracle ran with sanitize-dump-payload, so what it refuses is for deep validation to find.
    # What it loads is imported; deep validation may know better (types that it converts on load).
    part = verdict["import"] if oracle == "ok" else verdict["deep"]
    if oracle != "crashed" and part["verdict"] != oracle and not excused(row):
        return f"{part['verdict']} where a server says {oracle}: {part.get('why')}"
    for part in (verdict, verdict["deep"], verdict["import"]):
        # What is no RDB at all (an AOF, another compression) has no offset to tell.
        no_rdb = "Wrong signature" in row["oracle"]["redis-unstable"].get("why", "")
        if part["verdict"] == "refused" and part["offset"] is None and not no_rdb:
            return f"refused without an offset: {part['why']}"
    return depth_complaint(verdict)


def depth_complaint(verdict: Verdict) -> str | None:
    """Import and deep validation refuse what a plain walk refuses; deep validation also what
    import refuses; a refused import leaves nothing."""
    for less, more in [("verdict", "import"), ("verdict", "deep"), ("import", "deep")]:
        part = verdict if less == "verdict" else verdict[less]
        if part["verdict"] == "refused" and verdict[more]["verdict"] == "ok":
            return f"refused, but passed by {more}: {part['why']}"
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
    args = [sys.executable, "-m", "redtool", "verify", "--deep", str(path), "--quiet"]
    made = subprocess.run(args, capture_output=True, text=True, timeout=HANG_S, check=False)
    refused = row["oracle"]["redis-unstable"]["load"] == "refused"
    assert made.returncode == (2 if refused else 0), made.stderr
    assert "Traceback" not in made.stderr
    assert "panicked" not in made.stderr
    if refused:
        assert "at byte" in made.stderr + made.stdout
