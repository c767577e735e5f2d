"""What tests of campaigns decided, what variants offer, who approved which words; when A/B campaigns go."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "winners", *_keys("tenant", "campaign_id"), *_needs("variant", "by", "measure", "reason", "evidence"),
        _moment("decided_at"),
    )
    op.create_table(
        "campaign_offers", *_keys("tenant", "campaign_id", "variant"),
        sa.Column("has_offer", sa.Boolean, nullable=False),
        *_may("offer_key", "offer_type", "offer_amount", "offer_code"), sa.Column("offer_expires", sa.Date),
        *_may("offer_minimum", "offer_description"), *_needs("offer_category"),
    )
    op.create_index("campaign_offers_by_key", "campaign_offers", ["tenant", "offer_key"])
    op.create_table(
        "template_decisions", *_keys("tenant"), _number("number"),
        *_needs("version", "template", "action", "by", "note"), _moment("at"),
    )
    op.create_index("template_decisions_by_version", "template_decisions", ["tenant", "version"])
    op.create_table(
        "text_templates", *_keys("tenant"), _number("number"), _number("version"), *_needs("name", "content", "about"),
        _moment("saved_at"), *_needs("saved_by"),
    )
    op.create_table(
        "ab_schedules", *_keys("tenant"), _number("number"), sa.Column("next_run_at", sa.DateTime),
        sa.Column("pattern", sa.Text), *_needs("zone"), sa.Column("starts_at", sa.DateTime),
        sa.Column("parent", sa.BigInteger), sa.Column("archived_at", sa.DateTime), sa.Column("reason", sa.Text),
    )


def downgrade() -> None:
    """Refuse: what was decided would be forgotten."""
    raise StoreError("decisions are kept for ever", hint="restore a backup instead")


def _keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _needs(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime, nullable=False)


def _may(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text) for name in names]
