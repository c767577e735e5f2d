"""A source that suddenly lists far fewer customers is not believed, until a person says it is right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.runs.run import RunResult

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOML = '[business]\nname = "Desk"\ntimezone = "UTC"\n[stores]\nlanding = "file:./data/landing"\nlake = "file:./data/lake"\nbook = "sqlite:./data/book.db"\n'
SOURCE = """\
kind: files
folder: inbox
streams:
  members:
    files: "members-*.ndjson"
    mode: snapshot
    key: [id]
    fields: {id: {type: id, required: true}, email: text}
    profile: {id: id, email: email, exclusive: true}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    (tmp_path / "inbox").mkdir()
    (tmp_path / "regulars.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "sources" / "desk.yaml").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def day(desk: Path, number: int, members: int, *, allow_shrink: bool = False) -> tuple[RunResult, int]:
    """Deliver a list of that many members on a day, run, and return how many records there are."""
    at = FIRST + timedelta(days=number)
    rows = (json.dumps({"id": n, "email": f"member{n}@mail.example"}) for n in range(members))
    (desk / "inbox" / f"members-{at:%Y-%m-%d}.ndjson").write_text("\n".join(rows) + "\n", encoding="utf-8")
    workspace = open_workspace(desk, clock=FixedClock(at), environment={}, allow_shrink=allow_shrink)
    try:
        return run(workspace), workspace.lake.rows("records.desk.members")
    finally:
        workspace.close()


def test_a_list_that_lost_most_of_its_members_is_refused_and_nothing_is_lost(desk: Path) -> None:
    assert day(desk, 0, 200)[0].exit_code == 0

    result, kept = day(desk, 1, 80)

    assert result.exit_code == 1
    assert kept == 200
    failed = next(step for step in result.steps if step.outcome == "failed")
    assert failed.code == "guard"
    assert "from 200 to 80 rows" in failed.error
    assert "--allow-shrink" in failed.error


def test_a_person_who_says_it_is_right_is_believed_once(desk: Path) -> None:
    day(desk, 0, 200)

    result, kept = day(desk, 1, 80, allow_shrink=True)

    assert result.exit_code == 0
    assert kept == 80


def test_a_few_members_may_leave_every_day(desk: Path) -> None:
    day(desk, 0, 200)

    result, kept = day(desk, 1, 190)

    assert result.exit_code == 0
    assert kept == 190
