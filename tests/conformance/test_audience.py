"""Who gets a message, who not and why, is the same on every engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from regulars.campaigns.audience import candidates, doubles
from regulars.storage.engines import Engine

MORNING = datetime(2026, 5, 5, 13, 0)  # noqa: DTZ001  as tables hold it
PEOPLE = pa.table({
    "customer_id": ["c1", "c2", "c3", "c4", "c5", "c6"], "household_id": ["h1", "h1", "h2", "h2", None, None],
})
PERMITTED = pa.table({
    "customer_id": ["c1", "c2", "c3", "c4", "c5"],
    "address": ["+1", "+1", "+3", "+4", None],
    "address_reason": ["primary guardian", "own", "own", "own", "none on file"],
    "allowed": [True, True, False, True, False],
    "reason": ["", "", "quiet hours", "", "no address: none on file"],
    "until": pa.array([None, None, MORNING, None, None], pa.timestamp("s")),
})
ASSIGNED = pa.table({"customer_id": ["c1", "c2", "c3", "c4", "c6"], "variant": ["a", "a", "b", "silent", "a"]})


def rows(engine: Engine, table: Any) -> list[dict[str, Any]]:
    return list(engine.fetch(table).sort_by("customer_id").to_pylist())


def test_everybody_gets_a_variant_or_a_reason(engine: Engine) -> None:
    found = candidates(
        engine.arrow(PEOPLE), engine.arrow(PERMITTED), engine.arrow(ASSIGNED), silent=["silent"]
    )

    assert [(row["customer_id"], row["variant"], row["reason"]) for row in rows(engine, found)] == [
        ("c1", "a", None), ("c2", "a", None), ("c3", "b", None), ("c4", "silent", "nothing is sent to silent"),
        ("c5", "", "not in the experiment"), ("c6", "a", "no address: none on file"),
    ]


def test_who_may_be_written_to_only_later_waits(engine: Engine) -> None:
    found = candidates(engine.arrow(PEOPLE), engine.arrow(PERMITTED), None)

    assert [row["until"] for row in rows(engine, found) if row["customer_id"] == "c3"] == [MORNING]


def would(engine: Engine) -> Any:
    some = PEOPLE.append_column("address", pa.array(["+1", "+1", "+3", "+4", "+5", "+6"]))
    return engine.arrow(some.append_column("is_own", pa.array([False, True, True, True, True, True])))


def test_an_address_gets_one_message_and_it_is_for_whose_own_it_is(engine: Engine) -> None:
    found = rows(engine, doubles(would(engine), one_per="customer"))

    assert found == [{"customer_id": "c1", "reason": "shares an address with c2"}]


def test_a_household_gets_one_message_where_that_is_asked_for(engine: Engine) -> None:
    found = rows(engine, doubles(would(engine), one_per="household"))

    assert [row["reason"] for row in found] == [
        "shares an address with c2", "their household's message goes to c3",
    ]
