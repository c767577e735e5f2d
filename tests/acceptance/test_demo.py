"""A stranger types one command and sees everything: the demo, in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

Told = dict[str, object]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    folder = tmp_path_factory.mktemp("demo") / "gym"
    command = [sys.executable, "-m", "regulars", "demo", str(folder), "--scale", "0.02", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return folder, json.loads(ended.stdout)


def test_both_days_are_done_and_every_number_is_told(demo: tuple[Path, Told]) -> None:
    _, told = demo

    assert [run["outcome"] for run in told["runs"]] == ["done", "done"]  # type: ignore[attr-defined]
    assert set(told["numbers"]) >= {"Customers", "Events", "Net revenue, 28 days"}  # type: ignore[arg-type]


def test_the_page_needs_nothing_from_elsewhere_and_no_script(demo: tuple[Path, Told]) -> None:
    folder, told = demo
    page = (folder / "report.html").read_text(encoding="utf-8")

    assert str(told["headline"]) in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!#)([^"]*)"', page) == []
    assert page.count("<figure>") >= 3


def test_the_commands_it_names_next_work(demo: tuple[Path, Told]) -> None:
    folder, told = demo
    project = str(folder / "project")
    segment = next(name for name, members in told["segments"].items() if members)  # type: ignore[attr-defined]

    members = _json("segment", segment, "--project", project)
    customer = members[0]["customer_id"]

    assert _json("customer", customer, "--project", project)["customer"]["customer_id"] == customer
    assert _json("explain", customer, segment, "--project", project, "--as-of", "2026-02-01T06:05")["is_in"] is True


def _json(*arguments: str):
    command = [sys.executable, "-m", "regulars", *arguments, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(ended.stdout)
