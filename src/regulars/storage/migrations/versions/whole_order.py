"""Indexes hold the whole order in which seats and messages are taken: what is alike in it is not sorted each time.

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
