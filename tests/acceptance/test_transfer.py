"""Passes shared at a front desk, run after run: only what is new is read, and merges, corrections and kills end as a rebuild would."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from regulars.clock import FixedClock
from regulars.pipeline.find import customer_card, find_customer
from regulars.pipeline.flow import rebuild, run
from regulars.pipeline.transfer import find_transfers
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.runs.run import RunResult
from regulars.storage.book.identity import Ruling
from regulars.storage.book.versions import VersionBook

MONDAY = datetime(2026, 1, 5, 22, tzinfo=UTC)
LEFT_OUT = ("recorded_at", "seq")
PROJECT = {
    "regulars.toml": '[business]\nname = "Desk"\ntimezone = "UTC"\n[stores]\nlanding = "file:./data/landing"\n'
                     'lake = "file:./data/lake"\nbook = "sqlite:./data/book.db"\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  members:
    files: members.csv
    mode: snapshot
    key: [id]
    fields: {id: {type: id, required: true}, name: text}
    profile: {id: id, name: name, exclusive: true}
  doors:
    files: "doors-*.csv"
    key: [id]
    fields: {id: {type: id, required: true}, member: id, at: {type: timestamp, required: true}, text: text}
""",
    "transfers.yaml": "from: desk.doors\nwho: member\nwhen: at\ntext: text\nkinds: {entry_pass: text is not null}\n",
    "events/shared_pass.yaml": "from: transfers\nwho: purchaser_profile_id\nwhen: checkin_datetime\n"
                               "only_if: purchaser_profile_id is not null\nwhat: {pass_type: pass_type, other: user_name}\n",
    "events/received_shared_pass.yaml": "from: transfers\nwho: user_profile_id\nwhen: checkin_datetime\n"
                                        "what: {pass_type: pass_type, other: purchaser_name}\n",
    "segments/generous.yaml": "title: Generous\ndescription: Others came on their passes.\nwhen: {count: shared_pass, ever: true}\n",
    "metrics/passes_shared.yaml": "title: Passes shared\ndescription: Visits on other people's passes.\ncount: received_shared_pass\n",
}
MEMBERS = {"1": "Ann Lee", "2": "Ben Moss", "3": "Cara Hart", "4": "Cara Hart"}


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The desk after its first run; every test begins on its own copy."""
    folder = tmp_path_factory.mktemp("desk")
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "inbox").mkdir()
    rows = "".join(f"{n},{name}\n" for n, name in MEMBERS.items())
    (folder / "inbox" / "members.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
    deliver(folder, 0, {
        "a": "Day Pass from Ann Lee (2 remaining)", "b": "Day Pass from Cara Hart", "c": "Day Pass", "z": "Day Pass from",
    })
    with opened(folder) as workspace:
        done(workspace)
    return folder


@pytest.fixture
def desk(monday: Path, tmp_path: Path) -> Path:
    return shutil.copytree(monday, tmp_path / "desk")


def deliver(desk: Path, day: int, texts: dict[str, str]) -> None:
    """Let Ben come in so many times on one day, each with a text."""
    rows = "".join(f'{key},2,2026-01-{5 + day:02d} 10:00,"{text}"\n' for key, text in texts.items())
    (desk / "inbox" / f"doors-{day}.csv").write_text(f"id,member,at,text\n{rows}", encoding="utf-8")


@contextmanager
def opened(desk: Path, day: int = 0) -> Iterator[Workspace]:
    workspace = open_workspace(desk, clock=FixedClock(MONDAY + timedelta(days=day)), environment={})
    try:
        yield workspace
    finally:
        workspace.close()


def done(workspace: Workspace) -> RunResult:
    result = run(workspace)
    assert [step.error for step in result.steps if step.outcome != "done"] == []
    return result


def purchasers(workspace: Workspace) -> dict[str, str | None]:
    return {row["checkin_id"]: row["purchaser_profile_id"] for row in workspace.rows(workspace.table("transfers"))}


def shared(workspace: Workspace) -> list[tuple[str, str, str | None]]:
    """The events of transfers: type, check-in, profile."""
    events = workspace.table("events")
    rows = workspace.rows(events.filter(events.source == "regulars"))
    return sorted((row["event_type"], row["record_key"], row["profile_id"]) for row in rows)


def contents(workspace: Workspace) -> dict[str, str]:
    return {name: workspace.lake.content_hash(name, leave_out=LEFT_OUT) for name in workspace.lake.tables()}


def versions(workspace: Workspace) -> dict[str, int]:
    return {name: workspace.lake.versions(name)[-1].number for name in workspace.lake.tables()}


def test_a_transfer_is_an_event_of_both_people_and_every_reader_of_events_sees_it(desk: Path) -> None:
    with opened(desk) as workspace:
        assert purchasers(workspace) == {"a": "1", "b": None}
        assert shared(workspace) == [
            ("received_shared_pass", "a", "2"), ("received_shared_pass", "b", "2"), ("shared_pass", "a", "1"),
        ]
        card = customer_card(workspace, find_customer(workspace, "Ann Lee"))
        assert [(event["event_type"], event["other"]) for event in card.timeline] == [("shared_pass", "Ben Moss")]
        assert [segment["segment"] for segment in card.segments] == ["generous"]
        assert [int(row["value"]) for row in workspace.rows(workspace.table("metric_days"))] == [2]


def test_somebody_whose_pass_was_used_was_not_seen_there(desk: Path) -> None:
    with opened(desk) as workspace:
        assert {row["first_seen"] for row in workspace.rows(workspace.table("customers"))} == {None}


def test_a_run_in_which_nothing_came_writes_nothing(desk: Path) -> None:
    with opened(desk) as workspace:
        before = versions(workspace)
        result = done(workspace)

        assert versions(workspace) == before
        assert next(step.work.rows_in for step in result.steps if step.name == "passes") == 0


def test_only_new_and_changed_check_ins_are_read_again_and_the_tables_are_those_of_a_rebuild(desk: Path) -> None:
    deliver(desk, 1, {"a": "Day Pass (2 remaining)", "d": "Punch Pass from Ann Lee", "e": "Day Pass from (1 remaining)"})
    with opened(desk, 1) as workspace:
        result = done(workspace)
        after = contents(workspace)

        assert next(step.work.rows_in for step in result.steps if step.name == "passes") == 2
        assert purchasers(workspace) == {"b": None, "d": "1"}
        assert [key for _, key, _ in shared(workspace)] == ["b", "d", "d"]
        assert rebuild(workspace).exit_code == 0
        assert contents(workspace) == after


def test_a_text_that_did_not_read_leaves_the_quarantine_when_it_is_corrected(desk: Path) -> None:
    deliver(desk, 1, {"z": "Day Pass from Ann Lee (1 remaining)"})
    with opened(desk, 1) as workspace:
        held = workspace.rows(workspace.table("quarantine"))
        done(workspace)

        assert [(row["record_key"], row["reason"]) for row in held] == [("z", "no_purchaser")]
        assert workspace.rows(workspace.table("quarantine")) == []
        assert purchasers(workspace) == {"a": "1", "b": None, "z": "1"}


def test_two_namesakes_ruled_to_be_one_person_become_the_purchaser_and_apart_again_are_none(desk: Path) -> None:
    ruling = Ruling(
        ruling_id="r1", verdict="same", left_source="desk", left_id="3", right_source="desk", right_id="4",
        reason="opened twice", ruled_by="owner", ruled_at=MONDAY,
    )
    with opened(desk) as workspace:
        workspace.book.identity.add_ruling(ruling)
        done(workspace)
        merged, events, tables = purchasers(workspace), shared(workspace), contents(workspace)
        assert rebuild(workspace).exit_code == 0
        assert contents(workspace) == tables
        workspace.book.identity.revoke_ruling("r1", at=MONDAY)
        done(workspace)

        assert merged == {"a": "1", "b": "3"}
        assert ("shared_pass", "b", "3") in events
        assert purchasers(workspace) == {"a": "1", "b": None}


def test_a_household_that_becomes_known_decides_between_namesakes(desk: Path) -> None:
    with opened(desk) as workspace:
        who = {row["profile_id"]: row["customer_id"] for row in workspace.rows(workspace.table("identity"))}
        homes = pa.table({"household_id": ["h1", "h1", "h2"], "customer_id": [who["2"], who["4"], who["3"]]})
        workspace.lake.replace("household_members", workspace.stores.engine.arrow(homes))
        assert list(find_transfers(workspace))

        assert purchasers(workspace) == {"a": "1", "b": "4"}
        assert ("shared_pass", "b", "4") in shared(workspace)


def test_killed_before_any_of_its_writes_the_next_run_ends_alike(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(desk, 1, {"d": "Punch Pass from Ann Lee", "e": "Day Pass from (1 remaining)", "a": "Day Pass"})
    publish, killed = VersionBook.publish_version, []

    def until_killed(self: VersionBook, name: str, **told: object) -> int:
        if name in {"pass_uses", "pass_pairs", "pass_evidence", "transfers", "events", "quarantine"} and name not in killed:
            killed.append(name)
            raise KeyboardInterrupt
        return publish(self, name, **told)

    monkeypatch.setattr(VersionBook, "publish_version", until_killed)
    for _ in range(6):
        with opened(desk, 1) as workspace, pytest.raises(KeyboardInterrupt):
            run(workspace)
    with opened(desk, 1) as workspace:
        done(workspace)
        after = contents(workspace)

        assert sorted(killed) == ["events", "pass_evidence", "pass_pairs", "pass_uses", "quarantine", "transfers"]
        assert rebuild(workspace).exit_code == 0
        assert contents(workspace) == after


def test_rules_said_otherwise_are_read_anew(desk: Path) -> None:
    rules = (desk / "transfers.yaml").read_text(encoding="utf-8")
    (desk / "transfers.yaml").write_text(rules + "named_from: [Day Pass from Cara Hart]\n", encoding="utf-8")
    with opened(desk) as workspace:
        done(workspace)

        assert purchasers(workspace) == {"a": "1"}
        assert [key for _, key, _ in shared(workspace)] == ["a", "a"]


def test_what_is_no_longer_declared_goes(desk: Path) -> None:
    for name in ("transfers.yaml", "events/shared_pass.yaml", "events/received_shared_pass.yaml", "segments/generous.yaml",
                 "metrics/passes_shared.yaml"):
        (desk / name).unlink()
    with opened(desk) as workspace:
        run(workspace)

        assert not {"transfers", "pass_uses"} & set(workspace.lake.tables())
        assert workspace.lake.rows("events") == 0
