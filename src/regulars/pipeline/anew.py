"""Anew: nothing is left of the tables but what they are made of, and whoever calls makes them again."""

from __future__ import annotations

from regulars.config import HOME
from regulars.pipeline.workspace import Workspace


def drop_tables(workspace: Workspace) -> tuple[int, int]:
    """Drop every derived table with all its versions and what is kept of it anywhere; return tables and files.

    Call it while holding the project's lease, and make the tables again afterwards. It may be done twice.
    """
    tables = workspace.lake.stored()
    for table in tables:
        workspace.lake.drop(table)
    files = workspace.lake.vacuum(keep=1)
    workspace.landing.tidy()
    for store in (workspace.lake.files, workspace.landing.files):
        store.prune()
    spill = workspace.project.config.folder / HOME / "spill"
    # Whoever works holds the lease, and that is us: what lies here was left by a process that was killed.
    for path in spill.rglob("*") if spill.is_dir() else ():
        if path.is_file():
            path.unlink(missing_ok=True)
    workspace.book.forgetting.compact()
    return len(tables), len(files)
