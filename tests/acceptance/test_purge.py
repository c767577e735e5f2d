"""What was purged is nowhere any more, all else is as it was, and nobody brings it back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from purge_world import (
    CARD,
    DAYS,
    FLOOD,
    NOW,
    hashes,
    holding,
    lived,
    names,
    of_a_day,
    opened,
    payloads,
    post,
    post_text,
    ticked,
    written,
)

from regulars.config import read_config
from regulars.errors import NotFound, RegularsError
from regulars.pipeline.flow import purge, rebuild, run
from regulars.pipeline.purge import begin, carry_out_purges, plan, searched_again, verify_purges, wanted_of
from regulars.pipeline.workspace import Workspace
from regulars.records.purged import Wanted, rejects
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore
from regulars.storage.door.message_ids import message_hashes
from regulars.storage.engines.texts import SHARED
from regulars.storage.landing import ROWS

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module", autouse=True)
def own_texts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SHARED)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(written(tmp_path_factory.mktemp("door") / "world"))


def copied(world: Path, folder: Path) -> Path:
    return Path(shutil.copytree(world, folder / "world"))


def purged(folder: Path, **narrowed: Any) -> Workspace:
    workspace = opened(folder)
    result = purge(workspace, "site", wanted_of(workspace, "site", **narrowed), by="desk")
    assert [(step.name, step.error) for step in result.steps if step.error] == []
    return workspace


@pytest.fixture(scope="module")
def without_flood(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = purged(copied(world, tmp_path_factory.mktemp("flood")), event="Ticked")
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def without_card(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = purged(copied(world, tmp_path_factory.mktemp("card")), name="card")
    yield workspace
    workspace.close()


def test_it_is_in_the_files_before(world: Path) -> None:
    kinds = {Path(name).suffix for name in holding(world, FLOOD)}

    assert {".parquet", ".ndjson"} <= kinds
    assert holding(world, CARD)


def test_an_event_is_in_no_file_and_no_table_afterwards(without_flood: Workspace) -> None:
    assert holding(without_flood.project.config.folder, FLOOD) == []
    assert names(without_flood) == {"Order Completed": 9}
    events = without_flood.rows(without_flood.table("events"))
    assert {row["event_type"] for row in events} == {"ordered"}


def test_a_purge_counts_itself_and_proves_every_store(without_flood: Workspace) -> None:
    (one,) = without_flood.book.purges.listed()

    assert one.finished_at is not None
    assert one.rows == 3 * (6 + 1)                    # what was set aside went too
    assert {store: told["found"] for store, told in one.proof["verified"].items()} == {"landing": [], "door": [], "lake": []}
    assert {"landing site.events", "landing site.events.rejects", "book", "lake", "verified"} == set(one.proof)
    assert [line.subject for line in without_flood.book.audit.lines(limit=9) if line.what == "purge.begin"] == [one.purge_id]


def test_what_is_left_is_as_if_it_had_never_been_sent(without_flood: Workspace, world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))
    before = [said for said in payloads(workspace) if said["door"].get("name") != "Ticked"]
    workspace.close()

    after = payloads(without_flood)

    assert [said for said in after if said in before] == before
    assert {said["event"] for said in after} == {"Order Completed"}


def test_a_rebuild_brings_nothing_back(without_flood: Workspace, tmp_path: Path) -> None:
    folder = copied(without_flood.project.config.folder, tmp_path)
    workspace, made = opened(folder), hashes(without_flood)

    assert rebuild(workspace).outcome == "done"

    assert hashes(workspace) == made
    workspace.close()


def test_a_message_that_is_sent_again_is_known_though_it_was_purged(without_flood: Workspace, tmp_path: Path) -> None:
    folder = copied(without_flood.project.config.folder, tmp_path)

    told = post(folder, *(ticked(n, at=DAYS[0] - HOUR) for n in range(6)))

    assert (told["stored"], told["duplicate"]) == (0, 6)


def test_what_comes_late_under_another_id_is_dropped_and_counted_and_what_happens_anew_stays(
    without_flood: Workspace, tmp_path: Path
) -> None:
    folder, late = copied(without_flood.project.config.folder, tmp_path), NOW + HOUR
    post(folder, ticked(1, at=DAYS[0], messageId="another"), ticked(2, at=late, messageId="anew"), at=late)
    workspace = opened(folder, late)

    assert run(workspace).outcome == "done"

    (one,) = workspace.book.purges.listed()
    read = workspace.book.runs.history("read:site", limit=1)[0]
    assert (names(workspace)["Ticked"], one.rows) == (1, 3 * 7 + 1)
    assert (read.facts["purged"], read.note) == (1, "1 rows of what was purged dropped")
    workspace.close()


def test_a_property_is_in_no_file_and_no_table_and_its_message_stays(without_card: Workspace) -> None:
    assert holding(without_card.project.config.folder, CARD) == []
    assert names(without_card) == {"Ticked": 18, "Order Completed": 9}
    told = [said["properties"] for said in payloads(without_card) if said["event"] == "Order Completed"]
    assert told == [{"total": 12.5, "id": 123456789012345678901, "note": 'é "so"'}] * 9


def test_an_event_that_read_the_property_stays_without_its_value(without_card: Workspace) -> None:
    events = without_card.table("events")
    orders = without_card.rows(events.filter(events.event_type == "ordered"))

    assert {row["card"] for row in orders} == {None}
    assert len(orders) == 9
    assert without_card.count(without_card.table("money")) == 9


def test_what_was_set_aside_stays_set_aside_without_the_property(without_card: Workspace) -> None:
    held = without_card.rows(without_card.table("quarantine"))
    orders = [json.loads(row["payload"]) for row in held if "Order" in row["payload"]]

    assert len(held) == 6
    assert [said["properties"].get("total") for said in orders] == [12.5] * 3
    assert [(one.rows, one.gone) for one in without_card.book.purges.listed()] == [(12, 0)]


def test_a_span_ends_where_it_says(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path)
    workspace = purged(folder, since=DAYS[0], until=DAYS[1])

    days = sorted({said["door"]["at"][:10] for said in payloads(workspace)})

    assert days == [DAYS[0].date().isoformat(), NOW.date().isoformat()]
    assert len(payloads(workspace, "events.rejects")) == 4
    workspace.close()


def test_a_plan_says_what_would_go_and_writes_nothing(world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))

    flood = plan(workspace, "site", wanted_of(workspace, "site", event="Ticked"))
    card = plan(workspace, "site", wanted_of(workspace, "site", name="properties.card", event="Order Completed"))

    assert {one.stream: one.rows for one in flood.landing} == {"events": 18, "events.rejects": 3}
    assert (flood.door, dict(flood.lake)) == (0, {"records.site.events": 12, "events": 12})
    assert (dict(card.lake), card.reads) == ({"records.site.events": 6, "events": 6}, ("ordered",))
    assert workspace.book.purges.listed() == []
    workspace.close()


def test_what_the_door_holds_and_nobody_has_landed_goes_too(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path)
    held = ArrivalStore.open(read_config(folder, environment={}).door.folder)
    known = {"id": "held", "type": "track", "at": NOW - HOUR, "received_at": NOW - HOUR, "user": "u1", "name": "Ticked"}
    line = msgspec.json.encode({"door": known, **ticked(99, at=NOW)}) + b"\n"
    held.commit([Arrivals(source="site", hashes=message_hashes(b"site\0", ["held"]), text=line)])
    held.close()
    workspace = opened(folder)
    flood = plan(workspace, "site", wanted_of(workspace, "site", event="Ticked"))
    workspace.close()

    workspace = purged(folder, event="Ticked")

    (one,) = workspace.book.purges.listed()
    assert (flood.door, one.rows, one.finished_at is not None) == (1, 22, True)
    assert holding(folder, FLOOD) == []
    workspace.close()


def test_the_door_and_the_landing_and_the_purge_add_up(without_flood: Workspace) -> None:
    state = without_flood.project.config.door.folder / "state.json"
    counts = json.loads(state.read_text())["counts"]["site"]
    (one,) = without_flood.book.purges.listed()
    left = {stream: len(payloads(without_flood, stream)) for stream in ("events", "events.rejects")}

    assert counts["stored"] + counts["quarantined"] == sum(left.values()) + one.gone


def test_all_that_was_purged_is_searched_for_again(without_flood: Workspace) -> None:
    (stores,) = searched_again(without_flood).values()

    assert {store: told["found"] for store, told in stores.items()} == {"landing": [], "door": [], "lake": []}
    assert all(told["looked"] for told in stores.values())


def test_the_same_again_says_that_it_was_done(without_flood: Workspace) -> None:
    with pytest.raises(NotFound, match="was purged as p_"):
        plan(without_flood, "site", wanted_of(without_flood, "site", event="Ticked"))


def test_an_open_purge_is_gone_on_with_unless_more_is_meant(world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))
    until = [wanted_of(workspace, "site", event="Ticked", until=day) for day in (DAYS[1], DAYS[0], DAYS[2])]

    first, less, more = (begin(workspace, "site", one, by="desk").purge_id for one in until)

    assert first == less != more
    workspace.close()


def test_the_same_asked_for_later_is_the_same_purge_while_nothing_more_came(world: Path, tmp_path: Path) -> None:
    folder, asked = copied(world, tmp_path), []
    for at in (NOW, NOW + HOUR):
        workspace = opened(folder, at)
        asked.append(begin(workspace, "site", wanted_of(workspace, "site", event="Ticked"), by="desk").purge_id)
        workspace.close()
    post(folder, ticked(50, at=NOW + HOUR), at=NOW + HOUR)
    workspace = opened(folder, NOW + 2 * HOUR)

    more = begin(workspace, "site", wanted_of(workspace, "site", event="Ticked"), by="desk").purge_id

    assert asked[0] == asked[1] != more
    workspace.close()


def test_what_a_clock_that_runs_ahead_dates_counts_by_when_it_came(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path)
    post(folder, ticked(60, at=NOW + 9 * HOUR, event="Ahead"), at=NOW)
    workspace = opened(folder, NOW + 5 * HOUR)
    run(workspace)
    later = wanted_of(workspace, "site", event="Ahead", since=NOW + HOUR)

    with pytest.raises(NotFound, match="nothing of site happened in that span"):
        plan(workspace, "site", later)
    found = plan(workspace, "site", wanted_of(workspace, "site", event="Ahead", since=NOW - HOUR))

    assert (found.rows, found.lake["records.site.events"]) == (1, 1)
    workspace.close()


def test_another_span_is_not_said_to_have_been_purged(world: Path, tmp_path: Path) -> None:
    workspace = purged(copied(world, tmp_path), event="Ticked", until=DAYS[1])

    with pytest.raises(NotFound, match="nothing of site happened in that span"):
        plan(workspace, "site", wanted_of(workspace, "site", event="Ticked", since=NOW - HOUR / 2))
    with pytest.raises(NotFound, match="it was purged as p_"):
        plan(workspace, "site", wanted_of(workspace, "site", event="Ticked", until=DAYS[1]))
    workspace.close()


def test_what_is_being_purged_is_not_said_to_be_done(world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))
    wanted = wanted_of(workspace, "site", event="Ticked")
    begin(workspace, "site", wanted, by="desk")
    carry_out_purges(workspace)

    with pytest.raises(NotFound, match="it is being purged as p_") as refused:
        plan(workspace, "site", wanted)

    assert refused.value.hint == "regulars run finishes it"
    workspace.close()


@pytest.mark.parametrize("written_", [r'"T\u00f6rn"', r'"T\u00F6rn"', '"Törn"', r'"T\u00f6rn2"'])
def test_a_torn_body_is_found_however_it_writes_the_name(without_card: Workspace, written_: str) -> None:
    line = json.dumps({"reason": "body", "message": "", "raw": f'{{"event": {written_}, "userId": "u1", '})
    row = {"seq": 1, "set_id": "s", "recorded_at": NOW.replace(tzinfo=None), "file": "f", "line": 1, "payload": line}
    wanted = Wanted(event="Törn", path=None, since=None, until=NOW + HOUR)

    with without_card.stores.border.bench() as bench:
        rows = without_card.stores.border.arrow(pa.Table.from_pylist([row], ROWS.to_pyarrow()))
        found = bench.fetch(rejects(rows, wanted, bench=bench)).to_pylist()

    assert [one["payload"] for one in found] == ([None] if not written_.endswith('2"') else [])


TWOFOLD = (
    '{"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "two", "timestamp": "'
    + (NOW - HOUR).isoformat() + '", "properties": {"total": 1}, "properties": {"total": 1, "card": "REPEATED"}}'
)
A_BATCH = '{"batch": {"type": "track", "event": "Ticked", "userId": "u1", "properties": {"mark": "WRAPPED"}}}'


@pytest.mark.parametrize(("path", "body", "narrowed", "needle"), [
    ("track", TWOFOLD, {"name": "card"}, "REPEATED"),
    ("batch", A_BATCH, {"event": "Ticked"}, "WRAPPED"),
    ("batch", A_BATCH, {"name": "mark"}, "WRAPPED"),
])
def test_what_says_it_twice_or_in_another_shape_goes_whole(
    tmp_path: Path, path: str, body: str, narrowed: dict[str, Any], needle: str
) -> None:
    folder = written(tmp_path / "world")
    post(folder, *of_a_day(NOW), at=NOW)
    post_text(folder, path, body, at=NOW - HOUR)
    workspace = opened(folder)
    run(workspace)
    assert holding(folder, needle)
    workspace.close()

    workspace = purged(folder, **narrowed)

    (one,) = workspace.book.purges.listed()
    assert one.finished_at is not None
    assert holding(folder, needle) == []
    workspace.close()


def test_what_comes_after_the_landing_was_written_anew_keeps_no_purge_open(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path)
    workspace = opened(folder)
    begun = begin(workspace, "site", wanted_of(workspace, "site", event="Ticked"), by="desk")
    carry_out_purges(workspace)
    held = ArrivalStore.open(workspace.project.config.door.folder)
    known = {"id": "late", "type": "track", "at": NOW - HOUR, "received_at": NOW, "user": "u1", "name": "Ticked"}
    line = msgspec.json.encode({"door": known, **ticked(98, at=NOW)}) + b"\n"
    held.commit([Arrivals(source="site", hashes=message_hashes(b"site\0", ["late"]), text=line)])
    held.close()

    verify_purges(workspace)

    (one,) = workspace.book.purges.listed()
    assert (one.purge_id, one.finished_at is not None) == (begun.purge_id, True)
    run(workspace)
    assert (names(workspace)["Ticked"], holding(folder, FLOOD)) == (0, [])
    workspace.close()


@pytest.mark.parametrize(("source", "narrowed", "said"), [
    ("sight", {"event": "Ticked"}, "there is no source 'sight'"),
    ("site", {}, "nothing says what of site is to go"),
    ("site", {"event": "Tickd"}, "was ever sent as 'Tickd'"),
    ("site", {"since": NOW, "until": NOW - HOUR}, "before it begins"),
    ("site", {"until": NOW + HOUR}, "is yet to come"),
    ("site", {"name": "door.id"}, "cannot be purged"),
    ("site", {"name": "products.0.card"}, "is no property"),
    ("site", {"name": "passport"}, "has 'properties.passport'"),
    ("site", {"until": DAYS[0] - timedelta(days=9)}, "nothing of site happened in that span"),
])
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    without_card: Workspace, source: str, narrowed: dict[str, Any], said: str
) -> None:
    with pytest.raises(RegularsError, match=said) as refused:
        plan(without_card, source, wanted_of(without_card, source, **narrowed))

    assert refused.value.hint


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from dying import dies_at
from purge_world import opened
from regulars.pipeline.flow import purge
from regulars.pipeline.purge import wanted_of

workspace = opened(Path(sys.argv[1]))
dies_at(workspace, int(sys.argv[2]))
purge(workspace, "site", wanted_of(workspace, "site", event="Ticked"), by="desk")
"""


@pytest.mark.parametrize("action", [14, *(pytest.param(n, marks=pytest.mark.slow) for n in (9, 18, 22, 26, 30, 40, 60))])
def test_killed_anywhere_the_next_run_ends_alike(
    world: Path, without_flood: Workspace, tmp_path: Path, action: int
) -> None:
    folder = copied(world, tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", KILLED, str(folder), str(action), str(Path(__file__).parent)]
    assert subprocess.run(command, env=environment, check=False).returncode == 9
    workspace = opened(folder)
    assert len(workspace.book.purges.open()) == 1

    assert run(workspace).outcome == "done"

    (one,), (whole,) = workspace.book.purges.listed(), without_flood.book.purges.listed()
    assert (one.finished_at is not None, one.rows) == (True, whole.rows)
    assert hashes(workspace) == hashes(without_flood)
    assert holding(folder, FLOOD) == []
    workspace.close()
