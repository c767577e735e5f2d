"""Whoever asked to be forgotten is nowhere any more, everybody else is as before, and no import brings them back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from regulars.clock import FixedClock
from regulars.pipeline.consent import addresses_of, permitted
from regulars.pipeline.find import find_customer
from regulars.pipeline.flow import forget, rebuild, run
from regulars.pipeline.forget import begin, carry_out, person_of
from regulars.pipeline.known import FILES, write_known
from regulars.pipeline.own import COPIED
from regulars.pipeline.searched import search
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.forgetting import FATE
from regulars.storage.book.tables import metadata
from regulars.storage.by_profile import write_copy
from regulars.storage.engines.texts import SHARED
from regulars.testing.studio import DAYS, deliver, evening, write_studio

WHO, ADDRESS, NUMBER, MEMBER = "desk/106", "m6@example.com", "(254) 555-0106", "106"
NEEDLES = (ADDRESS, NUMBER, "Ann6 Lee6")
SAID = f"v-note,100,2026-01-15 10:15,0,member,friend of {ADDRESS.upper()} at {NUMBER}"
WHEN = {"recorded_at", "seq", "published_at", "since", "minted_at"}
CONCLUDED = {
    "communities", "companions", "compared_profiles", "connections", "interactions", "matches", "metric_days",
    "pass_evidence", "pass_pairs", "tallies", "transfers",
}
"""Tables of sums and of conclusions about several people at once: without the person other ones are drawn."""


@pytest.fixture(scope="module", autouse=True)
def own_texts() -> Iterator[None]:
    """What is compiled for the project lies in it: there, too, nobody is looked for in vain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SHARED)
        yield


def opened(folder: Path) -> Workspace:
    return open_workspace(folder, clock=FixedClock(evening(DAYS[1])))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_studio(tmp_path_factory.mktemp("studio") / "world")
    for day in DAYS:
        deliver(folder, day)
        if day == DAYS[1]:
            note = f"visit_id,member_id,visited_at,guests,entry,text\n{SAID}\n"
            (folder / "inbox/visits-note.csv").write_text(note, encoding="utf-8")
        workspace = open_workspace(folder, clock=FixedClock(evening(day)))
        assert run(workspace).outcome == "done"
        workspace.lake.snapshot(day)
        for table in COPIED:
            write_copy(workspace.lake, table)
        workspace.close()
    return folder


@pytest.fixture(scope="module")
def before(world: Path) -> dict[str, list[dict[str, Any]]]:
    workspace = opened(world)
    rows = everything(workspace)
    workspace.close()
    return rows


@pytest.fixture(scope="module")
def forgotten(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = opened(copied(world, tmp_path_factory.mktemp("forgotten")))
    assert forget(workspace, find_customer(workspace, WHO), by="desk").outcome == "done"
    yield workspace
    workspace.close()


def copied(world: Path, folder: Path) -> Path:
    return Path(shutil.copytree(world, folder / "world"))


def everything(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    return {name: workspace.rows(workspace.table(name)) for name in workspace.lake.tables()}


def told(rows: list[dict[str, Any]]) -> Counter[str]:
    plain = ({name: value for name, value in row.items() if name not in WHEN} for row in rows)
    return Counter(json.dumps(row, default=str, sort_keys=True) for row in plain)


def texts(folder: Path) -> dict[str, str]:
    """Every file of ours as text, cell by cell where it is compressed; the business's own inbox is not ours."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] != "inbox"]
    return {
        str(path.relative_to(folder)): (
            json.dumps(pq.read_table(path).to_pylist(), default=str) if path.suffix == ".parquet"
            else path.read_bytes().decode("latin-1")
        ).lower()
        for path in files
    }


def hashes(workspace: Workspace) -> dict[str, str]:
    return {name: workspace.lake.content_hash(name, leave_out=("recorded_at",)) for name in workspace.lake.tables()}


def test_the_person_is_in_the_files_before(world: Path) -> None:
    held = texts(world)

    for needle in NEEDLES:
        assert any(needle.lower() in text for text in held.values()), needle


def test_no_file_and_no_table_holds_the_person_afterwards(forgotten: Workspace) -> None:
    held = texts(forgotten.project.config.folder)

    assert {needle: [name for name, text in held.items() if needle.lower() in text] for needle in NEEDLES} == {
        needle: [] for needle in NEEDLES
    }


def test_no_row_has_the_persons_external_id(forgotten: Workspace) -> None:
    rows = [(name, row) for name, several in everything(forgotten).items() for row in several]

    assert [(name, row) for name, row in rows if MEMBER in (row.get("profile_id"), row.get("member_id"))] == []
    assert not any(f'"{MEMBER}' in text for text in texts(forgotten.project.config.folder / "data/landing").values())


def test_everybody_elses_rows_are_as_they_were(forgotten: Workspace, before: dict[str, list[dict[str, Any]]]) -> None:
    after = everything(forgotten)
    mine = [json.dumps(one) for one in (MEMBER, f"desk/{MEMBER}", ADDRESS, f"till/{ADDRESS}", "v-note", "p6")]
    person = next(row["customer_id"] for row in before["identity"] if row["profile_id"] == MEMBER)
    mine += [json.dumps(row["household_id"]) for row in before["contacts"] if row["customer_id"] == person]
    mine += [json.dumps(person), json.dumps(forgotten.book.erasures.listed()[0].erasure_id)]

    changed = [
        (name, row) for name in sorted(set(before) - CONCLUDED)
        for row in (told(before[name]) - told(after[name])) + (told(after[name]) - told(before[name]))
        if not any(one in row for one in mine) and '"stream": "transfers"' not in row
    ]

    assert changed == []


def test_a_rebuild_gives_the_same_tables(forgotten: Workspace, tmp_path: Path) -> None:
    workspace = opened(copied(forgotten.project.config.folder, tmp_path))
    made = hashes(workspace)

    assert rebuild(workspace).outcome == "done"

    assert hashes(workspace) == made
    workspace.close()


def test_what_another_says_of_the_person_is_blanked_and_the_row_stays(forgotten: Workspace) -> None:
    visits = forgotten.table("records.desk.visits")

    found = forgotten.rows(visits.filter(visits.visit_id == "v-note"))

    assert [(row["member_id"], row["text"]) for row in found] == [("100", "friend of erased at 0")]


def test_an_import_does_not_bring_the_person_back_and_says_so(forgotten: Workspace, tmp_path: Path) -> None:
    folder = copied(forgotten.project.config.folder, tmp_path)
    for name in ("members.csv", f"visits-{DAYS[1]}.csv", f"orders-{DAYS[1]}.ndjson"):
        with (folder / "inbox" / name).open("a", encoding="utf-8") as file:
            file.write("\n")
    workspace = opened(folder)
    made = workspace.rows(workspace.table("customers"))

    assert run(workspace).outcome == "done"

    assert workspace.rows(workspace.table("customers")) == made
    assert not any(ADDRESS in text for text in texts(folder).values())
    read = workspace.book.runs.history("read:desk", limit=1)[0]
    assert read.facts["erased"] > 1
    assert "of erased people dropped" in str(read.note)
    workspace.close()


def test_nobody_writes_to_the_person(forgotten: Workspace) -> None:
    address = addresses_of(forgotten, ADDRESS)[0]
    assert address.hashed is not None

    answer = permitted(forgotten, address, forgotten.book.consent.of(address.hashed), purpose="transactional")

    assert (answer.allowed, "erased" in answer.reason) == (False, True)


def test_what_is_counted_stays_without_a_name(forgotten: Workspace, before: dict[str, list[dict[str, Any]]]) -> None:
    erasure, = forgotten.book.erasures.listed()
    ledger = forgotten.book.memberships.transitions().to_pylist()

    assert erasure.customer_ids is None
    assert len(ledger) >= len(before["transitions"])
    assert erasure.erasure_id in {row["customer_id"] for row in ledger}


def test_the_proof_names_every_store_and_finds_nothing(forgotten: Workspace) -> None:
    erasure, = forgotten.book.erasures.listed()

    assert {"book", "lake", "landing desk.members", "landing desk.visits", "landing till.orders"} <= set(erasure.proof)
    assert {store: one["found"] for store, one in erasure.proof["verified"].items()} == {
        "landing": [], "lake": [], "book": [], "files": [],
    }
    assert all(one["looked"] for one in erasure.proof["verified"].values())


def test_the_search_finds_a_person_who_is_still_there(world: Path) -> None:
    workspace = opened(world)
    keys = person_of(workspace, find_customer(workspace, WHO)).keys

    found = {one.store: one.found for one in search(workspace, keys)}

    assert {"desk.members", "desk.visits", "till.orders"} <= set(found["landing"])
    assert {name.split()[0] for name in found["lake"]} >= {
        "profiles", "identity", "events", "copy.events", "copy.money", "records.desk.visits",
    }
    assert "identity_map" in found["book"]
    workspace.close()


def test_an_address_that_others_share_stays_theirs(world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))
    customer_id = find_customer(workspace, "desk/103")
    person = person_of(workspace, customer_id)

    begin(workspace, customer_id, by="desk")
    carry_out(workspace)

    landed = workspace.rows(workspace.landing.rows("desk", "members"))
    left = {json.loads(row["payload"])["member_id"] for row in landed if "family@example.com" in row["payload"]}
    assert left == {"104", "105"}
    assert (person.contacts["email"], person.shared) == ((), 1)
    workspace.close()


def test_a_run_of_one_source_leaves_an_erasure_to_a_whole_run(world: Path, tmp_path: Path) -> None:
    workspace = opened(copied(world, tmp_path))
    begin(workspace, find_customer(workspace, WHO), by="desk")

    run(workspace, only=["till"])

    assert len(workspace.book.erasures.open()) == 1
    assert workspace.lake.exists("records.desk.members")
    workspace.close()


def test_everything_known_of_a_person_is_handed_over(world: Path, tmp_path: Path) -> None:
    workspace = opened(world)
    customer_id = find_customer(workspace, WHO)

    with zipfile.ZipFile(write_known(workspace, customer_id, to=tmp_path)) as archive:
        told = {name: archive.read(name).decode() for name in archive.namelist()}

    workspace.close()
    known = {name: json.loads(text) for name, text in told.items() if name.endswith(".json")}
    assert set(known) == {f"{name}.json" for name in FILES}
    assert {(row["source"], row["stream"]) for row in known["records.json"]} == {
        ("desk", "members"), ("desk", "visits"), ("till", "orders"),
    }
    assert {row["member_id"][:3] for row in (one["item"] for one in known["records.json"]) if "member_id" in row} == {MEMBER}
    assert known["events.json"]
    assert known["money.json"]
    assert known["segments.json"]["transitions"]
    assert not any("Ann5 Lee5" in text for text in told.values())


def test_every_table_of_the_book_has_a_fate() -> None:
    assert sorted(FATE) == sorted(metadata.tables)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from dying import dies_at
from regulars.clock import FixedClock
from regulars.pipeline.find import find_customer
from regulars.pipeline.flow import forget
from regulars.pipeline.workspace import open_workspace
from regulars.testing.studio import DAYS, evening

workspace = open_workspace(Path(sys.argv[1]), clock=FixedClock(evening(DAYS[1])))
dies_at(workspace, int(sys.argv[3]))
forget(workspace, find_customer(workspace, sys.argv[2]), by="desk")
"""


@pytest.mark.parametrize("action", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_anywhere_the_next_run_ends_alike(world: Path, forgotten: Workspace, tmp_path: Path, action: int) -> None:
    folder = copied(world, tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", KILLED, str(folder), WHO, str(action), str(Path(__file__).parent)]
    child = subprocess.run(command, env=environment, check=False)
    assert child.returncode == 9
    workspace = opened(folder)
    assert len(workspace.book.erasures.open()) == 1

    assert run(workspace).outcome == "done"

    assert workspace.book.erasures.open() == []
    assert hashes(workspace).keys() == hashes(forgotten).keys()
    assert told(workspace.rows(workspace.table("events"))) == told(forgotten.rows(forgotten.table("events")))
    assert not any(needle.lower() in text for text in texts(folder).values() for needle in NEEDLES)
    workspace.close()
