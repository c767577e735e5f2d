"""What a language model answered about a text, so that it is asked once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    keys = ("tenant", "kind", "content_hash", "model", "prompt_version")
    op.create_table(
        "readings", *(sa.Column(name, sa.Text, primary_key=True) for name in keys), sa.Column("answer", sa.Text),
        sa.Column("tokens", sa.BigInteger, nullable=False), sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("readings_by_time", "readings", ["tenant", "at"])


def downgrade() -> None:
    """Refuse: what was paid for would be forgotten."""
    raise StoreError("answers are kept for ever", hint="restore a backup instead")
