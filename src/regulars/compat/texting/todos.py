"""Todos in the fields of the reference; beside what is noted stand the replies that wait for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, get_args

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.number import whole_number
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.todos import Priority, Todo

Said = Mapping[str, Any]
Told = dict[str, Any]

LONGEST_TITLE, LONGEST = 200, 5_000
"""Characters of a todo."""

SOON = 5
"""Open todos of a dashboard."""

RANK: Mapping[Priority, int] = {"high": 0, "medium": 1, "low": 2}


def listed(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """List todos: completed, priority."""
    found = workspace.book.todos.all()
    wanted = said.get("completed")
    if wanted not in {None, ""}:
        is_done = str(wanted).lower() in {"true", "1"}
        found = [one for one in found if one.is_completed == is_done]
    found = [one for one in found if said.get("priority") in {None, "", one.priority}]
    return success({"todos": [_told(one) for one in found], "total": len(found)})


def create(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """Keep a todo: title, description, priority, due_date, user_id."""
    now = workspace.clock.now()
    new = Todo(
        number=0, title="", description="", is_completed=False, priority="medium", due_date=None,
        user_id=str(said.get("_by", "")), made_at=now, changed_at=now,
    )
    made = _changed(new, said)
    return made.map(lambda todo: {"todo": _told(workspace.book.todos.put(todo))})


def get(workspace: Workspace, _: ABTestingService, todo: str, __: Said) -> Result[Told]:
    """Return a todo."""
    return _known(workspace, todo).map(lambda one: {"todo": _told(one)})


def update(workspace: Workspace, _: ABTestingService, todo: str, said: Said) -> Result[Told]:
    """Change what is said of a todo."""
    known = _known(workspace, todo)
    if known.is_failure:
        return failure(str(known.error), code=str(known.error_code))
    changed = _changed(replace(known.unwrap(), changed_at=workspace.clock.now()), said)
    return changed.map(lambda one: {"todo": _told(workspace.book.todos.put(one))})


def toggle(workspace: Workspace, service: ABTestingService, todo: str, _: Said) -> Result[Told]:
    """Say that a todo is done, or is not after all."""
    known = _known(workspace, todo)
    if known.is_failure:
        return failure(str(known.error), code=str(known.error_code))
    return update(workspace, service, todo, {"is_completed": not known.unwrap().is_completed})


def remove(workspace: Workspace, _: ABTestingService, todo: str, __: Said) -> Result[Told]:
    """Forget a todo."""
    known = _known(workspace, todo)
    if known.is_success:
        workspace.book.todos.remove(known.unwrap().number)
    return known.map(lambda one: {"todo_id": one.number, "message": "Todo deleted"})


def dashboard(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """Return the todos that are next, and the replies that wait for a person."""
    opened = [one for one in workspace.book.todos.all() if not one.is_completed]
    opened.sort(key=lambda one: (one.due_date or date.max, RANK[one.priority], one.number))
    return success({
        "todos": [_told(one) for one in opened[:SOON]], "pending": len(opened),
        "replies_waiting": workspace.book.consent.waiting(),
    })


def statistics(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """Return how many todos there are, done, open and late."""
    found, today = workspace.book.todos.all(), workspace.clock.now().date()
    opened = [one for one in found if not one.is_completed]
    return success({"stats": {
        "total": len(found), "completed": len(found) - len(opened), "pending": len(opened),
        "overdue": sum(one.due_date is not None and one.due_date < today for one in opened),
        "by_priority": {name: Counter(one.priority for one in opened)[name] for name in RANK},
    }})


def _changed(todo: Todo, said: Said) -> Result[Todo]:
    title = str(said.get("title", todo.title)).strip()
    if not title:
        return failure("Title is required", code="VALIDATION_ERROR")
    description = str(said.get("description", todo.description) or "")
    for name, text, most in (("Title", title, LONGEST_TITLE), ("Description", description, LONGEST)):
        if len(text) > most:
            return failure(f"{name} has at most {most:,} characters, this one {len(text):,}", code="VALIDATION_ERROR")
    priority: Priority | None = next(
        (each for each in get_args(Priority) if each == said.get("priority", todo.priority)), None
    )
    if priority is None:
        return failure("priority must be low, medium or high", code="VALIDATION_ERROR")
    try:
        due = date.fromisoformat(str(said["due_date"])[:10]) if said.get("due_date") else (
            todo.due_date if "due_date" not in said else None
        )
    except ValueError:
        return failure("due_date is a day: 2026-03-02", code="VALIDATION_ERROR")
    return success(replace(
        todo, title=title, description=description,
        is_completed=said.get("is_completed", todo.is_completed) is True, priority=priority, due_date=due,
        user_id=str(said.get("user_id") or todo.user_id),
    ))


def _known(workspace: Workspace, todo: str) -> Result[Todo]:
    number = whole_number(todo)
    found = None if number is None else workspace.book.todos.find(number)
    return failure(f"Todo not found: {todo}", code="TODO_NOT_FOUND") if found is None else success(found)


def _told(one: Todo) -> Told:
    return {
        "id": one.number, "title": one.title, "description": one.description, "is_completed": one.is_completed,
        "priority": one.priority, "due_date": None if one.due_date is None else one.due_date.isoformat(),
        "user_id": one.user_id, "created_at": one.made_at.isoformat(), "updated_at": one.changed_at.isoformat(),
    }
