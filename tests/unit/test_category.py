"""Categories: whole words in order, with the reason kept, and how many units a line is."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
import pytest
import yaml

from regulars.errors import DeclarationError
from regulars.events.category import Categories, categorised, declare, unmatched
from regulars.events.money import LINE
from regulars.records.formula import Formula

ROOT = Path(__file__).parents[2]
GYM = declare(yaml.safe_load((ROOT / "examples" / "gym" / "categories.yaml").read_text(encoding="utf-8")))


def _lines(*lines: dict[str, object]) -> ibis.Table:
    plain = {"kind": "sale", "source": "stripe", "quantity": 1, "amount": 100, "currency": "USD"}
    rows = [dict.fromkeys(LINE.names) | plain | line for line in lines]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=LINE.to_pyarrow()))


def _rows(table: ibis.Table) -> list[dict[str, object]]:
    return ibis.duckdb.connect().to_pyarrow(table).to_pylist()


def _of(description: str, categories: Categories = GYM, **line: object) -> dict[str, object]:
    return _rows(categorised(_lines({"description": description} | line), categories))[0]


@pytest.mark.parametrize(("description", "category"), [
    ("Company hoodie", "Retail"),
    ("Compression shorts", "Retail"),
    ("Campus board", "Retail"),
    ("Passion fruit bar", "Retail"),
    ("Youth Comp Team dues", "Team"),
    ("Day pass with gear upgrade", "Day Pass"),
    ("Capitan membership #17 renewal payment: Solo Weekly", "Membership Renewal"),
    ("Capitan membership #17 initial payment: Duo Monthly", "New Membership"),
    ("Capitan reservation #9: Birthday party", "Event Booking"),
    ("[Calendly] Ann Lee 2 Hour Birthday Rental", "Event Booking"),
    ("Summer Camp Session 2", "Programming"),
    ("Adult comp entry", "Programming"),
    ("Climbing technique, week 3", "Programming"),
    ("5 Climb Punch Pass", "Day Pass"),
    ("Day Pass (14 and up)", "Day Pass"),
    ("Gear upgrade", "Day Pass"),
    ("10-Pack", "Day Pass"),
    ("Something nobody foresaw", "Uncategorised"),
])
def test_the_gym_knows_what_it_sells(description: str, category: str) -> None:
    assert _of(description)["category"] == category


def test_a_line_keeps_why_it_is_in_its_category() -> None:
    assert _of("Youth Comp Team dues")["category_rule"] == "team"
    assert _of("Something nobody foresaw")["category_rule"] is None


def test_a_renewal_says_which_membership_it_renews() -> None:
    lines = _lines({"description": "Capitan membership #17 renewal payment: Solo Weekly"})
    number = Formula.parse(r'extract(description, "membership #(\d+)")').column(lines)

    assert _rows(lines.select(number=number)) == [{"number": "17"}]


@pytest.mark.parametrize(("description", "quantity", "units"), [
    ("5-Punch Pass", 2, 10), ("Day Pass", 3, 3), ("Day pass 10-Pack", 1, 10), ("5 Climb Punch Pass", 1, 5), (None, 4, 4),
])
def test_units_are_pack_size_times_quantity(description: str, quantity: int, units: int) -> None:
    assert _of(description, quantity=quantity)["units"] == units


def test_fees_and_payouts_have_no_category() -> None:
    assert _of("Day pass", kind="fee")["category"] is None
    assert _of("Day pass", kind="payout")["category_rule"] is None


def test_rules_may_ask_for_source_sku_and_product() -> None:
    rules = declare({"rules": [
        {"name": "by sku", "category": "A", "sku": ["TEAM-*", "X1"]},
        {"name": "by product", "category": "B", "product": "Locker"},
        {"name": "by source and word", "category": "C", "source": "square", "words": ["pass*"]},
    ]})

    assert _of("x", rules, sku="TEAM-9")["category"] == "A"
    assert _of(" LOCKER", rules)["category"] == "B"
    assert _of("Passes", rules, source="square")["category"] == "C"
    assert _of("Passes", rules)["category"] == "Uncategorised"


def test_what_no_rule_knows_is_listed_dearest_first() -> None:
    lines = _lines({"description": "odd", "amount": 5}, {"description": "rare", "amount": 900}, {"description": "odd"})

    found = _rows(unmatched(categorised(lines, GYM)))

    assert [(row["description"], row["lines"], row["amount"]) for row in found] == [("rare", 1, 900), ("odd", 2, 105)]


@pytest.mark.parametrize(("data", "message"), [
    ({"rule": []}, "'rule' means nothing here"),
    ({"rules": [{"name": "a"}]}, "a rule needs 'category'"),
    ({"rules": [{"name": "a", "category": "A"}]}, "would match everything"),
    ({"rules": [{"name": "a", "category": "A", "word": ["x"]}]}, "'word' means nothing here"),
    ({"rules": [{"name": "a", "category": "A", "words": "x"}] * 2}, "two rules are called 'a'"),
    ({"packs": ["[0-9]+"]}, "catches no number"),
])
def test_a_wrong_rule_is_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(DeclarationError, match=message.replace("(", r"\(")):
        declare(data)
