"""Campaigns: their occurrences, the message of each customer, attempts to send it, and what providers told later."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "campaigns", *_keys("tenant", "campaign_id"), *_needs("campaign", "occurrence", "state"), *_mays("reason"),
        *_needs("channel", "purpose", "destination", "version"),
        *_needs("starts_at", "planned_at", "changed_at", of=sa.DateTime),
    )
    op.create_index("campaigns_by_name", "campaigns", ["tenant", "campaign", "occurrence"], unique=True)
    op.create_table(
        "messages", *_keys("tenant", "campaign_id", "customer_id"), *_mays("address"), *_needs("variant"),
        *_mays("household_id", "region"), *_needs("gaps", "state"), *_mays("reason"), *_mays("due_at", of=sa.DateTime),
        *_mays("worker"), *_mays("claimed_until", of=sa.DateTime), *_needs("attempts", of=sa.Integer),
        *_needs("changed_at", of=sa.DateTime), sqlite_with_rowid=False,
    )
    op.create_index("messages_by_state", "messages", ["tenant", "campaign_id", "state", "due_at"])
    op.create_table(
        "attempts", *_keys("tenant", "campaign_id", "customer_id"),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False), *_needs("provider", "sender"),
        *_mays("text"), *_needs("attempted_at", of=sa.DateTime), *_mays("outcome", "provider_id", "code", "reason"),
        *_mays("ended_at", of=sa.DateTime), sqlite_with_rowid=False,
    )
    op.create_index("attempts_by_provider_id", "attempts", ["tenant", "provider", "provider_id"])
    op.create_index("attempts_by_end", "attempts", ["tenant", "ended_at"])
    op.create_table(
        "receipts", *_keys("tenant", "provider", "provider_id", "stage", "event_id"), *_needs("at", of=sa.DateTime),
        *_mays("campaign_id", "customer_id"), *_needs("code", "reason", "url", "agent"),
        *_needs("recorded_at", of=sa.DateTime),
    )
    op.create_index("receipts_by_message", "receipts", ["tenant", "campaign_id", "stage", "customer_id"])
    op.create_index("receipts_by_record", "receipts", ["tenant", "recorded_at"])


def downgrade() -> None:
    """Refuse: who was written to would be forgotten, and written to again."""
    raise StoreError("messages are kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str, of: Any = sa.Text) -> list[sa.Column[Any]]:
    return [sa.Column(name, of, nullable=False) for name in names]


def _mays(*names: str, of: Any = sa.Text) -> list[sa.Column[Any]]:
    return [sa.Column(name, of, nullable=True) for name in names]
