"""Plans and what landed: marks are a field, reasons are in quarantine, drafts are written once, plans are tried."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from process import KEY, project

from regulars.cli.main import main
from regulars.clock import SystemClock
from regulars.config import read_config
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.web.ingest.open_door import open_door

PLAN = """\
on_unplanned: quarantine
track:
  Order:
    properties: {required: [total], properties: {total: {type: number}}}
"""
ORDERS: list[dict[str, Any]] = [
    {"type": "track", "userId": "u1", "event": "Order", "messageId": str(n), "properties": {"total": total}}
    for n, total in enumerate([1, 2.5, "a lot"])
]
ODD = {"type": "track", "userId": "u1", "event": "Ordr", "messageId": "odd"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "shop")


def write_plan(folder: Path, text: str) -> Path:
    file = folder / "tracking_plans" / "site.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def landed(folder: Path, *messages: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Post messages at the project's door, run, and return records and quarantine."""
    async def posted() -> None:
        home = folder / ".regulars"
        home.mkdir(exist_ok=True)
        door = open_door(read_config(folder, environment={}), home=home, clock=SystemClock())
        await door.commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            await client.post("/v1/batch", json={"batch": list(messages), "writeKey": KEY})
        await door.commits.stop()

    asyncio.run(posted())
    workspace = open_workspace(folder, environment={})
    try:
        assert run(workspace).outcome == "done"
        return {name: workspace.rows(workspace.table(name)) for name in ("records.site.events", "quarantine")}
    finally:
        workspace.close()


def typed(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[Any, Any]:
    """Return the exit code of `regulars plan …` and what it printed, as JSON where it is."""
    with pytest.raises(SystemExit) as end:
        main(["plan", *words, "--project", str(folder)])
    said = capsys.readouterr()
    return end.value.code, json.loads(said.out) if "--json" in words else said.out + said.err


def test_marks_are_a_field_of_records_and_reasons_stand_in_quarantine(folder: Path) -> None:
    write_plan(folder, PLAN)

    found = landed(folder, *ORDERS, ODD)

    marks = {row["message_id"]: row["off_plan"] for row in found["records.site.events"]}
    assert {key: value and json.loads(value) for key, value in marks.items()} == {
        "0": None, "1": None, "2": ["wrong_type properties.total"],
    }
    assert [(row["reason"], row["field"]) for row in found["quarantine"]] == [("unplanned", "unplanned Ordr")]


def test_a_draft_is_written_once_and_all_that_landed_keeps_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landed(folder, *ORDERS)
    code, _ = typed(folder, capsys, "infer", "site", "--apply")
    assert code == 0

    again, said = typed(folder, capsys, "infer", "site", "--apply")
    _, tried = typed(folder, capsys, "check", "site", "--json")

    assert (again, "has a tracking plan already" in said) == (2, True)
    assert (tried["messages"], tried["as_planned"], tried["deviations"]) == (3, 3, [])


def test_without_apply_a_draft_is_shown_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landed(folder, *ORDERS[:2])

    code, said = typed(folder, capsys, "infer", "site")

    assert (code, "total: {type: number}" in said) == (0, True)
    assert not (folder / "tracking_plans").exists()


def test_a_plan_is_tried_on_what_landed_before_it_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    landed(folder, *ORDERS, ODD)
    write_plan(folder, PLAN)

    code, tried = typed(folder, capsys, "check", "site", "--json")

    assert code == 0
    assert (tried["messages"], tried["as_planned"]) == (4, 2)
    assert tried["becomes"] == {"allow": 1, "omit": 0, "quarantine": 1, "block": 0}
    assert [(one["event"], one["violation"], one["place"], one["messages"]) for one in tried["deviations"]] == [
        ("Order", "wrong_type", "properties.total", 1), ("Ordr", "unplanned", "Ordr", 1),
    ]


@pytest.mark.parametrize(("words", "said"), [
    (["check", "site"], "has no tracking plan"), (["infer", "site"], "no message of 'site' has landed"),
    (["infer", "sit"], "there is no source 'sit'"),
])
def test_what_cannot_be_answered_says_what_is_missing(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = typed(folder, capsys, *words)

    assert (code, said in told) == (1, True)


@pytest.mark.parametrize(("words", "event"), [
    ([], "Order Completed"), (["--events", "ecommerce"], "Order Completed"), (["--events", "gym"], "check_in"),
])
def test_a_plan_begins_with_the_events_of_a_line_of_business(
    words: list[str], event: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = typed(folder, capsys, "new", "site", *words, "--apply", "--json")

    assert (code, event in told["plan"]["track"]) == (0, True)
    assert event in Path(told["file"]).read_text()


def test_where_a_plan_is_already_what_was_typed_is_what_prints_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landed(folder, *ORDERS)
    write_plan(folder, PLAN)

    for words in ("new site --events gym", "new site --events ecommerce", "infer site"):
        code, said = typed(folder, capsys, *words.split(), "--apply")

        assert (code, "has a tracking plan already, tracking_plans/site.yaml" in said) == (2, True)
        assert f"plan {words} --project {folder} prints what would be written" in " ".join(said.split())
        assert typed(folder, capsys, *words.split())[0] == 0


def test_the_file_of_another_plan_is_not_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sources" / "other.yaml").write_text("kind: door\n")
    file = write_plan(folder, f"source: other\n{PLAN}")

    code, said = typed(folder, capsys, "new", "site", "--apply")

    assert (code, "tracking_plans/site.yaml is there already, the plan of 'other'" in " ".join(said.split())) == (2, True)
    assert file.read_text() == f"source: other\n{PLAN}"
