"""Campaigns at the reference's paths for people: made of a form, shown, started, paused, with their members.

A number is an A/B campaign, a name a declared one: a `blast` is declared, so that it is a file like all others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from regulars.campaigns.campaign import State, campaign_id
from regulars.campaigns.template import from_braces
from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.campaign import described, experiment_of, numbered
from regulars.compat.ab_tests.sending import send
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.conversations import STATUS
from regulars.pipeline.account import account, change_state
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.new_campaign import NewCampaign, write_campaign
from regulars.pipeline.order import order
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.message_list import MessageLine, Wanted

Said = Mapping[str, Any]
Told = dict[str, Any]

TYPES, AUDIENCES, CHANNELS = ("blast", "automated", "ab_test"), ("cold", "customer", "mixed"), ("sms", "email")
DAILY_LIMIT = 125
MOST = 1_000
STATES: Mapping[State, str] = {
    "draft": "draft", "scheduled": "scheduled", "sending": "running", "paused": "paused", "stopped": "complete",
    "done": "complete",
}
MOODS = {"positive": "replied_positive", "negative": "replied_negative"}


def listed(workspace: Workspace, service: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """List all campaigns, A/B campaigns first."""
    numbers = [described(one) for one in service.store.campaigns()]
    return success({"campaigns": [*numbers, *(_declared(workspace, one.name) for one in workspace.project.campaigns)]})


def one_campaign(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Return a campaign with where its messages are."""
    number = numbered(campaign)
    if number is None:
        name = campaign_of(workspace.project, campaign).name
        told = success({"campaign": _declared(workspace, name)})
    else:
        told = service.get_campaign(number).map(lambda found: {"campaign": found})
    one = _occurrence(workspace, campaign)
    stats = {} if one is None else {"stats": _stats(workspace, one)}
    return told.map(lambda found: {**found, **stats})


def create(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """Make a campaign of the reference's form."""
    kind, channel = said.get("campaign_type", "blast"), said.get("channel", "sms")
    for name, value, allowed in (
        ("campaign type", kind, TYPES), ("audience type", said.get("audience_type", "mixed"), AUDIENCES),
        ("channel", channel, CHANNELS),
    ):
        if value not in allowed:
            return failure(f"Invalid {name}: {value}", code="VALIDATION_ERROR")
    if kind == "ab_test":
        config = said.get("ab_config") if isinstance(said.get("ab_config"), Mapping) else {}
        made = service.create_ab_campaign({**said, "ab_config": config})
        return made.map(lambda told: {"campaign_id": told["id"], "id": told["id"], "campaign": told})
    if channel == "email":
        return failure("E-mail has a subject: declare it at /api/v1/campaigns", code="VALIDATION_ERROR")
    return _blast(workspace, said)


def start(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Order a campaign; one that was paused goes on where it was."""
    now = _occurrence(workspace, campaign)
    if now is not None and now.state == "paused":
        return _moved(workspace, service, campaign, now, "sending")
    if numbered(campaign) is not None:
        return send(workspace, service, campaign).map(lambda told: {**told, "status": "running"})
    one = order(workspace, campaign)
    return success({"campaign_id": campaign, "status": STATES[one.state]})


def pause(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Let a campaign rest from the next batch on."""
    now = _occurrence(workspace, campaign)
    if now is None:
        number = numbered(campaign)
        if number is not None and service.store.campaign(number) is None:
            return failure(f"Campaign not found: {campaign}", code="CAMPAIGN_NOT_FOUND")
        return failure("Only a running campaign can be paused", code="INVALID_TRANSITION")
    return _moved(workspace, service, campaign, now, "paused")


def members(workspace: Workspace, _: ABTestingService, campaign: str, said: Said) -> Result[Told]:
    """List the recipients of a campaign's latest run, the first MOST of them: status, variant.

    `is_complete` says whether that is everybody; /api/v1/messages goes on from page to page.
    """
    one = _occurrence(workspace, campaign)
    if one is None:
        return success({"campaign_id": campaign, "members": [], "recipients": [], "total": 0, "is_complete": True})
    found = workspace.book.message_list.page(
        Wanted(campaign=one.campaign, occurrence=one.occurrence, variant=said.get("variant") or None), limit=MOST
    )
    moods = {reply.customer_id: reply.mood for reply in reversed(workspace.book.replies.of(one.campaign_id))}
    rows = [_member(each, moods) for each in found]
    rows = [row for row in rows if said.get("status") in {None, "", row["status"]}]
    return success({
        "campaign_id": campaign, "members": rows, "recipients": rows, "total": len(rows),
        "is_complete": len(found) < MOST,
    })


def _declared(workspace: Workspace, name: str) -> Told:
    one, now = campaign_of(workspace.project, name), _occurrence(workspace, name)
    return {
        "id": name, "name": one.title, "campaign_type": "blast", "channel": one.channel,
        "status": "draft" if now is None else STATES[now.state],
    }


def _occurrence(workspace: Workspace, campaign: str) -> Occurrence | None:
    """Return the latest run of a campaign; of an A/B campaign the only one."""
    number = numbered(campaign)
    if number is not None:
        return workspace.book.campaigns.get(campaign_id(experiment_of(number), "once"))
    return next(iter(workspace.book.campaigns.occurrences(campaign)), None)


def _stats(workspace: Workspace, one: Occurrence) -> Told:
    found = account(workspace.book, one)
    return {
        "total": found.planned, "sent": found.sent, "failed": found.failed, "skipped": found.skipped,
        "pending": found.waiting, "unknown": found.unknown,
    }


def _moved(
    workspace: Workspace, service: ABTestingService, campaign: str, now: Occurrence, to: State
) -> Result[Told]:
    change_state(workspace.book, now, to, at=workspace.clock.now(), reason="paused" if to == "paused" else None)
    number = numbered(campaign)
    if number is not None:
        service.change_status(number, STATES[to])
    return success({"campaign_id": number or campaign, "status": STATES[to]})


def _blast(workspace: Workspace, said: Said) -> Result[Told]:
    text, name = str(said.get("template_a") or "").strip(), str(said.get("name") or "").strip()
    if not name or not text:
        return failure("name and template_a are required", code="VALIDATION_ERROR")
    ways = sorted(one.name for one in workspace.project.destinations if one.channel == "sms")
    if not ways:
        return failure("There is no destination for text messages", code="SERVICE_UNAVAILABLE")
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    limit = said.get("daily_limit") or DAILY_LIMIT
    if not str(limit).isdigit() or int(limit) < 1:
        return failure("daily_limit is a whole number", code="VALIDATION_ERROR")
    declaration = {
        "title": name, **_audience(workspace, said), "channel": "sms", "purpose": "marketing", "by": ways[0],
        "text": from_braces(text),
        "caps": [{"name": f"{slug}_daily", "of": "sender", "limit": int(limit), "window": "day"}],
    }
    if str(said.get("business_hours_only", "true")).lower() in {"true", "on", "1"}:
        declaration["hours"] = {"weekdays": "09:00-18:00"}
    # A name of digits alone would be the number of an A/B campaign.
    slug = f"c_{slug}" if slug[:1].isdigit() else slug
    made = write_campaign(workspace, NewCampaign(name=slug, declaration=declaration))
    return success({"campaign_id": made.name, "id": made.name})


def _audience(workspace: Workspace, said: Said) -> Told:
    name = str(said.get("list_id") or "") if said.get("use_list") not in {None, False, "", "false"} else ""
    if not name:
        return {"audience": "everybody"}
    is_file = (workspace.project.config.folder / "lists" / f"{name}.csv").is_file()
    return {"list": f"lists/{name}.csv"} if is_file else {"audience": name}


def _member(one: MessageLine, moods: Mapping[str | None, str]) -> Told:
    status = STATUS[one.state]
    if one.customer_id in moods:
        status = MOODS.get(moods[one.customer_id], "replied")
    elif one.state == "skipped" and str(one.reason).startswith(("opted out", "suppressed")):
        status = "suppressed"
    return {
        "contact_id": one.customer_id, "status": status, "variant": one.variant or None,
        "sent_at": one.attempted_at.isoformat() if one.state == "sent" and one.attempted_at else None,
        "reason": one.reason, "message_sent": one.text,
    }
