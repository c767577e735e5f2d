"""What was purged of a door's messages: by which event, property and span, how far that is, and its proof."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "purges", *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "purge_id")),
        sa.Column("source", sa.Text, nullable=False), sa.Column("event", sa.Text), sa.Column("path", sa.Text),
        sa.Column("since", sa.DateTime), sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False), sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("proof", sa.Text, nullable=False), sa.Column("finished_at", sa.DateTime),
    )


def downgrade() -> None:
    """Refuse: what was purged would come back with whoever sends it again."""
    raise StoreError("purges are kept for ever", hint="restore a backup instead")
