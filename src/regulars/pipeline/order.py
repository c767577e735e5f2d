"""Ordering a campaign: its messages are written down as due, and whoever sends finds them there."""

from __future__ import annotations

from regulars.errors import GuardError
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence


def order(workspace: Workspace, name: str) -> Occurrence:
    """Plan the occurrence that is due, or next, and let it be sent; ordered twice it is one.

    Raises NotFound, DeclarationError, and GuardError for one that is paused, stopped or done.
    """
    one = write_plan(workspace, plan_campaign(workspace, name, enrols=True))
    if one.state not in {"scheduled", "sending"}:
        hint = f"regulars campaign resume {name}" if one.state == "paused" else f"regulars campaign results {name}"
        raise GuardError(f"{name} ({one.occurrence}) is {one.state}", hint=hint)
    return one
