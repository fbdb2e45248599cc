"""A process apart that opens damaged dumps, one a line, so that a crash or a hang is the dump's.

Run as `python judge.py DIRECTORY`: reads file names on stdin and answers a line of JSON on
stdout for each: {"verdict": "ok" | "refused", "why": …, "offset": …} for a plain walk, and the
same under "deep" and "import" for deep validation and an import into LMDB. Memory is limited, so
that a length field that is believed shows as a MemoryError or an abort.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import redtool

# More than Python, the core and a few map-sized buffers need; far less than a bad length asks for.
DATA_BYTES = 512 << 20


def refused(error: redtool.RedtoolError) -> dict[str, Any]:
    """A refusal as plain values."""
    return {"verdict": "refused", "why": str(error), "offset": error.offset, "db": error.db}


def walk(path: Path, deep: bool) -> dict[str, Any]:
    """What verify says."""
    try:
        result = redtool.verify(path, deep=deep)
    except redtool.RedtoolError as error:
        return refused(error)
    if result.ok:
        return {"verdict": "ok"}
    first = result.problems[0]
    return {"verdict": "refused", "why": first.what, "offset": first.offset, "db": first.db}


def take_in(path: Path, target: Path) -> dict[str, Any]:
    """What an import into LMDB says; a refused one must leave nothing."""
    try:
        redtool.import_(path, out=target)
        return {"verdict": "ok"}
    except redtool.RedtoolError as error:
        return refused(error) | {"left": target.exists()}
    finally:
        shutil.rmtree(target, ignore_errors=True)
        target.unlink(missing_ok=True)


def main() -> None:
    """Judge each file named on stdin."""
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    target = Path(sys.argv[1]) / "judged.lmdb"
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        verdict = walk(path, deep=False)
        verdict |= {"deep": walk(path, deep=True), "import": take_in(path, target)}
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
