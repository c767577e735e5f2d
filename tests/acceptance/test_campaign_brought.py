"""What a campaign brought, from the ledger and the timeline: who converted, credit, costs, and what it added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt
from regulars.pipeline.brought import MODELS
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.results import Results, results
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = 40
FILES = {
    **business("""\
  joined:
    files: joined.csv
    key: id
    fields: {id: id, member: id, at: timestamp}
  sales:
    files: sales.csv
    key: id
    fields: {id: id, member: id, at: timestamp, cents: integer}
    money: [{kind: sale, amount: cents, currency: "'USD'", when: at, who: member, payment: id}]
"""),
    "events/joined.yaml": "from: desk.joined\nwho: member\nwhen: at\n",
    "metrics/joins.yaml": "title: Joins\ndescription: Joined.\ncount: joined\n",
    "metrics/revenue.yaml": "title: Revenue\ndescription: Paid.\nspend: gross\n",
    "experiments/words.yaml": "variants: {silence: 50, words: 50}\nallocation: quota\n"
                              "primary: {metric: joins, within: 14 days}\nruns: 2026-05-01 to 2026-06-30\n",
    "campaigns/tested.yaml": """\
audience: everybody
channel: sms
purpose: transactional
by: gateway
experiment: words
variants: {silence: nothing, words: {text: "Come and join us"}}
goals: [{metric: joins, within: 14 days, worth: 45.00}, {metric: revenue, within: 14 days}]
costs: {each: 0.0079, fixed: 1.00}
""",
    "campaigns/before.yaml": "audience: everybody\nchannel: sms\npurpose: transactional\nby: gateway\ntext: We moved\n",
}


def table(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


def sent(workspace: Workspace, name: str) -> Occurrence:
    one = write_plan(workspace, plan_campaign(workspace, name, enrols=True))
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    return one


def opened(folder: Path, at: datetime) -> Workspace:
    return open_workspace(folder, clock=FixedClock(at))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two campaigns, three days apart; of the later one half is held out; then people join and buy."""
    with gateway() as provider:
        folder = write_mailing(tmp_path_factory.mktemp("brought"), url=provider.url)
        people = [f"{n},Ann{n} Lee{n * 7},(254) 867-{5300 + n}" for n in range(PEOPLE)]
        files = {
            **FILES, "desk/people.csv": table("id,name,phone", people),
            "desk/joined.csv": table("id,member,at", [f"old,0,{NOON - 9 * DAY:%Y-%m-%dT%H:%M:%SZ}"]),
            "desk/sales.csv": table("id,member,at,cents", [f"old,0,{NOON - 9 * DAY:%Y-%m-%dT%H:%M:%SZ},5"]),
        }
        write_files(folder, files)
        workspace = opened(folder, NOON - 3 * DAY)
        assert run(workspace).outcome == "done"
        sent(workspace, "before")
        workspace.close()
        workspace = opened(folder, NOON)
        sent(workspace, "tested")
        told = {variant: [p for p, v in drawn(workspace).items() if v == variant] for variant in ("words", "silence")}
        workspace.close()
        # Twelve of those who were written to join, three of the others, and one far too late.
        joins = [*told["words"][:12], *told["silence"][:3]]
        rows = [f"j{n},{who},{NOON + 2 * DAY:%Y-%m-%dT%H:%M:%SZ}" for n, who in enumerate(joins)]
        rows.append(f"late,{told['words'][15]},{NOON + 24 * DAY:%Y-%m-%dT%H:%M:%SZ}")
        (folder / "desk/joined.csv").write_text(table("id,member,at", rows), encoding="utf-8")
        sales = [f"s{n},{who},{NOON + DAY:%Y-%m-%dT%H:%M:%SZ},{1000 + n}" for n, who in enumerate(told["words"][:4])]
        (folder / "desk/sales.csv").write_text(table("id,member,at,cents", sales), encoding="utf-8")
        workspace = opened(folder, NOON + 25 * DAY)
        assert run(workspace).outcome == "done"
        workspace.close()
        yield folder


def drawn(workspace: Workspace) -> dict[str, str]:
    """Return profile id -> variant."""
    of = {row["unit"]: row["variant"] for row in workspace.book.experiments.assignments("words").to_pylist()}
    identity = workspace.table("identity")
    return {row["profile_id"]: of[row["customer_id"]] for row in workspace.rows(identity.order_by("profile_id"))}


@pytest.fixture(scope="module")
def found(folder: Path) -> Results:
    workspace = opened(folder, NOON + 25 * DAY)
    told = results(workspace, workspace.book.campaigns.occurrences("tested")[0])
    workspace.close()
    return told


def test_who_converted_within_the_goals_time_is_the_last_step_of_the_funnel(found: Results) -> None:
    steps = {one.variant: {step.stage: step.people for step in one.funnel} for one in found.variants}

    assert (steps["words"]["sent"], steps["words"]["converted"]) == (20, 12)
    assert (steps["silence"]["sent"], steps["silence"]["converted"]) == (0, 3)


def test_people_who_did_not_get_it_are_counted_with_the_reason(found: Results) -> None:
    lost = {one.variant: one.lost for one in found.variants}

    assert [(each.stage, each.reason, each.people) for each in lost["silence"]] == [
        ("tagged", "nothing is sent to silence", 20)
    ]


def test_every_model_shares_the_same_conversions_with_the_campaign_before(found: Results) -> None:
    joins = found.goals[0]
    by_model = {one.model: one for one in joins.credit}

    assert tuple(by_model) == MODELS
    # Everybody had the message before; of the twelve both had a part, of the late one and the three held out none.
    assert (by_model["last"].conversions, by_model["last"].value) == (12, 12 * 4500)
    assert (by_model["first"].conversions, by_model["first"].value) == (0, 0)
    assert (by_model["linear"].conversions, by_model["linear"].value) == (12, 12 * 2250)


def test_money_is_its_own_worth_and_costs_make_a_return(found: Results) -> None:
    money = found.goals[1]
    last = next(one for one in money.credit if one.model == "last")

    assert found.spent is not None
    assert (found.spent.messages, found.spent.pieces, found.spent.total) == (20, 20, 100 + 16)
    assert (last.value, last.conversions) == (4006, 4)
    assert last.roas == pytest.approx(4006 / 116)
    assert last.cost_per_conversion == pytest.approx(116 / 4)


def test_what_it_added_is_told_against_those_held_out(found: Results) -> None:
    added = found.goals[0].added[0]

    assert (added.variant, added.held_out, added.people, added.of_held_out) == ("words", "silence", 20, 20)
    assert added.conversions.number == pytest.approx(12 - 3)
    assert added.conversions.low is not None
    assert added.conversions.high is not None
    assert 0 < added.conversions.low < 9 < added.conversions.high
    assert added.value.number == pytest.approx((12 - 3) * 4500)


def test_without_anybody_held_out_nobody_says_what_was_added(folder: Path) -> None:
    workspace = opened(folder, NOON + 25 * DAY)
    found = results(workspace, workspace.book.campaigns.occurrences("before")[0])
    workspace.close()

    assert (found.goals, found.spent) == ([], None)
    assert found.variants[0].funnel[-1].people is None


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        main(["campaign", *words])
    return capsys.readouterr().out


def test_the_command_says_it_as_a_table_and_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys, "results", "tested", "-p", str(folder))
    told: dict[str, Any] = json.loads(typed(capsys, "results", "tested", "--json", "-p", str(folder)))

    assert told["account"]["sent"] == 20
    assert [step["stage"] for step in told["variants"][1]["funnel"]][-1] == "converted"
    for words in ("converted", "nothing is sent to silence", "joins", "linear", "added"):
        assert words in shown, shown


def test_an_answer_is_given_again_until_somebody_writes(folder: Path) -> None:
    workspace = opened(folder, NOON + 25 * DAY)
    one = workspace.book.campaigns.occurrences("tested")[0]
    first = results(workspace, one)

    again = results(workspace, one)
    workspace.book.campaigns.begin(
        "another", "once", channel="sms", purpose="marketing", destination="gateway", version="1", starts_at=NOON, at=NOON
    )
    later = results(workspace, one)

    assert again is first
    assert later is not first
    assert later == first
    workspace.close()


def test_who_asks_first_is_told_what_the_run_worked_out_and_what_has_changed_since(folder: Path) -> None:
    hour, ran = timedelta(hours=1), NOON + 25 * DAY
    workspace = opened(folder, ran + hour)
    one = workspace.book.campaigns.occurrences("tested")[0]

    kept = results(workspace, one)
    with workspace.book.database.writing() as connection:
        connection.exec_driver_sql("delete from kept_answers")
    anew = results(workspace, one)
    workspace.close()

    assert (kept.as_of, anew.as_of) == (ran, ran + hour)
    assert replace(anew, as_of=ran) == kept


def test_a_receipt_counts_at_once_whatever_a_run_worked_out(folder: Path) -> None:
    workspace = opened(folder, NOON + 26 * DAY)
    assert run(workspace).outcome == "done"
    one = workspace.book.campaigns.occurrences("tested")[0]
    before = results(workspace, one)
    names = [row["message_id"] for batch in workspace.book.sent.sent(after=NOON - DAY, until=NOON + DAY) for row in batch
             if row["message_id"].startswith(one.campaign_id)]

    workspace.book.receipts.keep([
        Receipt(provider="http", provider_id=f"p-{names[0]}", stage="clicked", at=NOON + 26 * DAY)
    ], at=NOON + 26 * DAY)
    after = results(workspace, one)
    workspace.close()

    assert after.account.stages == {**before.account.stages, "clicked": 1}
    assert sum(one.shares["clicked"].people for one in after.variants) == 1
