"""The house keeps its shape: sizes, names, documented public names, one word per idea."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src" / "regulars").rglob("*.py"))
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "base", "misc", "manager", "managers", "service",
                "services", "handler", "handlers", "types"}
# Retired words of the glossary, as identifiers: the word to use instead. Connectors and compat speak their vendors' words.
RETIRED = {"provider_source": "source", "usr": "customer", "arm": "variant"}
# Retired words as names of classes, functions and modules: one word per idea, see docs/reference/glossary.md.
RETIRED_NAMES = {"user": "customer", "users": "customers", "provider": "source", "arm": "variant", "tag": "segment"}
OUTSIDE_WORDS = {"connectors", "compat", "testing"}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT / "src"))


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_module_is_one_idea_of_at_most_400_lines(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")

    assert lines <= 400, f"{_id(path)} has {lines} lines: split it by idea"


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = [
        f"{f.name}: {f.end_lineno - f.lineno + 1} lines"
        for f in _functions(ast.parse(path.read_text(encoding="utf-8")))
        if f.end_lineno is not None and _code_lines(f) > 40
    ]

    assert not long


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its signature and docstring: those may be as long as the reader needs."""
    body = function.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        body = body[1:]
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert path.stem not in BANNED_NAMES
    assert path.parent.name not in BANNED_NAMES


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_module_begins_with_its_idea_and_documents_its_public_names(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]

    assert ast.get_docstring(tree), f"{_id(path)} does not say its idea"
    assert [n.name for n in public if not ast.get_docstring(n)] == []


@pytest.mark.parametrize("path", [m for m in MODULES if not OUTSIDE_WORDS & set(m.parts)], ids=_id)
def test_retired_words_stay_retired(path: Path) -> None:
    words = set(re.findall(r"[a-z_]+", path.read_text(encoding="utf-8")))

    assert {old: new for old, new in RETIRED.items() if old in words} == {}


@pytest.mark.parametrize("path", [m for m in MODULES if not OUTSIDE_WORDS & set(m.parts)], ids=_id)
def test_a_class_is_called_by_the_word_of_the_glossary(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] + [path.stem]
    words = {word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z]+", name)}

    assert {old: new for old, new in RETIRED_NAMES.items() if old in words} == {}


def test_the_glossary_knows_the_words_that_are_retired() -> None:
    glossary = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")

    assert [new for new in RETIRED_NAMES.values() if f"**{new.removesuffix('s')}**" not in glossary] == []


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_nothing_is_left_for_later_or_swallowed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert not re.search(r"except( Exception| BaseException)?:\s*\n?\s*pass\b", text)
