"""A gym of a few rows, as an export sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from regulars.compat.material import Material
from regulars.events.plan import Plans
from regulars.events.subcategory import Subcategories
from regulars.events.window import AsOf
from regulars.storage.engines.duckdb import DuckDBEngine

TODAY = date(2026, 1, 31)
MEMBERSHIP = pa.schema([
    *((name, pa.string()) for name in ("id", "type_id", "name", "interval", "status", "owner_id", "owner_email",
                                       "upcoming_bill_dates")),
    ("start_date", pa.date32()), ("end_date", pa.date32()), ("unfreeze_date", pa.date32()),
    ("owner_birthday", pa.date32()), ("billing_amount", pa.int64()),
])
PERSON = pa.schema([
    *((name, pa.string()) for name in ("membership_id", "customer_id", "member_id", "first_name", "last_name")),
    ("is_frozen", pa.bool_()),
])
CHECK_IN = pa.schema([
    *((name, pa.string()) for name in ("id", "customer_id", "entry_method", "description")),
    ("checked_in_at", pa.timestamp("us")), ("checked_in_at_day", pa.date32()),
])
INTENT = pa.schema([
    *((name, pa.string()) for name in ("id", "status", "description", "decline_code", "customer")),
    ("is_live", pa.bool_()), ("created_at", pa.timestamp("us")), ("created_at_day", pa.date32()),
])
LINK = pa.schema([
    (name, pa.string())
    for name in ("guardian_customer_id", "child_customer_id", "relationship", "confidence", "source", "evidence")
])
SCHEMAS = {
    "family_links": LINK,
    "records.capitan.memberships": MEMBERSHIP, "records.capitan.membership_people": PERSON,
    "records.capitan.check_ins": CHECK_IN, "records.stripe.payment_intents": INTENT,
}


@pytest.fixture(scope="session")
def engine() -> DuckDBEngine:
    return DuckDBEngine.open({"threads": "1"})


@pytest.fixture
def gym(engine: DuckDBEngine) -> Callable[..., Material]:
    """Make the material of some rows per table; tables that are not named have none."""
    def make(*, digits: int = 2, **rows: list[dict[str, Any]]) -> Material:
        names = {name.rpartition(".")[2]: name for name in SCHEMAS}
        tables = {
            full: engine.arrow(pa.Table.from_pylist(rows.get(short, []), schema=SCHEMAS[full]))
            for short, full in names.items()
        }
        return Material(
            tables=frozenset(tables), read=tables.__getitem__, digits=digits, plans=Plans(),
            empty=lambda schema: engine.arrow(schema.to_pyarrow().empty_table()), subcategories=Subcategories(), streams=(),
            as_of=AsOf(at=datetime(2026, 2, 1, 5, 0, tzinfo=UTC), zone="America/Chicago"), priorities={},
        )
    return make


@pytest.fixture
def contract() -> Callable[..., dict[str, Any]]:
    """Make a membership record; what is not said is that of a solo monthly one."""
    def make(number: str, **said: Any) -> dict[str, Any]:
        usual = {
            "id": number, "type_id": "71", "name": "Solo Monthly", "interval": "MON", "status": "ACT",
            "owner_id": f"o{number}", "start_date": date(2025, 1, 10), "end_date": date(2026, 2, 10),
            "billing_amount": 8500, "upcoming_bill_dates": '["2026-02-10","2026-03-10"]',
        }
        return {**usual, **said}
    return make


@pytest.fixture
def answer(engine: DuckDBEngine) -> Callable[..., list[dict[str, Any]]]:
    """Carry out an expression into rows."""
    return lambda expr: engine.fetch(expr).to_pylist()
