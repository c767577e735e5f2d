"""Who bought a pass: customers of one name, told apart by what they bought and used and where they were, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.connections.pass_use import PASS_USE
from regulars.connections.purchaser import (
    PURCHASE,
    TRANSFER,
    VISIT,
    evidence,
    lodgers,
    pairs,
    purchases,
    transfers,
    weighed,
)
from regulars.events.money import LINE
from regulars.records.formula import Formula

ENGINE = ibis.duckdb.connect()
NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
PROFILE = ibis.schema({
    "profile_source": "string", "profile_id": "string", "name": "string", "raw_name": "string", "created_at": "timestamp",
})
IDENTITY = ibis.schema({"profile_source": "string", "profile_id": "string", "customer_id": "string"})
HOME = ibis.schema({"household_id": "string", "customer_id": "string"})
USE = ibis.schema({**PASS_USE, "purchaser_key": "string"})
numbers = count(1)


def person(profile_id: str, name: str, *, customer: str = "", since: datetime = LONG_AGO) -> dict[str, Any]:
    """A profile of the gym; its customer is called after it unless said otherwise."""
    return {"profile_source": "gym", "profile_id": profile_id, "name": name.lower(), "raw_name": name, "created_at": since,
            "customer_id": customer or f"c_{profile_id}"}


def used(
    user: str, *, of: str | None = None, what: str = "Day Pass", left: int | None = None, day: int = 0,
    kind: str = "entry_pass", place: str | None = "Summit",
) -> dict[str, Any]:
    """A check-in on a pass, days after the tenth of March."""
    number, at = f"u{next(numbers):04d}", NOON + timedelta(days=day)
    return dict.fromkeys(USE.names) | {
        "source": "gym", "stream": "doors", "record_key": number, "checkin_id": number, "checkin_datetime": at,
        "checkin_datetime_day": at.date(), "transfer_type": kind, "pass_type": what, "purchaser_name": of,
        "purchaser_key": None if of is None else of.lower(), "profile_source": "gym", "user_profile_id": user,
        "remaining_count": left, "is_punch_pass": False, "is_youth_pass": False, "location_name": place, "recorded_at": at,
    }


def sold(customer: str, *, what: str = "Day Pass", units: int = 3, day: int = -1) -> dict[str, Any]:
    return {"customer_id": customer, "pass_key": what.lower(), "bought_at": NOON + timedelta(days=day), "units": units,
            "line_id": f"l{next(numbers):04d}"}


def visited(profile: str, *, day: int = 0, place: str | None = "Summit") -> dict[str, Any]:
    at = NOON + timedelta(days=day)
    return {"checkin_id": f"v{next(numbers):04d}", "profile_id": profile, "day": at.date(), "location_name": place}


def table(rows: Iterable[dict[str, Any]], schema: ibis.Schema) -> ir.Table:
    return ibis.memtable(pa.Table.from_pylist([{n: row[n] for n in schema.names} for row in rows], schema=schema.to_pyarrow()))


def matched(
    people: list[dict[str, Any]], uses: list[dict[str, Any]], *, sales: Iterable[dict[str, Any]] = (),
    visits: Iterable[dict[str, Any]] = (), homes: Iterable[tuple[str, str]] | None = None,
) -> list[dict[str, Any]]:
    """The transfers in order of time, carried out stage by stage as the pipeline does."""
    profiles, identity, told = table(people, PROFILE), table(people, IDENTITY), table(uses, USE)
    own = [{"checkin_id": u["checkin_id"], "profile_id": u["user_profile_id"], "day": u["checkin_datetime_day"],
            "location_name": u["location_name"]} for u in uses]
    met = ibis.memtable(ENGINE.to_pyarrow(pairs(told, profiles, identity)))
    kinds = evidence(
        met, uses=told, visits=table([*own, *visits], VISIT), sales=table(sales, PURCHASE), identity=identity
    )
    if homes is not None:
        kinds.append(lodgers(met, table([{"household_id": h, "customer_id": c} for h, c in homes], HOME)))
    reasons = ibis.union(*kinds)
    found = ENGINE.to_pyarrow(transfers(told, weighed(met, reasons), profiles=profiles, identity=identity))
    return sorted(found.to_pylist(), key=lambda row: (row["checkin_datetime"], row["checkin_id"]))


ANN, OTHER, BEN = person("ann", "Ann Lee"), person("ann2", "Ann Lee"), person("ben", "Ben Moss")


def purchaser(found: list[dict[str, Any]]) -> tuple[str | None, str]:
    (row,) = found
    return row["purchaser_customer_id"], row["match_method"]


def test_the_only_customer_of_a_name_is_the_purchaser() -> None:
    (row,) = matched([ANN, BEN], [used("ben", of="Ann Lee", left=2)])

    assert [*row] == list(TRANSFER.names)
    assert (row["purchaser_customer_id"], row["purchaser_profile_id"], row["match_method"]) == ("c_ann", "ann", "name")
    assert (row["user_customer_id"], row["user_name"], row["candidates"]) == ("c_ben", "Ben Moss", "c_ann")
    assert 90 <= row["match_confidence"] < 100


def test_a_purchaser_nobody_knows_is_kept_without_a_customer() -> None:
    (row,) = matched([ANN, BEN], [used("ben", of="Cara Hart")])

    assert (row["purchaser_name"], row["purchaser_customer_id"], row["match_method"]) == ("Cara Hart", None, "unknown")
    assert (row["match_confidence"], row["candidates"]) == (None, None)


def test_two_customers_of_one_name_stay_open_with_both_named() -> None:
    (row,) = matched([ANN, OTHER, BEN], [used("ben", of="Ann Lee", left=2)])

    assert (row["purchaser_customer_id"], row["purchaser_profile_id"], row["match_method"]) == (None, None, "ambiguous")
    assert (row["match_confidence"], row["candidates"]) == (48, "c_ann,c_ann2")


def test_two_accounts_of_one_customer_are_one_purchaser() -> None:
    again = person("ann2", "Ann Lee", customer="c_ann")

    (row,) = matched([again, ANN, BEN], [used("ben", of="Ann Lee")])

    assert (row["purchaser_customer_id"], row["purchaser_profile_id"]) == ("c_ann", "ann")


def test_a_pass_from_oneself_is_an_own_use() -> None:
    assert matched([ANN, BEN], [used("ann", of="Ann Lee", left=2)]) == []


def test_somebody_who_shares_the_purchasers_name_may_still_be_somebody_else() -> None:
    found = matched([ANN, OTHER], [used("ann", of="Ann Lee", left=2)], sales=[sold("c_ann2", units=3)])

    assert purchaser(found) == ("c_ann2", "name+count+bought+buyer")


def test_who_bought_such_a_pass_before_is_likelier() -> None:
    found = matched([ANN, OTHER, BEN], [used("ben", of="Ann Lee")], sales=[sold("c_ann2")])

    assert purchaser(found) == ("c_ann2", "name+bought+buyer")


def test_who_bought_it_only_afterwards_or_too_few_of_them_is_not() -> None:
    later = matched([ANN, OTHER, BEN], [used("ben", of="Ann Lee")], sales=[sold("c_ann2", day=1)])
    fewer = matched([ANN, OTHER, BEN], [used("ben", of="Ann Lee", left=4)], sales=[sold("c_ann2", units=3)])

    assert purchaser(later) == (None, "ambiguous")
    assert purchaser(fewer) == (None, "ambiguous")


def test_of_two_who_bought_one_the_count_of_what_remains_decides() -> None:
    uses = [used("ann", left=1, day=0), used("ben", of="Ann Lee", left=0, day=1)]
    sales = [sold("c_ann", units=2, day=-1), sold("c_ann2", units=2, day=-1)]

    found = matched([ANN, OTHER, BEN], uses, sales=sales)

    assert purchaser(found) == ("c_ann", "name+count+bought+buyer")
    assert found[0]["match_confidence"] > 90


def test_a_count_goes_on_through_uses_of_others_and_a_new_pack() -> None:
    uses = [
        used("ben", of="Ann Lee", left=2, day=0), used("ann", left=1, day=1), used("ben", of="Ann Lee", left=0, day=2),
        used("ben", of="Ann Lee", left=2, day=9),
    ]

    found = matched([ANN, BEN], uses, sales=[sold("c_ann", units=3, day=-1), sold("c_ann", units=3, day=8)])

    assert ["count" in row["match_method"] for row in found] == [True, True, True]


def test_an_own_use_without_a_count_uses_a_visit_up() -> None:
    uses = [used("ann", day=0), used("ben", of="Ann Lee", left=1, day=1)]

    found = matched([ANN, OTHER, BEN], uses, sales=[sold("c_ann", units=3), sold("c_ann2", units=3)])

    assert purchaser(found) == ("c_ann", "name+count+bought+buyer")


def test_the_host_of_a_guest_is_who_was_there_that_day() -> None:
    guest = used("ben", of="Ann Lee", kind="guest_pass", what="Guest Pass")

    assert purchaser(matched([ANN, OTHER, BEN], [guest], visits=[visited("ann2")])) == ("c_ann2", "name+hosting")
    assert purchaser(matched([ANN, OTHER, BEN], [guest], visits=[visited("ann2", day=1)])) == (None, "ambiguous")
    assert purchaser(matched([ANN, OTHER, BEN], [guest], visits=[visited("ann2", place="Annex")])) == (None, "ambiguous")


def test_check_ins_without_a_location_are_at_one_place_with_each_other_only() -> None:
    guest = used("ben", of="Ann Lee", kind="guest_pass", what="Guest Pass", place=None)

    assert purchaser(matched([ANN, OTHER, BEN], [guest], visits=[visited("ann", place=None)])) == ("c_ann", "name+hosting")
    assert purchaser(matched([ANN, OTHER, BEN], [guest], visits=[visited("ann")])) == (None, "ambiguous")


def test_who_lives_with_the_user_is_likelier_where_households_are_known() -> None:
    homes = [("h1", "c_ann2"), ("h1", "c_ben"), ("h2", "c_ann")]

    found = matched([ANN, OTHER, BEN], [used("ben", of="Ann Lee")], homes=homes)

    assert purchaser(found) == ("c_ann2", "name+household")


def test_who_had_no_account_yet_is_not_taken() -> None:
    new = person("ann2", "Ann Lee", since=NOON + timedelta(days=5))

    both = matched([ANN, new, BEN], [used("ben", of="Ann Lee")])
    alone = matched([new, BEN], [used("ben", of="Ann Lee")])

    assert purchaser(both) == ("c_ann", "name")
    assert purchaser(alone) == (None, "ambiguous")
    assert alone[0]["candidates"] == "c_ann2"


def test_a_user_whom_no_customer_is_known_for_keeps_the_transfer() -> None:
    (row,) = matched([ANN], [used("stranger", of="Ann Lee")])

    assert (row["user_profile_id"], row["user_customer_id"], row["purchaser_customer_id"]) == ("stranger", None, "c_ann")


def test_the_order_of_rows_changes_nothing() -> None:
    people, sales = [ANN, OTHER, BEN], [sold("c_ann"), sold("c_ann2", units=1)]
    uses = [used("ben", of="Ann Lee", left=2 - n % 3, day=n) for n in range(6)] + [used("ann2", left=0, day=2)]

    assert matched(people, uses, sales=sales) == matched(people[::-1], uses[::-1], sales=sales[::-1])


def test_sales_of_passes_are_those_the_formula_holds_for() -> None:
    line = dict.fromkeys(LINE.names) | {
        "kind": "sale", "category": "Day Pass", "units": 5, "description": " 5 Climb  Punch Pass ", "occurred_at": NOON,
        "profile_source": "gym", "profile_id": "ann",
    }
    rows = [
        line | {"line_id": "l1"}, line | {"line_id": "l2", "category": "Retail"}, line | {"line_id": "l3", "kind": "refund"},
        line | {"line_id": "l4", "units": 0}, line | {"line_id": "l5", "profile_id": None},
    ]
    money, identity = ibis.memtable(pa.Table.from_pylist(rows, schema=LINE.to_pyarrow())), table([ANN], IDENTITY)

    found = ENGINE.to_pyarrow(purchases(money, identity, Formula.parse('category == "Day Pass"'))).to_pylist()

    assert [(row["line_id"], row["customer_id"], row["pass_key"], row["units"]) for row in found] == [
        ("l1", "c_ann", "5 climb punch pass", 5)
    ]
    assert ENGINE.to_pyarrow(purchases(money, identity, None)).num_rows == 0
