"""Lists of the reference and how far an import of one is: files in `lists/`, and segments, which fill themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.conversations import SHOWN
from regulars.pipeline.listed_people import people_of_list
from regulars.pipeline.segment import segment_counts, segment_members
from regulars.pipeline.workspace import Workspace

Said = Mapping[str, Any]
Told = dict[str, Any]


def lists(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """List the lists: those that were imported, and segments as dynamic ones."""
    imported = [
        {"id": path.stem, "name": path.stem, "description": "", "is_dynamic": False} for path in _files(workspace)
    ]
    segments = [
        {"id": row["segment"], "name": row["title"], "description": row["description"], "is_dynamic": True,
         "member_count": row["members"]} for row in segment_counts(workspace)
    ]
    return success({"lists": [*imported, *segments]})


def one_list(workspace: Workspace, _: ABTestingService, name: str, __: Said) -> Result[Told]:
    """Return a list with its first members."""
    file = next((path for path in _files(workspace) if path.stem == name), None)
    if file is not None:
        found = people_of_list(workspace, file.read_bytes(), file=file.name, channel="sms")
        ids = found.people["customer_id"].to_pylist()
        known = {"id": name, "name": name, "is_dynamic": False}
        return success({**known, "member_count": len(ids), "members": ids[:SHOWN]})
    row = next((one for one in segment_counts(workspace) if one["segment"] == name), None)
    if row is None:
        return failure(f"List not found: {name}", code="LIST_NOT_FOUND")
    members = [each["customer_id"] for each in segment_members(workspace, name, limit=SHOWN)]
    return success({
        "id": name, "name": row["title"], "is_dynamic": True, "member_count": row["members"], "members": members,
    })


def new_list(*_: object) -> Result[Told]:
    """Refuse: a list is a file that is imported, or a segment that is declared."""
    return failure(
        "Import a list at /api/contacts/import, or declare a segment: it fills itself", code="VALIDATION_ERROR"
    )


def task_status(workspace: Workspace, _: ABTestingService, task: str, __: Said) -> Result[Told]:
    """Return how far a task is. An import is over when it is answered; of other ids nobody knows: PENDING."""
    for path in _files(workspace):
        data = path.read_bytes()
        if sha256(data).hexdigest()[:12] == task:
            total = people_of_list(workspace, data, file=path.name, channel="sms").read.total_rows
            return success({
                "task_id": task, "state": "SUCCESS", "current": total, "total": total, "percent": 100,
                "status": "Import complete", "result": {"list": f"lists/{path.name}", "total_rows": total},
            })
    return success({
        "task_id": task, "state": "PENDING", "current": 0, "total": 0, "percent": 0, "status": "No such task is known",
    })


def _files(workspace: Workspace) -> Iterator[Path]:
    yield from sorted((workspace.project.config.folder / "lists").glob("*.csv"))
