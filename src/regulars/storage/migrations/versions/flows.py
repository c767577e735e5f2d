"""Flows: who is on the way through which, the steps they took, which flows rest; the end of a message."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables, and give messages an end."""
    op.add_column("messages", sa.Column("expires_at", sa.DateTime, nullable=True))
    op.create_table(
        "flow_states", *_keys("tenant", "flow"), *_needs("state"), sa.Column("reason", sa.Text),
        *_needs("changed_at", of=sa.DateTime),
    )
    op.create_table(
        "flow_journeys", *_keys("tenant", "flow", "customer_id", "occasion"), *_needs("occurrence"),
        *_needs("anchor_day", of=sa.Date), *_needs("entered_at", of=sa.DateTime), *_needs("version"),
        *_needs("is_held_out", of=sa.Boolean), *_needs("step"), *_needs("since", of=sa.DateTime),
        sa.Column("due_at", sa.DateTime), sa.Column("ended_at", sa.DateTime), sa.Column("ending", sa.Text),
        sa.Column("reason", sa.Text), sqlite_with_rowid=False,
    )
    op.create_index("flow_journeys_by_end", "flow_journeys", ["tenant", "flow", "ended_at"])
    op.create_index("flow_journeys_by_day", "flow_journeys", ["tenant", "flow", "anchor_day"])
    op.create_table(
        "flow_steps", *_keys("tenant", "flow", "customer_id", "occasion", "step"), *_needs("kind", "outcome"),
        *_needs("due_at", "at", of=sa.DateTime), sqlite_with_rowid=False,
    )
    op.create_index("flow_steps_by_time", "flow_steps", ["tenant", "at"])


def downgrade() -> None:
    """Refuse: who went through a flow would go through it again."""
    raise StoreError("journeys are kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _needs(*names: str, of: Any = sa.Text) -> list[sa.Column[Any]]:
    return [sa.Column(name, of, nullable=False) for name in names]
