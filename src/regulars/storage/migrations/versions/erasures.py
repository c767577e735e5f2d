"""People who asked to be forgotten: what was asked, its proof, and the hashes by which they stay forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0010"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "erasures", *_keys("tenant", "erasure_id"), *_needs("customer_hash"), sa.Column("customer_ids", sa.Text),
        sa.Column("asked_at", sa.DateTime, nullable=False), *_needs("asked_by", "proof"),
        sa.Column("finished_at", sa.DateTime),
    )
    op.create_table("erased_keys", *_keys("tenant", "kind", "key_hash"), *_needs("erasure_id"))


def downgrade() -> None:
    """Refuse: who was erased would come back with the next pull."""
    raise StoreError("erasures are kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
