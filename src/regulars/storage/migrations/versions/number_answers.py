"""What a provider said of telephone numbers, by the numbers' hashes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "number_answers", *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "address_hash")),
        sa.Column("is_valid", sa.Boolean, nullable=False), sa.Column("kind", sa.Text, nullable=False),
        sa.Column("carrier", sa.Text), sa.Column("country", sa.Text),
        sa.Column("asked_at", sa.DateTime, nullable=False),
    )
    op.create_index("number_answers_by_time", "number_answers", ["tenant", "asked_at"])


def downgrade() -> None:
    """Take the table away: answers are believed for a month only, and can be asked for again."""
    op.drop_table("number_answers")
