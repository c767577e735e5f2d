"""Being in a segment over days: holds, cooldowns, reasons, backtest, explanation of the state."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest

from regulars.errors import NotFound
from regulars.events.window import AsOf
from regulars.rules.backtest import LEDGER, backtest
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.explain import as_text, explain
from regulars.rules.segment import declare
from regulars.rules.transition import memberships, transitions
from regulars.storage.engines.open import open_engine

FIRST = date(2026, 1, 1)


@pytest.fixture(scope="module")
def engine():
    engine = open_engine()
    yield engine
    engine.close()


def _visits(engine, *days: int, ledger: pa.Table | None = None, customers: tuple[str, ...] = ("ann",)) -> Tables:
    """Ann's visits at noon of the nth day from the first."""
    dates = [FIRST + timedelta(n) for n in days]
    events = pa.table({
        "customer_id": pa.array(["ann"] * len(dates), pa.string()), "event_type": pa.array(["visit"] * len(dates), pa.string()),
        "occurred_at": pa.array([datetime.combine(d, time(12)) for d in dates], pa.timestamp("us")),
        "business_day": pa.array(dates, pa.date32()),
    })
    return Tables(
        customers=engine.arrow(pa.table({"customer_id": pa.array(customers, pa.string())})), events=engine.arrow(events),
        transitions=engine.arrow(LEDGER.empty_table() if ledger is None else ledger),
    )


def _told(engine, segment, *days: int, last: int):
    result = backtest([segment], segment.name, tables=_visits(engine, *days), first=FIRST,
                      last=FIRST + timedelta(last), engine=engine)
    return {(day.day - FIRST).days: ("in" if day.entered else "out") for day in result.days if day.entered or day.left}


def test_without_a_hold_somebody_is_in_exactly_while_the_rule_matches(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "3 days"}})

    assert _told(engine, segment, 2, 4, 20, last=26) == {2: "in", 8: "out", 20: "in", 24: "out"}


def test_a_hold_lasts_exactly_its_days_whatever_happens(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "1 day"}, "holds_for": "5 days"})

    assert _told(engine, segment, 2, 5, last=12) == {2: "in", 7: "out"}


def test_a_stay_never_begins_on_the_day_one_ended(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "ever": True}, "holds_for": "3 days"})

    assert _told(engine, segment, 0, last=8) == {0: "in", 3: "out", 4: "in", 7: "out", 8: "in"}


def test_somebody_enters_again_only_after_the_days_counted_from_the_last_entry(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "0 days"}, "holds_for": "2 days", "reenter_after": "6 days"})

    assert _told(engine, segment, 1, 4, 6, 7, last=10) == {1: "in", 3: "out", 7: "in", 9: "out"}


def test_a_cooldown_without_a_hold_keeps_somebody_out_although_the_rule_matches(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "0 days"}, "reenter_after": "4 days"})

    assert _told(engine, segment, 0, 2, 4, last=6) == {0: "in", 1: "out", 4: "in", 5: "out"}


def test_a_backtest_counts_members_and_tells_its_progress(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "1 day"}})
    seen: list[date] = []

    result = backtest([segment], "s", tables=_visits(engine, 1), first=FIRST, last=FIRST + timedelta(3), engine=engine,
                      progress=seen.append)

    assert [(day.entered, day.left, day.members) for day in result.days] == [
        ((), (), 0), (("ann",), (), 1), ((), (), 1), ((), ("ann",), 0),
    ]
    assert seen == [FIRST + timedelta(n) for n in range(4)]
    assert result.transitions.num_rows == 2
    with pytest.raises(ValueError, match="before the first"):
        backtest([segment], "s", tables=_visits(engine, 1), first=FIRST, last=FIRST - timedelta(1), engine=engine)


def test_transitions_say_why_with_the_numbers(engine) -> None:
    segment = declare("s", {"when": {"all": [{"count": "visit", "within": "3 days"}]}})
    as_of = AsOf(at=datetime(2026, 1, 3, 18, tzinfo=UTC))

    entered = engine.fetch(transitions(evaluate([segment], _visits(engine, 1, 2), as_of=as_of))).to_pylist()
    later = AsOf(at=datetime(2026, 1, 9, 18, tzinfo=UTC))
    ledger = pa.Table.from_pylist(entered, LEDGER)
    left = engine.fetch(transitions(evaluate([segment], _visits(engine, 1, 2, ledger=ledger), as_of=later))).to_pylist()

    assert entered[0]["reason"] == "number of visit, in the last 3 days: at least 1 (it is 2)"
    assert entered[0]["business_day"] == date(2026, 1, 3)
    assert (left[0]["change"], left[0]["reason"]) == (
        "left", "no longer so: number of visit, in the last 3 days: at least 1",
    )


def test_somebody_who_is_no_customer_any_more_leaves(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "ever": True}})
    as_of = AsOf(at=datetime(2026, 1, 3, 18, tzinfo=UTC))
    ledger = pa.Table.from_pylist(
        [{"segment": "s", "customer_id": "bob", "at": datetime.combine(FIRST, time(18)), "business_day": FIRST, "change": "entered"}],
        LEDGER,
    )

    rows = engine.fetch(transitions(evaluate([segment], _visits(engine, ledger=ledger), as_of=as_of))).to_pylist()

    assert [(row["customer_id"], row["change"]) for row in rows] == [("bob", "left")]
    assert "merged" in rows[0]["reason"]


def test_memberships_are_the_stays_that_have_begun_and_not_ended(engine) -> None:
    held = declare("held", {"when": {"count": "visit"}, "holds_for": "14 days"})
    rows = [("held", "ann", 1, "entered"), ("held", "bob", 1, "entered"), ("held", "bob", 9, "left"), ("old", "ann", 1, "entered")]
    ledger = pa.Table.from_pylist(
        [{"segment": s, "customer_id": c, "at": datetime.combine(date(2026, 1, d), time(6)), "business_day": date(2026, 1, d), "change": change}
         for s, c, d, change in rows],
        LEDGER,
    )

    found = engine.fetch(memberships(engine.arrow(ledger), [held])).to_pylist()

    assert found == [{
        "segment": "held", "customer_id": "ann", "entered_at": datetime.combine(FIRST, time(6)), "entered_day": date(2026, 1, 1),
        "until_day": date(2026, 1, 15),
    }]


def test_an_explanation_tells_the_state_and_why_not(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "within": "0 days"}, "holds_for": "2 days", "reenter_after": "9 days"})
    run = backtest([segment], "s", tables=_visits(engine, 1, 5), first=FIRST, last=FIRST + timedelta(4), engine=engine)
    world = _visits(engine, 1, 5, ledger=run.transitions)

    def told(day: int):
        as_of = AsOf(at=datetime(2026, 1, 1 + day, 18, tzinfo=UTC))
        return explain([segment], "s", customer_id="ann", tables=world, as_of=as_of, engine=engine)

    held, cooling, out = told(2), told(5), told(30 - 1)
    assert (held.is_in, held.matches, held.entered_day, held.holds_until) == (True, False, date(2026, 1, 2), date(2026, 1, 4))
    assert (cooling.is_in, cooling.matches, cooling.may_reenter_on) == (False, True, date(2026, 1, 11))
    assert out.why == "out: number of visit, today: at least 1 (it is 0)"
    assert "✗ number of visit, today: at least 1: it is 0" in as_text(out)
    with pytest.raises(NotFound, match="no customer"):
        explain([segment], "s", customer_id="zoe", tables=world, as_of=AsOf(at=datetime(2026, 1, 2, tzinfo=UTC)), engine=engine)
    with pytest.raises(NotFound, match="no segment"):
        explain([segment], "t", customer_id="ann", tables=world, as_of=AsOf(at=datetime(2026, 1, 2, tzinfo=UTC)), engine=engine)


def test_a_segment_stores_its_numbers_for_its_members_only(engine) -> None:
    segment = declare("s", {"when": {"count": "visit", "at_least": 2}, "data": {
        "visits": {"count": "visit"}, "newest": {"max": "business_day", "of": "visit"}}})
    world = _visits(engine, 1, 2, customers=("ann", "bob"))

    evaluation = evaluate([segment], world, as_of=AsOf(at=datetime(2026, 1, 9, tzinfo=UTC)))

    assert engine.fetch(evaluation.data("s")).to_pylist() == [{"customer_id": "ann", "visits": 2, "newest": date(2026, 1, 3)}]
