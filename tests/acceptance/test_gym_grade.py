"""Grades say what is wrong: a perfect product is exact, a spoilt one is not."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.testing.gym import World, generate
from regulars.testing.gym.grade import grade_identity, grade_money, grade_segments


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return generate(tmp_path_factory.mktemp("gym"), seed=4, scale=0.02)


def rows(world: World, table: str) -> list[dict[str, Any]]:
    return pq.read_table(world.truth / f"{table}.parquet").to_pylist()


def identity(world: World) -> list[dict[str, str]]:
    return [{"profile_source": row["source"], "profile_id": row["profile_id"], "customer_id": f"c_{row['person_id']}"}
            for row in rows(world, "accounts")]


def ledger(world: World) -> list[dict[str, Any]]:
    shared = {"refund_of": None, "record_key": None, "profile_source": None, "profile_id": None}
    bought = [{**row, **shared, "occurred_at": row["at"], "units": row["units"] or row["quantity"]}
              for row in rows(world, "purchases")]
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in rows(world, "refund_lines"):
        parts.setdefault(part["refund_id"], []).append(part)
    given = [{**refund, **shared, "refund_of": refund["payment_id"], "record_key": refund["refund_id"],
              "occurred_at": refund["at"], "category": part["category"], "amount": part["amount"], "units": 0}
             for refund in rows(world, "refunds") for part in parts[refund["refund_id"]]]
    return bought + given


def test_a_perfect_identity_is_exact(world: World) -> None:
    grade = grade_identity(pa.Table.from_pylist(identity(world)), world.truth)

    assert grade.is_exact
    assert grade.profiles > 200


def test_a_merged_household_a_split_person_and_a_dropped_profile_are_named(world: World) -> None:
    told = identity(world)
    child = next(row for row in rows(world, "people") if row["guardian_id"])
    for row in told:
        if row["customer_id"] == f"c_{child['person_id']}":
            row["customer_id"] = f"c_{child['guardian_id']}"
    dropped = told.pop()
    told[-1]["customer_id"] = "c_new"

    grade = grade_identity(pa.Table.from_pylist(told), world.truth)

    assert grade.merged_households == (f"c_{child['guardian_id']}",)
    assert grade.dropped == ((dropped["profile_source"], dropped["profile_id"]),)


def test_a_perfect_ledger_is_exact(world: World) -> None:
    grade = grade_money(pa.Table.from_pylist(ledger(world)), world.truth)

    assert grade.is_exact
    assert grade.lines.right == len(rows(world, "purchases"))


@pytest.mark.parametrize(("column", "value", "part"), [
    ("amount", 1, "lines"), ("category", "Programming", "categories"), ("units", 99, "categories"),
])
def test_one_wrong_line_is_found(world: World, column: str, value: object, part: str) -> None:
    told = ledger(world)
    told[next(n for n, row in enumerate(told) if row["category"] == "Retail" and row["kind"] == "sale")][column] = value

    grade = grade_money(pa.Table.from_pylist(told), world.truth)

    assert (getattr(grade, part).missing, getattr(grade, part).extra) == (1, 1)


def test_a_refund_hung_on_another_payment_is_found(world: World) -> None:
    told = ledger(world)
    told[-1]["refund_of"] = "pi_00000000"

    grade = grade_money(pa.Table.from_pylist(told), world.truth)

    assert not grade.refunds.is_exact
    assert grade.lines.is_exact


def test_members_too_many_and_too_few_are_named(world: World) -> None:
    who = grade_identity(pa.Table.from_pylist(identity(world)), world.truth)
    members = pa.table({"segment": ["lapsed", "lapsed"], "customer_id": ["c_p0000001", "c_stranger"]})

    grades = grade_segments(members, {"lapsed": ["p0000001", "p0000002"]}, who)

    assert grades["lapsed"].missing_shown == (("p0000002",),)
    assert grades["lapsed"].extra_shown == (("c_stranger",),)
