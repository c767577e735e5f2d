"""A message about a child goes to a guardian, through the real planner and sender, and never to the child's own number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.flow import run
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
MOTHER, CHILD, ALONE = "+12548675301", "+12548675302", "+12548675303"
FILES = {
    "sources/club.yaml": """\
kind: files
folder: lists
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, phone: text, born: date}
    profile: {id: id, exclusive: true, name: name, phone: phone, birthday: born}
  relations:
    files: relations.csv
    key: [person, other]
    fields: {person: id, other: id, kind: text}
    family: [{who: person, whom: other, whom_is: kind, words: {CHI: child}}]
  visits:
    files: visits.csv
    key: id
    fields: {id: id, member: id, at: timestamp}
""",
    "events/visit.yaml": "from: club.visits\nwho: member\nwhen: at\n",
    # Ben has a telephone of his own; nobody is on file for Zoe. Only the two came.
    "lists/people.csv": "id,name,phone,born\n1,Ann Lee,254 867 5301,1984-03-01\n2,Ben Lee,254 867 5302,2015-06-12\n"
                        "3,Zoe Ray,254 867 5303,2014-01-02\n",
    "lists/relations.csv": "person,other,kind\n1,2,CHI\n",
    "lists/visits.csv": "id,member,at\n" + "".join(
        f"v{n},{n},{NOON - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}\n" for n in (2, 3)
    ),
    "segments/came.yaml": "title: C\ndescription: Came.\nwhen: {count: visit, within: 60 days, at_least: 1}\n",
    "campaigns/news.yaml": "audience: came\nchannel: sms\npurpose: marketing\nby: gateway\n"
                           'text: "New routes for {{ first_name }}. STOP ends"\n',
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with gateway() as provider:
        write_mailing(tmp_path, url=provider.url)
        write_files(tmp_path, FILES)
        opened = open_workspace(tmp_path, clock=FixedClock(NOON))
        assert run(opened).outcome == "done"
        yield opened
        opened.close()


def told(workspace: Workspace, number: str, *, action: str) -> None:
    address = address_of(workspace, number)
    record(workspace, address, Entry(
        address_hash=address.hashed or "", channel="sms", purpose="marketing", action=action,  # type: ignore[arg-type]  # one of them
        method="web_form", at=NOON - timedelta(hours=1), source="form", evidence=f"{action} {number}",
    ))


def reasons(workspace: Workspace) -> dict[str, str | None]:
    names = {row["customer_id"]: row["name"] for row in workspace.rows(workspace.table("customers"))}
    return {names[row["customer_id"]]: row["reason"] for row in plan_campaign(workspace, "news").rows.to_pylist()}


def test_the_guardian_gets_it_and_no_child_though_each_has_a_number_and_an_agreement(workspace: Workspace) -> None:
    for number in (MOTHER, CHILD, ALONE):
        told(workspace, number, action="grant")

    one = write_plan(workspace, plan_campaign(workspace, "news"))
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass

    rows = workspace.book.message_list.page(Wanted(campaign="news"), limit=9)
    assert [row.address for row in rows if row.state == "sent"] == [MOTHER]
    assert not {CHILD, ALONE} & {row.address for row in rows}
    assert reasons(workspace)["Zoe Ray"] == "no address: minor without guardian"


def test_what_a_child_agreed_to_is_no_agreement_of_the_guardian(workspace: Workspace) -> None:
    told(workspace, CHILD, action="grant")

    assert reasons(workspace)["Ben Lee"] == "no consent on record"


def test_a_guardian_who_left_is_left_alone_about_the_child_too(workspace: Workspace) -> None:
    told(workspace, MOTHER, action="grant")
    told(workspace, MOTHER, action="revoke")

    assert (reasons(workspace)["Ben Lee"] or "").startswith("opted out on")


def test_the_birthday_of_a_child_is_wished_to_the_guardian_in_a_flow_too(tmp_path: Path) -> None:
    flow = (
        "trigger: {anniversary: birthday}\nstarts: 2026-01-01\nchannel: sms\npurpose: transactional\nby: gateway\n"
        'steps: [{wait: {until: the day}}, {message: wishes, text: "Happy birthday, {{ first_name }}"}]\n'
    )
    people = FILES["lists/people.csv"].replace("2015-06-12", "2016-02-29").replace("2014-01-02", "2014-02-28")
    write_files(write_mailing(tmp_path, url="http://127.0.0.1:9"), {
        **FILES, "flows/birthday.yaml": flow, "lists/people.csv": people,
    })

    for hour in (13, 14):                    # a run that comes twice
        opened = open_workspace(tmp_path, clock=FixedClock(datetime(2026, 2, 28, hour, tzinfo=UTC)))
        run(opened)
        rows = opened.book.message_list.page(Wanted(campaign="birthday.wishes"), limit=9)
        opened.close()

    assert sorted((row.state, row.address, row.reason) for row in rows) == [
        ("planned", MOTHER, None), ("skipped", None, "no address: minor without guardian"),
    ]
