"""What flows plan is sent by the sender of campaigns, each message once, and comes back onto the timeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from club import HOST, WINBACK, Club, copied, morning, states

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt
from regulars.pipeline.flow_results import explain, flow_of, results, stand
from regulars.pipeline.journeys import rests
from regulars.pipeline.send import Worker
from regulars.storage.book.messages import Settled
from regulars.testing.mailing import recipients
from regulars.testing.sandbox.gateway import RunningGateway, gateway

STEP = """\
from: messages.journeys
who: {source: desk, id: profile_id}
when: at
only_if: what == "step" and profile_source == "desk"
what: {flow: flow, step: step, outcome: outcome}
"""
ENTERED = """\
from: messages.journeys
who: {source: desk, id: profile_id}
when: at
only_if: what == "entered" and profile_source == "desk"
what: {flow: flow, occasion: occasion}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


@pytest.fixture
def told(club: Path, tmp_path: Path, provider: RunningGateway) -> Club:
    """A club whose texts go to a provider that is there."""
    found = copied(club, tmp_path / "club", flows={"host": HOST, "winback": WINBACK})
    found.write("destinations/texts.yaml", f'kind: http\nurl: {provider.url}\nfrom: "+12545550100"\n')
    return found


def send(told: Club, at: datetime) -> None:
    """Send what is due of every flow at a moment."""
    told.now = at
    workspace = told.open()
    for one in workspace.book.campaigns.under_way(at):
        for _ in Worker(project=workspace.project, book=workspace.book, clock=FixedClock(at), one=one).work():
            pass
    workspace.close()


def test_what_was_planned_is_sent_once_and_is_on_the_timeline(told: Club, provider: RunningGateway) -> None:
    told.write("sources/messages.yaml", "kind: messages\n")
    told.write("events/flow_step.yaml", STEP)
    told.write("events/flow_entered.yaml", ENTERED)
    told.day(date(2026, 2, 7))
    for _ in range(2):
        send(told, morning(date(2026, 2, 7), hour=17))

    told.run(date(2026, 2, 8))

    sent = [one for one in told.messages if one.campaign == "host.week"]
    assert [one.state for one in sent] == ["sent", "sent"]
    assert {provider.taken()[one.message_id] for one in sent} == {1}
    events = told.ask(lambda w: w.rows(w.table("events").filter(
        w.table("events").event_type.isin(["flow_step", "flow_entered"])
    ).order_by("occurred_at", "event_type")))
    hosts = [row for row in events if row["flow"] == "host"]
    assert sorted((row["event_type"], row.get("step") or "", row.get("outcome") or "") for row in hosts) == [
        ("flow_entered", "", ""), ("flow_entered", "", ""), ("flow_step", "week", "planned"),
        ("flow_step", "week", "planned"),
    ]


def test_a_sender_that_comes_days_later_sends_nothing_that_is_too_late(told: Club) -> None:
    told.day(date(2026, 2, 7))

    send(told, morning(date(2026, 2, 10), hour=17))

    assert states(one for one in told.messages if one.campaign == "host.week") == [
        ("host.week", "skipped", "too late: it was to go before 2026-02-09 16:00 UTC")
    ] * 2


def test_a_message_that_pauses_itself_lets_the_whole_flow_rest(told: Club) -> None:
    told.day(date(2026, 2, 7))
    workspace = told.open()
    flow, book = flow_of(workspace.project, "host"), workspace.book
    one = book.campaigns.occurrences("host.week")[0]
    book.campaigns.move(one.campaign_id, "paused", at=told.now, reason="3 of 100 complained")

    assert rests(workspace, flow) == f"host.week ({one.occurrence}) is paused: 3 of 100 complained"
    stand(book, flow, "running", by="ann", clock=workspace.clock)
    assert rests(workspace, flow) is None
    workspace.close()


def test_bounces_of_many_days_together_let_a_flow_rest(told: Club) -> None:
    told.day(date(2026, 2, 7))
    workspace = told.open()
    book, later = workspace.book, told.now + timedelta(days=1)
    for n in range(4):
        one = book.campaigns.begin(
            "host.week", f"2026-02-0{n + 1}", channel="sms", purpose="transactional", destination="texts", version="v",
            starts_at=told.now, at=told.now,
        )
        book.messages.plan(one.campaign_id, recipients(30, due_at=told.now), at=told.now)
        book.campaigns.move(one.campaign_id, "sending", at=told.now)
        claimed = book.messages.claim(one.campaign_id, "me", now=told.now, lasts=timedelta(hours=1), limit=30)
        book.messages.settle(one.campaign_id, [
            Settled(customer_id=each.customer_id, n=0, state="sent") for each in claimed
        ], worker="me", at=told.now)
        book.receipts.keep([Receipt(
            provider="http", provider_id=f"p{n}", message_id=f"{one.campaign_id}.c_0000000", stage="bounced",
            at=told.now, event_id=f"e{n}",
        )], at=told.now)
    workspace.close()

    told.day(later.date())

    assert told.ask(lambda w: w.book.journeys.standing("host").reason) == (
        "week: 4 of 120 bounced: 3.3%, and 2.0% is the most"
    )


def test_results_count_every_step_and_message(told: Club) -> None:
    told.day(date(2026, 2, 7))
    send(told, morning(date(2026, 2, 7), hour=17))

    found = told.ask(lambda w: results(w, flow_of(w.project, "host")))

    assert (found.begun, found.on_the_way, found.held_out) == (2, 2, 0)
    assert [(step.step, step.waiting, step.outcomes, step.messages) for step in found.steps] == [
        ("week", 0, {"planned": 2}, {"sent": 2}), ("six", 2, {}, {}),
    ]


def test_somebody_is_told_where_they_stand_and_why(told: Club) -> None:
    told.day(date(2026, 2, 7))
    ids = {name: key for key, name in told.called().items()}

    ann, ben = (told.ask(lambda w, who=who: explain(w, flow_of(w.project, "host"), ids[who])) for who in ("Ann", "Ben"))

    assert [(row["occasion"], row["step"], [step["message"] for step in row["steps"]]) for row in ann.journeys] == [
        ("p1@2026-02-14", "six", ["planned"]), ("p2@2026-02-14", "six", ["planned"]),
    ]
    assert (ben.journeys, ben.occasions) == ([], [])


@pytest.fixture
def typed(told: Club, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def type_(*words: str, exits: int = 0) -> Any:
        with pytest.raises(SystemExit) as ended:
            main(["flow", *words, "--project", str(told.folder), "--json"])
        said = capsys.readouterr()
        assert (ended.value.code or 0) == exits, said.err
        return json.loads(said.out) if said.out else said.err
    return type_


def test_the_commands_answer(told: Club, typed: Callable[..., Any]) -> None:
    told.day(date(2026, 2, 7))

    assert {row["flow"]: (row["begun"], row["state"]) for row in typed("list")} == {
        "host": (2, "runs"), "winback": (2, "runs")
    }
    assert [row["step"] for row in typed("check", "host")[0]["steps"]] == ["week", "six", "end"]
    before = typed("preview", "host", "--as-of", "2026-02-08T12:00")
    assert (before["messages"], before["examples"][0]["text"]) == (2, "Bo has 2 guests, 3 kids")
    assert "•" in before["examples"][0]["address"]
    assert typed("explain", "host", "desk/1")["journeys"][0]["step"] == "six"
    assert typed("results", "host")["begun"] == 2
    assert typed("pause", "host", "--reason", "we wait")["state"] == "paused"
    assert typed("pause", "host", exits=1)
    assert typed("resume", "host")["state"] == "running"
    assert "no flow" in typed("results", "hosts", exits=1)
    assert {row["state"] for row in typed("send")} == {"sending"}


def test_check_says_which_line_of_a_flow_is_wrong(told: Club, capsys: pytest.CaptureFixture[str]) -> None:
    told.write("flows/host.yaml", HOST.replace("by: texts", "by: text").replace("day 7", "day 8"))

    with pytest.raises(SystemExit) as ended:
        main(["flow", "check", "--project", str(told.folder)])

    assert ended.value.code == 2
    assert "flows/host.yaml:5: there is no destination 'text'" in capsys.readouterr().out
