"""The first book: landing, lake, runs, people, segments of customers, secrets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from regulars.errors import StoreError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

text, big, moment = sa.Text, sa.BigInteger, sa.DateTime


def upgrade() -> None:
    """Make every table."""
    _landing()
    _lake()
    _runs()
    _people()
    _segments()
    _secrets()


def downgrade() -> None:
    """Refuse: a first book has nothing before it."""
    raise StoreError("there is no book before the first one", hint="restore a backup instead")


def _key(name: str, kind: Any = text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _need(name: str, kind: Any = text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: Any = text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _landing() -> None:
    op.create_table(
        "counters",
        _key("tenant"), _key("name"), _need("value", big),
    )
    op.create_table(
        "page_sets",
        _key("tenant"), _key("set_id"), _need("source"), _need("stream"), _need("started_at", moment),
        _may("committed_at", moment), _may("seq", big), _need("is_complete", sa.Boolean), _may("resume"),
        _may("run_id"),
    )
    op.create_index("page_sets_by_stream", "page_sets", ["tenant", "source", "stream"])
    op.create_table(
        "staged_pages",
        _key("tenant"), _key("set_id"), _key("page", sa.Integer), _may("segment"), _need("rows", big),
    )
    op.create_table(
        "segments",
        _key("tenant"), _key("seq", big), _need("first_seq", big), _need("source"), _need("stream"), _may("set_id"),
        _need("name"), _need("rows", big), _need("recorded_at", moment), _may("run_id"),
    )
    op.create_index("segments_by_stream", "segments", ["tenant", "source", "stream", "seq"])
    op.create_table(
        "cursors",
        _key("tenant"), _key("source"), _key("stream"), _need("cursor"), _need("moved_at", moment),
    )
    op.create_table(
        "stream_facts",
        _key("tenant"), _key("source"), _key("stream"), _need("facts"), _need("seen_at", moment),
    )


def _lake() -> None:
    op.create_table(
        "lake_versions",
        _key("tenant"), _key("table_name"), _key("version", big), _may("parent", big),
        _need("published_at", moment), _need("manifest"), _need("meta"),
    )
    op.create_table(
        "lake_current",
        _key("tenant"), _key("table_name"), _need("version", big),
    )
    op.create_table(
        "lake_tags",
        _key("tenant"), _key("tag"), _key("table_name"), _need("version", big), _need("tagged_at", moment),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        _key("tenant"), _key("run_id"), _need("command"), _need("started_at", moment), _may("finished_at", moment),
        _may("outcome"),
    )
    op.create_index("runs_by_start", "runs", ["tenant", "started_at"])
    op.create_table(
        "run_steps",
        _key("tenant"), _key("run_id"), _key("step"), _need("position", sa.Integer), _need("started_at", moment),
        _may("finished_at", moment), _need("outcome"), _may("seconds", sa.Float), _may("rows_in", big),
        _may("rows_out", big), _may("watermark"), _may("error"), _may("code"), _may("facts"), _may("done", big),
        _may("total", big), _may("note"),
    )
    op.create_index("run_steps_by_step", "run_steps", ["tenant", "step", "started_at"])
    op.create_table(
        "leases",
        _key("tenant"), _key("name"), _need("owner"), _need("taken_at", moment), _need("expires_at", moment),
    )


def _people() -> None:
    op.create_table(
        "identity_map",
        _key("tenant"), _key("profile_source"), _key("profile_id"), _need("customer_id"), _may("evidence"),
        _need("since", moment), sqlite_with_rowid=False,
    )
    op.create_index("identity_map_by_customer", "identity_map", ["tenant", "customer_id"])
    op.create_table(
        "customers",
        _key("tenant"), _key("customer_id"), _need("founder_source"), _need("founder_id"),
        _need("minted_at", moment), _may("merged_into"), sqlite_with_rowid=False,
    )
    op.create_table(
        "rulings",
        _key("tenant"), _key("ruling_id"), _need("verdict"), _need("left_source"), _need("left_id"),
        _need("right_source"), _need("right_id"), _need("reason"), _need("ruled_by"), _need("ruled_at", moment),
        _may("revoked_at", moment),
    )
    op.create_table(
        "conflicts",
        _key("tenant"), _key("conflict_id"), _need("kind"), _need("detail"), _need("found_at", moment),
        _may("settled_at", moment),
    )


def _segments() -> None:
    op.create_table(
        "transitions",
        _key("tenant"), _key("segment"), _key("customer_id"), _key("at", moment), _key("change"),
        _may("business_day", sa.Date), _may("reason"), _may("run_id"), _need("batch", big), sqlite_with_rowid=False,
    )
    op.create_index("transitions_by_batch", "transitions", ["tenant", "batch"])
    op.create_table(
        "memberships",
        _key("tenant"), _key("segment"), _key("customer_id"), _may("entered_at", moment), _may("left_at", moment),
        _need("first_entered_at", moment), _need("last_entered_at", moment), _need("entries", big),
        sqlite_with_rowid=False,
    )


def _secrets() -> None:
    op.create_table(
        "sealed",
        _key("tenant"), _key("name"), _need("nonce", sa.LargeBinary), _need("text", sa.LargeBinary),
        _need("sealed_at", moment),
    )
