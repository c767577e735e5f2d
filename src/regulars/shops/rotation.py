"""What a product under test shows when: slots of one length from the first day on, dealt two by two with a hash.

Both variants are shown once in every two slots, so that neither gets the busy hours; which one first nobody can
foresee, and everybody can check. Slots begin at midnight of the shop's first day of the experiment and follow each
other without a gap, whatever clocks do on a wall. While the experiment is stopped nothing is shown or counted.
Source: Bojinov, Simchi-Levi & Zhao (2023), Management Science 69 (blocks of switchbacks).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from regulars.experiments.experiment import Experiment
from regulars.shops.shop import Rotation, Shop

ENDS, BEGINS_AGAIN = frozenset({"stopped", "tripped", "completed", "winner"}), "undone"
"""Kinds of decisions after which an experiment shows nothing more, and that after which it goes on."""

Span = tuple[datetime, datetime | None]
"""From a moment up to, not including, another; None: for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A rotation of a shop with its experiment and what was decided of it."""

    shop: Shop
    rotation: Rotation
    experiment: Experiment
    stops: tuple[Span, ...] = ()             # when it was ended, in the order of time

    @property
    def span(self) -> Span | None:
        """Return when slots may be, whatever was decided; None for a draft."""
        first, last = self.experiment.begins, self.experiment.ends
        if first is None:
            return None
        zone = self.shop.timezone
        return midnight(first, zone), None if last is None else midnight(last + timedelta(days=1), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """One variant of an experiment, shown on a product for some time."""

    rotated: Rotated
    variant: str
    begins: datetime
    ends: datetime


def midnight(day: date, zone: str) -> datetime:
    """Return the moment, in UTC, at which a day begins somewhere."""
    return datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def stops_of(decisions: Iterable[tuple[str, datetime]]) -> tuple[Span, ...]:
    """Return when an experiment was ended, of its decisions (kind, moment) in their order."""
    found, since = list[Span](), None
    for kind, at in decisions:
        if kind in ENDS:
            since = since or at
        elif kind == BEGINS_AGAIN and since is not None:
            found.append((since, at))
            since = None
    return (*found, (since, None)) if since is not None else tuple(found)


def dealt(rotated: Rotated, slot: int) -> str:
    """Return the variant of a slot, by its number from 0."""
    names = [variant.name for variant in rotated.experiment.variants]
    block, place = divmod(slot, len(names))
    key = f"{rotated.experiment.key}|{rotated.shop.name}|{rotated.rotation.product}|{block}"
    return sorted(names, key=lambda name: sha256(f"{key}|{name}".encode()).digest())[place]


def case_of(experiment: Experiment, variant: str) -> str:
    """Return what pixels and pages call a variant: BASE for the control, TEST for the other."""
    return "BASE" if variant == experiment.control else "TEST"


def showing_at(rotated: Rotated, at: datetime) -> Showing | None:
    """Return what is shown at a moment; None where nothing is."""
    return next(showings(rotated, first=at, end=at + timedelta(microseconds=1)), None)


def showings(rotated: Rotated, *, first: datetime, end: datetime) -> Iterator[Showing]:
    """Yield what is shown in [first, end), slot by slot, each whole but for the times at which it was stopped."""
    span, length = rotated.span, rotated.rotation.slot
    if span is None:
        return
    begins, ends = span
    until = end if ends is None else min(end, ends)
    slot = max((first - begins) // length, 0)
    while (opens := begins + slot * length) < until:
        closes = opens + length if ends is None else min(opens + length, ends)
        for since, to in _without(rotated.stops, opens, closes):
            if since < end and to > first:
                yield Showing(rotated=rotated, variant=dealt(rotated, slot), begins=since, ends=to)
        slot += 1


def _without(stops: Sequence[Span], begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is left of a span without the stops."""
    for since, until in stops:
        if since >= ends:
            break
        if since > begins:
            yield begins, since
        begins = ends if until is None else max(begins, until)
    if begins < ends:
        yield begins, ends
