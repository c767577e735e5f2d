"""Todos of those who work here, as programs keep them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "todos", sa.Column("tenant", sa.Text, primary_key=True), sa.Column("number", sa.BigInteger, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("title", "description")),
        sa.Column("is_completed", sa.Boolean, nullable=False), sa.Column("priority", sa.Text, nullable=False),
        sa.Column("due_date", sa.Date), sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False), sa.Column("changed_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Refuse: what people noted would be forgotten."""
    raise StoreError("todos are kept until somebody deletes them", hint="restore a backup instead")
