"""Where the ledger leaves customers, kept in memory while it grows, is what the ledger says read as a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.events.window import AsOf
from regulars.pipeline.fresh_known import Known, Owned, Stands
from regulars.rules.segment import declare
from regulars.rules.standing import stands
from regulars.storage.book.memberships import TRANSITIONS

WHO = ["ann", "bo", "cy", "nobody-yet"]
SEGMENTS = [declare(name, {"when": {"count": "visit", "ever": True}}) for name in ("a", "b")]
FIRST = date(2026, 1, 1)

changes = st.lists(
    st.tuples(st.sampled_from(["a", "b", "gone"]), st.sampled_from(WHO), st.integers(0, 5),
              st.sampled_from(["entered", "left"])),
    max_size=25, unique=True,
)


def ledger(rows: list[tuple[str, str, int, str]]) -> pa.Table:
    """Changes as rows of the ledger: so many days after the first, at its midnight."""
    days = [FIRST + timedelta(n) for _, _, n, _ in rows]
    return pa.table({
        "segment": pa.array([row[0] for row in rows], pa.string()),
        "customer_id": pa.array([row[1] for row in rows], pa.string()),
        "at": pa.array(days, pa.date32()).cast(pa.timestamp("us")),
        "business_day": pa.array(days, pa.date32()), "change": pa.array([row[3] for row in rows], pa.string()),
        "reason": pa.nulls(len(rows), pa.string()),
    }, schema=TRANSITIONS)


def known(customers: list[str]) -> Known:
    return Known.of(pa.table({"customer_id": pa.array(customers, pa.string())}))


@settings(max_examples=60, deadline=None)
@given(changes, st.integers(0, 5), st.permutations(WHO[:3]))
def test_what_is_kept_is_what_the_whole_ledger_says(
    rows: list[tuple[str, str, int, str]], split: int, order: list[str]
) -> None:
    whole = ledger(rows)
    before, after = known(WHO[:2]), known(order)
    earlier, later = (ledger([row for row in rows if (row[2] < split) is is_early]) for is_early in (True, False))

    kept = Stands.of(["a", "b"], 2)
    kept.follow(earlier, before)
    kept = kept.moved(before, after)
    kept.follow(pa.concat_tables([earlier, later]), after)

    at = AsOf(at=datetime(2026, 2, 1, tzinfo=UTC), zone="UTC")
    said = ibis.duckdb.connect().to_pyarrow(stands(ibis.memtable(whole), SEGMENTS, as_of=at)).to_pylist()
    expected = {row["customer_id"]: row for row in said}
    found = kept.at(after.places(pa.array(order)), after, dated=frozenset({"a", "b"})).to_pylist()
    nowhere = {name: False if name.startswith("was") else None for name in found[0]}
    assert found == [expected.get(who, nowhere | {"customer_id": who}) for who in order]


@given(st.lists(st.sampled_from(WHO), max_size=30), st.lists(st.sampled_from(WHO[:3]), unique=True))
def test_the_rows_of_a_few_are_those_that_all_rows_have_of_them(whose: list[str], few: list[str]) -> None:
    here = known(WHO[:3])
    rows = pa.table({"customer_id": pa.array(whose, pa.string()), "n": pa.array(range(len(whose)), pa.int64())})

    found = Owned.of(rows, here).at(here.places(pa.array(few, pa.string())))

    assert found.to_pylist() == [row for who in few for row in rows.to_pylist() if row["customer_id"] == who]
