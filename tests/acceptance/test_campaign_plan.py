"""Who will get a campaign, who not and why, is said before it is sent, and is what is sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.destinations.sender import Receipt
from regulars.pipeline.account import account
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.flow import run
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.project import Project
from regulars.testing.desk import write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
SOURCE = """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, phone: text, born: date, parent: id, region: text}
    profile: {id: id, exclusive: true, name: name, phone: phone, birthday: born, region: region}
    family: [{who: id, whom: parent, whom_is: parent}]
"""
PEOPLE = """\
id,name,phone,born,parent,region
1,Ann Lee,(254) 867-5301,1984-03-01,,TX
2,Ben Lee,,2015-06-12,1,
3,Tom Ray,254-867-5303,1990-01-01,,TX
4,Eve Day,254-867-5304,1990-01-01,,TX
5,Kim Ash,254-867-5305,1990-01-01,,TX
6,,254-867-5306,1990-01-01,,TX
7,Zoe Fox,,1990-01-01,,TX
8,Sam Oak,254-867-5308,1990-01-01,,TX
"""
TEXT = "{{ first_name }}, come back. Reply STOP to opt out"
CAMPAIGN = "audience: everybody\nchannel: sms\npurpose: marketing\nby: gateway\n"
FAIR = """\
first_name,phone
Ann,254-867-5301
Bob,254-867-5301
Cy,(254) 867-5399
,254-867-5398
Di,nothing
"""
SMS_SENT = """\
from: messages.sent
who: {source: desk, id: profile_id}
when: sent_at
only_if: channel == "sms" and profile_source == "desk"
what: {campaign: campaign}
"""
DELIVERED = """\
from: messages.receipts
who: {source: desk, id: profile_id}
when: told_at
only_if: stage == "delivered" and profile_source == "desk"
what: {campaign: campaign}
"""
EXPERIMENT = """\
unit: customer
variants: {silence: 50, words: 50}
primary: {metric: visits, within: 30 days}
runs: 2026-05-01 to 2026-06-30
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, provider: RunningGateway) -> Path:
    """A business with eight people, of whom five said yes to texts, and one of these no again."""
    folder = write_mailing(tmp_path_factory.mktemp("club"), url=provider.url)
    (folder / "regulars.toml").write_text("""\
[business]
name = "Corner Studio"
timezone = "America/Chicago"
currency = "USD"
country = "US"
""", encoding="utf-8")
    write_files(folder, {
        "sources/desk.yaml": SOURCE, "desk/people.csv": PEOPLE, "campaigns/back.yaml": CAMPAIGN + f'text: "{TEXT}"\n',
        "campaigns/fair.yaml":
            f'list: lists/fair.csv\nchannel: sms\npurpose: transactional\nby: gateway\ntext: "{TEXT}"\n',
        "lists/fair.csv": FAIR, "campaigns/tested.yaml":
            CAMPAIGN + f'experiment: words\nvariants: {{silence: nothing, words: {{text: "{TEXT}"}}}}\n',
        "experiments/words.yaml": EXPERIMENT, "events/visited.yaml": "from: desk.people\nwho: id\nwhen: born\n",
        "sources/messages.yaml": "kind: messages\n", "events/sms_sent.yaml": SMS_SENT,
        "events/message_delivered.yaml": DELIVERED, "metrics/visits.yaml": "title: Visits\ndescription: Times.\ncount: visited\n",
    })
    workspace = at_noon(folder)
    assert run(workspace).outcome == "done"
    for number in ("1", "3", "4", "6", "8"):
        said(workspace, number, "grant")
    said(workspace, "4", "revoke")
    workspace.close()
    return folder


def at_noon(folder: Path) -> Workspace:
    return open_workspace(folder, clock=FixedClock(NOON))


def said(workspace: Workspace, number: str, action: Any) -> None:
    address = address_of(workspace, f"+1254867530{number}")
    record(workspace, address, Entry(
        address_hash=address.hashed or "", channel="sms", purpose="marketing", action=action, method="web_form",
        at=NOON.replace(hour=8 if action == "grant" else 9), source="form", evidence=f"form {number}",
    ))


def test_what_is_planned_is_what_is_sent(folder: Path, provider: RunningGateway) -> None:
    workspace = at_noon(folder)
    plan = plan_campaign(workspace, "back")

    one = write_plan(workspace, plan)
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    found = account(workspace.book, one)
    workspace.close()

    going = [row["customer_id"] for row in plan.rows.to_pylist() if row["state"] == "planned"]
    assert sorted(name for name in provider.taken() if name.startswith(one.campaign_id)) == [
        f"{one.campaign_id}.{customer}" for customer in going
    ]
    assert (found.planned, found.sent, found.skipped) == (8, 3, 5)
    assert sorted(plan.reasons) == [
        ("no address: none on file", 1), ("no consent on record", 1), ("no first_name, and no fallback", 1),
        ("opted out on 2026-05-04", 1), ("shares an address with …", 1),
    ]


def test_a_plan_written_twice_is_one_plan(folder: Path) -> None:
    workspace = at_noon(folder)

    first, second = (write_plan(workspace, plan_campaign(workspace, "back")) for _ in range(2))
    workspace.close()

    assert first == second


def test_a_variant_that_is_nothing_is_held_out(folder: Path) -> None:
    workspace = at_noon(folder)
    plan = plan_campaign(workspace, "tested", enrols=True)
    of = {row["unit"]: row["variant"] for row in workspace.book.experiments.assignments("words").to_pylist()}
    workspace.close()

    rows = plan.rows.to_pylist()
    assert {row["customer_id"] for row in rows} == set(of)
    assert {of[row["customer_id"]] for row in rows if row["state"] == "planned"} <= {"words"}
    assert all(row["reason"] == "nothing is sent to silence" for row in rows if of[row["customer_id"]] == "silence")


def test_a_list_reaches_customers_as_themselves_and_strangers_once(folder: Path) -> None:
    workspace = at_noon(folder)
    plan = plan_campaign(workspace, "fair")
    ann = workspace.rows(workspace.table("customers").filter(lambda one: one.first_name == "Ann"))[0]["customer_id"]
    workspace.close()

    rows = {json.loads(row["gaps"])["first_name"]: row for row in plan.rows.to_pylist()}
    assert {name: row["reason"] for name, row in rows.items()} == {
        "Ann": None, "Bob": f"shares an address with {ann}", "Cy": None, None: "no first_name, and no fallback",
    }
    assert rows["Ann"]["customer_id"] == ann
    assert rows["Cy"]["customer_id"].startswith("a_")
    assert plan.rejected == 1


def test_what_was_sent_is_on_the_timeline_once_however_often_it_runs(folder: Path) -> None:
    workspace = at_noon(folder)
    one = write_plan(workspace, plan_campaign(workspace, "back"))
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    workspace.book.receipts.keep([
        Receipt(provider="http", provider_id=f"p-{name}", stage="delivered", at=NOON)
        for batch in workspace.book.sent.sent(after=NOON - timedelta(days=1), until=NOON)
        for name in (row["message_id"] for row in batch) if name.startswith(one.campaign_id)
    ], at=NOON)
    workspace.close()

    for hours in (1, 2):
        later = open_workspace(folder, clock=FixedClock(NOON + timedelta(hours=hours)))
        assert run(later).outcome == "done"
        events = later.table("events")
        found = later.rows(events.filter(events.campaign == "back").select("event_type", "profile_id"))
        later.close()

        assert sorted((row["event_type"], row["profile_id"]) for row in found) == [
            (kind, person) for kind in ("message_delivered", "sms_sent") for person in ("1", "3", "8")
        ]


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["campaign", *words])
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out, said.err


def test_the_commands_plan_send_and_account(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("-p", str(folder))
    _, planned, _ = typed(capsys, "send", "news", "--json", *where)
    _, shown, _ = typed(capsys, "preview", "news", "--json", *where)
    assert typed(capsys, "results", "news", *where)[0] != 0

    code, sent, _ = typed(capsys, "send", "news", "--apply", "--json", *where)

    told, found = json.loads(planned), json.loads(sent)
    assert (code, told["audience"], told["sendable"], told["segments"]) == (0, 8, 6, 6)
    assert (found["planned"], found["sent"], found["skipped"], found["is_balanced"]) == (8, 6, 2, True)
    assert all(one["message"]["text"].startswith("Hi ") and "867530" not in one["address"] for one in json.loads(shown))
    assert json.loads(typed(capsys, "results", "news", "--json", *where)[1])["account"] == found
    assert typed(capsys, "pause", "news", *where)[2].startswith("▲ news is done: it cannot become paused")


def test_plan_and_preview_warn_of_words_that_do_not_say_how_to_leave(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path(shutil.copytree(folder, tmp_path / "mine"))
    (mine / "campaigns" / "bare.yaml").write_text(f'{CAMPAIGN}text: "{{{{ first_name }}}}, come back"\n', encoding="utf-8")
    where = ("-p", str(mine))

    planned = json.loads(typed(capsys, "plan", "bare", "--json", *where)[1])
    code, shown, _ = typed(capsys, "preview", "bare", *where)

    assert [(one["name"], one["status"]) for one in planned["findings"]] == [("says-how-to-leave", "warning")]
    assert (code, "says-how-to-leave" in shown, "Reply STOP to opt out" in shown) == (0, True, True)
    assert json.loads(typed(capsys, "plan", "news", "--json", *where)[1])["findings"] == []


@pytest.mark.parametrize(("senders", "by"), [
    ({"mails": "hello@studio.example", "texts": "+12545550100"}, "texts"), ({"mails": "hello@studio.example"}, "mails"),
])
def test_a_new_campaign_is_one_that_its_destination_can_send(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], senders: dict[str, str], by: str
) -> None:
    write_files(tmp_path, {"regulars.toml": '[business]\nname = "Studio"\ntimezone = "America/Chicago"\n'} | {
        f"destinations/{name}.yaml": f'kind: http\nurl: http://127.0.0.1:9\nfrom: "{sender}"\nlinks: http://127.0.0.1:8\n'
        for name, sender in senders.items()
    })

    assert typed(capsys, "new", "spring", "-p", str(tmp_path))[0] == 0

    project = Project.read(tmp_path)
    assert [one.destination for one in project.campaigns] == [by]
    assert [one.message for one in project.problems] == []
