"""Chromium, driven; what a page said on its console and what axe finds on it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = (
    "there is no Chromium: sudo apt-get install chromium" if CHROMIUM is None
    else "there is no Playwright: scripts/setup dev" if importlib.util.find_spec("playwright") is None
    else ""
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where it is there

    with sync_playwright() as playwright:
        # As root there is no sandbox, and nothing is opened here but our own pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Give a page, and what it complains of: errors, and what its policy forbade."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options)
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url} failed"))
    yield page, complaints
    page.wait_for_load_state()               # who leaves a page that still comes makes its request fail
    context.close()


def violations(page: Page) -> list[str]:
    """Return what axe finds: rule, and where."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:240]}"
        for each in found["violations"] for node in each["nodes"][:3]
    ]
