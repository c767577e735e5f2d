"""A metric: one number with one definition, carried wherever the number goes.

    {count: EVENT | [EVENTS], where: {...}}            {sum | average: ATTRIBUTE, of: EVENT | money, where: {...}}
    {distinct: customers | days | ATTRIBUTE, of: EVENT}    {during: EVENT, where: {...}}: customers it is in force for
    {spend: net | gross, category: [...]}              {ratio: [METRIC, METRIC]}
each with title, description, unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.value import OneOf, Where, declare_where
from regulars.events.vocabulary import SPEND_KINDS, Vocabulary, no_strangers, rows

Unit = Literal["count", "money", "share", "customers", "days", "number"]
_KEYS = {"title", "description", "unit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Something taken over the rows of a period: events of some types, or the money ledger when there are none."""

    take: Literal["count", "sum", "average", "distinct"]
    of: str | None = None                    # the column; not of a count
    events: tuple[str, ...] = ()
    where: tuple[Where, ...] = ()

    def sentence(self) -> str:
        """Return how it is computed, in words."""
        subject = " or ".join(self.events) or "money lines"
        tests = " and ".join(where.sentence() for where in self.where)
        what = "number of" if self.take == "count" else f"{self.take} of {self.of} of"
        return f"{what} {subject}" + (f" where {tests}" if tests else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class InForceAtEnd:
    """Customers for whom an interval event is in force on the last business day of a period."""

    events: tuple[str, ...]
    where: tuple[Where, ...] = ()

    def sentence(self) -> str:
        """Return how it is computed, in words."""
        tests = " and ".join(where.sentence() for where in self.where)
        names = " or ".join(self.events)
        return f"customers with a {names} in force on the last day" + (f", where {tests}" if tests else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One metric divided by another over the same period; missing where the second is 0."""

    numerator: str
    denominator: str

    def sentence(self) -> str:
        """Return how it is computed, in words."""
        return f"{self.numerator} / {self.denominator}"


Formula = Taken | InForceAtEnd | Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number somebody watches, and what exactly it is."""

    name: str
    formula: Formula
    title: str
    description: str
    unit: Unit

    @property
    def definition(self) -> str:
        """Return what it is, then how it is computed."""
        computed = f"Computed as: {self.formula.sentence()}."
        return f"{self.description} {computed}" if self.description else computed


def declare(name: str, data: Mapping[str, object], *, known: Vocabulary | None = None) -> Metric:
    """Return the metric that a mapping from YAML declares.

    Money without a test of `kind` is what customers paid less what was given back; fees and payouts are asked for by
    kind.
    Raises DeclarationError with the path of the first thing that is wrong.
    """
    known = known or Vocabulary()
    forms = [key for key in data if key in _FORMS]
    if len(forms) != 1:
        first = next((key for key in data if key not in _KEYS), "")
        raise DeclarationError(
            f"metric {name!r} must say one number", hint=did_you_mean(first, _FORMS), path=(first,) if first else ()
        )
    form = forms[0]
    no_strangers(data, _KEYS | {form} | _FORMS[form], ())
    formula = _formula(form, data, known)
    unit = data.get("unit", _unit(formula))
    if unit not in get_args(Unit):
        hint = did_you_mean(str(unit), get_args(Unit))
        raise DeclarationError(f"unit {unit!r} is unknown", hint=hint, path=("unit",))
    return Metric(
        name=name,
        formula=formula,
        title=str(data.get("title") or name.replace("_", " ").capitalize()),
        description=str(data.get("description") or "").strip(),
        unit=unit,  # type: ignore[arg-type]  # checked against the literal above
    )


_FORMS: Mapping[str, frozenset[str]] = {
    "count": frozenset({"where"}), "sum": frozenset({"of", "where"}), "average": frozenset({"of", "where"}),
    "distinct": frozenset({"of", "where"}), "during": frozenset({"where"}), "spend": frozenset({"category"}),
    "ratio": frozenset(),
}


def _formula(form: str, data: Mapping[str, object], known: Vocabulary) -> Formula:
    match form:
        case "ratio":
            names = data["ratio"]
            if not isinstance(names, list) or len(names) != 2:
                raise DeclarationError(f"{names!r} is no ratio", hint="`ratio: [METRIC, METRIC]`", path=("ratio",))
            return Ratio(numerator=str(names[0]), denominator=str(names[1]))
        case "during":
            events, where = rows("during", data, (), known)
            return InForceAtEnd(events=events, where=where)
        case "spend":
            return _spend(data)
        case "count":
            events, where = rows("count", data, (), known)
            return Taken(take="count", events=events, where=where)
        case "sum" | "average" | "distinct":
            return _taken(form, data, known)
    raise AssertionError(form)


def _taken(take: Literal["sum", "average", "distinct"], data: Mapping[str, object], known: Vocabulary) -> Taken:
    if data.get("of") == "money":
        where = declare_where(data["where"], ("where",)) if "where" in data else ()
        if all(test.attribute != "kind" for test in where):
            where = (*where, Where("kind", OneOf(SPEND_KINDS["net"])))
        return Taken(take=take, of=_own_column(data[take]), where=where)
    events, where = rows("of", data, (), known)
    column = _own_column(data[take])
    if column not in {"customer_id", "business_day"}:
        known.attribute(column, events, (take,))
    return Taken(take=take, of=column, events=events, where=where)


def _spend(data: Mapping[str, object]) -> Taken:
    kind = data["spend"]
    if kind not in SPEND_KINDS:
        raise DeclarationError(f"spend {kind!r} is unknown", hint="net or gross", path=("spend",))
    where = [Where("kind", OneOf(SPEND_KINDS[str(kind)]))]
    if "category" in data:
        names = data["category"]
        where.append(Where("category", OneOf(tuple(map(str, names if isinstance(names, list) else [names])))))
    return Taken(take="sum", of="amount", where=tuple(where))


def _own_column(value: object) -> str:
    return {"customers": "customer_id", "days": "business_day"}.get(str(value), str(value))


def _unit(formula: Formula) -> Unit:
    match formula:
        case Ratio():
            return "share"
        case InForceAtEnd() | Taken(of="customer_id"):
            return "customers"
        case Taken(of="business_day"):
            return "days"
        case Taken(take="count" | "distinct"):
            return "count"
        case Taken(events=()):
            return "money"
        case _:
            return "number"


def countable(metric: Metric) -> Taken | None:
    """Return what a metric takes over rows of people; None for a number of a day, which nobody converts to."""
    formula = metric.formula
    return formula if isinstance(formula, Taken) and formula.take != "average" else None
