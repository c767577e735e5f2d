"""Flows through the real pipeline: whoever comes into one gets each of its messages once, in order, whatever happens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from club import FILES, GUEST, HOST, WINBACK, Club, copied, morning, spent, states

from regulars.consent.ledger import Entry
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.journeys import carry_flows, decide
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.database import Database

WEEK = [
    ("Ann", "host.week", "02-07 16:00"), ("Ann", "host.week", "02-07 16:00"),
    ("Ann", "host.six", "02-08 16:00"), ("Ann", "host.six", "02-08 16:00"),
]
QUIET_DAYS = [date(2026, 1, 30), *(date(2026, 2, day) for day in (1, 2, 4, 6, 8))]
QUIET = [
    ("Cat", "winback.day_3", "02-02 16:00"), ("Fay", "winback.day_3", "02-04 16:00"),
    ("Cat", "winback.day_7", "02-06 16:00"), ("Fay", "winback.day_7", "02-08 16:00"),
]


def test_a_host_is_reminded_of_each_party_a_week_and_six_days_before(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})

    told.days(date(2026, 2, 6), date(2026, 2, 8))

    assert told.planned() == WEEK


def test_who_is_quiet_is_written_to_until_they_come_again(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"winback": WINBACK})

    for day in QUIET_DAYS:
        told.day(day)

    assert told.planned() == QUIET
    endings = told.ask(lambda w: {row["ending"] for row in w.book.journeys.of("winback", list(told.called())).to_pylist()})
    assert endings == {"goal", "finished"}


def test_guests_of_two_parties_are_reminded_of_both(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"guest": GUEST})

    told.day(date(2026, 2, 12))

    assert sorted(name for name, _, _ in told.planned()) == ["Cat", "Cat", "Dan"]


def test_words_say_what_the_occasion_and_its_totals_are(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})

    told.days(date(2026, 2, 7), date(2026, 2, 8))

    gaps = told.ask(lambda w: sorted(
        one.gaps for each in w.book.campaigns.under_way(told.now)
        for one in w.book.messages.claim(
            each.campaign_id, "me", now=told.now + timedelta(days=1), lasts=timedelta(minutes=1), limit=9
        )
    ))
    assert gaps == [
        '{"first_name":"Ann","occasion":{"day":"2026-02-14","child":"Bo"}}',
        '{"first_name":"Ann","occasion":{"day":"2026-02-14","child":"Cy"}}',
        '{"occasion":{"child":"Bo"},"total":{"guests":2,"kids":3}}',
        '{"occasion":{"child":"Cy"},"total":{"guests":1,"kids":3}}',
    ]


def test_a_run_that_comes_twice_a_day_sends_once(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})

    for hour in (12, 23):
        told.day(date(2026, 2, 7), hour=hour)

    assert told.planned() == WEEK[:2]


def test_after_three_days_without_a_run_what_is_due_goes_once_and_in_order(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"winback": WINBACK + "late: 5 days\n"})
    told.day(date(2026, 1, 30))

    told.day(date(2026, 2, 6), hour=10)

    assert [row for row in told.planned() if row[0] == "Cat"] == [
        ("Cat", "winback.day_3", "02-06 16:00"), ("Cat", "winback.day_7", "02-06 17:00"),
    ]


def test_what_is_no_longer_sensible_is_skipped_and_the_rest_goes(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})

    told.day(date(2026, 2, 10), hour=10)

    # Six days before was two days ago, and ten o'clock of it is 48 hours past when it could go.
    assert [campaign for _, campaign, _ in told.planned()] == []
    steps = told.ask(lambda w: w.book.journeys.outcomes("host"))
    assert steps == [("six", "late", 2), ("week", "late", 2)]


def test_the_planning_says_everything_and_writes_nothing(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})
    told.now = morning(date(2026, 2, 7))

    decided = told.ask(lambda w: decide(w, w.project.flows[0]))

    assert (decided.begun.num_rows, decided.advanced.sends.num_rows) == (2, 2)
    assert told.messages == []
    assert told.ask(lambda w: w.book.journeys.on_the_way("host").num_rows) == 0


class Died(Exception):
    """The process ended here."""


@pytest.mark.slow
def test_killed_between_any_two_writes_and_run_again_it_comes_to_the_same(
    club: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = copied(club, tmp_path / "whole", flows={"host": HOST})
    whole.flows(date(2026, 2, 7))
    expected = [(one.message_id, one.due_at) for one in whole.messages]

    for writes in range(30):
        told = copied(club, tmp_path / f"killed{writes}", flows={"host": HOST})
        with monkeypatch.context() as patch:
            is_over = _dies_at(patch, told, writes)
        told.flows(date(2026, 2, 7))
        assert [(one.message_id, one.due_at) for one in told.messages] == expected
        assert all(one.state == "sending" for one in told.ask(lambda w: w.book.campaigns.occurrences()))
        if is_over:
            break
    assert 5 < writes < 29


def _dies_at(patch: pytest.MonkeyPatch, told: Club, writes: int) -> bool:
    """Let flows go on in a process that ends after so many writes; return whether it came to its end."""
    left = [writes]
    real = Database.writing

    def mortal(self: Database) -> object:
        if not left[0]:
            raise Died
        left[0] -= 1
        return real(self)

    told.now = morning(date(2026, 2, 7))
    workspace = told.open()
    patch.setattr(Database, "writing", mortal)
    try:
        spent(carry_flows(workspace))
    except Died:
        return False
    finally:
        patch.undo()
        workspace.close()
    return True


def test_a_goal_that_is_reached_takes_back_what_waits(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"winback": WINBACK.replace("until: day 3", "until: day 4")})
    told.day(date(2026, 1, 30))

    told.day(date(2026, 2, 3))                          # planned for ten o'clock; Dan comes at noon of this day
    told.day(date(2026, 2, 3), hour=19)

    reasons = {
        told.called()[one.customer_id]: one.reason for one in told.messages if one.campaign == "winback.day_3"
    }
    assert reasons == {"Cat": None, "Dan": "left the flow: reached the goal: visited"}


def test_who_opts_out_leaves_the_flow(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})
    told.day(date(2026, 2, 7))

    told.ask(lambda w: _stop(w, "254-867-5301"))
    told.day(date(2026, 2, 7), hour=13)
    told.day(date(2026, 2, 8))

    assert states(told.messages) == [
        ("host.week", "skipped", "left the flow: wants no message of it any more")
    ] * 2


def test_who_wants_no_offers_leaves_the_flow_of_offers_and_is_reminded_by_another(club: Path, tmp_path: Path) -> None:
    offers = WINBACK.replace("purpose: transactional", "purpose: marketing")
    told = copied(club, tmp_path / "club", flows={"guest": GUEST, "winback": offers})
    told.days(date(2026, 2, 6), date(2026, 2, 7))

    told.ask(lambda w: _stop(w, "254-867-5303", purpose="marketing"))
    told.day(date(2026, 2, 12))

    cat, = (each for each, name in told.called().items() if name == "Cat")
    endings = told.ask(lambda w: [row["ending"] for row in w.book.journeys.of("winback", [cat]).to_pylist()])
    assert endings == ["opted out"]
    assert sorted(name for name, what, _ in told.planned() if what == "guest.reminder") == ["Cat", "Cat", "Dan"]


def test_a_party_that_is_moved_begins_anew_and_one_that_is_called_off_ends(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})
    told.day(date(2026, 2, 7))

    told.write("desk/parties.csv", "party_id,host,child,day,booked_at\n"
                                   "p1,1,Bo,2026-02-15,2026-01-05T12:00:00-06:00\n")
    told.run(date(2026, 2, 8))

    found = told.ask(lambda w: w.book.journeys.of("host", list(told.called())).to_pylist())
    assert {(row["occasion"], row["ending"]) for row in found} == {
        ("p1@2026-02-14", "gone"), ("p2@2026-02-14", "gone"), ("p1@2026-02-15", None),
    }
    assert told.planned() == [("Ann", "host.week", "02-08 16:00")]


def test_a_holdout_goes_the_way_without_messages_and_is_measured(club: Path, tmp_path: Path) -> None:
    held = WINBACK + "holdout: {share: 50 %, primary: {metric: visits, within: 30 days}}\n"
    told = copied(club, tmp_path / "club", flows={"winback": held})

    for day in QUIET_DAYS[:4]:
        told.day(day)

    rows = told.ask(lambda w: w.book.experiments.assignments("winback_holdout").to_pylist())
    variant = {told.called()[row["unit"]]: row["variant"] for row in rows}
    exposed = told.ask(lambda w: w.book.experiments.exposures("winback_holdout").num_rows)
    assert set(variant) == {"Ben", "Cat", "Dan", "Fay", "Gus", "Ann", "Eve"} & set(variant)
    assert exposed == len(variant) == 3
    written = {name for name, _, _ in told.planned()}
    assert written == {name for name, one in variant.items() if one == "flow"}


def test_those_whose_message_waits_get_the_words_of_now(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})
    told.day(date(2026, 2, 7))

    told.write("flows/host.yaml", HOST.replace("{{ first_name }}: the party", "{{ last_name }}, the party"))
    told.day(date(2026, 2, 7), hour=13)

    workspace = told.open()
    one = workspace.book.campaigns.occurrences("host.week")[0]
    assert one.version == workspace.project.flows[0].messages[0].campaign.version
    claimed = workspace.book.messages.claim(
        one.campaign_id, "me", now=told.now + timedelta(days=1), lasts=timedelta(minutes=1), limit=9
    )
    assert '"last_name":"Lee"' in claimed[0].gaps
    workspace.close()


def test_a_flow_that_is_paused_does_nothing_and_catches_up(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"host": HOST})
    told.ask(lambda w: w.book.journeys.stand("host", "paused", reason="we wait", at=told.now))
    told.day(date(2026, 2, 7))
    assert told.messages == []

    told.ask(lambda w: w.book.journeys.stand("host", "running", reason=None, at=told.now))
    told.day(date(2026, 2, 8), hour=10)

    assert [campaign for _, campaign, _ in told.planned()] == ["host.week", "host.week", "host.six", "host.six"]


def test_a_birthday_comes_every_year_and_in_february_on_a_day_there_is(club: Path, tmp_path: Path) -> None:
    birthday = """
trigger: {anniversary: birthday}
starts: 2026-01-01
channel: sms
purpose: transactional
by: texts
steps: [{wait: {until: the day}}, {message: wishes, text: "Happy birthday, {{ first_name }}"}]
"""
    told = copied(club, tmp_path / "club", flows={"birthday": birthday})

    told.day(date(2026, 2, 10))
    told.day(date(2026, 2, 28))

    assert told.planned() == [("Ben", "birthday.wishes", "02-10 16:00"), ("Gus", "birthday.wishes", "02-28 16:00")]


def test_a_step_that_is_new_is_gone_on_with_and_one_that_is_gone_is_passed_by(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"winback": WINBACK})
    for day in (date(2026, 1, 30), date(2026, 2, 2)):
        told.day(day)

    told.write("flows/winback.yaml", WINBACK.replace("message: day_7", "message: last_word"))
    told.day(date(2026, 2, 6))

    assert [row for row in told.planned() if row[0] == "Cat"] == [
        ("Cat", "winback.day_3", "02-02 16:00"), ("Cat", "winback.last_word", "02-06 16:00"),
    ]


def _stop(workspace: Workspace, number: str, *, purpose: Literal["any", "marketing"] = "any") -> None:
    where = address_of(workspace, number, channel="sms")
    record(workspace, where, Entry(
        address_hash=where.hashed or "", channel="sms", purpose=purpose, action="revoke", method="keyword",
        at=datetime(2026, 2, 7, 12, 30, tzinfo=UTC), source="phone",
    ))


def test_of_those_who_share_a_number_one_is_written_to_and_the_other_is_said_why(club: Path, tmp_path: Path) -> None:
    told = copied(club, tmp_path / "club", flows={"winback": WINBACK})
    told.write("desk/people.csv", FILES["desk/people.csv"].replace("254-867-5304", "254-867-5303"))
    told.run(date(2026, 1, 30))

    told.day(date(2026, 2, 2))

    states_ = {told.called()[one.customer_id]: (one.state, one.reason) for one in told.messages}
    assert sorted(state for state, _ in states_.values()) == ["planned", "skipped"]
    assert {"shares an address with"} == {
        " ".join(reason.split()[:4]) for _, reason in states_.values() if reason is not None
    }
