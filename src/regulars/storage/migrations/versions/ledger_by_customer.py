"""The ledger of segments by customer: what an event changes for somebody lies together.

By segment, everything that an event changed was on pages of its own: eight of them were written for each change, and
to read the stays of one customer all members were walked through.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BEFORE, AFTER = ("segment", "customer_id"), ("customer_id", "segment")


def upgrade() -> None:
    """Write both tables again, the customer first."""
    _written_again(AFTER)


def downgrade() -> None:
    """Write both tables again, the segment first."""
    _written_again(BEFORE)


def _written_again(order: tuple[str, str]) -> None:
    moment = sa.DateTime
    _again("transitions", [
        _key("tenant"), *map(_key, order), _key("at", moment), _key("change"),
        sa.Column("business_day", sa.Date), sa.Column("reason", sa.Text), sa.Column("run_id", sa.Text),
        sa.Column("batch", sa.BigInteger, nullable=False),
    ])
    op.create_index("transitions_by_batch", "transitions", ["tenant", "batch"])
    _again("memberships", [
        _key("tenant"), *map(_key, order), sa.Column("entered_at", moment), sa.Column("left_at", moment),
        sa.Column("first_entered_at", moment, nullable=False), sa.Column("last_entered_at", moment, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
    ])
    op.create_index("memberships_by_entry", "memberships", ["tenant", "segment", "entered_at", "customer_id"])


def _again(name: str, columns: list[sa.Column[Any]]) -> None:
    """Put the rows of a table into a new one, in the order of its key, and that one into the place of the first."""
    keys, names = [column.name for column in columns if column.primary_key], [column.name for column in columns]
    op.create_table(f"{name}_again", *columns, sqlite_with_rowid=False)
    rows = sa.table(name, *map(sa.column, names))
    there = sa.table(f"{name}_again", *map(sa.column, names))
    op.execute(there.insert().from_select(names, sa.select(rows).order_by(*(rows.c[key] for key in keys))))
    op.drop_table(name)
    op.rename_table(f"{name}_again", name)


def _key(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)
