"""The whole pipeline on every kind of store and engine: the same business ends in the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.testing.studio import DAYS, deliver, evening, write_studio

# A module of a folder without packages cannot import its conftest; pytest hands over what is needed.
LEFT_OUT = ("recorded_at", "seq")
"""When a row came, and under which number: the clock is the same here, the numbers depend on what was killed or repeated."""


def hashes(folder: Path, stores: dict[str, str]) -> dict[str, str]:
    """Run the studio's two days and return what is in its tables."""
    write_studio(folder, stores=stores)
    found = {}
    for day in DAYS:
        deliver(folder, day)
        workspace = open_workspace(folder, clock=FixedClock(evening(day)))
        try:
            result = run(workspace)
            assert {step.name: step.error for step in result.steps if step.outcome != "done"} == {}
            for table in workspace.lake.tables():
                found[f"{day} {table}"] = workspace.lake.content_hash(table, leave_out=LEFT_OUT)
        finally:
            workspace.book.close()           # Spark's session goes on: starting it is most of a test's time
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("studio")
    urls = {"landing": "file:./landing", "lake": "file:./lake", "book": "sqlite:./book.db", "engine": "duckdb://"}
    return hashes(folder, urls)


@pytest.fixture
def again(reference: dict[str, str], store_urls: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    return hashes(tmp_path / "studio", store_urls)


def test_the_same_two_days_end_in_the_same_tables(again: dict[str, str], reference: dict[str, str]) -> None:
    assert again == reference
    assert len(reference) == 2 * 27
