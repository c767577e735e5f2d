"""Who may ask over HTTP: keys, the answers that a repeated request gets again, and the audit of every change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "api_keys", *_keys("tenant", "key_id"), *_needs("name", "scope", "secret_hash"),
        sa.Column("made_at", sa.DateTime, nullable=False), *_needs("made_by"),
        sa.Column("expires_at", sa.DateTime), sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "api_answers", *_keys("tenant", "key_id", "idempotency_key"), *_needs("request_digest"),
        sa.Column("began_at", sa.DateTime, nullable=False), sa.Column("status", sa.Integer), sa.Column("body", sa.Text),
    )
    op.create_table(
        "audit", *_keys("tenant"), sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False), *_needs("by", "what", "subject"),
        sa.Column("before", sa.Text), sa.Column("after", sa.Text), sa.Column("request_id", sa.Text),
    )


def downgrade() -> None:
    """Refuse: the audit would be forgotten."""
    raise StoreError("the audit is kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
