"""Kept: a run works out what takes long to answer; who asks gets that, while all it was made of is as it was then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from regulars.pipeline.read import digest
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace

Made = TypeVar("Made")

READ = ("events", "money", "identity", "household_members", "transitions", "customers", "memberships")
"""Tables of the lake that such answers are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[Made]):
    """A question whose answer can be kept."""

    name: str                                # says whole what is asked
    kind: type[Made]                         # of the answer: a dataclass of plain values
    standing: object                         # what of the book the answer follows from, as few numbers
    make: Callable[[], Made]


def ask(workspace: Workspace, question: Question[Made]) -> Made:
    """Return the answer that is kept if it still holds, else as it is found out now; nothing is written."""
    found = kept(workspace, question)
    return question.make() if found is None else found


def kept(workspace: Workspace, question: Question[Made]) -> Made | None:
    """Return the answer that is kept if it still holds; None where it does not, or was never kept."""
    made_of = _made_of(workspace, question)
    found = None if made_of is None else workspace.book.kept_answers.find(question.name, made_of=made_of)
    return None if found is None else msgspec.msgpack.decode(found, type=question.kind)


def keep(workspace: Workspace, question: Question[Made]) -> bool:
    """See to it that the answer is kept; return whether it had to be found out."""
    made_of = _made_of(workspace, question)
    if made_of is None or workspace.book.kept_answers.find(question.name, made_of=made_of) is not None:
        return False
    answer = msgspec.msgpack.encode(question.make())
    workspace.book.kept_answers.keep(question.name, answer, made_of=made_of, at=workspace.clock.now())
    return True


def _made_of(workspace: Workspace, question: Question[Made]) -> str | None:
    """Return a fingerprint of everything that an answer follows from, the hour aside: it adds nothing of the past.

    None where nobody can tell what the project declares: Python says a part of it.
    """
    if workspace.project.digest is None:
        return None
    numbers = workspace.book.versions.current_numbers()
    return digest(
        question.name, workspace.project.digest, as_of_now(workspace).day.isoformat(),
        {name: numbers.get(name) for name in READ}, question.standing,
    )
