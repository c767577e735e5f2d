"""Which shops asked to be forgotten, and how far that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shop_erasures", *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "domain")),
        sa.Column("asked_at", sa.DateTime, nullable=False), sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("proof", sa.Text, nullable=False), sa.Column("finished_at", sa.DateTime),
    )


def downgrade() -> None:
    """Take the table away: what was forgotten stays forgotten."""
    op.drop_table("shop_erasures")
