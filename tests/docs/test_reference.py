"""The reference says what the code says, to the letter."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.pages())


def test_the_committed_reference_is_what_the_code_says(pages: Mapping[str, str]) -> None:
    changed = [
        line for name, text in pages.items()
        for line in difflib.unified_diff(_kept(name).splitlines(), text.splitlines(), name, "what the code says", n=1, lineterm="")
    ]

    assert not changed, "\n".join(["type: python docs/generate.py", *changed])


def _kept(name: str) -> str:
    page = DOCS / "reference" / name
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def test_every_table_and_function_is_described(pages: Mapping[str, str]) -> None:
    assert "tax_within(total" in pages["formulas.md"]
    assert "## identity_map" in pages["book.md"]
    assert "## events" in pages["lake.md"]
    assert "`lease-held`" in pages["errors.md"]
