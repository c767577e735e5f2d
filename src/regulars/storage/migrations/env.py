"""What Alembic runs: the steps, on the connection that was handed over, inside its transaction."""

from __future__ import annotations

from alembic import context

from regulars.storage.book.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,                    # SQLite cannot alter a column in place
    transactional_ddl=True,                  # both databases undo a half-made table
)
context.run_migrations()
