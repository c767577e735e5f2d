"""What a run worked out ahead of whoever asks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kept_answers", *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "question")),
        sa.Column("made_of", sa.Text, nullable=False), sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Take the table away: the next run works them out again."""
    op.drop_table("kept_answers")
