"""Flows out of YAML, with the path of whatever is wrong.

    title: Win back
    trigger: {entered: membership_cancelled_winback}       # who comes into it; the other forms stand below
    starts: 2026-02-01               # what was before this business day begins no journey
    ends: 2026-12-31                 # the last day on which one begins; left out: there is none
    reenter_after: 180 days          # counted from the day of the last one; `once: true`: never again
    at_a_time: one                   # or many; left out: one, and many where a date begins them
    enters_within: 7 days            # after its occasion, of a run that was missed
    goal: {event: membership_started, where: {is_trial: false}}     # reached: the journey ends, and counts as won
    leave: [{member_of: active_membership}, {not_member_of: lapsed}, {event: refund}]     # what else ends it
    opt_out: leave                   # or stay: who wants no message any more goes on without any
    holdout: {share: 10 %, primary: {metric: memberships_started, within: 60 days}}       # what it is worth
    channel: email                   # of messages that do not say; so are purpose, by, one_per, caps, hours, at, late
    at: 10:00                        # by the clock of the business; or `at once`
    late: 2 days                     # after which a message is skipped; or `send`
    steps:
      - wait: 3 days                 # business days; hours and minutes are counted as they are
      - message: day_3               # its name, which stays; the words as in a campaign
        subject: We miss you
        text: "… {{ unsubscribe_url }}"
      - wait: {until: day 7}         # after the day of the occasion; `2 days before`, or the next `18:00`
      - wait: {for: check_in, at_most: 5 days, otherwise: leave}
      - branch: {member_of: was_treated}      # not_member_of, or an event since the journey began
        yes: [{message: bring_a_friend, text: …}]
        no: []
      - split: winback_offer         # an experiment; whoever has no variant of it goes on
        ways: {half_price: [{message: half, text: …}], no_offer: [leave]}
      - mark: call_them              # on the timeline, for segments and people
      - leave

A trigger is one of these; `occasion:` names what tells apart the occasions that one customer has:

    {entered: SEGMENT}    {left: SEGMENT}
    {event: membership_started, where: {is_trial: true}, occasion: membership_id}
    {date: party_day, of: party_hosted, occasion: party_id}
    {anniversary: birthday}    {date: trial_ends_on}       # days that customers have

Messages may say what the occasion's event carries, `{{ occasion.child_name }}`, its day, `{{ occasion.day }}`, and
totals over everybody's events that name the same, `{{ total.guests }}`:

    totals: {guests: {count: party_rsvp, where: {attending: "yes"}, same: party_id}}     # or {sum: num_kids, of: …}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

from regulars.campaigns.wording import Wording
from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary, no_strangers, rows
from regulars.events.window import whole_days
from regulars.experiments.declare import declare as declare_experiment
from regulars.experiments.experiment import Experiment
from regulars.flows.declare_steps import Reader, question
from regulars.flows.flow import Flow, OnDate, OnEvent, OnSegment, OnTrait, Question, Total, Trigger
from regulars.setting import as_percent

Data = Mapping[str, object]
Path = tuple[str | int, ...]

HELD_OUT = "held_out"
IN = "flow"
"""Variants of a flow's own experiment."""

_DEFAULTS = ("channel", "purpose", "by", "one_per", "caps", "hours", "at", "late")
_KEYS = {
    "title", "description", "trigger", "starts", "ends", "once", "reenter_after", "at_a_time", "enters_within", "goal",
    "leave", "opt_out", "holdout", "totals", "steps", *_DEFAULTS,
}
_TRIGGERS = ("entered", "left", "event", "date", "anniversary")


def declare(name: str, data: Data, *, known: Vocabulary, wording: Wording) -> Flow:
    """Return the flow that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong, in its messages' words too.
    """
    no_strangers(data, _KEYS, ())
    trigger = _trigger(data.get("trigger"), known)
    totals = _totals(data.get("totals") or {}, trigger, known)
    reader = Reader(
        flow=name, known=_with_occasion(known, trigger, totals), wording=wording,
        defaults={key: data[key] for key in _DEFAULTS if key in data},
    )
    first, steps = reader.read(data.get("steps"))
    starts = _day("starts", data)
    if starts is None:
        raise DeclarationError(
            f"flow {name!r} does not say when it starts", hint="`starts: 2026-02-01`: what was before begins no journey"
        )
    if "once" in data and "reenter_after" in data:
        hint = "`once: true` lets nobody in again"
        raise DeclarationError("once and reenter_after say two things", hint=hint, path=("once",))
    return Flow(
        name=name, title=str(data.get("title") or name.replace("_", " ").capitalize()),
        description=str(data.get("description") or "").strip(), trigger=trigger, starts=starts,
        ends=_day("ends", data), steps=steps, first=first,
        goal=None if "goal" not in data else reader.happened(data["goal"], ("goal",)),
        leaves=_leaves(data.get("leave") or [], reader.known),
        is_left_by_opt_out=_one_of("opt_out", data, ("leave", "stay")) == "leave",
        is_once=_is_true("once", data),
        reenter_after=None if "reenter_after" not in data else whole_days(data["reenter_after"], ("reenter_after",)),
        is_one_at_a_time=_one_of("at_a_time", data, _at_a_time(trigger)) == "one",
        enters_within=whole_days(data.get("enters_within", "7 days"), ("enters_within",)),
        holdout=None if "holdout" not in data else _holdout(name, data["holdout"], starts), totals=totals,
    )


def _trigger(data: object, known: Vocabulary) -> Trigger:
    path: Path = ("trigger",)
    if not isinstance(data, Mapping) or len(named := [key for key in _TRIGGERS if key in data]) != 1:
        raise DeclarationError(
            "it does not say who comes into it", path=path,
            hint="`trigger: {entered: SEGMENT}`, `{event: EVENT}`, `{date: ATTRIBUTE, of: EVENT}` or "
                 "`{anniversary: birthday}`",
        )
    match named[0]:
        case "entered" | "left" as change:
            no_strangers(data, {change}, path)
            return OnSegment(segment=known.segment(data[change], (*path, change)), change=change)
        case "event":
            no_strangers(data, {"event", "where", "occasion"}, path)
            events, where = rows("event", data, path, known)
            return OnEvent(events=events, where=where, occasion=_occasion(data, events, known))
        case "date" if "of" in data:
            no_strangers(data, {"date", "of", "where", "occasion"}, path)
            events, where = rows("of", data, path, known)
            day = known.attribute(data["date"], events, (*path, "date"))
            return OnDate(day=day, events=events, where=where, occasion=_occasion(data, events, known))
    key = named[0]
    no_strangers(data, {key}, path)
    trait = str(data[key])
    if known.traits is not None and trait not in known.traits:
        hint = did_you_mean(trait, known.traits)
        raise DeclarationError(f"customers have no {trait!r}", hint=hint, path=(*path, key))
    return OnTrait(trait=trait, is_yearly=key == "anniversary")


def _occasion(data: Data, events: tuple[str, ...], known: Vocabulary) -> str | None:
    if "occasion" not in data:
        return None
    return known.attribute(data["occasion"], events, ("trigger", "occasion"))


def _at_a_time(trigger: Trigger) -> tuple[str, str]:
    """The two words, the one that is meant by silence first."""
    return ("many", "one") if isinstance(trigger, OnDate | OnTrait) else ("one", "many")


def _with_occasion(known: Vocabulary, trigger: Trigger, totals: Mapping[str, Total]) -> Vocabulary:
    """What messages may speak of: what is known of customers, of the occasion, and totals."""
    if known.traits is None:
        return known
    said = {"occasion.day", *(f"total.{name}" for name in totals)}
    if isinstance(trigger, OnEvent | OnDate):
        attributes = known.attributes(trigger.events)
        if attributes is None:
            return replace(known, traits=None)
        said |= {f"occasion.{name}" for name in attributes}
    return replace(known, traits=known.traits | said)


def _totals(data: object, trigger: Trigger, known: Vocabulary) -> dict[str, Total]:
    path: Path = ("totals",)
    if not isinstance(data, Mapping):
        hint = "`totals: {guests: {count: party_rsvp, same: party_id}}`"
        raise DeclarationError(f"{data!r} are no totals", hint=hint, path=path)
    if data and not isinstance(trigger, OnEvent | OnDate):
        raise DeclarationError("only an occasion that is an event has totals", hint="leave `totals:` out", path=path)
    return {str(name): _total(one, (*path, str(name)), known) for name, one in data.items()}


def _total(data: object, path: Path, known: Vocabulary) -> Total:
    hint = "`{count: party_rsvp, where: {…}, same: party_id}` or `{sum: num_kids, of: party_rsvp, same: party_id}`"
    if not isinstance(data, Mapping) or "same" not in data or ("count" in data) == ("sum" in data):
        raise DeclarationError(f"{data!r} is no total", hint=hint, path=path)
    no_strangers(data, {"count", "sum", "of", "where", "same"}, path)
    events, where = rows("count" if "count" in data else "of", data, path, known)
    of = known.attribute(data["sum"], events, (*path, "sum")) if "sum" in data else None
    return Total(events=events, where=where, of=of, same=known.attribute(data["same"], events, (*path, "same")))


def _leaves(data: object, known: Vocabulary) -> tuple[Question, ...]:
    if not isinstance(data, list):
        raise DeclarationError(f"{data!r} is no list", hint="`leave: [{member_of: SEGMENT}]`", path=("leave",))
    return tuple(question(one, ("leave", n), known) for n, one in enumerate(data))


def _holdout(flow: str, data: object, starts: date) -> Experiment:
    path: Path = ("holdout",)
    if not isinstance(data, Mapping) or not {"share", "primary"} <= set(data):
        hint = "`{share: 10 %, primary: {metric: METRIC, within: 30 days}}`"
        raise DeclarationError("a holdout says how many stay out, and what tells the difference", hint=hint, path=path)
    no_strangers(data, {"share", "primary", "secondary", "guardrails", "unit"}, path)
    share = as_percent(data["share"], (*path, "share")) * 100
    if not 0 < share < Fraction(100):
        raise DeclarationError(f"{data['share']} leaves no comparison", hint="such as 10 %", path=(*path, "share"))
    said = {key: value for key, value in data.items() if key != "share"}
    try:
        made = declare_experiment(f"{flow}_holdout", {
            **said, "title": f"What the flow {flow} is worth", "control": HELD_OUT, "runs": starts,
            "variants": {HELD_OUT: float(share), IN: float(100 - share)},
        })
    except DeclarationError as error:
        raise DeclarationError(error.message, hint=error.hint, path=(*path, *error.path)) from error
    return replace(made, flow=flow)


def _day(key: str, data: Data) -> date | None:
    value = data.get(key)
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise DeclarationError(f"{value!r} is no day", hint=f"`{key}: 2026-02-01`", path=(key,)) from error


def _one_of(key: str, data: Data, words: tuple[str, ...]) -> str:
    value = data.get(key, words[0])
    if value not in words:
        raise DeclarationError(f"{key} is {value!r}", hint=" or ".join(words), path=(key,))
    return str(value)


def _is_true(key: str, data: Data) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise DeclarationError(f"{key} is {value!r}", hint="true or false", path=(key,))
    return value
