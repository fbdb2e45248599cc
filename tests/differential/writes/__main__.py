"""The comparison from the command line, for whoever builds a command.

Two servers are needed, each given up to FLUSHALL: a redis-server 7.0 (started with
`--enable-debug-command local`) and a redtool server.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .families import FAMILIES
from .lines import line, parsed
from .runner import Plan, examine, findings, missing


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.writes")
    parser.add_argument("--port-a", type=int, required=True, help="of redis-server 7.0")
    parser.add_argument("--port-b", type=int, required=True, help="of redtool")
    parser.add_argument("--commands", type=int, default=100_000, help="how many are sent")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument(
        "--families", default=",".join(FAMILIES), help="some of " + ", ".join(FAMILIES)
    )
    parser.add_argument("--without", default="", help="commands left out, as SPOP,OBJECT+ENCODING")
    parser.add_argument("--resp3", action="store_true", help="in RESP3")
    parser.add_argument("--most", type=int, default=5, help="stop after so many differences")
    parser.add_argument("--round", type=int, default=0, help="start with this round of the seed")
    parser.add_argument("--replay", type=Path, help="run the lines of this file instead")
    return parser.parse_args()


def replay(plan: Plan, path: Path) -> int:
    """One sequence from a file."""
    found = examine(plan, parsed(path.read_text()))
    print(f"{found.name}:\n{found.what}" if found else "the same")
    return found is not None


def main() -> int:
    """0 when nothing differs, 1 when something does."""
    asked = arguments()
    plan = Plan(
        ports=(asked.port_a, asked.port_b),
        families=[each for each in asked.families.split(",") if each],
        count=asked.commands,
        seed=asked.seed,
        resp3=asked.resp3,
        most=asked.most,
        start=asked.round,
        skip_refused=True,
        left_out={each.replace("+", " ") for each in asked.without.split(",") if each},
    )
    if asked.replay:
        return replay(plan, asked.replay)
    absent = missing(plan)
    if absent:
        print(f"not there, left out: {', '.join(absent)}")
        plan.left_out.update(absent)
    print(f"seed {plan.seed}, {plan.count} commands of {', '.join(plan.families)}")
    started, count = time.monotonic(), 0
    for finding in findings(plan, lambda text: print(text, file=sys.stderr)):
        count += 1
        print(f"\n{count}. {finding}")
        text = "\n".join(line(words) for words in finding.commands)
        kept = Path(tempfile.gettempdir()) / f"redtool-writes-{plan.seed}-{count}.txt"
        kept.write_text(text + "\n")
        print(f"  again: --replay {kept}{' --resp3' if plan.resp3 else ''}", flush=True)
    print(f"{count or 'no'} differences, {time.monotonic() - started:.0f} s")
    return count > 0


if __name__ == "__main__":
    sys.exit(main())
