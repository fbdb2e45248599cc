"""Rounds until the count is reached; each difference with the least sequence that shows it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.differential.data import fill
from tests.differential.wire import Connection, Words

from .families import Round, names_of
from .judge import name_of
from .lines import line, shortened
from .lockstep import Difference, Lockstep
from .minimise import minimise
from .state import data_difference

ROUND = 1000
LARGEST_PAYLOAD = 1500
# Lines of a sequence that could not be made less.
SHOWN = 12
# What our side says of a command that is known and not there.
REFUSED = re.compile("redtool      -(READONLY|ERR .* is not supported by this server)")
Notice = Callable[[str], None]


@dataclass
class Plan:
    """What is to be run."""

    ports: tuple[int, int]
    families: list[str]
    count: int
    seed: int
    resp3: bool = False
    most: int = 5
    left_out: set[str] = field(default_factory=set)
    start: int = 0
    size: int = ROUND
    # Commands that are refused by our side are left out, with a word instead of a difference.
    skip_refused: bool = False


@dataclass
class Finding:
    """A difference and the least sequence found that shows it."""

    difference: Difference
    round: int
    commands: list[Words]

    def __str__(self) -> str:
        lines = [f"    {shortened(line(words))}" for words in self.commands]
        if len(lines) > SHOWN:
            lines[:-SHOWN] = [f"    … {len(lines) - SHOWN} more before: no less has shown it again"]
        shown = "\n".join(lines)
        what = self.difference.what.replace("\n", "\n  ")
        return f"{self.difference.name} (round {self.round}):\n  {what}\n{shown}"


def payloads_of(port: int) -> list[bytes]:
    """DUMP payloads of every kind, small ones mostly; the server is empty before and after."""
    link = Connection(port, resp3=False)
    link([b"FLUSHALL"])
    known = fill(link, 7)
    made = [link([b"DUMP", key]).value for key in known.all_keys]
    link([b"FLUSHALL"])
    link.close()
    return [each for each in made if len(each) <= LARGEST_PAYLOAD] + made[-1:]


def examine(plan: Plan, commands: list[Words]) -> Difference | None:
    """The first difference that a sequence makes on fresh data: in replies, then in the data."""
    steps = Lockstep(plan.ports, plan.resp3)
    try:
        found = steps.run(commands)
        if found is None:
            said = data_difference(steps)
            found = (said and Difference(len(commands) - 1, f"data, {subject(said)}", said)) or None
        return found
    except ConnectionError as error:
        return Difference(len(commands) - 1, "unanswered", str(error))
    finally:
        steps.close()


def subject(said: str) -> str:
    """What a difference in the data is about, without the key."""
    return said.partition("\n")[0].partition("[")[0].partition(": ")[2].strip() or "DIGEST"


def missing(plan: Plan) -> list[str]:
    """Commands that our side says it does not know, or cannot run at all."""
    link = Connection(plan.ports[1], resp3=False)
    found = []
    for name in names_of(plan.families):
        words = name.encode().split(b" ")
        reply = link([b"COMMAND", b"INFO", b"|".join(words)])
        if not reply.items or reply.items[0].kind == "null":
            found.append(name)
    link.close()
    return found


def round_of(plan: Plan, number: int, payloads: list[bytes]) -> list[Words]:
    """A round's commands."""
    salt = zlib.crc32(f"{plan.seed} {number}".encode())
    made = Round(Random(salt), plan.families, payloads)
    made.left_out = plan.left_out
    return list(made.commands(plan.size))


def reduce(plan: Plan, commands: list[Words], first: Difference) -> tuple[list[Words], Difference]:
    """The least sequence with a difference of the same name, and that difference."""
    last = first

    def fails(tried: list[Words]) -> bool:
        nonlocal last
        found = examine(plan, tried)
        if found is None or found.name != first.name:
            return False
        last = found
        return True

    shortest = commands[: first.at + 1]
    if not fails(shortest):
        return commands, first
    shortest = minimise(shortest, fails)
    fails(shortest)
    return shortest, last


def findings(plan: Plan, notice: Notice) -> Iterator[Finding]:
    """Run the plan. After a difference the command is left out, so that others are found."""
    for port in plan.ports:
        # Redis sees the end of a wait once a turn of its clock.
        Connection(port, resp3=False)([b"CONFIG", b"SET", b"hz", b"500"])
    payloads = payloads_of(plan.ports[0])
    sent, number = 0, plan.start
    seen: set[str] = set()
    while sent < plan.count and len(seen) < plan.most:
        commands = round_of(plan, number, payloads)
        difference = examine(plan, commands)
        if difference is None or difference.name in seen:
            sent += len(commands)
            number += 1
            if number % 50 == 0:
                notice(f"{sent} commands sent")
            continue
        if plan.skip_refused and REFUSED.search(difference.what):
            notice(f"refused, left out: {difference.name}")
            plan.left_out.add(difference.name)
            continue
        notice(f"round {number}: {difference.name} differs, looking for the least sequence")
        shortest, difference = reduce(plan, commands, difference)
        yield Finding(difference, number, shortest)
        if difference.name == "unanswered":
            return
        seen.add(difference.name)
        plan.left_out |= suspects(difference, shortest)


def suspects(difference: Difference, commands: list[Words]) -> set[str]:
    """What is left out from then on: the command; where the data differ, what was done last."""
    if difference.name == "EXEC":
        return {"EXEC", "transaction"}
    if difference.name.startswith("data, ") and commands:
        return {name_of(commands[-1])}
    return {difference.name}
