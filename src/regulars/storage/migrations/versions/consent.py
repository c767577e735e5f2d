"""Consent: the ledger and its wordings, suppressions, replies a person must read, and seats under frequency caps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the five tables."""
    op.create_table(
        "consent_entries", *_keys("tenant"), sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        *_needs("entry_id", "address_hash"), *_mays("address", "customer_id"),
        *_needs("channel", "purpose", "action", "method", "wording_hash", "source"), *_mays("evidence"),
        *_needs("at", of=sa.DateTime), *_mays("expires_at", of=sa.DateTime), *_needs("recorded_at", of=sa.DateTime),
        *_needs("chain"),
    )
    op.create_index("consent_entries_by_id", "consent_entries", ["tenant", "entry_id"], unique=True)
    op.create_index("consent_entries_by_address", "consent_entries", ["tenant", "address_hash"])
    op.create_table(
        "consent_wordings", *_keys("tenant", "wording_hash"), *_needs("wording"), *_needs("seen_at", of=sa.DateTime)
    )
    op.create_table(
        "suppressions", *_keys("tenant", "channel", "address_hash", "reason"), *_needs("source"),
        *_needs("since", of=sa.DateTime), *_mays("lifted_at", of=sa.DateTime), *_mays("lifted_by"),
    )
    op.create_table(
        "consent_reviews", *_keys("tenant", "review_id"), *_needs("channel", "address_hash"),
        *_mays("address", "customer_id"), *_needs("text", "reason"), *_needs("asked_at", of=sa.DateTime),
        *_mays("verdict"), *_mays("settled_at", of=sa.DateTime), *_mays("settled_by"),
    )
    op.create_index("consent_reviews_by_address", "consent_reviews", ["tenant", "address_hash"])
    op.create_table(
        "contact_seats", *_keys("tenant", "cap", "subject"),
        sa.Column("seat", sa.Integer, primary_key=True, autoincrement=False), *_needs("taken_at", of=sa.DateTime),
        *_needs("message_id"), sqlite_with_rowid=False,
    )
    op.create_index("contact_seats_by_message", "contact_seats", ["tenant", "message_id"])
    op.create_index("contact_seats_by_age", "contact_seats", ["tenant", "cap", "subject", "taken_at"])


def downgrade() -> None:
    """Refuse: who must not be written to would be forgotten."""
    raise StoreError("consent is kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str, of: Any = sa.Text) -> list[sa.Column[Any]]:
    return [sa.Column(name, of, nullable=False) for name in names]


def _mays(*names: str, of: Any = sa.Text) -> list[sa.Column[Any]]:
    return [sa.Column(name, of, nullable=True) for name in names]
