"""Changes of segments that no run has filed yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    keys = {"tenant": sa.Text, "customer_id": sa.Text, "segment": sa.Text, "at": sa.DateTime, "change": sa.Text}
    op.create_table(
        "fresh_transitions", *(sa.Column(name, kind, primary_key=True) for name, kind in keys.items()),
        sa.Column("business_day", sa.Date), sa.Column("reason", sa.Text),
        sa.Column("batch", sa.BigInteger, nullable=False), sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """File what is there, and take the table away."""
    names = "tenant, customer_id, segment, at, change, business_day, reason, batch"
    rows = f"select {names} from fresh_transitions where true"
    op.execute(f"insert into transitions ({names}) {rows} on conflict do nothing")
    op.drop_table("fresh_transitions")
