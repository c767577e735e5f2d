"""Households: which one every customer is in, and every household id ever given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the map and the register."""
    op.create_table(
        "household_map",
        sa.Column("tenant", sa.Text, primary_key=True), sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("household_id", sa.Text, nullable=False), sa.Column("since", sa.DateTime, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "households",
        sa.Column("tenant", sa.Text, primary_key=True), sa.Column("household_id", sa.Text, primary_key=True),
        sa.Column("founder_customer_id", sa.Text, nullable=False), sa.Column("minted_at", sa.DateTime, nullable=False),
        sa.Column("merged_into", sa.Text, nullable=True), sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: ids that were given out would be forgotten."""
    raise StoreError("household ids are kept for ever", hint="restore a backup instead")
