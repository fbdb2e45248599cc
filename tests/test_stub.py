"""The typed stub is the native module's contract: the same names, the same parameters."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest

from tests.conftest import ROOT

STUB = ast.parse((ROOT / "toolkit" / "redtool" / "_native.pyi").read_text())
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
METHODS = {
    (name, node.name): node
    for name, stub in CLASSES.items()
    for node in stub.body
    if isinstance(node, ast.FunctionDef)
}


@pytest.fixture
def module(native: None) -> Any:
    from redtool import _native

    return _native


def parameters(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in node.args.args if argument.arg != "self"]


def native_parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def test_the_module_has_what_the_stub_promises_and_no_more(module: Any) -> None:
    public = {name for name in dir(module) if not name.startswith("_")}
    assert public == set(FUNCTIONS) | set(CLASSES)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_what_the_stub_says(name: str, module: Any) -> None:
    assert native_parameters(getattr(module, name)) == parameters(FUNCTIONS[name])


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_methods_of_the_stub(name: str, module: Any) -> None:
    public = {method for method in dir(getattr(module, name)) if not method.startswith("_")}
    assert public == {method for owner, method in METHODS if owner == name} - {"__init__"}


@pytest.mark.parametrize("place", METHODS, ids=".".join)
def test_a_method_takes_what_the_stub_says(place: tuple[str, str], module: Any) -> None:
    owner, name = place
    function = (
        getattr(module, owner) if name == "__init__" else getattr(getattr(module, owner), name)
    )
    assert native_parameters(function) == parameters(METHODS[place])


@pytest.mark.parametrize(
    "node", [*FUNCTIONS.values(), *METHODS.values()], ids=lambda node: node.name
)
def test_each_promise_is_documented(node: ast.FunctionDef) -> None:
    assert ast.get_docstring(node)
