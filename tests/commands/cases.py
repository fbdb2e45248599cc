"""The cases: text files, one for a group, that anybody can read aloud to redis-cli.

# Lists.                          a remark
$ten = 1 2 3 4 5 6 7 8 9 10       `$ten` below stands for this
[lpush]                           cases of the row LPUSH follow
LPUSH k a ; LRANGE k 0 -1         commands of one sequence, parted by " ; " or by a new line
DEL k
                                  an empty line ends a sequence: the next one starts from nothing
RPUSH k {x*9000} {0..512}         a long word; all these numbers
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
REPEATED = re.compile(r"\{(.)\*(\d+)\}")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
NAME = re.compile(r"\$(\w+) = (.*)")


@dataclass
class Case:
    """One sequence about one row; `line` is where it starts in its file."""

    group: str
    row: str
    line: int
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The sequence."""
        return " ; ".join(self.parts)

    def __str__(self) -> str:
        return f"{self.row} {self.group}.txt:{self.line}"


def expanded(line: str, names: dict[str, str]) -> str:
    """A line with what its short forms stand for."""
    for name, text in names.items():
        line = line.replace(f"${name}", text)
    line = REPEATED.sub(lambda found: found[1] * int(found[2]), line)
    return RANGE.sub(
        lambda found: " ".join(map(str, range(int(found[1]), int(found[2]) + 1))), line
    )


def cases_of(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    names: dict[str, str] = {}
    row, case = "", None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("["):
            row, case = line.strip("[]"), None
        elif named := NAME.fullmatch(line):
            names[named[1]] = expanded(named[2], names)
        elif not line.strip():
            case = None
        elif not line.startswith("#"):
            if case is None:
                case = Case(path.stem, row, number)
                yield case
            case.parts.append(expanded(line.strip(), names))


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in [*cases_of(path)]]
