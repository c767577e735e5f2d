"""Engagement: replies say more than clicks, clicks more than opens, what is long ago says little, and 100 is the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from random import Random

import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.events.window import AsOf
from regulars.rules.declare import declare_condition
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.segment import declare
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import Engine
from regulars.storage.engines.spark import SparkEngine

TODAY = date(2026, 6, 30)
SCORE = {"engagement": {"opened": "email_opened", "clicked": ["email_clicked", "sms_clicked"], "replied": "sms_replied"}}
POINTS = {"email_opened": 1, "email_clicked": 4, "sms_clicked": 4, "sms_replied": 8}
Did = list[tuple[str, int]]                  # event type, days ago


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = DuckDBEngine.open()
    yield engine
    engine.close()


def scores(engine: Engine, people: dict[str, Did]) -> dict[str, int]:
    rows = [(who, what, TODAY - timedelta(ago)) for who, did in people.items() for what, ago in did]
    events = pa.table({
        "customer_id": pa.array([who for who, _, _ in rows], pa.string()),
        "event_type": pa.array([what for _, what, _ in rows], pa.string()),
        "occurred_at": pa.array([datetime.combine(day, time(9)) for _, _, day in rows], pa.timestamp("us")),
        "business_day": pa.array([day for _, _, day in rows], pa.date32()),
    })
    tables = Tables(
        customers=engine.arrow(pa.table({"customer_id": pa.array(list(people), pa.string())})), events=engine.arrow(events)
    )
    segment = declare("all", {"when": {**SCORE, "at_least": 0}, "data": {"score": SCORE}})
    found = engine.fetch(evaluate([segment], tables, as_of=AsOf(at=datetime(2026, 6, 30, 12, tzinfo=UTC))).data("all"))
    return {row["customer_id"]: row["score"] for row in found.to_pylist()}


def by_hand(did: Did) -> int:
    """Return the score by the formula as the page has it, in fractions."""
    counted = [(what, Fraction(POINTS[what], 2 ** (ago // 90))) for what, ago in did if ago < 360]
    opens = sum((points for what, points in counted if what == "email_opened"), Fraction(0))
    told = min(opens, Fraction(4)) + sum((points for what, points in counted if what != "email_opened"), Fraction(0))
    share = 100 * told / (told + 12)
    return int((Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal(1), ROUND_HALF_UP))


def strewn() -> dict[str, Did]:
    rng = Random(7)
    return {f"c{n}": [(rng.choice(sorted(POINTS)), rng.randrange(500)) for _ in range(rng.randrange(40))] for n in range(200)}


def test_the_score_is_what_the_formula_says(engine: Engine) -> None:
    people = strewn()

    assert scores(engine, people) == {who: by_hand(did) for who, did in people.items()}


@pytest.mark.spark
@pytest.mark.slow
def test_the_score_is_the_same_on_spark(engine: Engine) -> None:
    assert scores(SparkEngine.open("local[1]"), strewn()) == scores(engine, strewn())


def test_what_says_more_counts_more_and_fades(engine: Engine) -> None:
    found = scores(engine, {
        "nothing": [], "opened": [("email_opened", 3)], "opens": [("email_opened", n) for n in range(50)], "clicked": [("sms_clicked", 3)],
        "replied": [("sms_replied", 3)], "faded": [("sms_replied", 100)], "forgotten": [("sms_replied", 360)],
        "devoted": [("sms_replied", 1)] * 5000,
    })

    assert found["nothing"] == found["forgotten"] == 0
    assert 0 < found["opened"] < found["opens"] == found["clicked"] == found["faded"] < found["replied"]
    assert found["devoted"] == 100


@pytest.mark.parametrize(("told", "said"), [
    ({"clikced": "x"}, "did you mean 'clicked'?"), ("email_opened", "does not say what people did"), ({}, "does not say what people did"),
])
def test_what_it_cannot_mean_is_refused(told: object, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare_condition({"engagement": told, "at_least": 50})

    assert said in str(caught.value)
