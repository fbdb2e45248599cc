"""The arrows of the house: cli → redtool → redtool._native, and each library behind one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "toolkit" / "redtool"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Library: the modules that may import it. Folders end in a slash.
DOORS = {
    "typer": ("cli/",),
    "rich": ("cli/view.py",),
    "redis": ("live.py",),
    "boto3": ("aws.py",),
    "botocore": ("aws.py",),
    "pyarrow": ("tables.py",),
    "prompt_toolkit": ("cli/shell/editor.py",),
}
# What a server has to have loaded before it answers: nothing here may import these at its top.
STARTUP = (
    "__init__.py",
    "dataset.py",
    "errors.py",
    "resp.py",
    "times.py",
    "urls.py",
    "verbs/calls.py",
    "verbs/serve.py",
    "cli/__init__.py",
    "cli/exec.py",
    "cli/failure.py",
    "cli/lean.py",
    "cli/printer.py",
    "cli/reply.py",
    "cli/rows.py",
    "cli/serve.py",
    "cli/shared.py",
    "cli/shell/__init__.py",
    "cli/table.py",
)
CHEAP = {"__future__", "importlib", "os", "sys", "time"}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imports(nodes: list[ast.stmt] | Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def everything_imported(module: Path) -> set[str]:
    return set(imports(ast.walk(ast.parse(module.read_text()))))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_each_library_is_behind_one_door(module: Path) -> None:
    for imported in everything_imported(module):
        doors = DOORS.get(imported.partition(".")[0])
        if doors is not None:
            assert name_of(module).startswith(doors), f"{imported} belongs in {', '.join(doors)}"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_nothing_points_back_at_the_command_line(module: Path) -> None:
    if name_of(module).startswith(("cli/", "__main__.py")):
        return
    back = {name for name in everything_imported(module) if name.startswith("redtool.cli")}
    assert not back, "only cli/ knows the command line"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_command_line_reaches_the_core_through_the_functions(module: Path) -> None:
    if name_of(module).startswith("cli/"):
        assert "redtool._native" not in everything_imported(module)


@pytest.mark.parametrize("name", STARTUP)
def test_what_runs_before_the_first_answer_imports_nothing_dear(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text())
    dear = {
        imported
        for imported in imports(tree.body)
        if imported.partition(".")[0] not in {*CHEAP, "redtool"}
    }
    assert not dear, "import it where it is used"


@pytest.mark.parametrize("name", STARTUP)
def test_what_runs_before_the_first_answer_imports_only_its_like(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("redtool."):
            home = (node.module or "").removeprefix("redtool.").replace(".", "/")
            assert f"{home}.py" in STARTUP or f"{home}/__init__.py" in STARTUP, node.module
