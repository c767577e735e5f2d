"""A/B tests of text messages: campaigns, recipients and the event log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "ab_campaigns", _key("tenant"), _key("number", sa.BigInteger),
        *(_need(name) for name in ("name", "status", "template_a", "template_b", "config", "zone", "salt")),
        _need("created_at", sa.DateTime),
    )
    op.create_table(
        "ab_recipients", _key("tenant"), _key("campaign", sa.BigInteger), _key("unit"), _need("added_at", sa.DateTime),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ab_events", _key("tenant"), _key("number", sa.BigInteger), _need("experiment"), _need("unit"),
        _need("epoch", sa.BigInteger), _need("variant"), _need("kind"), _need("at", sa.DateTime),
        *(sa.Column(name, sa.Text, nullable=True) for name in ("activity", "link", "reply")),
    )
    op.create_index(
        "ab_events_by_kind", "ab_events", ["tenant", "experiment", "kind", "epoch", "variant", "unit", "at"]
    )
    op.create_index("ab_events_by_unit", "ab_events", ["unit", "tenant", "experiment"])


def downgrade() -> None:
    """Refuse: what happened to recipients would be forgotten."""
    raise StoreError("the event log is kept for ever", hint="restore a backup instead")


def _key(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _need(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
