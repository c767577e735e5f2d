"""Which occasions begin a journey: once each, and by the rules of the flow."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from courses import DRIP, begin, flow, occasions

from regulars.flows.enter import AGAIN, STILL, consider, entry_window
from regulars.flows.journey import JOURNEYS

PARTY = DRIP.replace("{entered: lapsed}", "{date: party_day, of: party_hosted, occasion: party_id}").replace(
    "until: day 3", "until: 7 days before"
)


def test_an_occasion_begins_one_journey_for_ever() -> None:
    found = occasions(("ann", "2026-01-10", date(2026, 1, 10)))
    known = begin(flow(DRIP), found)

    assert len(known) == 1
    assert begin(flow(DRIP), found, known=_over(known)).num_rows == 0


def test_nobody_begins_while_still_on_the_way() -> None:
    known = begin(flow(DRIP), occasions(("ann", "a", date(2026, 1, 10))))

    found = consider(flow(DRIP), occasions(("ann", "b", date(2026, 1, 12))), known)

    assert found["refusal"].to_pylist() == [STILL]


def test_what_happened_on_the_way_begins_nothing_when_it_is_over() -> None:
    known = _over(begin(flow(DRIP), occasions(("ann", "a", date(2026, 1, 10)))))

    found = consider(flow(DRIP), occasions(("ann", "b", date(2026, 1, 12)), ("ann", "c", date(2026, 2, 12))), known)

    # Of two that are found at once only the first is decided; the other is asked of again.
    assert found["refusal"].to_pylist() == [STILL, STILL]
    alone = consider(flow(DRIP), occasions(("ann", "c", date(2026, 2, 12))), known)
    assert alone["refusal"].to_pylist() == [None]


def test_once_is_once() -> None:
    known = _over(begin(flow(DRIP), occasions(("ann", "a", date(2026, 1, 10)))))
    only = flow(DRIP, once=True)

    found = consider(only, occasions(("ann", "b", date(2026, 6, 1))), known)

    assert found["refusal"].to_pylist() == [AGAIN]


def test_somebody_comes_again_after_the_days_that_are_asked_for() -> None:
    known = _over(begin(flow(DRIP), occasions(("ann", "a", date(2026, 1, 10)))))
    seldom = flow(DRIP, reenter_after="100 days")

    refusals = [
        consider(seldom, occasions(("ann", "b", day)), known)["refusal"].to_pylist()[0]
        for day in (date(2026, 4, 19), date(2026, 4, 20))
    ]

    assert refusals == ["went into it less than 100 days before", None]


def test_two_parties_of_a_day_are_two_journeys_whose_messages_are_told_apart() -> None:
    day = date(2026, 2, 7)

    found = begin(flow(PARTY), occasions(("ann", "party-1", day), ("ann", "party-2", day), ("bob", "party-3", day)))
    later = begin(flow(PARTY), occasions(("ann", "party-4", day)), known=found)

    assert found["occurrence"].to_pylist() == ["2026-02-07", "2026-02-07.2", "2026-02-07"]
    assert later["occurrence"].to_pylist() == ["2026-02-07.3"]


def test_the_order_of_occasions_means_nothing() -> None:
    rows = [("ann", "b", date(2026, 2, 7)), ("bob", "a", date(2026, 2, 7)), ("ann", "a", date(2026, 2, 7))]

    assert begin(flow(PARTY), occasions(*rows)).equals(begin(flow(PARTY), occasions(*rows[::-1])))


def test_a_date_begins_its_journey_from_its_first_step_to_a_week_after_its_last() -> None:
    first, last = entry_window(flow(PARTY), date(2026, 2, 10))

    assert (first, last) == (date(2026, 1, 20), date(2026, 2, 17))


def test_nothing_before_the_start_begins_a_journey() -> None:
    first, _ = entry_window(flow(DRIP, starts="2026-02-09"), date(2026, 2, 10))

    assert first == date(2026, 2, 9)


def _over(journeys: pa.Table) -> pa.Table:
    """The same journeys, ended two weeks later."""
    moment = pa.array([datetime(2026, 1, 24, 12, tzinfo=UTC).replace(tzinfo=None)] * journeys.num_rows, pa.timestamp("us"))
    assert pc.all(pc.is_null(journeys["ended_at"])).as_py()
    return journeys.set_column(JOURNEYS.get_field_index("ended_at"), "ended_at", moment)
