"""What outside systems post: a queue of deliveries until they are handed on, with those that could not be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhook_queue", *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "webhook_id")),
        *_needs("source", "provider", "delivery_id"), sa.Column("received_at", sa.DateTime, nullable=False),
        *_needs("content_type"), sa.Column("body", sa.LargeBinary), *_needs("state"),
        sa.Column("attempts", sa.Integer, nullable=False), sa.Column("due_at", sa.DateTime),
        sa.Column("error", sa.Text), sa.Column("finished_at", sa.DateTime),
        sa.Column("news", sa.Integer, nullable=False),
    )
    op.create_index("webhook_queue_by_state", "webhook_queue", ["tenant", "state", "due_at"])
    op.create_index("webhook_queue_by_age", "webhook_queue", ["tenant", "received_at", "webhook_id"])


def downgrade() -> None:
    """Refuse: deliveries that were acknowledged would be forgotten."""
    raise StoreError("acknowledged deliveries are kept", hint="restore a backup instead")


def _needs(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
