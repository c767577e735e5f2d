"""What a killed pull left behind never stands in the way of the next one, nor is it taken for something else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.pull import pull_stream
from regulars.pipeline.workspace import Workspace, open_workspace

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOML = """\
[business]
name = "Desk"
timezone = "UTC"
[stores]
landing = "file:./data/landing"
lake = "file:./data/lake"
book = "sqlite:./data/book.db"
"""
SOURCE = """\
kind: files
folder: inbox
streams:
  visits:
    files: "visits*.csv"
    key: [id]
    fields: {id: {type: id, required: true}, email: text}
    profile: {id: id, email: email}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for folder in ("sources", "inbox"):
        (tmp_path / folder).mkdir()
    (tmp_path / "regulars.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "sources" / "desk.yaml").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "inbox" / "visits.csv").write_text("id,email\n1,a@mail.example\n2\n", encoding="utf-8")
    return tmp_path


def killed_pull(desk: Path) -> None:
    """Stage the page and the ragged row of the file, and go no further."""
    workspace = opened(desk)
    source = workspace.source("desk")
    next(pull_stream(workspace, source, source.streams[0]))
    assert workspace.landing.staged("desk", "visits.rejects") is not None
    workspace.close()


def opened(desk: Path) -> Workspace:
    return open_workspace(desk, clock=FixedClock(NOW), environment={})


def test_rejects_of_a_killed_pull_do_not_stop_the_pull_of_the_repaired_file(desk: Path) -> None:
    killed_pull(desk)
    (desk / "inbox" / "visits.csv").write_text("id,email\n1,a@mail.example\n2,b@mail.example\n", encoding="utf-8")

    workspace = opened(desk)
    result = run(workspace)

    assert [step.error for step in result.steps if step.outcome != "done"] == []
    assert workspace.lake.rows("records.desk.visits") == 2
    assert workspace.landing.staged("desk", "visits.rejects") is None
    workspace.close()


def test_rejects_of_a_pull_done_again_are_quarantined_once(desk: Path) -> None:
    killed_pull(desk)

    workspace = opened(desk)
    assert run(workspace).exit_code == 0

    held = workspace.rows(workspace.table("quarantine").select("reason"))
    assert [row["reason"] for row in held] == ["ragged-row"]
    workspace.close()
