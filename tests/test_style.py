"""The house style, held: headers, lengths, words that may not stay, formatters that are content.

Exceptions are named below, each with the size it has; a size may shrink and not grow.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("toolkit", "server", "tests", "demo", "bench")
BUILT = {"target", ".venv", "__pycache__", "data"}
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".pyi", ".rs") and not BUILT & set(path.relative_to(ROOT).parts)
)

COLUMNS = 100
FUNCTION_LINES = 70
FILE_LINES = 500
# File: its lines.
LONG_FILES: dict[str, int] = {}
# File and function: its lines. Tables and flat matches only.
LONG_FUNCTIONS: dict[str, int] = {}

BANNED = {
    "TO" + "DO": "write it, or a test that is expected to fail",
    "FIX" + "ME": "fix it",
    "XX" + "X": "say what is wrong",
    "todo" + "!(": "write it",
    "unimplemented" + "!(": "write it",
    "dbg" + "!(": "take it out",
    "breakpoint" + "(": "take it out",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function's name and how many lines it has."""
    if path.suffix == ".rs":
        yield from rust_functions(path.read_text().splitlines())
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def rust_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """rustfmt closes a function with a brace at the indentation that its first line has."""
    start = re.compile(r"^(\s*)(?:pub(?:\([a-z]+\))? |const |unsafe |extern \"C\" )*fn (\w+)")
    for place, line in enumerate(lines):
        found = start.match(line)
        if found is None or line.rstrip().endswith(("}", ";")):
            continue
        end = found.group(1) + "}"
        for length, other in enumerate(lines[place:], 1):
            if other.rstrip() == end:
                yield found.group(2), length
                break
            if length > 1 and other.startswith(found.group(1) + ")") and other.endswith(";"):
                break


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_tidy(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    faults = [f"line {n} has {len(x)} columns" for n, x in enumerate(lines, 1) if len(x) > COLUMNS]
    faults += [
        f"line {n} says {word}: {remedy}"
        for n, line in enumerate(lines, 1)
        for word, remedy in BANNED.items()
        if re.search(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", line)
    ]
    if not has_header(path, text):
        faults.append("it has no header that says what it is")
    if len(lines) > LONG_FILES.get(name_of(path), FILE_LINES):
        faults.append(f"it has {len(lines)} lines")
    faults += [
        f"{name} has {length} lines"
        for name, length in functions(path)
        if length > LONG_FUNCTIONS.get(f"{name_of(path)}:{name}", FUNCTION_LINES)
    ]
    assert not faults


def has_header(path: Path, text: str) -> bool:
    if path.suffix == ".rs":
        return text.startswith("//!")
    return not text.strip() or ast.get_docstring(ast.parse(text)) is not None


def test_the_exceptions_are_still_needed() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    for name, allowed in LONG_FILES.items():
        assert FILE_LINES < lengths[name] <= allowed, name
    by_function = {f"{name_of(p)}:{n}": length for p in SOURCES for n, length in functions(p)}
    for name in LONG_FUNCTIONS:
        assert by_function[name] > FUNCTION_LINES, name


@pytest.mark.parametrize(
    "words",
    [
        ["ruff", "check", "--quiet", "toolkit", "tests", "demo", "bench"],
        ["ruff", "format", "--check", "--quiet", "toolkit", "tests", "demo", "bench"],
        ["mypy"],
    ],
    ids=" ".join,
)
def test_the_tools_are_content(words: list[str]) -> None:
    if shutil.which(words[0], path=str(Path(sys.executable).parent)) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
