"""Indexes hold the whole of what is asked of them: an order that needs no sorting, counts that need no rows.

SQLite has the key of a row in every index of it, PostgreSQL has not.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INDEXES = (
    ("contact_seats_by_age", "contact_seats", ["tenant", "cap", "subject", "taken_at"], "seat"),
    ("messages_by_state", "messages", ["tenant", "campaign_id", "state", "due_at"], "customer_id"),
    ("attempts_by_end", "attempts", ["tenant", "ended_at"], "outcome"),
    ("receipts_by_message", "receipts", ["tenant", "campaign_id", "stage", "customer_id"], "code"),
)


def upgrade() -> None:
    """Make the indexes anew."""
    for name, table, columns, last in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, [*columns, last])


def downgrade() -> None:
    """Make them as they were."""
    for name, table, columns, _ in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, columns)
