"""A campaign in words: how it stands, when it goes and how often somebody is written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from regulars.campaigns.campaign import Campaign, State
from regulars.campaigns.pace import Cap
from regulars.campaigns.recurrence import Recurrence
from regulars.destinations.destination import Destination
from regulars.flows.told import length
from regulars.web.number import percent

STATES: Mapping[State | None, tuple[str, str]] = {
    None: ("skipped", "not sent yet"), "draft": ("skipped", "being planned"), "scheduled": ("skipped", "scheduled"),
    "sending": ("running", "is sent"), "paused": ("warning", "rests"), "stopped": ("failed", "stopped"),
    "done": ("done", "done"),
}
"""Of each state its colour and words; None: it was never planned."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALL = "everybody"
"""What the one variant of a campaign without variants is called."""


def pace_words(campaign: Campaign, way: Destination, *, zone: str) -> list[tuple[str, str]]:
    """Return when and how often a campaign goes: what is said, and what is so."""
    told = [
        ("Starts", "when it is sent" if campaign.starts is None else (
            f"{campaign.starts:%a %-d %b %Y, %H:%M} ({'where its reader is' if campaign.zone == 'recipient' else zone})"
        )),
        ("Repeats", "no" if campaign.repeat is None else often(campaign.repeat)),
        ("Strewn over", None if campaign.spread is None else length(campaign.spread)),
        ("Business hours", hours(campaign.hours) or None),
        ("Quiet hours", "kept in every zone its reader may be in" if has_quiet_hours(campaign) else "none"),
        ("Not later than", None if campaign.expires is None else f"{length(campaign.expires)} after its start"),
        ("One for each", campaign.one_per), *(("At most", cap_words(cap)) for cap in (*campaign.caps, *way.caps)),
        ("Rate", f"{way.limits.per_second:g} a second by {way.name}"), ("Pauses itself", brakes(campaign)),
        ("The same offer", None if campaign.offer_again_after is None else (
            f"not twice in {length(campaign.offer_again_after)}"
        )),
    ]
    return [(name, words) for name, words in told if words is not None]


def has_quiet_hours(campaign: Campaign) -> bool:
    """Return whether the law's quiet hours hold: of marketing by text message."""
    return campaign.channel == "sms" and campaign.purpose == "marketing"


def often(repeat: Recurrence) -> str:
    """Return how often something repeats: `every 2 weeks on Mon, Thu, until 2026-06-30`."""
    unit = {"daily": "day", "weekly": "week", "monthly": "month"}[repeat.kind]
    every = f"every {unit}" if repeat.interval == 1 else f"every {repeat.interval} {unit}s"
    days = f" on {', '.join(DAYS[day] for day in sorted(set(repeat.days_of_week)))}" if repeat.days_of_week else ""
    return f"{every}{days}{'' if repeat.end_date is None else f', until {repeat.end_date}'}"


def hours(week: Iterable[str]) -> str:
    """Return the hours of a week, Monday first, days alike together: `Mon to Fri 09:00-18:00, Sat 10:00-16:00`."""
    runs: list[tuple[int, int, str]] = []
    for day, open_ in enumerate(week):
        if runs and runs[-1][1:] == (day - 1, open_):
            runs[-1] = (runs[-1][0], day, open_)
        else:
            runs.append((day, day, open_))
    return ", ".join(
        f"{DAYS[first]}{'' if first == last else f' to {DAYS[last]}'} {open_}"
        for first, last, open_ in runs if open_
    )


def cap_words(cap: Cap) -> str:
    """Return a cap in words: `2 to a customer in 7 days`."""
    window = f"in {length(cap.window)}" if isinstance(cap.window, timedelta) else "a business day"
    whom = "from a sender" if cap.of == "sender" else f"to a {cap.of}"
    by = f" by {cap.channels[0]}" if len(cap.channels) == 1 else ""
    return f"{cap.limit:,} {whom}{by} {window}"


def brakes(campaign: Campaign) -> str:
    """Return at which shares a campaign pauses itself."""
    brake = campaign.brake
    shares = (("bounced", brake.bounced), ("complained", brake.complained), ("refused", brake.refused))
    return ", ".join(f"{percent(float(share), sign='')} % {name}" for name, share in shares)
