"""What people answered and which message they meant; short links of text messages, and clicks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables, and find messages by where they went."""
    op.create_table(
        "replies", *_keys("tenant", "provider", "provider_id"), *_needs("address", "ours", "text"),
        sa.Column("at", sa.DateTime, nullable=False), sa.Column("campaign_id", sa.Text),
        sa.Column("customer_id", sa.Text), *_needs("status", "mood", "intent"),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
    )
    op.create_index("replies_by_message", "replies", ["tenant", "campaign_id", "customer_id"])
    op.create_index("replies_by_record", "replies", ["tenant", "recorded_at"])
    op.create_index("replies_by_address", "replies", ["tenant", "address"])
    op.create_table(
        "short_links", *_keys("tenant", "code"), *_needs("campaign_id", "customer_id"),
        sa.Column("position", sa.Integer, nullable=False), *_needs("url"),
    )
    op.create_table(
        "clicks", *_keys("tenant", "click_id"), *_needs("campaign_id", "customer_id"),
        sa.Column("position", sa.Integer, nullable=False), *_needs("url"),
        sa.Column("at", sa.DateTime, nullable=False), *_needs("method"), sa.Column("agent", sa.Text),
        sa.Column("taken_at", sa.DateTime),
    )
    op.create_index("clicks_by_taking", "clicks", ["tenant", "taken_at", "at"])
    op.create_index("clicks_by_message", "clicks", ["tenant", "campaign_id", "customer_id"])
    op.create_index("messages_by_address", "messages", ["tenant", "address"])


def downgrade() -> None:
    """Refuse: what people answered would be forgotten."""
    raise StoreError("replies are kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
