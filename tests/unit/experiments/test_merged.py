"""When two ids turn out to be one customer, the first variant given is the customer's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from regulars.experiments.merged import in_force, inherited

NOW = datetime(2026, 1, 5, tzinfo=UTC).replace(tzinfo=None)
REGISTER = pa.table({"customer_id": ["a", "b", "c", "d"], "merged_into": ["b", "c", None, None]})


def _rows(*rows: tuple[str, str, int]) -> pa.Table:
    return pa.Table.from_pylist([{"unit": u, "variant": v, "assigned_at": NOW + timedelta(hours=h)} for u, v, h in rows])


def test_an_id_that_was_merged_twice_is_the_last_of_them() -> None:
    assert in_force(pa.array(["a", "b", "c", "d", "x"]), REGISTER, id_column="customer_id").to_pylist() == ["c", "c", "c", "d", "x"]


def test_the_earliest_variant_stays_and_the_crossover_is_told() -> None:
    found = inherited(_rows(("c", "new", 3), ("a", "old", 1), ("d", "new", 0)), REGISTER, id_column="customer_id", moment="assigned_at")

    assert {row["unit"]: row["variant"] for row in found.rows.to_pylist()} == {"c": "old", "d": "new"}
    assert found.crossed.to_pylist() == ["c"]


def test_equal_variants_are_no_crossover() -> None:
    found = inherited(_rows(("c", "new", 3), ("a", "new", 1)), REGISTER, id_column="customer_id", moment="assigned_at")

    assert (len(found.rows), found.crossed.to_pylist()) == (1, [])


def test_nobody_is_fine() -> None:
    found = inherited(_rows(("c", "new", 3)).slice(0, 0), REGISTER, id_column="customer_id", moment="assigned_at")

    assert (len(found.rows), len(found.crossed)) == (0, 0)
