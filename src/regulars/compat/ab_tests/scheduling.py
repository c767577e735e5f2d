"""When an A/B campaign goes, copies of it and what is put away: in the sentences and fields of the reference."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from regulars.campaigns.recurrence import Recurrence, declare_recurrence, next_run, schedule
from regulars.compat.ab_tests.ab_testing import ABTestingService
from regulars.compat.ab_tests.campaign import described, numbered
from regulars.compat.ab_tests.sending import send
from regulars.compat.result import Result, failure, success
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.ab_schedules import ABSchedule
from regulars.storage.book.ab_tests import ABCampaign

log = logging.getLogger("ABTesting")
Said = Mapping[str, Any]
Told = dict[str, Any]

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "UTC",
)
"""Time zones that the reference offers; every other that there is works too."""


def set_schedule(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[Told]:
    """Let a draft go at {scheduled_at, timezone}: a time without zone is a wall time there."""
    return _scheduled(workspace, service, campaign, said, moment="scheduled_at", pattern=None)


def set_recurring(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[Told]:
    """Let copies of a draft go again and again: {start_at, recurrence_pattern, timezone}."""
    pattern = said.get("recurrence_pattern")
    if not isinstance(pattern, Mapping):
        return failure("Recurrence pattern must include 'type'", code="INVALID_RECURRENCE")
    try:
        declare_recurrence(pattern, today=workspace.clock.now().date())
    except ValueError as error:
        return failure(str(error), code="INVALID_RECURRENCE")
    return _scheduled(workspace, service, campaign, said, moment="start_at", pattern=dict(pattern))


def told_schedule(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Return when a campaign goes."""
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    return success(_schedule(kept, workspace.book.ab_schedules.find(kept.number)))


def cancel(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Let a scheduled campaign be a draft again."""
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    if kept.status != "scheduled":
        return failure(f"Campaign is {kept.status}, not scheduled", code="INVALID_STATUS")
    known = workspace.book.ab_schedules.find(kept.number)
    workspace.book.ab_schedules.put(replace(known, next_run_at=None, pattern=None))
    service.change_status(kept.number, "draft")
    return success({"campaign_id": kept.number, "status": "draft", "message": "Schedule cancelled"})


def duplicate(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[Told]:
    """Copy a campaign under another {name}, with its texts and config; scheduled if `scheduled_at` is given."""
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    zone = str(said.get("timezone") or kept.zone)
    if said.get("scheduled_at") is not None:             # nothing is left of a copy that cannot go
        starts = _moment(said, "scheduled_at", zone=zone, now=workspace.clock.now())
        if starts.is_failure:
            return failure(str(starts.error), code=str(starts.error_code))
    made = _copy(service, kept, name=str(said.get("name") or f"{kept.name} (copy)"))
    if made.is_failure:
        return made
    number = int(made.unwrap()["id"])
    workspace.book.ab_schedules.put(ABSchedule(number=number, zone=zone, parent=kept.number))
    if said.get("scheduled_at") is not None:
        then = set_schedule(workspace, service, str(number), {**said, "timezone": zone})
        if then.is_failure:
            return then
    return success({"campaign_id": number, "parent_campaign_id": kept.number})


def archive(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[Told]:
    """Put a campaign away, with the reason; one that is being sent has to be paused first."""
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    if kept.status == "running":
        return failure("A running campaign cannot be archived", code="INVALID_STATUS")
    known, now = workspace.book.ab_schedules.find(kept.number), workspace.clock.now()
    reason = str(said.get("reason") or "")
    workspace.book.ab_schedules.put(replace(known, archived_at=now, reason=reason))
    return success({"campaign_id": kept.number, "archived": True, "archived_at": now.isoformat(), "reason": reason})


def unarchive(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[Told]:
    """Take a campaign out again."""
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    known = workspace.book.ab_schedules.find(kept.number)
    workspace.book.ab_schedules.put(replace(known, archived_at=None, reason=None))
    return success({"campaign_id": kept.number, "archived": False, "archived_at": None})


def bulk_schedule(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """Schedule several {campaign_ids}; those that cannot be are named with the reason, and the others go on."""
    ids = said.get("campaign_ids")
    if not isinstance(ids, list) or not ids:
        return failure("campaign_ids is required", code="MISSING_CAMPAIGN_IDS")
    found = {str(each): set_schedule(workspace, service, str(each), said) for each in ids}
    failed = [{"campaign_id": each, "error": one.error} for each, one in found.items() if one.is_failure]
    return success({"campaigns_scheduled": len(found) - len(failed), "failed_campaigns": failed})


def scheduled(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """List campaigns that will go; archived ones too with `include_archived`."""
    with_archived = str(said.get("include_archived", "")).lower() == "true"
    found = [
        one for one in workspace.book.ab_schedules.all()
        if one.next_run_at is not None and (with_archived or one.archived_at is None)
    ]
    return success({"campaigns": _listed(service, found)})


def archived(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """List campaigns that are put away, between `start_date` and `end_date` where they are given."""
    found = [one for one in workspace.book.ab_schedules.all() if one.archived_at is not None]
    days = _between(said, [one.archived_at for one in found], zone="UTC")
    if isinstance(days, str):
        return failure(days, code="INVALID_DATE")
    return success({"campaigns": _listed(service, [one for one, is_in in zip(found, days, strict=True) if is_in])})


def calendar(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """List campaigns by the day in `timezone` on which they go, between `start_date` and `end_date`."""
    zone = str(said.get("timezone") or "UTC")
    if zone not in available_timezones():
        return failure("Invalid timezone", code="INVALID_TIMEZONE")
    found = [
        one for one in workspace.book.ab_schedules.all() if one.next_run_at is not None and one.archived_at is None
    ]
    days = _between(said, [one.next_run_at for one in found], zone=zone)
    if isinstance(days, str):
        return failure(days, code="INVALID_DATE")
    by_day: dict[str, list[Told]] = {}
    for one, is_in in zip(found, days, strict=True):
        if is_in and one.next_run_at is not None:
            day = one.next_run_at.astimezone(ZoneInfo(zone)).date().isoformat()
            by_day.setdefault(day, []).extend(_listed(service, [one]))
    return success({"calendar": dict(sorted(by_day.items())), "timezone": zone})


def timezones(*_: object) -> Result[Told]:
    """List the time zones that the reference offers."""
    return success({"timezones": list(ZONES)})


def run_due(workspace: Workspace, service: ABTestingService) -> int:
    """Send campaigns whose time has come; of one that recurs a copy of its own. Returns how many.

    Killed in between it is gone on with: a run has one copy, and a campaign is sent once.
    """
    book, now, done = workspace.book.ab_schedules, workspace.clock.now(), 0
    for one in book.due(now):
        kept = service.store.campaign(one.number)
        if kept is None or one.next_run_at is None:
            continue
        number = kept.number if one.pattern is None else _run_of(workspace, service, kept, one, one.next_run_at)
        sent = send(workspace, service, number)
        following = None if one.pattern is None or sent.is_failure else _following(one, one.next_run_at, now=now)
        book.put(replace(one, next_run_at=following))
        if sent.is_failure:
            log.warning("ABTesting: campaign %s was due and is a draft again: %s", number, sent.error)
        if sent.is_failure or following is None:
            service.change_status(kept.number, "draft" if sent.is_failure else _ended(one))
        done += sent.is_success
    return done


def _ended(one: ABSchedule) -> str:
    """Return the status of a campaign with no further run: it is being sent, or all of its copies were."""
    return "running" if one.pattern is None else "complete"


def _run_of(
    workspace: Workspace, service: ABTestingService, kept: ABCampaign, one: ABSchedule, at: datetime
) -> int:
    """Return the copy for one run, made if it is not there, with the recipients of its campaign."""
    book = workspace.book.ab_schedules
    number = book.child(kept.number, starts_at=at)
    if number is None:
        day = at.astimezone(ZoneInfo(one.zone)).date()
        number = int(_copy(service, kept, name=f"{kept.name} {day}").unwrap()["id"])
        book.put(ABSchedule(number=number, zone=one.zone, starts_at=at, parent=kept.number))
    service.add_recipients(number, service.store.recipients(kept.number))
    return number


def _following(one: ABSchedule, run: datetime, *, now: datetime) -> datetime | None:
    """Return the first run to come: of all that were missed one was made up for."""
    pattern = json.loads(one.pattern or "{}")
    recurrence: Recurrence = declare_recurrence(pattern, today=date.min)
    first, following = (one.starts_at or run).astimezone(ZoneInfo(one.zone)), run
    while True:
        found = next_run(following, recurrence, zone=one.zone, first=first)
        if found is None or found > now:
            return found
        following = found


def _copy(service: ABTestingService, kept: ABCampaign, *, name: str) -> Result[Told]:
    return service.create_ab_campaign({
        "name": name, "template_a": kept.template_a, "template_b": kept.template_b,
        "ab_config": json.loads(kept.config), "timezone": kept.zone,
    })


def _scheduled(
    workspace: Workspace, service: ABTestingService, campaign: str, said: Said, *, moment: str, pattern: Told | None
) -> Result[Told]:
    kept = _campaign(service, campaign)
    if kept is None:
        return _missing(campaign)
    if kept.status not in {"draft", "scheduled"}:
        return failure(f"Cannot schedule campaign with status {kept.status}", code="INVALID_STATUS")
    zone = str(said.get("timezone") or kept.zone)
    starts = _moment(said, moment, zone=zone, now=workspace.clock.now())
    if starts.is_failure:
        return failure(str(starts.error), code=str(starts.error_code))
    at = starts.unwrap()
    if pattern is not None and _is_over(pattern, at, zone=zone):
        return failure("Recurrence end date cannot be before the start", code="INVALID_RECURRENCE")
    known = replace(
        workspace.book.ab_schedules.find(kept.number), zone=zone, starts_at=at, next_run_at=at,
        pattern=None if pattern is None else json.dumps(pattern),
    )
    workspace.book.ab_schedules.put(known)
    service.change_status(kept.number, "scheduled")
    return success(_schedule(replace(kept, status="scheduled"), known))


def _is_over(pattern: Told, at: datetime, *, zone: str) -> bool:
    """Whether the last day of a recurrence lies before its first run."""
    end = declare_recurrence(pattern, today=date.min).end_date
    return end is not None and end < at.astimezone(ZoneInfo(zone)).date()


def _moment(said: Said, key: str, *, zone: str, now: datetime) -> Result[datetime]:
    """Return the moment under a key: a wall time of the zone, or one with its own offset."""
    try:
        wall = datetime.fromisoformat(str(said.get(key)))
    except ValueError:
        return failure(f"{key} is required, as 2026-03-02T10:00", code="INVALID_DATE")
    try:
        if zone in available_timezones() and wall.tzinfo is not None:
            wall = wall.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return success(schedule(wall, zone=zone, now=now))
    except (ValueError, OverflowError) as error:         # the last day of the year 9999 is over nowhere else
        return failure(str(error), code="INVALID_SCHEDULE")


def _schedule(kept: ABCampaign, one: ABSchedule) -> Told:
    at = None if one.next_run_at is None else one.next_run_at.isoformat()
    return {
        "campaign_id": kept.number, "status": kept.status, "scheduled_at": at, "timezone": one.zone,
        "is_scheduled": one.next_run_at is not None, "is_recurring": one.pattern is not None,
        "recurrence_pattern": None if one.pattern is None else json.loads(one.pattern), "next_run_at": at,
    }


def _listed(service: ABTestingService, found: list[ABSchedule]) -> list[Told]:
    told = []
    for one in found:
        kept = service.store.campaign(one.number)
        if kept is not None:
            put_away = None if one.archived_at is None else one.archived_at.isoformat()
            about = {"archived_at": put_away, "archive_reason": one.reason, "parent_campaign_id": one.parent}
            told.append({**described(kept), **_schedule(kept, one), **about})
    return told


def _between(said: Said, moments: list[datetime | None], *, zone: str) -> list[bool] | str:
    """Return which moments lie on the days asked for, or what is wrong with these."""
    try:
        first, last = (
            date.fromisoformat(str(said[name])[:10]) if said.get(name) else None for name in ("start_date", "end_date")
        )
    except ValueError:
        return "start_date and end_date are days: 2026-03-02"
    days = [None if at is None else at.astimezone(ZoneInfo(zone)).date() for at in moments]
    return [
        day is not None and (first is None or day >= first) and (last is None or day <= last) for day in days
    ]


def _campaign(service: ABTestingService, campaign: str) -> ABCampaign | None:
    number = numbered(campaign)
    return None if number is None else service.store.campaign(number)


def _missing(campaign: str) -> Result[Told]:
    return failure(f"Campaign not found: {campaign}", code="CAMPAIGN_NOT_FOUND")
