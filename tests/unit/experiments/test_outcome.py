"""The sums of an experiment are those of its units, whichever day they are added up to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from regulars.events.window import AsOf
from regulars.experiments.outcome import SUMS, Outcome, Subjects, cap_at, sums_by_day
from regulars.metrics.metric import Taken
from regulars.storage.engines.open import open_engine

START = datetime(2026, 1, 10, 12, tzinfo=UTC).replace(tzinfo=None)
VISITS = Taken(take="count", events=("visit",))
SPENT = Taken(take="sum", of="amount", events=("visit",))
KINDS = Taken(take="distinct", of="kind", events=("visit",))


@pytest.fixture(scope="module")
def engine():
    engine = open_engine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def world():
    """60 customers in 40 households, exposed over five days; visits before and after."""
    rng = np.random.default_rng(7)
    owners = [{"unit": f"h{n % 40}", "customer_id": f"c{n}"} for n in range(60)]
    exposed = []
    for n in range(40):
        at = START + timedelta(hours=int(rng.integers(0, 110)))
        exposed.append({"unit": f"h{n}", "variant": "ab"[n % 2], "exposed_at": at, "exposed_day": at.date(), "city": "xy"[n // 20]})
    events = []
    for _ in range(700):
        at = START + timedelta(hours=int(rng.integers(-200, 500)))
        kind = str(rng.integers(0, 3))
        who = f"c{rng.integers(0, 70)}"         # ten of them take part in nothing
        events.append({"customer_id": who, "event_type": rng.choice(["visit", "mail"]), "occurred_at": at,
                       "business_day": at.date(), "kind": kind, "amount": int(rng.integers(-5, 100))})
    return owners, exposed, events


def _subjects(engine, world, *, as_of=START + timedelta(days=15)):
    owners, exposed, events = (engine.arrow(pa.Table.from_pylist(rows)) for rows in world)
    return Subjects(exposed=exposed, owners=owners, events=events, money=None, as_of=AsOf(at=as_of.replace(tzinfo=UTC)))


def _told(outcome: Outcome, formula: Taken, rows: list[dict]) -> float:
    """What one unit counts for: the definition, spelled out."""
    if outcome.is_share:
        return float(bool(rows))
    match formula.take:
        case "count":
            value = float(len(rows))
        case "sum":
            value = float(sum(row["amount"] for row in rows))
        case _:
            value = float(len({row["kind"] for row in rows}))
    return value


def _oracle(outcome: Outcome, world, *, until: date, as_of: datetime) -> dict[str, dict[str, float]]:
    owners, exposed, events = world
    home = {row["customer_id"]: row["unit"] for row in owners}
    sums = {variant: dict.fromkeys(SUMS, 0.0) for variant in "ab"}
    for unit in exposed:
        if unit["exposed_day"] > until:
            continue
        mine = [e for e in events if home.get(e["customer_id"]) == unit["unit"] and e["event_type"] == "visit"
                and e["occurred_at"] <= as_of and e["business_day"] <= until]
        at = unit["exposed_at"]
        after = [e for e in mine if at <= e["occurred_at"] and (outcome.within is None or e["business_day"] <= unit["exposed_day"] + timedelta(days=outcome.within))]
        before = [e for e in mine if outcome.before and at - outcome.before <= e["occurred_at"] < at]
        cap = np.inf if outcome.cap is None else outcome.cap
        y = min(_told(outcome, outcome.numerator, after), cap)
        x = min(_told(outcome, outcome.numerator, before), cap) if outcome.before else 0.0
        d = _told(outcome, outcome.denominator, after) if outcome.denominator else 0.0
        for name, value in {"n": 1, "y": y, "yy": y * y, "d": d, "dd": d * d, "yd": y * d, "x": x, "xx": x * x, "xy": x * y, "xd": x * d}.items():
            sums[unit["variant"]][name] += value
    return sums


def _added_up(engine, outcome, subjects, *, until: date, by=()):
    rows = engine.fetch(sums_by_day(outcome, subjects, by=by)).to_pylist()
    found: dict = {}
    for row in rows:
        if row["day"] <= until:
            sums = found.setdefault(tuple(row[key] for key in ("variant", *by)), dict.fromkeys(SUMS, 0.0))
            for name in SUMS:
                sums[name] += row[name]
    return found


OUTCOMES = {
    "count": Outcome(numerator=VISITS),
    "share": Outcome(numerator=VISITS, is_share=True, within=3, before=timedelta(days=5)),
    "sum": Outcome(numerator=SPENT, within=7, before=timedelta(days=7)),
    "capped": Outcome(numerator=SPENT, cap=150.0, before=timedelta(days=7)),
    "distinct": Outcome(numerator=KINDS),
    "ratio": Outcome(numerator=SPENT, denominator=VISITS, before=timedelta(days=4)),
}


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("days", [2, 6, 15])
def test_days_added_up_are_the_report_of_the_last_of_them(engine, world, name, days) -> None:
    until, as_of = (START + timedelta(days=days)).date(), START + timedelta(days=15)

    found = _added_up(engine, OUTCOMES[name], _subjects(engine, world), until=until)

    expected = _oracle(OUTCOMES[name], world, until=until, as_of=as_of)
    for variant in "ab":
        assert found[variant,] == pytest.approx(expected[variant]), variant


def test_what_sums_are_reported_by_adds_up_to_the_whole(engine, world) -> None:
    subjects, until = _subjects(engine, world), date(2026, 2, 1)

    whole = _added_up(engine, OUTCOMES["sum"], subjects, until=until)
    parts = _added_up(engine, OUTCOMES["sum"], subjects, until=until, by=("city",))

    assert len(parts) == 4
    for variant in "ab":
        for name in SUMS:
            assert parts[variant, "x"][name] + parts[variant, "y"][name] == pytest.approx(whole[variant,][name])


def test_nothing_after_the_as_of_moment_counts(engine, world) -> None:
    early = START + timedelta(days=4)

    found = _added_up(engine, OUTCOMES["count"], _subjects(engine, world, as_of=early), until=date(2026, 2, 1))

    expected = _oracle(OUTCOMES["count"], world, until=date(2026, 2, 1), as_of=early)
    assert found["a",]["y"] == expected["a"]["y"]


def test_the_cap_is_a_quantile_over_all_units_those_without_anything_too(engine, world) -> None:
    outcome = OUTCOMES["sum"]
    owners, exposed, events = world
    home = {row["customer_id"]: row["unit"] for row in owners}
    totals = []
    for unit in exposed:
        at = unit["exposed_at"]
        totals.append(sum(e["amount"] for e in events if home.get(e["customer_id"]) == unit["unit"] and e["event_type"] == "visit"
                          and at <= e["occurred_at"] and e["business_day"] <= unit["exposed_day"] + timedelta(days=outcome.within) and e["occurred_at"] <= START + timedelta(days=15)))

    found = engine.fetch(cap_at(outcome, _subjects(engine, world), share=0.9).name("cap").as_table())["cap"][0].as_py()

    assert found == pytest.approx(np.quantile(totals, 0.9))


def test_an_experiment_nobody_did_anything_in_has_units_and_zeros(engine, world) -> None:
    outcome = Outcome(numerator=Taken(take="count", events=("nothing_of_the_kind",)))

    found = _added_up(engine, outcome, _subjects(engine, world), until=date(2026, 2, 1))

    assert (found["a",]["n"], found["a",]["y"], found["a",]["yy"]) == (20.0, 0.0, 0.0)
