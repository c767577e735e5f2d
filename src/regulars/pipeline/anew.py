"""Anew: nothing is left of the tables but what they are made of, and whoever calls makes them again."""

from __future__ import annotations

from regulars.config import HOME
from regulars.pipeline.workspace import Workspace
from regulars.storage.scratch import SPILL, sweep


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
    sweep(workspace.project.config.folder / HOME / SPILL)
    workspace.book.forgetting.compact()
    return len(tables), len(files)
