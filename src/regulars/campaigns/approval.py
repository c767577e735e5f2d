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
class Decision:
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
    """Why a decision was not taken."""

    reason: str


def version(template: Template) -> str:
    """Name a template by what it says: whatever changes a message changes its version. 16 hexadecimal digits."""
    said = [template.channel, template.subject, template.text, template.html]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:16]


def standing(decisions: Iterable[Decision], version: str) -> Standing:
    """Return where a version stands after all decisions about it, in the order of their times.

    An edited template is another version, which begins as a draft: nothing approved can change afterwards.
    """
    now = Standing(version=version, status="draft")
    about = [decision for decision in decisions if decision.version == version]
    for decision in sorted(about, key=lambda one: (one.at, tuple(_TO).index(one.action), one.by)):
        if now.status in _FROM[decision.action]:
            now = _after(now, decision)
    return now


def take(decisions: Iterable[Decision], decision: Decision, *, author: str | None = None) -> Decision | Refused:
    """Return the decision if it may be taken, or why not.

    Args:
        decisions: What was decided so far.
        decision: What somebody wants to decide now.
        author: Who wrote the version, where the business wants a second pair of eyes; None where it does not.

    """
    now = standing(decisions, decision.version)
    if not decision.by.strip():
        return Refused(reason="a decision needs a name")
    if decision.action == "approve" and author is not None and decision.by == author:
        return Refused(reason=f"{author} wrote it; somebody else has to approve it")
    if now.status not in _FROM[decision.action]:
        needed = " or ".join(_FROM[decision.action])
        return Refused(reason=f"cannot {decision.action} what is {now.status}: it has to be {needed}")
    return decision


def _after(now: Standing, decision: Decision) -> Standing:
    """Return the standing after one decision that may be taken."""
    is_withdrawn = decision.action == "withdraw"
    approves = decision.action == "approve"
    return Standing(
        version=now.version, status=_TO[decision.action],
        approved_by=decision.by if approves else None if is_withdrawn else now.approved_by,
        approved_at=decision.at if approves else None if is_withdrawn else now.approved_at,
        activated_at=decision.at if decision.action == "activate" else None if is_withdrawn else now.activated_at,
        archived_at=decision.at if decision.action == "archive" else None,
    )
