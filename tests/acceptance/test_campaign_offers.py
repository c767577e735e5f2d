"""Offers of campaigns: on the event of each message, never the same twice too soon, and what they came to."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from regulars.campaigns.offer_answer import OFFERS
from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.offers import offers_told
from regulars.pipeline.results import results
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.message_list import Wanted
from regulars.storage.book.readings import Answered
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = 6
SMS = "audience: everybody\nchannel: sms\npurpose: transactional\nby: gateway\n"
FILES = {
    **business("""\
  orders:
    files: orders.csv
    key: id
    fields: {id: id, member: id, at: timestamp, used: text, cents: integer}
"""),
    "sources/messages.yaml": "kind: messages\n",
    "events/sms_sent.yaml": """\
from: messages.sent
who: {source: desk, id: profile_id}
when: sent_at
only_if: channel == "sms" and profile_source == "desk"
what: {campaign: campaign, has_offer: has_offer, offer_type: offer_type, offer_amount: offer_amount,
  offer_code: offer_code, offer_expires: offer_expires, offer_category: offer_category}
""",
    "events/ordered.yaml": "from: desk.orders\nwho: member\nwhen: at\nwhat: {used: used, cents: cents}\n",
    "metrics/orders.yaml": "title: Orders\ndescription: Paid.\nsum: cents\nof: ordered\nunit: money\n",
    "desk/people.csv": "id,name,phone\n" + "".join(f"{n},Ann{n} Lee{n * 7},(254) 867-{5300 + n}\n" for n in range(PEOPLE)),
    "desk/orders.csv": f"id,member,at,used,cents\nold,0,{NOON - 9 * DAY:%Y-%m-%dT%H:%M:%SZ},SPRING20,5\n",
    "campaigns/spring.yaml": SMS + 'text: "Get 20% off your order with code SPRING20 until May 20!"\n'
                                   "goals: {metric: orders, within: 30 days, code: used}\n",
    "campaigns/again.yaml": SMS + 'text: "Do not miss it: 20% off your order, use code SPRING20"\noffer_again_after: 30 days\n',
    "campaigns/other.yaml": SMS + 'text: "Take 30% off your order with code MAY30"\noffer_again_after: 30 days\n',
    "campaigns/news.yaml": SMS + 'text: "We moved to Elm Street"\noffer_again_after: 30 days\n',
}


def at(folder: Path, moment: datetime) -> Workspace:
    return open_workspace(folder, clock=FixedClock(moment))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A business that made an offer; three follow the link, two use the code, and one who never got it does."""
    with gateway() as provider:
        folder = write_mailing(tmp_path_factory.mktemp("offers"), url=provider.url)
        write_files(folder, FILES)
        workspace = at(folder, NOON - DAY)
        assert run(workspace).outcome == "done"
        workspace.close()
        workspace = at(folder, NOON)
        one = write_plan(workspace, plan_campaign(workspace, "spring"))
        for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
            pass
        rows = workspace.book.message_list.page(Wanted(campaign="spring", state="sent"), limit=3)
        workspace.book.receipts.keep([
            Receipt(provider="http", provider_id=row.provider_id or "", stage="clicked", at=NOON) for row in rows
        ], at=NOON)
        workspace.close()
        orders = [f"o{n},{n},{NOON + DAY:%Y-%m-%dT%H:%M:%SZ},{code},{cents}" for n, code, cents in (
            (1, "spring20", 1000), (2, " SPRING20", 2000), (3, "OTHER", 4000), (9, "SPRING20", 500),
        )]
        (folder / "desk/orders.csv").write_text("id,member,at,used,cents\n" + "\n".join(orders) + "\n", encoding="utf-8")
        people = (folder / "desk/people.csv").read_text(encoding="utf-8") + "9,Zoe Fox,\n"
        (folder / "desk/people.csv").write_text(people, encoding="utf-8")
        workspace = at(folder, NOON + 2 * DAY)
        assert run(workspace).outcome == "done"
        workspace.close()
        yield folder


def test_the_offer_is_on_the_event_of_each_message(folder: Path) -> None:
    workspace = at(folder, NOON + 2 * DAY)
    events = workspace.table("events")
    rows = workspace.rows(events.filter(events.event_type == "sms_sent"))
    workspace.close()

    assert len(rows) == PEOPLE
    assert {
        (row["has_offer"], row["offer_type"], row["offer_amount"], row["offer_code"], row["offer_expires"]) for row in rows
    } == {(True, "percent_off", "20%", "SPRING20", date(2026, 5, 20))}


@pytest.mark.parametrize(("campaign", "days", "gets"), [
    ("again", 29, 0), ("again", 31, PEOPLE), ("other", 1, PEOPLE), ("news", 1, PEOPLE),
])
def test_nobody_gets_the_same_offer_again_before_its_time_in_whatever_words(
    folder: Path, campaign: str, days: int, gets: int
) -> None:
    workspace = at(folder, NOON + days * DAY)

    plan = plan_campaign(workspace, campaign)
    workspace.close()

    assert plan.sendable == gets
    assert ("had this offer on 2026-05-04" in dict(plan.reasons)) == (gets == 0)


def test_what_an_offer_came_to_is_told_over_all_campaigns(folder: Path) -> None:
    workspace = at(folder, NOON + 2 * DAY)
    found = offers_told(workspace)
    workspace.close()

    assert [(one.kind, one.amount, one.code, one.campaigns, one.sent) for one in found] == [
        ("percent_off", "20%", "SPRING20", ["spring"], PEOPLE)
    ]
    assert found[0].shares["clicked"].people == 3


def test_a_code_is_put_down_to_the_campaign_that_said_it_whoever_used_it(folder: Path) -> None:
    workspace = at(folder, NOON + 2 * DAY)
    found = results(workspace, workspace.book.campaigns.occurrences("spring")[0]).goals[0].codes
    workspace.close()

    assert [(one.code, one.conversions, one.customers, one.of_recipients, one.value) for one in found] == [
        ("SPRING20", 3, 3, 2, 3500)
    ]


def test_a_plan_has_the_offer_as_the_model_read_it(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "asked")
    text = "Two can climb and one pays, tell us LUCKYDUO"
    (copy / "campaigns/odd.yaml").write_text(SMS + f'text: "{text}"\n', encoding="utf-8")
    with (copy / "regulars.toml").open("a", encoding="utf-8") as file:
        file.write('[llm]\ndialect = "openai"\nmodel = "small-1"\n')
    workspace = at(copy, NOON)
    offer = {"kind": "bogo", "amount": 1, "unit": "free_items", "is_up_to": False, "code": "LUCKYDUO", "expires_words": None,
             "minimum": None, "topic": "other", "description": text}
    workspace.book.readings.keep(Answered(
        kind="offer", content_hash=hashlib.sha256(text.encode()).hexdigest(), model="small-1", prompt_version=OFFERS.version,
        answer=json.dumps({"offer": offer, "category": "promotional"}), tokens=1, at=NOON,
    ))

    (found,) = plan_campaign(workspace, "odd").offers
    workspace.close()

    assert (found.offer_type, found.offer_code) == ("bogo", "LUCKYDUO")
