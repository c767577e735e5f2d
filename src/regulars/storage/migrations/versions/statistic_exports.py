"""Which files of shops' statistics were handed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "statistic_exports", *(sa.Column(name, sa.Text, primary_key=True) for name in (
            "tenant", "shop", "product", "variant",
        )),
        sa.Column("day", sa.Date, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("csv_key", "json_key")),
        sa.Column("version", sa.Integer, nullable=False), sa.Column("digest", sa.Text, nullable=False),
        sa.Column("exported_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Take the table away: files can be written again."""
    op.drop_table("statistic_exports")
