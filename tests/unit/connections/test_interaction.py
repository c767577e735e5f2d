"""Every type of interaction has its rule, and its id follows from pair, day and type."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.connections.connection import connections
from regulars.connections.interaction import (
    FAMILY_LINK,
    INTERACTION,
    LARGEST_GROUP,
    ROSTER,
    TRANSFER,
    families,
    frequent_guests,
    purchase_groups,
    shared_passes,
)
from regulars.events.plan import Plans
from regulars.storage.engines.duckdb import DuckDBEngine

DAY = date(2026, 1, 5)
Told = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def passes(engine: DuckDBEngine) -> Told:
    """Carry out a rule over transfers; what is not said is that of a day pass that Ann gave Bob."""
    usual = {"check_in_id": "1", "business_day": DAY, "transfer_type": "entry_pass", "pass_type": "Day Pass",
             "purchaser_name": "Ann Lee", "user_id": "bob", "purchaser_id": "ann", "remaining_count": 2, "location": "hall"}

    def told(rule: Callable[[ir.Table], ir.Table], *rows: dict[str, Any]) -> list[dict[str, Any]]:
        table = pa.Table.from_pylist([usual | row for row in rows], schema=TRANSFER.to_pyarrow())
        return sorted(engine.fetch(rule(engine.arrow(table))).to_pylist(), key=lambda r: r["interaction_id"])

    return told


@pytest.fixture
def related(engine: DuckDBEngine) -> Told:
    """Carry out the rule of families over rosters and links."""
    def told(rosters: list[tuple[str, str, date, str]], links: list[tuple[str, str, date]] = ()) -> list[dict[str, Any]]:
        tables = [
            engine.arrow(pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows],
                                              schema=schema.to_pyarrow()))
            for schema, rows in ((ROSTER, rosters), (FAMILY_LINK, links))
        ]
        return engine.fetch(families(*tables, plans=Plans())).to_pylist()

    return told


def pairs(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["customer_id_1"], row["customer_id_2"]) for row in rows}


def test_a_shared_pass_is_led_by_who_bought_it(passes: Told) -> None:
    (row,) = passes(shared_passes, {})

    assert row["interaction_id"] == hashlib.md5(b"ann-bob-2026-01-05-shared_pass").hexdigest()[:16]
    assert (row["customer_id_1"], row["customer_id_2"], row["leader_id"]) == ("ann", "bob", "ann")
    assert (row["pass_type"], row["remaining_count"], row["evidence_id"], row["name"]) == ("Day Pass", 2, "1", "Ann Lee")


def test_an_own_pass_and_one_of_nobody_known_are_no_interaction(passes: Told) -> None:
    assert passes(shared_passes, {"user_id": "ann"}, {"purchaser_id": None}, {"user_id": None}, {"business_day": None}) == []


def test_two_passes_on_one_day_are_one_interaction(passes: Told) -> None:
    (row,) = passes(shared_passes, {"check_in_id": "2"}, {"check_in_id": "1"})

    assert row["evidence_id"] == "1"


def test_only_a_guest_pass_makes_a_guest(passes: Told) -> None:
    (row,) = passes(frequent_guests, {}, {"transfer_type": "guest_pass", "check_in_id": "7"})

    assert (row["interaction_type"], row["evidence_id"], row["leader_id"]) == ("frequent_guest", "7", "ann")


def test_users_of_one_purchase_are_all_pairs(passes: Told) -> None:
    rows = passes(purchase_groups, {}, {"user_id": "cyd"}, {"user_id": "dan"}, {"user_id": "eve", "pass_type": "Punch"})

    assert pairs(rows) == {("bob", "cyd"), ("bob", "dan"), ("cyd", "dan")}
    assert {row["group_size"] for row in rows} == {3}


def test_a_school_on_one_name_is_no_group(passes: Told) -> None:
    assert passes(purchase_groups, *({"user_id": f"u{n:02}"} for n in range(LARGEST_GROUP + 1))) == []


@pytest.mark.parametrize("row", [{"purchaser_name": None}, {"purchaser_name": "  "}, {"user_id": None}])
def test_a_purchase_of_nobody_is_no_group(passes: Told, row: dict[str, Any]) -> None:
    assert passes(purchase_groups, row, row | {"user_id": "cyd"}) == []


def test_a_family_is_who_stands_on_one_contract(related: Told) -> None:
    rows = related([
        ("1", "ann", DAY, "Family Monthly"), ("1", "bob", DAY, "Family Monthly"), ("2", "cyd", DAY, "Family Monthly"),
        ("3", "dan", DAY, "Solo"), ("3", "eve", DAY, "Solo"),
    ])

    assert pairs(rows) == {("ann", "bob")}
    assert (rows[0]["evidence_id"], rows[0]["business_day"], rows[0]["leader_id"]) == ("1", DAY, None)


def test_a_link_of_the_same_day_is_the_same_occasion(related: Told) -> None:
    (row,) = related([("1", "ann", DAY, "Duo"), ("1", "bob", DAY, "Duo")], [("bob", "ann", DAY)])

    assert row["evidence_id"] == "1"


@pytest.mark.parametrize(("count", "strength"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (130, 5)])
def test_strength_follows_the_count(engine: DuckDBEngine, count: int, strength: int) -> None:
    row = dict.fromkeys(INTERACTION.names) | {"customer_id_1": "a", "customer_id_2": "b", "business_day": DAY}
    rows = [row | {"interaction_type": "shared_pass" if n else "family_membership"} for n in range(count)]

    (found,) = engine.fetch(
        connections(engine.arrow(pa.Table.from_pylist(rows, schema=INTERACTION.to_pyarrow())))
    ).to_pylist()

    assert (found["interaction_count"], found["strength"], found["family_membership"]) == (count, strength, 1)
    assert found["interaction_types"] == ("family_membership,shared_pass" if count > 1 else "family_membership")
