"""Rules out of YAML: every form a condition can take, with the path of whatever is wrong.

Numbers, each with `at_least`, `more_than`, `at_most`, `less_than` or `is`:
    {count: EVENT | [EVENTS], where: {...}, within: 3 days | between: [60 days, 3 days] | ever: true} (bare: at least 1)
    {sum | min | max | average: ATTRIBUTE, of: EVENT, ...}     {distinct: ATTRIBUTE | days, of: EVENT, ...}
    {days_since: EVENT, at_least: 30, or_never: true}
    {gap_before_last: EVENT, at_least: 60 days, or_first: true}
    {during: EVENT, where: {...}}                              {on_date: ATTRIBUTE, of: EVENT, in_days: [1, 7]}
    {spend: net | gross, category: [...], within: ...}         {age: {less_than: 18}, or_missing: true}
    {engagement: {opened: EVENT, clicked: [EVENTS], replied: EVENT}, at_least: 50}      (0 to 100)
Claims:
    {last | first: [EVENTS], is: EVENT | where: {...}, within: ...}
    {sequence: [{entered: SEGMENT} | {event: EVENT, where: {...}}, {event: EVENT}], within: ...}
    {trend: EVENT, recent: 28 days, before: 84 days, ratio_below: 0.5, at_least_before: 8}
    {minor: true | false}
    {member_of: SEGMENT}     {trait: email, is: missing | present | VALUE}     {trait: city, in: [...]}
    {bucket: KEY, from: 0, below: 5000}
    {condition: PLUGIN, ...}
Together: {all: [...]}, {any: [...]}, {not: ...}, in each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Literal

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.measure import Measure
from regulars.events.value import declare_test, declare_where
from regulars.events.vocabulary import Vocabulary, no_strangers, rows
from regulars.events.window import (
    AT_LEAST_ONE,
    COMPARISON_KEYS,
    WINDOW_KEYS,
    Path,
    Window,
    declare_comparison,
    declare_window,
    whole_days,
)
from regulars.rules.condition import All, Any, Condition, Not
from regulars.rules.forms import (
    BUCKETS,
    InBucket,
    IsMinor,
    MemberOf,
    NumberIs,
    Sequence,
    TraitIs,
    Trend,
    end_is,
    entered,
)
from regulars.rules.quantity import QUANTITIES

Data = Mapping[str, object]

# A number that may be unknown, and what lets it pass all the same.
_OR_MISSING = {"days_since": "or_never", "gap_before_last": "or_first"}
_COUNTS = {"count", "during", "on_date"}


def declare_condition(data: object, path: Path = (), *, known: Vocabulary | None = None) -> Condition:
    """Return the condition that a mapping from YAML declares; the forms are listed at the head of this module.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    known = known or Vocabulary()
    if not isinstance(data, Mapping):
        raise DeclarationError(f"{data!r} is no condition", hint="write `{count: EVENT, within: 3 days}`", path=path)
    data = {str(key): value for key, value in data.items()}
    claims = [key for key in data if key in _CLAIMS]
    # `is` aside, a claim's key is unlike every other key; a number's key may stand beside none.
    numbers = [key for key in data if key in QUANTITIES]
    forms = claims or numbers
    if not forms:
        first = next(iter(data), "")
        raise DeclarationError(
            f"{first!r} is no condition", hint=did_you_mean(first, {*_CLAIMS, *QUANTITIES}), path=(*path, first)
        )
    if len(claims + numbers) > 1:
        second = (claims + numbers)[1]
        raise DeclarationError(
            f"{forms[0]!r} and {second!r} are two conditions", hint="put them under `all:`", path=(*path, second)
        )
    if claims:
        return _CLAIMS[claims[0]](data, path, known)
    return _number(numbers[0], data, path, known)


def _number(form: str, data: Data, path: Path, known: Vocabulary) -> Condition:
    read, beside = QUANTITIES[form]
    or_missing = _OR_MISSING.get(form, "or_missing")
    comparison: Data = data
    if form == "age":                        # its comparison is written inside: {age: {less_than: 18}}
        inner = data["age"]
        if not isinstance(inner, Mapping):
            raise DeclarationError(f"{inner!r} is no age", hint="write `{age: {less_than: 18}}`", path=(*path, form))
        no_strangers(data, {"age", "or_missing"}, path)
        comparison, path = {**inner}, (*path, "age")
        no_strangers(comparison, {*COMPARISON_KEYS, "below"}, path)
        if "below" in comparison:
            comparison = {**{k: v for k, v in inner.items() if k != "below"}, "less_than": inner["below"]}
    else:
        no_strangers(data, beside | {form, or_missing, *COMPARISON_KEYS}, path)
    return NumberIs(
        quantity=read(data, path, known),
        comparison=declare_comparison(comparison, path, default=AT_LEAST_ONE if form in _COUNTS else None),
        or_missing=or_missing if data.get(or_missing) is True else "",
    )


def _parts(form: Literal["all", "any"]) -> Callable[[Data, Path, Vocabulary], Condition]:
    def read(data: Data, path: Path, known: Vocabulary) -> Condition:
        no_strangers(data, {form}, path)
        parts = data[form]
        if not isinstance(parts, list) or not parts:
            hint = "one `- {…}` a line"
            raise DeclarationError(f"{parts!r} is not a list of conditions", hint=hint, path=(*path, form))
        read_parts = tuple(declare_condition(part, (*path, form, n), known=known) for n, part in enumerate(parts))
        return All(read_parts) if form == "all" else Any(read_parts)

    return read


def _not(data: Data, path: Path, known: Vocabulary) -> Condition:
    no_strangers(data, {"not"}, path)
    return Not(declare_condition(data["not"], (*path, "not"), known=known))


def _end(end: Literal["last", "first"]) -> Callable[[Data, Path, Vocabulary], Condition]:
    def read(data: Data, path: Path, known: Vocabulary) -> Condition:
        no_strangers(data, {end, "is", "where"} | WINDOW_KEYS, path)
        among = known.event_names(data[end], (*path, end))
        if "is" not in data and "where" not in data:
            raise DeclarationError(f"nothing is required of the {end} one", hint="add `is:` or `where:`", path=path)
        events = known.event_names(data["is"], (*path, "is")) if "is" in data else among
        for name in events:
            if name not in among:
                hint = did_you_mean(name, among)
                raise DeclarationError(f"{name!r} is not among the events of {end!r}", hint=hint, path=(*path, "is"))
        attributes = known.attributes(events)
        tests = declare_where(data["where"], (*path, "where"), known=attributes) if "where" in data else ()
        matching = Measure(take="count", events=events, where=tests)
        return end_is(end, Measure(take="count", events=among), matching, window=declare_window(data, path))

    return read


def _sequence(data: Data, path: Path, known: Vocabulary) -> Condition:
    no_strangers(data, {"sequence"} | WINDOW_KEYS, path)
    steps = data["sequence"]
    if not isinstance(steps, list) or len(steps) != 2:
        raise DeclarationError(
            "a sequence has two steps", hint="the newest first one, then a later second", path=(*path, "sequence")
        )
    first, second = (
        _step(step, (*path, "sequence", n), known, may_enter=n == 0) for n, step in enumerate(steps)
    )
    return Sequence(
        first=Measure(take="max", of="occurred_at", events=first.events, where=first.where),
        second=Measure(take="max", of="occurred_at", events=second.events, where=second.where),
        second_days_ago=Measure(take="min", of="days_ago", events=second.events, where=second.where),
        window=declare_window(data, path),
    )


def _step(step: object, path: Path, known: Vocabulary, *, may_enter: bool) -> Measure:
    if not isinstance(step, Mapping):
        raise DeclarationError(f"{step!r} is no step", hint="write `{event: EVENT}`", path=path)
    if may_enter and "entered" in step:
        no_strangers(step, {"entered"}, path)
        return Measure(take="count", events=(entered(known.segment(step["entered"], (*path, "entered"))),))
    no_strangers(step, {"event", "where"}, path)
    events, tests = rows("event", step, path, known)
    return Measure(take="count", events=events, where=tests)


def _trend(data: Data, path: Path, known: Vocabulary) -> Condition:
    no_strangers(data, {"trend", "where", "recent", "before", "ratio_below", "at_least_before"}, path)
    events, tests = rows("trend", data, path, known)
    recent = whole_days(data.get("recent", "28 days"), (*path, "recent"))
    before = whole_days(data.get("before", "84 days"), (*path, "before"))
    if not recent or not before:
        raise DeclarationError("a trend needs days to compare", hint="`recent: 28 days`", path=path)
    try:
        ratio = Decimal(str(data.get("ratio_below", "")))
    except InvalidOperation:
        raise DeclarationError(
            "a trend needs the ratio it falls below", hint="write `ratio_below: 0.5`", path=(*path, "ratio_below")
        ) from None

    def visit_days(window: Window) -> Measure:
        return Measure(take="distinct", of="business_day", events=events, where=tests, when=window)

    return Trend(
        recent=visit_days(Window(newest=1, oldest=recent)),
        before=visit_days(Window(newest=recent + 1, oldest=recent + before)),
        recent_days=recent,
        before_days=before,
        ratio_below=ratio,
        at_least_before=whole_days(data.get("at_least_before", 1), (*path, "at_least_before")),
    )


def _member_of(data: Data, path: Path, known: Vocabulary) -> Condition:
    no_strangers(data, {"member_of"}, path)
    return MemberOf(known.segment(data["member_of"], (*path, "member_of")))


def _trait(data: Data, path: Path, known: Vocabulary) -> Condition:
    name, tests = data["trait"], {key: value for key, value in data.items() if key != "trait"}
    if not isinstance(name, str):
        raise DeclarationError(f"{name!r} is not a trait", hint="write its name", path=(*path, "trait"))
    if known.traits is not None and name not in known.traits:
        raise DeclarationError(
            f"customers have no {name!r}", hint=did_you_mean(name, known.traits), path=(*path, "trait")
        )
    if not tests:
        raise DeclarationError(f"nothing is required of {name!r}", hint="add `is: missing` or `in: [...]`", path=path)
    return TraitIs(name, declare_test(tests, path))


def _minor(data: Data, path: Path, known: Vocabulary) -> Condition:  # noqa: ARG001  # one shape for all
    no_strangers(data, {"minor"}, path)
    if not isinstance(data["minor"], bool):
        raise DeclarationError(f"{data['minor']!r} is neither", hint="true or false", path=(*path, "minor"))
    return IsMinor(data["minor"])


def _bucket(data: Data, path: Path, known: Vocabulary) -> Condition:  # noqa: ARG001  # one shape for all
    no_strangers(data, {"bucket", "from", "below"}, path)
    first, below = data.get("from", 0), data.get("below", BUCKETS)
    if not isinstance(first, int) or not isinstance(below, int) or not 0 <= first < below <= BUCKETS:
        raise DeclarationError(
            f"{first!r} to {below!r} is no range of buckets", hint=f"whole numbers, 0 to {BUCKETS}", path=path
        )
    return InBucket(key=str(data["bucket"]), first=first, below=below)


def _plugin(data: Data, path: Path, known: Vocabulary) -> Condition:
    name = str(data["condition"])
    if name not in known.conditions:
        hint = did_you_mean(name, known.conditions)
        raise DeclarationError(f"no condition {name!r} is installed", hint=hint, path=(*path, "condition"))
    made = known.conditions[name]({key: value for key, value in data.items() if key != "condition"}, path)
    if not isinstance(made, Condition):
        raise DeclarationError(
            f"the plug-in {name!r} makes no condition", hint="it needs needs, holds, actual, sentence", path=path
        )
    return made


_CLAIMS: Mapping[str, Callable[[Data, Path, Vocabulary], Condition]] = {
    "all": _parts("all"), "any": _parts("any"), "not": _not,
    "last": _end("last"), "first": _end("first"), "sequence": _sequence, "trend": _trend,
    "member_of": _member_of, "trait": _trait, "minor": _minor, "bucket": _bucket, "condition": _plugin,
}
