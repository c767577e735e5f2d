"""Which version of a template may be sent: versions by their content, and who allowed what when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from regulars.campaigns.template import Template

Action = Literal["approve", "activate", "archive", "withdraw"]
Status = Literal["draft", "approved", "active", "archived"]

_FROM: dict[Action, tuple[Status, ...]] = {
    "approve": ("draft",), "activate": ("approved",), "archive": ("draft", "approved", "active"),
    "withdraw": ("approved", "active"),
}
_TO: dict[Action, Status] = {
    "approve": "approved", "activate": "active", "archive": "archived", "withdraw": "draft",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What somebody decided about one version of a template."""

    version: str
    action: Action
    by: str
    at: datetime                             # aware
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one version stands."""

    version: str
    status: Status
    approved_by: str | None = None
    approved_at: datetime | None = None
    activated_at: datetime | None = None
    archived_at: datetime | None = None

    @property
    def may_be_sent(self) -> bool:
        """Return whether a campaign may use this version."""
        return self.status == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a step was not taken."""

    reason: str


def version(template: Template) -> str:
    """Name a template by what it says: whatever changes a message changes its version. 16 hexadecimal digits."""
    said = [template.channel, template.subject, template.text, template.html]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:16]


def standing(steps: Iterable[Step], version: str) -> Standing:
    """Return where a version stands after all steps about it, in the order of their times.

    An edited template is another version, which begins as a draft: nothing approved can change afterwards.
    """
    now = Standing(version=version, status="draft")
    for step in sorted((step for step in steps if step.version == version), key=lambda step: step.at):
        if now.status in _FROM[step.action]:
            now = _after(now, step)
    return now


def take(steps: Iterable[Step], step: Step, *, author: str | None = None) -> Step | Refused:
    """Return the step if it may be taken, or why not.

    Args:
        steps: What was decided so far.
        step: What somebody wants to decide now.
        author: Who wrote the version, where the business wants a second pair of eyes; None where it does not.

    """
    now = standing(steps, step.version)
    if not step.by.strip():
        return Refused(reason="a decision needs a name")
    if step.action == "approve" and author is not None and step.by == author:
        return Refused(reason=f"{author} wrote it; somebody else has to approve it")
    if now.status not in _FROM[step.action]:
        needed = " or ".join(_FROM[step.action])
        return Refused(reason=f"cannot {step.action} what is {now.status}: it has to be {needed}")
    return step


def _after(now: Standing, step: Step) -> Standing:
    """Return the standing after one step that may be taken."""
    is_withdrawn = step.action == "withdraw"
    approves = step.action == "approve"
    return Standing(
        version=now.version, status=_TO[step.action],
        approved_by=step.by if approves else None if is_withdrawn else now.approved_by,
        approved_at=step.at if approves else None if is_withdrawn else now.approved_at,
        activated_at=step.at if step.action == "activate" else None if is_withdrawn else now.activated_at,
        archived_at=step.at if step.action == "archive" else None,
    )
