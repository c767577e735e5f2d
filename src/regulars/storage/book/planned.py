"""The messages of an occurrence as they are planned: a table in, rows of the book out."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import messages

PLANNED = pa.schema([
    *bulk.texts("customer_id", "address", "variant", "household_id", "region", "gaps", "state", "reason"),
    pa.field("due_at", pa.timestamp("us")),
    pa.field("expires_at", pa.timestamp("us")),          # after which it is not sent any more; null: never
])
"""One row a customer of the audience: state is planned or skipped, reason says why skipped; gaps is a JSON object."""

PLACES = pa.schema(bulk.texts("customer_id", "address", "household_id"))
"""One row a message: whose it is, and where it goes."""


def plan_within(
    database: Database, connection: sa.Connection, campaign_id: str, rows: pa.Table, *, at: datetime
) -> None:
    """Add PLANNED rows to an occurrence, in a transaction that does more than that."""
    statement = database.insert(messages).on_conflict_do_nothing()
    shared = {
        "tenant": database.tenant, "campaign_id": campaign_id, "attempts": 0, "changed_at": at, "worker": None,
        "claimed_until": None,
    }
    bulk.write(connection, statement, rows.select(PLANNED.names).cast(PLANNED), **shared)
