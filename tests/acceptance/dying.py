"""A process that ends itself in the middle of its work, as `kill -9` would, at a moment that is counted."""

from __future__ import annotations

import os
import sys

import sqlalchemy as sa

from regulars.pipeline.workspace import Workspace


def dies_at(workspace: Workspace, action: int) -> None:
    """End this process at the given one, from 1, of what it does to files and of its commits to the book."""
    left = action

    def counted(event: str, _arguments: object) -> None:
        nonlocal left
        if event in {"os.link", "os.remove", "sqlite3.connect", "commit"}:
            left -= 1
            if not left:
                os._exit(9)

    sys.addaudithook(counted)
    sa.event.listen(workspace.book.database.engine, "commit", lambda _connection: counted("commit", ()))
