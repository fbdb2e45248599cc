"""What is written about redtool is true: README, help and exports name the same things."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import redtool
from redtool.cli.table import MODULES, NAMES, verb_named
from redtool.filters import TYPES
from redtool.urls import SCHEMES
from tests.conftest import ROOT, Runner

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_each_verb(name: str) -> None:
    assert re.search(rf"^redtool {name} ", README, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_a_verb_is_named_as_the_list_names_it(name: str) -> None:
    assert verb_named(name).name == name
    assert MODULES[name] == f"redtool.cli.{name.replace('import', 'import_')}"


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_summary_options_and_exit_statuses(name: str, run: Runner) -> None:
    shown = run(name, "--help")
    verb = verb_named(name)
    text = " ".join(shown.out.split())
    assert (shown.status, shown.err) == (0, "")
    assert verb.summary.partition(":")[0] in text
    assert "Exit status:" in text
    for status in verb.statuses:
        assert status in text
    for option in verb.options:
        assert set(option.flags) <= set(re.findall(r"(?<!\S)--?[\w-]+", shown.out))


def test_options_are_told_apart() -> None:
    for name in NAMES:
        verb = verb_named(name)
        flags = [flag for option in verb.options for flag in option.flags]
        names = [a.name for a in verb.arguments] + [o.name for o in verb.options]
        assert len(flags) == len(set(flags)), name
        assert len(names) == len(set(names)), name


def test_the_top_help_lists_every_verb(run: Runner) -> None:
    shown = run("--help")
    assert shown.status == 0
    for name in NAMES:
        assert re.search(rf"^│ {name} +\S", shown.out, re.MULTILINE)


def test_exports_are_what_all_says() -> None:
    assert list(redtool.__all__) == sorted(redtool.__all__)
    assert set(redtool._HOME_OF) | {"__version__"} == set(redtool.__all__)


def test_exports_are_the_same_for_a_type_checker() -> None:
    tree = ast.parse(Path(redtool.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    names = {
        (node.module, alias.name)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert names == {(home, name) for name, home in redtool._HOME_OF.items()}


@pytest.mark.parametrize("name", redtool.__all__)
def test_each_export_can_be_had_and_is_documented(name: str, native: None) -> None:
    value = getattr(redtool, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        redtool.nonsense  # noqa: B018


def test_the_readme_names_every_scheme_and_type_that_works() -> None:
    for scheme in SCHEMES:
        if scheme.reads and scheme.endings:
            assert f"`{scheme.endings[0]}`" in README or f"x{scheme.endings[0]}" in README
    for kind in TYPES:
        assert kind in README


def test_the_version_is_the_same_everywhere(native: None) -> None:
    cargo = (ROOT / "server" / "Cargo.toml").read_text()
    assert f'version = "{redtool.__version__}"' in cargo
    assert f"## {redtool.__version__} " in (ROOT / "CHANGELOG.md").read_text()
