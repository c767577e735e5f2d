"""Experiments: epochs, assignments, exposures and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "experiment_epochs", *_key(), sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("since", sa.DateTime, nullable=False), sa.Column("setup", sa.Text, nullable=False),
    )
    op.create_table(
        "assignments", *_key("unit"), sa.Column("variant", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False), sa.Column("propensity", sa.Float, nullable=False),
        sa.Column("assigned_at", sa.DateTime, nullable=False), sa.Column("how", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exposures", *_key("unit", "variant"), sa.Column("exposed_at", sa.DateTime, nullable=False),
        sa.Column("by", sa.Text, nullable=False), sqlite_with_rowid=False,
    )
    op.create_table(
        "experiment_decisions", *_key(), sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False), sa.Column("kind", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False), sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Refuse: who was in which variant would be forgotten."""
    raise StoreError("assignments are kept for ever", hint="restore a backup instead")


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "experiment", *names)]
