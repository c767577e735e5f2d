"""Tracking plans and what landed: a plan drafted from the past, and a plan tried on it before it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from regulars.errors import NotFound
from regulars.pipeline.workspace import Workspace
from regulars.project.tracking import door_of, plan_of
from regulars.runs.run import Checkpoint
from regulars.sources.door import EVENTS
from regulars.sources.tracking.draft import Draft, Known
from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import POLICIES, TRACK

AT_ONCE = 20_000
"""Messages between two words on how far it is."""

Told = Callable[[Checkpoint], None]
"""Hears how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One way in which messages of one kind are not as their plan says."""

    type: str
    event: str                               # of a track; "" of others
    violation: str                           # see `sources.tracking.judge`: missing, wrong_type, unplanned, ...
    place: str                               # property, event or category
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a plan says of all messages that landed."""

    source: str
    messages: int
    as_planned: int
    becomes: dict[str, int]                  # policy -> how many of the others
    deviations: tuple[Deviation, ...]        # most first


class _Line(msgspec.Struct, gc=False):
    door: Known


_LINE = msgspec.json.Decoder(_Line)


def draft(workspace: Workspace, source: str, *, told: Told) -> Draft:
    """Return what the messages of a door have looked like. Raises NotFound when there is no such door or message."""
    found = Draft()
    for messages in _landed(workspace, source, told=told):
        found.add(messages)
    return found


def replay(workspace: Workspace, source: str, *, told: Told) -> Replay:
    """Return what a door's plan would do with every message that it stored.

    Raises NotFound when there is no such door, no plan of it, or no message.
    """
    judge = Judge.of(plan_of(workspace.project, source))
    marks: Counter[tuple[str, str, str]] = Counter()
    becomes: Counter[str] = Counter()
    count = 0
    for messages in _landed(workspace, source, told=told):
        count += len(messages)
        for raw in messages:
            door = _LINE.decode(raw).door
            event = door.name if door.type == TRACK else None
            verdict = judge.verdict(raw, kind=door.type, event=event)
            if verdict is not None:
                becomes[verdict.policy] += 1
                marks.update((door.type, event or "", mark) for mark in verdict.marks)
    return Replay(
        source=source, messages=count, as_planned=count - becomes.total(),
        becomes={policy: becomes[policy] for policy in POLICIES}, deviations=_deviations(marks),
    )


def _deviations(marks: Counter[tuple[str, str, str]]) -> tuple[Deviation, ...]:
    ordered = sorted(marks.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Deviation(type=kind, event=event, violation=mark.partition(" ")[0], place=mark.partition(" ")[2], messages=n)
        for (kind, event, mark), n in ordered
    )


def _landed(workspace: Workspace, source: str, *, told: Told) -> Iterator[list[bytes]]:
    """Yield the stored messages of a door, some at a time."""
    door_of(workspace.project, source)
    total = sum(segment.rows for segment in workspace.book.pages.segments(source, EVENTS))
    if not total:
        raise NotFound(f"no message of {source!r} has landed yet", hint="regulars run")
    done = 0
    for messages in workspace.landing.payloads(source, EVENTS, at_once=AT_ONCE):
        yield messages
        done += len(messages)
        told(Checkpoint(done=done, total=total, note="messages"))
