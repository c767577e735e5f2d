"""The whole pipeline on every kind of store and engine: the same business ends in the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.storage.engines.texts import SHARED
from regulars.testing.studio import DAYS, deliver, evening, write_studio

# A module of a folder without packages cannot import its conftest; pytest hands over what is needed.
LEFT_OUT = ("recorded_at", "seq")
"""When a row came, and under which number: the clock is the same here, the numbers depend on what was killed or repeated."""


def hashes(folder: Path, stores: dict[str, str], *, keeps_texts: bool = True) -> dict[str, str]:
    """Run the studio's two days and return what is in its tables."""
    write_studio(folder, stores=stores)
    found = {}
    for day in DAYS:
        deliver(folder, day)
        workspace = open_workspace(folder, clock=FixedClock(evening(day)))
        if not keeps_texts:
            workspace.stores.border.texts.folder = None
        try:
            result = run(workspace)
            assert {step.name: step.error for step in result.steps if step.outcome != "done"} == {}
            for table in workspace.lake.tables():
                found[f"{day} {table}"] = workspace.lake.content_hash(table, leave_out=LEFT_OUT)
        finally:
            workspace.book.close()           # Spark's session goes on: starting it is most of a test's time
    return found


URLS = {"landing": "file:./landing", "lake": "file:./lake", "book": "sqlite:./book.db", "engine": "duckdb://"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def reference(studio: Path) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SHARED)                 # its texts lie with it, compiled for it
        return hashes(studio, URLS)


@pytest.fixture
def again(reference: dict[str, str], store_urls: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    return hashes(tmp_path / "studio", store_urls)


def test_the_same_two_days_end_in_the_same_tables(again: dict[str, str], reference: dict[str, str]) -> None:
    assert again == reference
    assert len(reference) == 2 * 30


def test_texts_that_are_kept_change_no_table(reference: dict[str, str], tmp_path: Path) -> None:
    assert hashes(tmp_path / "studio", URLS, keeps_texts=False) == reference


def test_new_records_may_be_told_apart_first(
    reference: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.pipeline.changed.MUCH", 0)     # rows: every file is one of many

    assert hashes(tmp_path / "studio", URLS) == reference


@pytest.mark.usefixtures("reference")
def test_nobody_is_named_in_texts_that_are_kept(studio: Path) -> None:
    workspace = open_workspace(studio, clock=FixedClock(evening(DAYS[-1])))
    people = workspace.fetch(workspace.table("profiles")).select(["email", "phone", "name"])
    customers = workspace.fetch(workspace.table("identity")).select(["customer_id"])
    workspace.close()
    told = {text for column in [*people.columns, *customers.columns] for text in column.to_pylist() if text}

    texts = "".join(path.read_text() for path in (studio / ".regulars" / "texts").iterdir())

    assert len(told) > 20
    assert len(texts) > 10_000
    assert {text for text in told if text in texts} == set()
