"""Bad input to campaigns, through the real planner and sender: said with its reason, and nobody is reached wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.destinations.sender import Receipt, Reply
from regulars.errors import DeclarationError
from regulars.pipeline.account import Account, account
from regulars.pipeline.compose import Plan, plan_campaign, write_plan
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.flow import run
from regulars.pipeline.news import takers
from regulars.pipeline.results import results
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.project import Project
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
SMS = "channel: sms\npurpose: {purpose}\nby: gateway\ntext: \"Hi {{{{ first_name | default: 'there' }}}}, come. STOP ends\"\n"
FILES = {
    "regulars.toml": '[business]\nname = "Studio"\ntimezone = "America/Chicago"\ncountry = "US"\n',
    "sources/desk.yaml": """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, phone: text}
    profile: {id: id, name: name, phone: phone}
  visits:
    files: visits.csv
    key: id
    fields: {id: id, member: id, at: timestamp}
""",
    "events/visit.yaml": "from: desk.visits\nwho: member\nwhen: at\n",
    # Ann and Ben Lee are two people with one telephone.
    "desk/people.csv": "id,name,phone\n1,Ann Lee,(254) 867-5301\n2,Ben Lee,(254) 867-5301\n3,Tom Ray,254-867-5303\n",
    "desk/visits.csv": f"id,member,at\nv1,1,{NOON - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}\n",
    "segments/nobody.yaml": "title: N\ndescription: Never.\nwhen: {count: visit, within: 1 day, at_least: 1}\n",
    "campaigns/empty.yaml": "audience: nobody\n" + SMS.format(purpose="transactional"),
    "campaigns/family.yaml": "audience: everybody\n" + SMS.format(purpose="marketing"),
    "campaigns/fair.yaml": "list: lists/fair.csv\n" + SMS.format(purpose="transactional"),
    "campaigns/huge.yaml": "list: lists/huge.csv\n" + SMS.format(purpose="transactional"),
    "lists/fair.csv": "first_name,phone\n" + "Cy,254-867-5399\n" * 5 + "Di,nothing\nEd,123\nFay,\n",
    "lists/huge.csv": f"first_name,phone\n{'x' * 1_000_000},254-867-5398\nGus,254-867-5397\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with gateway() as provider:
        folder = write_mailing(tmp_path_factory.mktemp("bad"), url=provider.url)
        write_files(folder, FILES)
        workspace = opened(folder)
        assert run(workspace).outcome == "done"
        workspace.close()
        yield folder


def opened(folder: Path) -> Workspace:
    return open_workspace(folder, clock=FixedClock(NOON))


def planned(folder: Path, name: str) -> Plan:
    workspace = opened(folder)
    found = plan_campaign(workspace, name)
    workspace.close()
    return found


def sent(workspace: Workspace, name: str) -> Account:
    one = write_plan(workspace, plan_campaign(workspace, name))
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    ended = workspace.book.campaigns.get(one.campaign_id)
    assert ended is not None
    return account(workspace.book, ended)


def test_a_variable_nobody_knows_is_an_error_before_anything_is_planned(folder: Path, tmp_path: Path) -> None:
    copy = write_mailing(tmp_path, url="http://127.0.0.1:9")
    path = copy / "campaigns/news.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("first_name", "frist_name"), encoding="utf-8")

    with pytest.raises(DeclarationError, match="no variable 'frist_name'"):
        Project.load(copy)


def test_a_million_character_name_gets_nothing_and_stops_nobody(folder: Path) -> None:
    plan = planned(folder, "huge")

    assert plan.sendable == 1
    assert plan.reasons == [("first_name has 1,000,000 characters, more than 500", 1)]


def test_a_list_with_one_person_five_times_sends_once_and_rejects_what_is_no_number(folder: Path) -> None:
    workspace = opened(folder)

    found = sent(workspace, "fair")
    plan = plan_campaign(workspace, "fair")
    workspace.close()

    assert (found.planned, found.sent, found.is_balanced) == (1, 1, True)
    assert plan.rejected == 3


def test_an_audience_of_nobody_is_planned_sent_and_told_as_nothing(folder: Path) -> None:
    workspace = opened(folder)

    found = sent(workspace, "empty")
    told = results(workspace, found.occurrence)
    workspace.close()

    assert (found.planned, found.occurrence.state, found.is_balanced) == (0, "done", True)
    assert (told.variants, told.better.winner) == ([], None)


def test_a_landline_fails_with_its_reason_and_the_account_is_whole(tmp_path: Path) -> None:
    with gateway(refuses=1.0) as provider:
        copy = write_mailing(tmp_path / "landlines", url=provider.url)
        for name in ("regulars.toml", "sources/desk.yaml", "desk/people.csv", "desk/visits.csv", "events/visit.yaml"):
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_text(FILES[name], encoding="utf-8")
        workspace = opened(copy)
        run(workspace)

        found = sent(workspace, "news")
        workspace.close()

    assert found.is_balanced
    assert [(state, reason) for state, reason, _ in found.reasons if state == "failed"] == [("failed", "a landline")]


def test_news_of_a_message_that_was_never_sent_changes_nothing(folder: Path) -> None:
    workspace = opened(folder)
    before = [(one.campaign, account(workspace.book, one)) for one in workspace.book.campaigns.occurrences()]
    news = [
        Receipt(provider="http", provider_id="nobody-knows", stage=stage, at=NOON) for stage in ("delivered", "bounced")
    ] + [Receipt(provider="http", provider_id="x", stage="clicked", at=NOON, message_id="0123456789ab.c_nobody")]

    for _ in range(2):
        for take in takers(workspace):
            take(news)

    after = [(one.campaign, account(workspace.book, one)) for one in workspace.book.campaigns.occurrences()]
    workspace.close()
    assert after == before


def test_a_reply_from_a_telephone_of_two_is_of_the_message_it_got_and_a_no_holds_for_both(folder: Path) -> None:
    workspace = opened(folder)
    for number in ("1", "3"):
        address = address_of(workspace, f"+1254867530{number}")
        record(workspace, address, Entry(
            address_hash=address.hashed or "", channel="sms", purpose="marketing", action="grant", method="web_form",
            at=NOON - timedelta(days=1), source="form", evidence=f"form {number}",
        ))
    found = sent(workspace, "family")
    rows = workspace.book.message_list.page(Wanted(campaign="family"), limit=9)
    got = next(row for row in rows if row.address == "+12548675301" and row.state == "sent")

    for text, reply in (("Yes, we would love to!", "r1"), ("stop", "r2")):
        for take in takers(workspace):
            take([Reply(provider="http", provider_id=reply, sender="+12548675301", to="+12545550100", text=text,
                        at=NOON + timedelta(minutes=1))])

    kept = workspace.book.replies.of_address("+12548675301")
    later = plan_campaign(open_later(workspace), "family")
    workspace.close()
    assert (found.sent, [row.state for row in rows if row.address == "+12548675301"].count("sent")) == (2, 1)
    assert [(one.customer_id, one.mood, one.status) for one in kept] == [
        (got.customer_id, "positive", "none"), (got.customer_id, "negative", "opted_out"),
    ]
    reasons = {row["customer_id"]: row["reason"] for row in later.rows.to_pylist()}
    shared = [reason for customer, reason in reasons.items() if customer in {row.customer_id for row in rows
                                                                             if row.address == "+12548675301"}]
    assert len(shared) == 2
    assert all("opted out" in reason for reason in shared)


def open_later(workspace: Workspace) -> Workspace:
    return Workspace(
        project=workspace.project, stores=workspace.stores, clock=FixedClock(NOON + timedelta(hours=1))
    )
