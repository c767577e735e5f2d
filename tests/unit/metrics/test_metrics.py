"""A metric is one number with one definition; zero and unknown are two things."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from regulars.errors import DeclarationError, NotFound
from regulars.events.window import AsOf
from regulars.metrics.catalogue import catalogue
from regulars.metrics.metric import declare
from regulars.metrics.query import Question, ask
from regulars.storage.engines.open import open_engine

GYM = Path(__file__).parents[3] / "examples" / "gym" / "metrics"


@pytest.fixture(scope="module")
def engine():
    engine = open_engine()
    yield engine
    engine.close()


def _rows(*rows: tuple[str, str, int, str, int | None], until: dict[int, int] | None = None) -> pa.Table:
    """Rows of (customer, event type or money kind, day of January, kind, amount)."""
    return pa.table({
        "customer_id": [row[0] for row in rows], "event_type": [row[1] for row in rows],
        "occurred_at": pa.array([datetime.combine(date(2026, 1, row[2]), time(12)) for row in rows], pa.timestamp("us")),
        "business_day": pa.array([date(2026, 1, row[2]) for row in rows]), "kind": [row[3] for row in rows],
        "amount": pa.array([row[4] for row in rows], pa.int64()),
        "until_day": pa.array([date(2026, 1, until[n]) if until and n in until else None for n in range(len(rows))], pa.date32()),
    })


def _values(engine, metric, rows, *, per="day", first=1, last=5, as_of=20, others=()):
    known = catalogue([metric, *others])
    question = Question(first=date(2026, 1, first), last=date(2026, 1, last), per=per,
                        as_of=AsOf(at=datetime(2026, 1, as_of, 18, tzinfo=UTC)))
    table = engine.arrow(rows)
    answer = ask(metric, known.metrics, events=table, money=table, question=question, engine=engine)
    return [point.value for point in answer.points]


VISITS = _rows(("a", "visit", 2, "x", 10), ("a", "visit", 2, "y", 20), ("b", "visit", 4, "x", None))


def test_a_day_without_events_is_zero_once_there_is_history_and_unknown_before_and_after(engine) -> None:
    assert _values(engine, declare("m", {"count": "visit"}), VISITS, as_of=4) == [None, 2, 0, 1, None]


def test_an_average_of_nothing_is_missing_and_not_zero(engine) -> None:
    assert _values(engine, declare("m", {"average": "amount", "of": "visit"}), VISITS) == [None, 15.0, None, None, None]


def test_customers_are_counted_once_a_period(engine) -> None:
    metric = declare("m", {"distinct": "customers", "of": "visit"})

    assert _values(engine, metric, VISITS, per="month") == [2]


def test_weeks_begin_on_monday_and_an_unfinished_one_says_so(engine) -> None:
    metric = declare("m", {"count": "visit"})
    question = Question(first=date(2026, 1, 1), last=date(2026, 1, 12), per="week",
                        as_of=AsOf(at=datetime(2026, 1, 20, tzinfo=UTC)))

    points = ask(metric, {"m": metric}, events=engine.arrow(VISITS), money=None, question=question, engine=engine).points

    assert [(point.first, point.value, point.sample, point.is_complete) for point in points] == [
        (date(2025, 12, 29), 3, 3, False), (date(2026, 1, 5), 0, 0, True), (date(2026, 1, 12), 0, 0, False),
    ]


def test_a_ratio_of_nothing_is_missing(engine) -> None:
    x, all_ = declare("x", {"count": "visit", "where": {"kind": "x"}}), declare("all", {"count": "visit"})
    share = declare("share", {"ratio": ["x", "all"]})

    assert _values(engine, share, VISITS, others=(x, all_)) == [None, 0.5, None, 1.0, None]


def test_money_is_what_was_paid_less_what_was_given_back_unless_kinds_are_named(engine) -> None:
    money = _rows(("a", "", 1, "sale", 1000), ("a", "", 1, "tax", 80), ("a", "", 1, "fee", -30), ("a", "", 2, "refund", -500))

    assert _values(engine, declare("net", {"spend": "net"}), money, last=2) == [1080, -500]
    assert _values(engine, declare("sum", {"sum": "amount", "of": "money"}), money, last=2) == [1080, -500]
    assert _values(engine, declare("gross", {"spend": "gross"}), money, last=2) == [1080, 0]
    assert _values(engine, declare("fees", {"sum": "amount", "of": "money", "where": {"kind": "fee"}}), money, last=2) == [-30, 0]


def test_intervals_count_the_people_they_cover_on_the_last_day(engine) -> None:
    plans = _rows(("a", "plan", 1, "x", None), ("a", "plan", 2, "x", None), ("b", "plan", 3, "x", None), until={0: 4, 1: 4})

    assert _values(engine, declare("m", {"during": "plan"}), plans) == [1, 1, 2, 1, 1]


def test_a_number_carries_its_definition_and_unit() -> None:
    metric = declare("m", {"count": "visit", "where": {"kind": "x"}, "description": "Visits of kind x."})

    assert metric.definition == "Visits of kind x. Computed as: number of visit where kind is x."
    assert metric.unit == "count"


@pytest.mark.parametrize(
    ("data", "path"),
    [({"cont": "visit"}, ("cont",)), ({"count": "visit", "wher": {}}, ("wher",)), ({"ratio": ["a"]}, ("ratio",)),
     ({"count": "visit", "unit": "bananas"}, ("unit",)), ({"spend": "nett"}, ("spend",))],
)
def test_a_mistake_in_a_metric_says_where_it_is(data, path) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare("m", data)

    assert refused.value.path == path


def test_a_ratio_of_a_metric_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeclarationError, match="visit"):
        catalogue([declare("visits", {"count": "visit"}), declare("m", {"ratio": ["visit", "visits"]})])


def test_the_gym_has_a_catalogue_of_defined_numbers() -> None:
    metrics = [declare(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(GYM.glob("*.yaml"))]

    known = catalogue(metrics)

    assert all("Computed as" in entry.definition and entry.title for entry in known.entries())
    with pytest.raises(NotFound, match="revenu"):
        known["revenu_net"]
