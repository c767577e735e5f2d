"""What the documentation says is so: every command of the tutorial and the how-to pages is typed, in order."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from page import ROOT, blocks, carry_out, first_missing

DOCS = ROOT / "docs"
PAGES = sorted([*(DOCS / "tutorial").glob("*.md"), *(DOCS / "how-to").glob("*.md")])

PROGRAMS = ("curl", "openssl")
"""What pages type that a bare system may lack."""


def _id(path: Path) -> str:
    return str(path.relative_to(DOCS))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash: apt-get install bash")
@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_command_of_a_page_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lacks = [name for name in PROGRAMS if f"{name} " in text and shutil.which(name) is None]
    if lacks:
        pytest.skip(f"needs what the page uses: apt-get install {' '.join(lacks)}")

    assert carry_out(page, tmp_path) > 0


@pytest.mark.parametrize("page", sorted([*DOCS.rglob("*.md"), ROOT / "README.md"]), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent.name == "how-to"], ids=_id)
def test_a_how_to_is_short(page: Path) -> None:
    assert page.read_text(encoding="utf-8").count("\n") <= 150


def test_a_line_that_is_not_printed_is_found() -> None:
    printed = "Run 17: everything is done, 0.4 s.\nNext: regulars report\n"

    assert first_missing("Run …: everything is done, … s.\nNext:", printed) is None
    assert first_missing("Next:\nRun 17", printed) == "Run 17"
    assert first_missing("nothing is done", printed) == "nothing is done"


def test_a_file_is_told_from_a_command() -> None:
    found = blocks("Text\n```yaml title=events/order.yaml\nfrom: shop.orders\n```\n```bash exit=2\nregulars check\n```\n")

    assert [(b.language, b.words, b.line) for b in found] == [
        ("yaml", "title=events/order.yaml", 2), ("bash", "exit=2", 5)
    ]
