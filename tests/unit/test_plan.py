"""What the name of a membership says, in the words a business declares."""

from __future__ import annotations

from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.events.plan import FEATURES, Plans, declare, frequency_of, has_feature, size_of


def features(name: str, plans: Plans | None = None) -> set[str]:
    row = ibis.memtable(pa.table({"name": [name]}))
    found = row.select(**{each: has_feature(row.name, each, plans=plans or Plans()) for each in FEATURES})
    return {each for each, is_so in found.to_pyarrow().to_pylist()[0].items() if is_so}


@pytest.mark.parametrize(("name", "expected"), [
    ("Founders Solo", {"founder"}),
    ("College Solo", {"college"}),
    ("Corporate Solo - Lakeside Bank", {"corporate"}),
    ("Mid-day Solo", {"mid_day"}),
    ("Midday Solo", {"mid_day"}),
    ("Fitness Only", {"fitness_only"}),
    ("Solo Monthly with Fitness Add-on", {"fitness_addon"}),
    ("Youth Comp Team Dues", {"team_dues"}),
    ("Staff", {"staff"}),
    ("90-for-90", {"90_for_90"}),
    ("90 for 90", {"90_for_90"}),
    ("Solo Monthly", set()),
])
def test_a_name_shows_its_features(name: str, expected: set[str]) -> None:
    assert features(name) == expected


@pytest.mark.parametrize("name", ["Staffordshire Solo", "Confounded Duo", "Collegeville Family", "190 for 90 days"])
def test_a_part_of_a_word_is_no_feature(name: str) -> None:
    assert features(name) == set()


def test_the_words_are_the_businesss_own() -> None:
    plans = declare({"features": {"staff": ["crew*"], "corporate": ["lakeside bank"]}})

    assert features("Crew Family", plans) == {"staff"}
    assert features("Lakeside Bank Solo", plans) == {"corporate"}
    assert features("Founders Solo", plans) == {"founder"}


@pytest.mark.parametrize(("name", "interval", "size", "frequency"), [
    ("Family Monthly", "MON", "family", "monthly"),
    ("Duo Monthly", "MON", "duo", "monthly"),
    ("Corporate Solo", "MON", "corporate", "monthly"),
    ("Solo Weekly", "BWK", "solo", "bi_weekly"),
    ("3 Month Solo", "3MO", "solo", "prepaid_3mo"),
    ("90 for 90", "3MO", "solo", "prepaid_3mo"),
    ("6 Month Solo", None, "solo", "prepaid_6mo"),
    ("12-Month Solo", None, "solo", "prepaid_12mo"),
    ("Solo", "YEA", "solo", "annual"),
    ("Solo", "yrl", "solo", "annual"),
    ("Solo", None, "solo", "unknown"),
])
def test_size_and_frequency_come_from_the_name_and_then_the_interval(
    name: str, interval: str | None, size: str, frequency: str
) -> None:
    row = ibis.memtable(pa.table({"name": [name], "interval": pa.array([interval], pa.string())}))

    found = row.select(s=size_of(row.name, plans=Plans()), f=frequency_of(row.name, row.interval, plans=Plans()))

    assert found.to_pyarrow().to_pylist() == [{"s": size, "f": frequency}]


def test_the_price_of_an_addon_is_declared_exactly() -> None:
    plans = declare({"fitness_addon": {"price": "28.00", "above": 60}})

    assert (plans.addon_price, plans.addon_above) == (Decimal("28.00"), Decimal(60))


@pytest.mark.parametrize(("data", "path", "said"), [
    ({"feature": {}}, ("feature",), "did you mean 'features'?"),
    ({"features": {"founders": ["founder"]}}, ("features", "founders"), "did you mean 'founder'?"),
    ({"features": {"staff": "crew"}}, ("features", "staff"), "staff: [crew]"),
    ({"sizes": ["family"]}, ("sizes",), "name: value"),
    ({"fitness_addon": {"price": "cheap"}}, ("fitness_addon", "price"), '"28.00"'),
    ({"fitness_addon": {"price": "-1"}}, ("fitness_addon", "price"), '"28.00"'),
])
def test_a_wrong_declaration_says_where_and_what_would_be_right(
    data: dict[str, object], path: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DeclarationError) as error:
        declare(data)

    assert error.value.path == path
    assert said in str(error.value)
