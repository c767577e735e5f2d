"""What the name of a membership says: for whom, how large, how often it is paid. The words are the business's own.

```yaml
# plans.yaml: whole words of the name, whatever its case and hyphens; climb* begins a word. What is left out is default.
features:
  founder: [founder*]
  staff: [staff, complimentary]     # free or not: never in revenue figures and risk lists
sizes:                              # the first that matches; otherwise solo
  family: [family]
frequencies:                        # the first that matches; otherwise the billing interval decides
  prepaid_3mo: [3 month*]
intervals: {BWK: bi_weekly}         # the source's words for an interval, in ours
fitness_addon: {price: "28.00", above: "60.00"}     # what of a bill above that is for the add-on; else all of it
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import ibis, ir
from regulars.records.formula_functions import as_words, word_pattern

Words = Mapping[str, tuple[str, ...]]

FEATURES: Words = {
    "founder": ("founder*",),
    "college": ("college", "student", "university"),
    "corporate": ("corporate", "business"),
    "mid_day": ("mid day", "midday"),
    "fitness_only": ("fitness only",),
    "fitness_addon": ("fitness add on", "fitness addon"),
    "team_dues": ("team dues",),
    "staff": ("staff", "complimentary"),
    "90_for_90": ("90 for 90",),
}
"""Every feature a membership can have, with the words that give it away unless the business says otherwise."""

_SIZES: Words = {"family": ("family",), "duo": ("duo", "couple"), "corporate": ("corporate",)}
_FREQUENCIES: Words = {
    "prepaid_3mo": ("3 month*", "90 for 90"), "prepaid_6mo": ("6 month*",), "prepaid_12mo": ("12 month*",),
}
_INTERVALS = {
    "BWK": "bi_weekly", "MON": "monthly", "3MO": "prepaid_3mo", "6MO": "prepaid_6mo", "12MO": "prepaid_12mo",
    "YRL": "annual", "YEA": "annual",
}
_KNOWN = ("features", "sizes", "frequencies", "intervals", "fitness_addon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The words of one business's memberships."""

    features: Words = field(default_factory=lambda: FEATURES)
    sizes: Words = field(default_factory=lambda: _SIZES)
    frequencies: Words = field(default_factory=lambda: _FREQUENCIES)
    intervals: Mapping[str, str] = field(default_factory=lambda: _INTERVALS)
    addon_price: Decimal = Decimal(0)        # major units; 0: the whole bill is for fitness
    addon_above: Decimal = Decimal(0)        # major units


def declare(data: Mapping[str, object]) -> Plans:
    """Return the plans that a mapping from YAML declares; what it leaves out keeps its default.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    _no_strangers(data, _KNOWN, ())
    features = _words(data, "features")
    _no_strangers(features, FEATURES, ("features",))
    addon = _mapping(data, "fitness_addon")
    _no_strangers(addon, ("price", "above"), ("fitness_addon",))
    intervals = {name: str(value) for name, value in _mapping(data, "intervals").items()}
    return Plans(
        features={**FEATURES, **features},
        sizes=_words(data, "sizes") or _SIZES,
        frequencies=_words(data, "frequencies") or _FREQUENCIES,
        intervals={**_INTERVALS, **intervals},
        addon_price=_price(addon, "price"),
        addon_above=_price(addon, "above"),
    )


def has_feature(name: ir.Value, feature: str, *, plans: Plans) -> ir.Value:
    """Return whether names (text) show a feature; false where there is no name."""
    words = plans.features[feature]
    return _text(name).re_search(word_pattern(words)) if words else ibis.literal(False)


def size_of(name: ir.Value, *, plans: Plans) -> ir.Value:
    """Return the size a name shows: the first declared one that matches, otherwise solo."""
    return _first(name, plans.sizes, ibis.literal("solo"))


def frequency_of(name: ir.Value, interval: ir.Value | None = None, *, plans: Plans) -> ir.Value:
    """Return how often such a membership is paid: by its name, then by its billing interval, else "unknown"."""
    code = ibis.null("string") if interval is None else interval.upper()
    by_interval = ibis.cases(*((code == each, word) for each, word in plans.intervals.items()), else_="unknown")
    return _first(name, plans.frequencies, by_interval)


def _first(name: ir.Value, words: Words, otherwise: ir.Value) -> ir.Value:
    text = _text(name)
    found = [(text.re_search(word_pattern(each)), label) for label, each in words.items() if each]
    return ibis.cases(*found, else_=otherwise) if found else otherwise


def _text(name: ir.Value) -> ir.Value:
    return as_words(name.fill_null(""))


def _mapping(data: Mapping[str, object], key: str) -> dict[str, object]:
    value = data.get(key, {})
    if not isinstance(value, Mapping):
        raise DeclarationError(f"`{key}` is a list of `name: value` lines, not {value!r}", path=(key,))
    return {str(name): each for name, each in value.items()}


def _words(data: Mapping[str, object], key: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, words in _mapping(data, key).items():
        if not isinstance(words, list):
            hint = f"{name}: [{words}]"
            raise DeclarationError(f"expected a list of words, not {words!r}", hint=hint, path=(key, name))
        found[name] = tuple(str(word) for word in words)
    return found


def _price(data: Mapping[str, object], key: str) -> Decimal:
    text = str(data.get(key, "0"))
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise DeclarationError(f"{text!r} is no price", hint='"28.00"', path=("fitness_addon", key)) from error
    if not price.is_finite() or price < 0:
        raise DeclarationError(f"{text!r} is no price", hint='"28.00"', path=("fitness_addon", key))
    return price


def _no_strangers(data: Mapping[str, object], known: Iterable[str], path: tuple[str, ...]) -> None:
    names = list(known)
    for name in data:
        if name not in names:
            raise DeclarationError(f"{name!r} means nothing here", hint=did_you_mean(name, names), path=(*path, name))
