"""Copy: what pages read a person at a time is kept by profile as well, beside a run and only when it has become due."""

from __future__ import annotations

from regulars.pipeline.own import COPIED
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.by_profile import is_due, write_copy


def copy_by_profile(workspace: Workspace) -> Steps:
    """Write the copies that have fallen far behind their tables; see `regulars.storage.by_profile`."""
    is_read = workspace.stores.engine is workspace.stores.border             # see `own`
    rows, names = 0, [name for name in COPIED if is_read and is_due(workspace.lake, name)]
    for number, name in enumerate(names, 1):
        rows += write_copy(workspace.lake, name)
        yield Checkpoint(done=number, total=len(names), note=name)
    return Work(rows_in=rows, rows_out=rows, note=f"{' and '.join(names)} by profile" if names else "")
