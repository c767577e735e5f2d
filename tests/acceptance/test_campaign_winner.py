"""A campaign that is tested on some of its people first: the winner goes to the others by itself, each once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt
from regulars.errors import DeclarationError, GuardError
from regulars.pipeline.account import account
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.results import results
from regulars.pipeline.send import Worker
from regulars.pipeline.winner import choose_winner, settle_test
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = 100
FILES = {
    **business("""\
  sales:
    files: sales.csv
    key: id
    fields: {id: id, member: id, at: timestamp, cents: integer}
    money: [{kind: sale, amount: cents, currency: "'USD'", when: at, who: member, payment: id}]
"""),
    "metrics/revenue.yaml": "title: Revenue\ndescription: Paid.\nspend: gross\n",
    "desk/people.csv": "id,name,phone\n" + "".join(f"{n},Ann{n} Lee{n * 7},(254) 867-{5300 + n}\n" for n in range(PEOPLE)),
    "desk/sales.csv": f"id,member,at,cents\nold,0,{NOON - 900 * HOUR:%Y-%m-%dT%H:%M:%SZ},5\n",
}
CAMPAIGN = """\
audience: everybody
channel: sms
purpose: transactional
by: gateway
variants: {{short: {{text: "Come"}}, long: {{text: "Come and see us"}}}}
test: {{share: 40 %, winner_by: {by}, after: 4 hours, unclear: {unclear}}}
goals: {{metric: revenue, within: 14 days}}
"""
NAMES = ("clicks", "chance", "leads", "money")


@dataclass(frozen=True, kw_only=True)
class Studio:
    """A business with four campaigns to be tested, and its provider."""

    folder: Path
    provider: RunningGateway

    def at(self, hours: float) -> Workspace:
        return open_workspace(self.folder, clock=FixedClock(NOON + hours * HOUR))

    def begun(self, name: str) -> Occurrence:
        """Plan a campaign and send its test."""
        workspace = self.at(0)
        one = write_plan(workspace, plan_campaign(workspace, name))
        sends(workspace, one)
        workspace.close()
        return one

    def took(self, one: Occurrence) -> int:
        """Return how many messages the provider has, none of them twice."""
        mine = {name: times for name, times in self.provider.taken().items() if name.startswith(one.campaign_id)}
        assert set(mine.values()) <= {1}
        return len(mine)


def sends(workspace: Workspace, one: Occurrence) -> str:
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    found = workspace.book.campaigns.get(one.campaign_id)
    assert found is not None
    return found.state


def clicks(workspace: Workspace, one: Occurrence, **shares: int) -> None:
    """Let so many people of each variant follow the link."""
    for variant, people in shares.items():
        rows = workspace.book.message_list.page(Wanted(campaign=one.campaign, state="sent", variant=variant), limit=people)
        workspace.book.receipts.keep([
            Receipt(provider="http", provider_id=row.provider_id or "", stage="clicked", at=NOON + HOUR) for row in rows
        ], at=NOON + HOUR)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with gateway() as provider:
        folder = write_mailing(tmp_path_factory.mktemp("winner"), url=provider.url)
        said = {"clicks": "clicked", "chance": "clicked", "leads": "clicked", "money": "revenue"}
        files = FILES | {
            f"campaigns/{name}.yaml": CAMPAIGN.format(by=said[name], unclear="leading" if name == "leads" else "wait")
            for name in NAMES
        }
        write_files(folder, files)
        workspace = open_workspace(folder, clock=FixedClock(NOON - HOUR))
        assert run(workspace).outcome == "done"
        workspace.close()
        yield Studio(folder=folder, provider=provider)


def test_who_is_in_the_test_is_told_before_anything_is_sent(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["campaign", "plan", "clicks", "--json", "-p", str(studio.folder)])

    told = json.loads(capsys.readouterr().out)
    assert told["variants"] == {"(winner)": 60, "long": 20, "short": 20}
    assert (told["test"]["share"], told["test"]["winner_by"]) == (0.4, "clicked")


def test_the_winner_goes_to_all_others_once_and_by_itself(studio: Studio) -> None:
    one = studio.begun("clicks")
    workspace = studio.at(5)
    clicks(workspace, one, short=15, long=2)
    before = studio.took(one), account(workspace.book, one).waiting

    decided = [settle_test(workspace, one) for _ in range(2)]
    ended = sends(workspace, one)

    found = results(workspace, one)
    sent = workspace.book.message_list.page(Wanted(campaign="clicks", state="sent"), limit=PEOPLE)
    workspace.close()
    assert before == (40, 60)
    assert decided[0] is not None
    assert decided[0] == decided[1]
    assert (decided[0].variant, decided[0].by, decided[0].reason) == ("short", "test", "short does best")
    assert [(row["variant"], row["people"], row["did"]) for row in json.loads(decided[0].evidence)] == [
        ("short", 20, 15), ("long", 20, 2)
    ]
    assert (ended, studio.took(one), Counter(row.variant for row in sent)) == ("done", 100, {"short": 80, "long": 20})
    # Those who got the winner unasked are not in the comparison.
    clicked = next(each for each in found.differences if each.measure == "clicked")
    assert abs(clicked.value or 0) == pytest.approx(15 / 20 - 2 / 20)
    assert found.better.winner == "short"


def test_nobody_wins_before_the_time_is_up(studio: Studio) -> None:
    one = studio.begun("leads")
    workspace = studio.at(3.9)
    clicks(workspace, one, short=3, long=5)

    assert settle_test(workspace, one) is None
    assert sends(workspace, one) == "sending"
    assert studio.took(one) == 40
    workspace.close()

    workspace = studio.at(4)
    decided = settle_test(workspace, one)
    workspace.close()
    assert decided is not None
    assert (decided.variant, decided.reason) == ("long", "long leads; that may be chance")


def test_where_it_may_be_chance_a_person_chooses_and_says_why(studio: Studio) -> None:
    one = studio.begun("chance")
    workspace = studio.at(6)
    clicks(workspace, one, short=5, long=3)

    assert settle_test(workspace, one) is None
    paused = workspace.book.campaigns.get(one.campaign_id)
    assert paused is not None
    assert (paused.state, paused.reason) == (
        "paused", "no winner: short leads; that may be chance; choose one of short, long"
    )
    with pytest.raises(DeclarationError):
        choose_winner(workspace, paused, "shrot", by="kim", reason="I like it")
    with pytest.raises(DeclarationError):
        choose_winner(workspace, paused, "long", by="kim", reason=" ")
    choose_winner(workspace, paused, "long", by="kim", reason="it fits the season")
    assert sends(workspace, one) == "done"
    with pytest.raises(GuardError):
        choose_winner(workspace, paused, "short", by="kim", reason="no, the other")
    workspace.close()
    assert studio.took(one) == 100


def test_revenue_decides_what_was_derived_since_the_test(studio: Studio) -> None:
    one = studio.begun("money")
    workspace = studio.at(5)
    rows = workspace.book.message_list.page(Wanted(campaign="money", state="sent", variant="long"), limit=99)
    of = {row["customer_id"]: row["profile_id"] for row in workspace.rows(workspace.table("identity"))}
    buyers = [of[row.customer_id] for row in rows][:15]
    assert settle_test(workspace, one) is None       # nothing was derived since
    workspace.close()
    (studio.folder / "desk/sales.csv").write_text("id,member,at,cents\n" + "".join(
        f"s{who},{who},{NOON + HOUR:%Y-%m-%dT%H:%M:%SZ},{4000 + 10 * int(who)}\n" for who in buyers
    ), encoding="utf-8")
    workspace = studio.at(6)
    assert run(workspace).outcome == "done"

    decided = settle_test(workspace, one)
    workspace.close()

    assert decided is not None
    assert (decided.variant, decided.measure) == ("long", "revenue")
