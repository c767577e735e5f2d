"""A campaign as the project declares it: found by name, its way out, its words; and whether it is what was planned."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from regulars.campaigns.campaign import DOT, Campaign
from regulars.campaigns.declare import variables
from regulars.campaigns.filled import Words, words_of
from regulars.campaigns.recurrence import instant, next_run
from regulars.check import did_you_mean
from regulars.destinations.destination import Destination
from regulars.errors import DeclarationError, NotFound
from regulars.project import Project
from regulars.storage.book.campaigns import Occurrence

FIRST_ON_EARTH = "Pacific/Kiritimati"
"""Where a wall time comes first."""


def campaign_of(project: Project, name: str) -> Campaign:
    """Return a declared campaign, or that of a flow's message. Raises NotFound naming the closest one."""
    flows = [flow for flow in project.flows if flow.name == name.partition(DOT)[0]]
    messages = [step.campaign for flow in flows for step in flow.messages]
    for campaign in (*project.campaigns, *messages):
        if campaign.name == name:
            return campaign
    names = [one.name for one in project.campaigns]
    hint = did_you_mean(name, names) if names else f"regulars campaign new {name}"
    raise NotFound(f"there is no campaign {name!r}", hint=hint)


def destination_of(project: Project, campaign: Campaign) -> Destination:
    """Return the way out of a campaign."""
    return next(one for one in project.destinations if one.name == campaign.destination)


def words(project: Project, campaign: Campaign) -> Words:
    """Return a campaign's words, made ready."""
    return words_of(
        campaign, known=variables(campaign, project.vocabulary), wording=project.wording,
        business=project.config.business.name,
    )


def occurrence_at(campaign: Campaign, *, now: datetime, zone: str) -> tuple[str, datetime]:
    """Return the occurrence that is due, else the next one, and when it starts.

    Of a campaign that repeats that is its latest run up to now: one that was missed is made up for, once. A run in
    the zones of its readers is due when its wall time has come anywhere.
    """
    if campaign.starts is None:
        return campaign.occurrence(date.min), now
    run = instant(campaign.starts.date(), campaign.starts.time(), zone=zone)
    while campaign.repeat is not None:
        following = next_run(run, campaign.repeat, zone=zone, first=campaign.starts)
        if following is None or _first_of(campaign, following, zone=zone) > now:
            break
        run = following
    return campaign.occurrence(run.astimezone(ZoneInfo(zone)).date()), run


def _first_of(campaign: Campaign, run: datetime, *, zone: str) -> datetime:
    """When a run begins for whoever is first to have it."""
    if campaign.zone == "business" or campaign.starts is None:
        return run
    return instant(run.astimezone(ZoneInfo(zone)).date(), campaign.starts.time(), zone=FIRST_ON_EARTH)


def check_version(campaign: Campaign, one: Occurrence) -> None:
    """Raise DeclarationError when a campaign says something else than when it was planned."""
    if campaign.version != one.version and DOT in campaign.name:
        raise DeclarationError(f"{campaign.name} says something else by now", hint="regulars run: it goes on with that")
    if campaign.version != one.version:
        raise DeclarationError(
            f"{campaign.name} says something else than when it was planned on {one.planned_at:%Y-%m-%d %H:%M} UTC",
            hint=f"put the words back, or `regulars campaign stop {campaign.name}` and begin another",
        )
