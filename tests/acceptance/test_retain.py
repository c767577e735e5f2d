"""What came by a stream that is kept for a time is nowhere any more when it is over; all else is as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import rebuild, run
from regulars.pipeline.inspect import last_findings
from regulars.pipeline.retain import EARLY, expire, expired
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.studio import DAYS, deliver, evening, write_studio

KEPT = timedelta(days=20)
OVER = DAYS[0] + KEPT + timedelta(days=1)
FIRST = [f"v{day}-" for day in range(1, 6)]
"""How the visits begin that came on the first day and never again."""


def opened(folder: Path, day: date) -> Workspace:
    return open_workspace(folder, clock=FixedClock(evening(day)))


def studio(folder: Path, *, keep_for: str) -> Path:
    write_studio(folder)
    desk = folder / "sources/desk.yaml"
    visits = '    files: "visits*.csv"\n'
    desk.write_text(desk.read_text("utf-8").replace(visits, f"{visits}    keep_for: {keep_for}\n"), "utf-8")
    for day in DAYS:
        deliver(folder, day)
        workspace = opened(folder, day)
        assert run(workspace).outcome == "done"
        workspace.lake.snapshot(day)
        workspace.close()
    return folder


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = studio(tmp_path_factory.mktemp("studio") / "world", keep_for="20 days")
    workspace = opened(folder, OVER)
    assert run(workspace).outcome == "done"
    yield workspace
    workspace.close()


def rows(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    return workspace.rows(workspace.table(table))


def hashes(workspace: Workspace) -> dict[str, str]:
    return {name: workspace.lake.content_hash(name, leave_out=("recorded_at",)) for name in workspace.lake.tables()}


def texts(folder: Path) -> dict[str, str]:
    files = [path for path in (folder / "data").rglob("*") if path.is_file()]
    return {
        path.name: str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet"
        else path.read_bytes().decode("latin-1") for path in files
    }


def test_no_file_holds_what_was_kept_long_enough(over: Workspace) -> None:
    held = texts(over.project.config.folder)

    assert any("v7-" in text for text in held.values())
    assert {one: [name for name, text in held.items() if one in text] for one in FIRST} == {one: [] for one in FIRST}


def test_what_came_later_and_what_came_by_others_stays(over: Workspace) -> None:
    visits = Counter(row["visit_id"].split("-")[0] for row in rows(over, "records.desk.visits"))
    came = [row["occurred_at"].date() for row in rows(over, "events") if row["event_type"] == "visited"]

    assert sorted(visits) == sorted([*(f"v{day}" for day in range(6, 20)), "v"])
    assert min(came) >= date(2026, 1, 6)
    assert len(rows(over, "records.desk.members")) == 12
    assert len(rows(over, "records.till.orders")) == 14


def test_the_tables_are_those_that_a_rebuild_makes(over: Workspace) -> None:
    before = hashes(over)

    assert rebuild(over).outcome == "done"
    assert hashes(over) == before


def test_the_run_says_how_old_the_oldest_row_is_and_who_let_rows_go(over: Workspace) -> None:
    found = next(one for one in last_findings(over) if one.name == "retention")
    (line,) = [one for one in over.book.audit.lines(limit=99) if one.what == "retention.expire"]

    assert (found.status, found.where) == ("ok", "desk.visits")
    assert found.message == "kept for 20 days; the oldest row came on 2026-01-20"
    assert line.subject == "desk.visits before 2026-01-08: 20 rows"


def test_nothing_goes_before_its_time(tmp_path: Path) -> None:
    workspace = opened(studio(tmp_path / "world", keep_for="20 days"), DAYS[0] + KEPT)

    assert expired(workspace) == []


def test_when_a_row_goes_those_of_the_next_days_go_with_it(tmp_path: Path) -> None:
    workspace = opened(studio(tmp_path / "world", keep_for="20 days"), OVER)

    (one,) = expired(workspace)

    assert one.before == OVER - KEPT + KEPT // EARLY


def test_killed_between_the_tables_and_the_landing_the_next_run_ends_it(tmp_path: Path, over: Workspace) -> None:
    workspace = opened(studio(tmp_path / "world", keep_for="20 days"), OVER)
    waiting = expired(workspace)
    expire(workspace, [])                                                    # nothing is expired: nothing is dropped
    assert workspace.lake.exists("events")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(workspace.landing), "remove", _killed)
        with pytest.raises(KeyboardInterrupt):
            expire(workspace, waiting)

    assert run(workspace).outcome == "done"
    assert hashes(workspace)["records.desk.visits"] == hashes(over)["records.desk.visits"]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
