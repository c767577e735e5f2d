"""The oddest week of a front desk, from files to customers: families on one address, doubtful passes, a crowd."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.households import one_message_each
from regulars.pipeline.review import open_questions
from regulars.pipeline.workspace import Workspace, open_workspace

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
CROWD = 3_000
PROJECT = {
    "regulars.toml": '[business]\nname = "Desk"\ntimezone = "UTC"\n[stores]\nlanding = "file:./data/landing"\n'
                     'lake = "file:./data/lake"\nbook = "sqlite:./data/book.db"\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  people:
    files: people.csv
    mode: snapshot
    key: [id]
    fields: {id: {type: id, required: true}, name: text, email: text, phone: text, born: date}
    profile: {id: id, exclusive: true, name: name, email: email, phone: phone, birthday: born}
  relations:
    files: relations.csv
    mode: snapshot
    key: [who, whom]
    fields: {who: id, whom: id, word: text}
    family: [{who: who, whom: whom, whom_is: word, words: {CHI: child, PRE: parent}}]
  doors:
    files: doors.csv
    key: [id]
    fields: {id: {type: id, required: true}, who: id, at: {type: timestamp, required: true}, how: text, text: text, hall: text}
""",
    "sources/shop.yaml": """\
kind: files
folder: inbox
streams:
  accounts:
    files: accounts.csv
    key: [id]
    fields: {id: {type: id, required: true}, email: text, phone: text}
    profile: {id: id, email: email, phone: phone}
""",
    "transfers.yaml": 'from: desk.doors\nwho: who\nwhen: at\ntext: text\nlocation: hall\nnamed_from: [Pass from Home]\npunch: [punch]\n'
                      'kinds: {entry_pass: how == "ENT", guest_pass: how == "GUE"}\n',
    "events/check_in.yaml": "from: desk.doors\nwho: who\nwhen: at\nwhat: {location: hall}\n",
    "events/shared_pass.yaml": "from: transfers\nwho: purchaser_profile_id\nwhen: checkin_datetime\n"
                               "only_if: purchaser_profile_id is not null\nwhat: {pass_type: pass_type, other: user_name}\n",
    "events/received_shared_pass.yaml": "from: transfers\nwho: user_profile_id\nwhen: checkin_datetime\n"
                                        "what: {pass_type: pass_type, other: purchaser_name}\n",
    "inbox/accounts.csv": "id,email,phone\nx,rae@fox.example,(254) 867-5302\n",
    "inbox/relations.csv": "who,whom,word\nmum,bea,CHI\nben,mum,PRE\nmum,eve,CHI\n",
}
PEOPLE = {
    "mum": "Ann Lee,lee@home.example,,1984-03-01", "bea": "Bea Lee,lee@home.example,,2013-02-03",
    "ben": "Ben Lee,lee@home.example,(254) 867-5309,2015-06-12", "eve": "Eve Lee,,,2031-01-01",
    "rae": "Rae Fox,rae@fox.example,,", "roy": "Roy Dunn,,(254) 867-5302,",
    "kim": "Kim (Kimmie) Fox,,,", "sol": "Sol Moss,,,", "cara": "Cara Hart,,,", "cora": "Cara Hart,,,",
    **{f"club{n:02}": f"{chr(65 + n % 26)}{'aeiou'[n % 5]}l{'aeo'[n // 26]} {chr(65 + n % 26)}{'aeo'[n // 26]}nder,all@club.example,," for n in range(40)},
    **{f"crowd{n:04}": ",,," for n in range(CROWD)},
}
DOORS = {
    "punch": ("sol", "ENT", "5 Climb Punch Pass from Ann Lee (3 remaining)"), "guest": ("kim", "GUE", "Guest Pass from Ann Lee"),
    "ages": ("kim", "ENT", "Day Pass (14 and up) from Ann Lee (0 remaining)"), "own": ("ben", "ENT", "Day Pass (2 remaining)"),
    "home": ("sol", "ENT", "Pass from Home from Kim (Kimmie) Fox (1 remaining)"), "self": ("sol", "ENT", "Day Pass from Sol Moss"),
    "nobody": ("sol", "ENT", "Day Pass from Nora Nobody"), "two": ("sol", "ENT", "Day Pass from Cara Hart"),
}
TOGETHER = [("rae", day, 9) for day in (5, 6, 7)] + [("roy", day, 9) for day in (5, 6, 7)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("desk")
    rows = [f"{key},{who},2026-01-08 18:{n:02},{how},{text},Hall" for n, (key, (who, how, text)) in enumerate(DOORS.items())]
    rows += [f"{who}{day},{who},2026-01-0{day} 09:00,MEM,," for who, day, _ in TOGETHER]
    rows += [f"{who},{who},2026-01-09 18:{n % 60:02},MEM,,Hall" for n, who in enumerate(w for w in PEOPLE if w.startswith("crowd"))]
    files = {
        "inbox/people.csv": "id,name,email,phone,born\n" + "".join(f"{key},{said}\n" for key, said in PEOPLE.items()),
        "inbox/doors.csv": "id,who,at,how,text,hall\n" + "\n".join(rows) + "\n",
    }
    for name, text in {**PROJECT, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    workspace = open_workspace(folder, clock=FixedClock(NOW))
    assert {step.name: step.error for step in run(workspace).steps if step.outcome != "done"} == {}
    yield workspace
    workspace.close()


def test_what_counts_as_one_contact_can_be_said_otherwise_and_holds_from_the_next_run_on(tmp_path: Path) -> None:
    accounts = "id,email,phone\nx,a.lee@gmail.com,\ny,alee@gmail.com,\n"
    for name in ("sources/shop.yaml", "inbox/accounts.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(PROJECT["sources/shop.yaml"] if name.endswith("yaml") else accounts, encoding="utf-8")
    people = []
    for folded in ("false", "true"):
        toml = f"{PROJECT['regulars.toml']}[identity]\ngmail_folded = {folded}\n"
        (tmp_path / "regulars.toml").write_text(toml, encoding="utf-8")
        workspace = open_workspace(tmp_path, clock=FixedClock(NOW))
        assert run(workspace).exit_code == 0
        people.append(len({row["customer_id"] for row in workspace.rows(workspace.table("identity"))}))
        workspace.close()

    assert people == [2, 1]


def customer(desk: Workspace, *keys: str) -> list[str]:
    """The customer of each profile of the desk, or of another source as `source/id`."""
    found = {f"{row['profile_source']}/{row['profile_id']}": row["customer_id"] for row in desk.rows(desk.table("identity"))}
    return [found[key if "/" in key else f"desk/{key}"] for key in keys]


def transfers(desk: Workspace) -> dict[str, tuple[object, ...]]:
    names = ("transfer_type", "pass_type", "purchaser_name", "remaining_count", "purchaser_customer_id", "match_method")
    return {row["checkin_id"]: tuple(row[name] for name in names) for row in desk.rows(desk.table("transfers"))}


def test_two_siblings_and_a_parent_on_one_address_are_three_people_one_household_and_one_recipient(desk: Workspace) -> None:
    family = customer(desk, "mum", "bea", "ben")
    members = {row["customer_id"]: row["household_id"] for row in desk.rows(desk.table("household_members"))}

    found = one_message_each(desk, pa.array(family), channel="email")

    assert len(set(family)) == 3
    assert len({members[one] for one in family}) == 1
    assert [(row["recipient_customer_id"], row["people"]) for row in desk.rows(found.messages)] == [(family[0], 3)]


def test_an_address_of_one_and_a_number_of_another_are_a_conflict_in_the_queue(desk: Workspace) -> None:
    rae, roy, account = customer(desk, "rae", "roy", "shop/x")

    asked = open_questions(desk, limit=20)

    assert len({rae, roy, account}) == 3
    assert {question.kind for question in asked} == {"conflict"}
    assert {frozenset((q.left["profile_id"], q.right["profile_id"])) for q in asked} == {frozenset("x") | {"rae"}, frozenset("x") | {"roy"}}
    assert all(account in q.same.sentence for q in asked)


def test_forty_people_on_one_address_stay_forty_and_nobody_is_written_to_by_it(desk: Workspace) -> None:
    club = customer(desk, *(f"club{n:02}" for n in range(40)))
    refused = [row for row in desk.rows(desk.table("profiles")) if row["raw_email"] == "all@club.example"]

    assert len(set(club)) == 40
    assert {(row["email"], row["email_refused"]) for row in refused} == {(None, "used by many people")}


def test_a_child_whose_birthday_is_to_come_is_a_minor_and_is_reached_through_the_parent(desk: Workspace) -> None:
    mum, eve = customer(desk, "mum", "eve")

    (found,) = [row for row in desk.rows(desk.table("contacts")) if row["customer_id"] == eve]

    assert (found["is_minor"], found["email_customer_id"]) == (True, mum)


def test_the_texts_of_the_gym_read_as_they_were_meant(desk: Workspace) -> None:
    mum, kim = customer(desk, "mum", "kim")
    found = transfers(desk)

    assert found["punch"][:5] == ("entry_pass", "5 Climb Punch Pass", "Ann Lee", 3, mum)
    assert found["guest"][:5] == ("guest_pass", "Guest Pass", "Ann Lee", None, mum)
    assert found["ages"][:4] == ("entry_pass", "Day Pass (14 and up)", "Ann Lee", 0)
    assert found["home"][:5] == ("entry_pass", "Pass from Home", "Kim (Kimmie) Fox", 1, kim)


def test_an_own_use_and_a_pass_from_oneself_are_no_transfer(desk: Workspace) -> None:
    assert {"own", "self"} & transfers(desk).keys() == set()


def test_a_purchaser_nobody_knows_and_one_who_equals_two_people_stay_open(desk: Workspace) -> None:
    found = transfers(desk)
    candidates = {row["checkin_id"]: row["candidates"] for row in desk.rows(desk.table("transfers"))}

    assert found["nobody"][4:] == (None, "unknown")
    assert found["two"][4:] == (None, "ambiguous")
    assert sorted(candidates["two"].split(",")) == sorted(customer(desk, "cara", "cora"))


def test_check_ins_without_a_location_are_together_with_each_other(desk: Workspace) -> None:
    rae, roy = customer(desk, "rae", "roy")

    met = [row for row in desk.rows(desk.table("interactions")) if {row["customer_id_1"], row["customer_id_2"]} == {rae, roy}]

    assert [(row["business_day"], row["location"]) for row in met] == [(date(2026, 1, day), None) for day in (5, 6, 7)]


def test_a_crowded_hour_leaves_only_those_who_meet_often(desk: Workspace) -> None:
    kept = {row["interaction_type"] for row in desk.rows(desk.table("interactions"))}
    met = desk.rows(desk.table("interactions").filter(lambda t: t.interaction_type == "same_day_checkin"))

    assert kept == {"same_day_checkin", "shared_pass", "frequent_guest"}
    assert {row["business_day"] for row in met} == {date(2026, 1, day) for day in (5, 6, 7)}
    assert {frozenset((row["customer_id_1"], row["customer_id_2"])) for row in met} == {frozenset(customer(desk, "rae", "roy"))}


def test_a_pass_that_was_shared_is_on_both_timelines(desk: Workspace) -> None:
    rows = desk.rows(desk.table("events").filter(lambda t: t.record_key.contains("punch")))

    assert {(row["event_type"], row["profile_id"]) for row in rows} == {
        ("check_in", "sol"), ("received_shared_pass", "sol"), ("shared_pass", "mum"),
    }
