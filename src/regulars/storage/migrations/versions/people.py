"""People who log in: who they are, how they were invited, where they are signed in, and how often it was tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "people", *_keys("person_id"), *_needs("name", "email", "role"), sa.Column("password_hash", sa.Text),
        *_moments("made_at"), *_needs("made_by"), sa.Column("disabled_at", sa.DateTime),
    )
    op.create_index("people_by_email", "people", ["tenant", "email"], unique=True)
    op.create_table(
        "invites", *_keys("invite_id"), *_needs("secret_hash", "email", "role"), sa.Column("person_id", sa.Text),
        *_moments("made_at"), *_needs("made_by"), *_moments("expires_at"), sa.Column("ended_at", sa.DateTime),
    )
    op.create_table(
        "sessions", *_keys("session_id"), *_needs("secret_hash", "person_id"),
        *_moments("began_at", "seen_at", "expires_at"), *_needs("agent"),
    )
    op.create_index("sessions_by_person", "sessions", ["tenant", "person_id"])
    op.create_table(
        "sign_in_attempts", *_keys("subject"), sa.Column("attempts", sa.Integer, nullable=False),
        *_moments("last_at", "until"),
    )


def downgrade() -> None:
    """Remove the tables: whoever signed in is signed out, and must be invited again."""
    for name in ("sign_in_attempts", "sessions", "invites", "people"):
        op.drop_table(name)


def _keys(name: str) -> list[sa.Column[str]]:
    return [sa.Column(each, sa.Text, primary_key=True) for each in ("tenant", name)]


def _needs(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _moments(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime, nullable=False) for name in names]
