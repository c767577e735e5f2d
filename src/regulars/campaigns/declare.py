"""Campaigns out of YAML, with the path of whatever is wrong.

    audience: lapsed               # a segment, or `everybody`
    list: lists/fair.csv           # instead of an audience: a list of people, read as `import-a-list` says
    channel: sms                   # or email
    purpose: marketing             # or transactional
    by: texts                      # destinations/texts.yaml
    text: "{{ first_name | default: 'Hi' }}, we miss you. Reply STOP to opt out"    # an e-mail: subject, html or text
    one_per: household             # or customer
    starts: 2026-03-02 10:00       # wall time of the business; left out: when it is sent
    zone: recipient                # that wall time where each reader is; or business
    repeat: {type: weekly, interval: 1, days_of_week: [0], end_date: 2026-06-30}
    spread: 2 hours
    hours: {weekdays: 09:00-18:00, saturday: 10:00-16:00}
    expires: 3 days
    offer_again_after: 30 days     # who got the same offer since, by whatever campaign, is left out
    caps: [{of: customer, limit: 1, window: 7 days}]
    pause_at: {bounced: 2 %, complained: 0.1 %, refused: 50 %}
    goals: [{metric: memberships_started, within: 14 days, worth: 45.00}]   # what is hoped for
    costs: {each: 0.0079, fixed: 120.00}     # a segment of text or an e-mail; the campaign

An experiment chooses among texts; a variant that is `nothing` is written to no one:

    experiment: winback_offer
    variants: {no_offer: nothing, half_price: {text: ...}}

Or a test does: some people get the variants, and the others, a while later, the one that did best:

    variants: {short: {text: ...}, long: {text: ...}}
    test: {share: 20 %, winner_by: clicked, after: 4 hours, unclear: wait}

`winner_by` is clicked, replied, agreed, or the metric of one of the goals: never opens, which mail programs do. Where
the difference may be chance a person chooses (`wait`), or what leads is sent (`leading`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import cast, get_args

from regulars.campaigns.campaign import Brake, Campaign, OnePer, Whose
from regulars.campaigns.declare_goal import declare_costs, declare_goals
from regulars.campaigns.list_columns import FIELDS
from regulars.campaigns.pace import DAY, Cap, Subject
from regulars.campaigns.recurrence import Recurrence, declare_recurrence
from regulars.campaigns.subset import BY, REST, SubsetTest, Unclear
from regulars.campaigns.template import Template, parse
from regulars.campaigns.wording import Wording
from regulars.check import did_you_mean
from regulars.consent.channel import CHANNELS, PURPOSES, Channel, Purpose
from regulars.consent.quiet_hours import business_hours
from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary, no_strangers
from regulars.records.record import duration
from regulars.setting import as_percent

Data = Mapping[str, object]
Path = tuple[str | int, ...]

EVERYBODY = "everybody"
NOTHING = "nothing"

PARTS = ("subject", "text", "html")
OF_MESSAGES = frozenset({"business_name", "unsubscribe_url"})
"""What a template may say beside what is known of a customer."""

_KEYS = {
    "title", "description", "audience", "list", "channel", "purpose", "by", "experiment", "variants", "one_per", "caps",
    "hours", "starts", "zone", "repeat", "spread", "expires", "pause_at", "goals", "costs", "test",
    "offer_again_after", *PARTS,
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def declare(name: str, data: Data, *, known: Vocabulary, wording: Wording) -> Campaign:
    """Return the campaign that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong, in its templates too.
    """
    no_strangers(data, _KEYS, ())
    channel = cast("Channel", _one_of("channel", data, CHANNELS))
    purpose = cast("Purpose", _one_of("purpose", data, PURPOSES))
    if not isinstance(data.get("by"), str):
        raise DeclarationError(f"campaign {name!r} has no way out", hint="`by: texts`, a file in destinations/")
    repeat = _repeat(data["repeat"]) if "repeat" in data else None
    starts = _wall(data["starts"]) if "starts" in data else None
    if repeat is not None and starts is None:
        raise DeclarationError("what repeats has a first time", hint="`starts: 2026-03-02 10:00`", path=("repeat",))
    if repeat is not None and starts is not None:
        _check_end(repeat, starts)
    if "zone" in data and starts is None:
        raise DeclarationError("a zone is of a wall time", hint="`starts: 2026-03-02 10:00`", path=("zone",))
    campaign = Campaign(
        name=name, title=str(data.get("title") or name.replace("_", " ").capitalize()),
        audience=_audience(data, known), list_file=str(data["list"]) if "list" in data else None,
        channel=channel, purpose=purpose, destination=str(data["by"]),
        templates=_templates(name, data, channel),
        experiment=None if data.get("experiment") is None else str(data["experiment"]),
        one_per=cast("OnePer", _one_of("one_per", {"one_per": "customer", **data}, get_args(OnePer))),
        caps=_caps(name, data.get("caps") or []), hours=_hours(data["hours"]) if "hours" in data else (),
        starts=starts, repeat=repeat,
        zone=cast("Whose", _one_of("zone", {"zone": "business", **data}, get_args(Whose))),
        spread=_length("spread", data), expires=_length("expires", data),
        brake=_brake(data.get("pause_at") or {}),
        goals=declare_goals(data["goals"], currency=wording.currency) if "goals" in data else (),
        costs=declare_costs(data["costs"], currency=wording.currency) if "costs" in data else None,
        test=_test(data["test"]) if "test" in data else None,
        offer_again_after=_length("offer_again_after", data),
    )
    _check_test(campaign)
    _check_templates(campaign, known, wording)
    return campaign


def variables(campaign: Campaign, known: Vocabulary) -> frozenset[str]:
    """Return what the templates of a campaign may speak of: what is known of customers, or stands in its list."""
    people = frozenset(FIELDS) if campaign.list_file is not None else known.traits or frozenset[str]()
    return OF_MESSAGES | campaign.further | people


def _audience(data: Data, known: Vocabulary) -> str | None:
    if "list" in data:
        for key in ("audience", "experiment"):
            if key in data:
                raise DeclarationError(f"a list goes without {key!r}", hint="take one of the two", path=(key,))
        return None
    if "audience" not in data:
        raise DeclarationError("nobody is written to", hint=f"`audience:` a segment, or `{EVERYBODY}`")
    return None if data["audience"] == EVERYBODY else known.segment(data["audience"], ("audience",))


def _templates(name: str, data: Data, channel: Channel) -> dict[str, Template | None]:
    if "experiment" in data and "test" in data:
        raise DeclarationError("the experiment chooses already", hint="leave one of the two out", path=("test",))
    chooses = "test" if "test" in data else "experiment"
    if (chooses in data) != ("variants" in data):
        named = "a test" if chooses == "test" else "an experiment"
        raise DeclarationError(
            f"{named} and its variants belong together", hint=f"`{chooses}: …` and `variants: {{…}}`",
            path=(chooses if chooses in data else "variants",),
        )
    if "variants" not in data:
        return {"": _template(name, data, channel)}
    variants = data["variants"]
    if not isinstance(variants, Mapping) or not variants:
        raise DeclarationError(f"{variants!r} are no variants", hint="`{as_it_is: nothing, new: {text: …}}`",
                               path=("variants",))
    if written := [part for part in PARTS if part in data]:
        hint = "write it in the variants"
        raise DeclarationError("with variants each has its own words", hint=hint, path=(written[0],))
    found: dict[str, Template | None] = {}
    for variant, words in variants.items():
        path: Path = ("variants", str(variant))
        if words == NOTHING:
            found[str(variant)] = None
            continue
        if not isinstance(words, Mapping):
            raise DeclarationError(f"{words!r} are no words", hint=f"`{{text: …}}`, or `{NOTHING}`", path=path)
        no_strangers(words, set(PARTS), path)
        found[str(variant)] = _template(f"{name}.{variant}", words, channel)
    return found


def _template(name: str, data: Data, channel: Channel) -> Template:
    return Template(name=name, channel=channel, **{part: str(data[part]) for part in PARTS if data.get(part)})


def _check_templates(campaign: Campaign, known: Vocabulary, wording: Wording) -> None:
    if known.traits is None and campaign.list_file is None:
        return
    names = variables(campaign, known)
    for variant, template in campaign.templates.items():
        if template is None:
            continue
        try:
            parse(template, known=names, wording=wording, must_leave=campaign.purpose == "marketing")
        except DeclarationError as error:
            within: Path = ("variants", variant) if variant else ()
            # `parse` names the part it speaks of, first or in its path.
            part = error.path or tuple(name for name in PARTS if error.message.startswith(f"{name}, line"))
            raise DeclarationError(error.message, hint=error.hint, path=(*within, *part)) from error


def _test(data: object) -> SubsetTest:
    hint = "`{share: 20 %, winner_by: clicked, after: 4 hours}`"
    if not isinstance(data, Mapping) or not {"share", "winner_by", "after"} <= set(data):
        raise DeclarationError(f"{data!r} is no test", hint=hint, path=("test",))
    no_strangers(data, {"share", "winner_by", "after", "unclear"}, ("test",))
    share = as_percent(data["share"], ("test", "share"))
    if not 0 < share < 1:
        raise DeclarationError(f"{data['share']!r} leaves nobody on one side", hint=hint, path=("test", "share"))
    return SubsetTest(
        share=share, winner_by=str(data["winner_by"]), after=duration(data["after"], ("test", "after")),
        unclear=cast("Unclear", _one_of("unclear", {"unclear": "wait", **data}, get_args(Unclear), ("test",))),
    )


def _check_test(campaign: Campaign) -> None:
    """Raise DeclarationError for a test whose winner nobody could tell."""
    if campaign.test is None:
        return
    by = [*BY, *(goal.metric for goal in campaign.goals)]
    if campaign.test.winner_by not in by:
        opens = "opens are made by mail programs: " if campaign.test.winner_by.startswith("open") else ""
        raise DeclarationError(
            f"{opens}no winner is told by {campaign.test.winner_by!r}", hint=did_you_mean(campaign.test.winner_by, by),
            path=("test", "winner_by"),
        )
    if len(campaign.templates) < 2 or None in campaign.templates.values() or REST in campaign.templates:
        raise DeclarationError(
            "a test has two variants or more, each with words", hint="`variants: {short: {text: …}, long: {text: …}}`",
            path=("variants",),
        )


def _caps(name: str, data: object) -> tuple[Cap, ...]:
    if not isinstance(data, list):
        hint = "`[{of: customer, limit: 1, window: 7 days}]`"
        raise DeclarationError(f"{data!r} are no caps", hint=hint, path=("caps",))
    return tuple(declare_cap(one, ("caps", n), name=f"{name}.{n}") for n, one in enumerate(data))


def declare_cap(data: object, path: Path, *, name: str) -> Cap:
    """Return a cap `{of: customer, limit: 1, window: 7 days}`; caps with the same `name:` are counted together."""
    if not isinstance(data, Mapping):
        raise DeclarationError(f"{data!r} is no cap", hint="`{of: customer, limit: 1, window: 7 days}`", path=path)
    no_strangers(data, {"name", "of", "limit", "window", "channels"}, path)
    window = DAY if data.get("window") == DAY else duration(data.get("window"), (*path, "window"))
    channels = data.get("channels", list(CHANNELS))
    if not isinstance(channels, list) or not set(channels) <= set(CHANNELS):
        raise DeclarationError(f"{channels!r} are no channels", hint="`[sms, email]`", path=(*path, "channels"))
    try:
        return Cap(
            name=str(data.get("name") or name), of=cast("Subject", _one_of("of", data, get_args(Subject), path)),
            limit=int(str(data.get("limit"))), window=window, channels=tuple(channels),
        )
    except ValueError as error:
        raise DeclarationError(str(error), hint="`limit: 1`", path=(*path, "limit")) from error


def _hours(data: object) -> tuple[str, ...]:
    path: Path = ("hours",)
    if not isinstance(data, Mapping):
        hint = "`{weekdays: 09:00-18:00, saturday: 10:00-16:00}`"
        raise DeclarationError(f"{data!r} are no hours", hint=hint, path=path)
    no_strangers(data, {"weekdays", *_DAYS}, path)
    week = tuple(
        str(data.get(day, data.get("weekdays", "") if n < 5 else "") or "") for n, day in enumerate(_DAYS)
    )
    try:
        business_hours("UTC", week)
    except (ValueError, IndexError) as error:
        raise DeclarationError(str(error), hint="write 09:00-18:00", path=path) from error
    return week


def _wall(value: object) -> datetime:
    found = re.fullmatch(r"([12]\d{3}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?", str(value))
    try:
        if found is not None:
            return datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError as error:
        raise DeclarationError(f"{value!r}: {error}", path=("starts",)) from error
    raise DeclarationError(f"{value!r} is no time", hint="`starts: 2026-03-02 10:00`", path=("starts",))


def _length(key: str, data: Data) -> timedelta | None:
    length = duration(data[key], (key,)) if key in data else None
    if length == timedelta():
        raise DeclarationError(f"{data[key]!r} is no time at all", hint=f"`{key}: 3 days`", path=(key,))
    return length


def _repeat(value: object) -> Recurrence:
    if not isinstance(value, Mapping):
        hint = "`{type: weekly, interval: 1}`"
        raise DeclarationError(f"{value!r} does not say how often", hint=hint, path=("repeat",))
    no_strangers(value, {"type", "interval", "days_of_week", "end_date"}, ("repeat",))
    try:
        # An end that is past is no error of a file: the campaign has ended.
        return declare_recurrence(value, today=date.min)
    except ValueError as error:
        raise DeclarationError(str(error), hint="type: daily, weekly or monthly", path=("repeat",)) from error


def _check_end(repeat: Recurrence, starts: datetime) -> None:
    if repeat.end_date is not None and repeat.end_date < starts.date():
        raise DeclarationError(
            f"it ends on {repeat.end_date}, before it starts on {starts.date()}",
            hint="`end_date` is the last day on which it may go", path=("repeat", "end_date"),
        )


def _brake(data: object) -> Brake:
    if not isinstance(data, Mapping):
        raise DeclarationError(f"{data!r} are no shares", hint="`{bounced: 2 %}`", path=("pause_at",))
    no_strangers(data, {"bounced", "complained", "refused"}, ("pause_at",))
    return Brake(**{str(name): as_percent(share, ("pause_at", str(name))) for name, share in data.items()})


def _one_of(key: str, data: Data, allowed: tuple[str, ...], path: Path = ()) -> str:
    value = data.get(key)
    if value not in allowed:
        said = f"{value!r} is no {key}" if key in data else f"{key!r} is missing"
        raise DeclarationError(said, hint=did_you_mean(str(value), allowed), path=(*path, key) if key in data else path)
    return str(value)
