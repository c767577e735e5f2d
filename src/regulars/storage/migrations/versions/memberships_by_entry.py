"""The newest members of a segment, and how many there are, without reading everybody who ever was in it."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("memberships_by_entry", "memberships", ["tenant", "segment", "entered_at", "customer_id"])


def downgrade() -> None:
    """Take the index away."""
    op.drop_index("memberships_by_entry", "memberships")
