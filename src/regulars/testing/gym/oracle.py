"""Who should be in which segment, from the truth alone: plain Python, written from the segments' page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from regulars.testing.gym.business_time import ZONE
from regulars.testing.gym.facts import Contract, Facts, read_facts

EXPERIMENT = "day_pass_conversion_2026_01"
HOLDS = {"first_day_pass": 14, "second_visit_2wk_offer": 14, "membership_cancelled_winback": 14}
AGAIN_AFTER = {"first_day_pass": 180, "second_visit_2wk_offer": 180, "membership_cancelled_winback": 180}
SEGMENTS = (
    "active_membership", "first_day_pass", "ready_for_membership", "first_time_day_pass_2wk_offer",
    "second_visit_offer_eligible", "second_visit_2wk_offer", "2_week_pass_purchase", "birthday_party_host_one_week_out",
    "birthday_party_attendee_one_week_out", "birthday_party_host_six_days_out", "fifty_percent_offer_sent",
    "membership_cancelled_winback", "no_email", "lapsed_member", "day_pass_buyer_without_account", "churn_risk",
)
_TRIAL = re.compile(r"(2|two)[ -]week")
_STAFF = re.compile(r"\b(staff|complimentary)\b")
_HALF = re.compile(r"(?<![\d.,])50(\.0+)? ?%")
_MEMBERSHIP_SALES = ("New Membership", "Membership Renewal")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What can be known of one person at a moment, from records pulled up to another."""

    facts: Facts
    at: datetime                   # naive UTC: events after it do not exist
    day: date                      # its business day
    known: datetime                # naive UTC: records as they stood then
    bucket: int | None = None      # 0..9,999 of the customer for EXPERIMENT
    is_first_day_pass: bool = False
    eligible_since: datetime | None = None   # the newest entry into second_visit_offer_eligible

    def ago(self, day: date) -> int:
        """Return how many days before the view's day another lies."""
        return (self.day - day).days

    def visits(self, kind: str | None = None, *, after: datetime | None = None) -> list[date]:
        """Return business days of check-ins, of one kind or all."""
        return [visit.day for visit in self.facts.visits if visit.at <= self.at
                and (kind is None or visit.kind == kind) and (after is None or visit.at > after)]

    def sales(self, *categories: str) -> list[date]:
        """Return business days of sales of the categories."""
        return [sale.day for sale in self.facts.sales if sale.category in categories and sale.at <= self.at]

    def contracts(self) -> list[Contract]:
        """Return the memberships of the person, as they were known."""
        return [contract for contract in self.facts.contracts
                if contract.known_from <= self.known < contract.known_until]

    def active(self) -> list[Contract]:
        """Return the memberships the person is on: begun, not ended, not frozen."""
        return [contract for contract in self.contracts() if contract.start <= self.day and not contract.is_frozen
                and (contract.status != "END" or self.day < contract.end)]

    def started(self) -> list[tuple[date, str]]:
        """Return start days and names of memberships that began."""
        return [(contract.start, contract.name) for contract in self.contracts() if contract.start <= self.day]

    def ended(self) -> list[tuple[date, str]]:
        """Return end days and names of memberships that ended."""
        return [(contract.end, contract.name) for contract in self.contracts()
                if contract.status == "END" and contract.end <= self.day]


def matches(segment: str, view: View) -> bool:
    """Return whether the rule of a segment matches one person's view."""
    return _RULES[segment](view)


def _first_day_pass(view: View) -> bool:
    days = sorted(set(view.visits("day_pass")))
    if not days or view.ago(days[-1]) > 3 or view.active():
        return False
    return len(days) == 1 or (days[-1] - days[-2]).days >= 60


def _ready(view: View) -> bool:
    bought = any(view.ago(day) <= 14 for day in view.sales("Day Pass"))
    paid = any(view.ago(day) <= 30 for day in view.sales(*_MEMBERSHIP_SALES))
    return bought and not paid and not view.active()


def _second_visit(view: View) -> bool:
    if view.eligible_since is None or view.active():
        return False
    return any(view.ago(day) <= 3 for day in view.visits("day_pass", after=view.eligible_since))


def _winback(view: View) -> bool:
    ended = view.ended()
    recent = any(view.ago(day) <= 7 and not _TRIAL.search(name.lower()) for day, name in ended)
    if not recent or view.active():
        return False
    others = [day for day, _ in view.started()] + view.sales(*_MEMBERSHIP_SALES)
    return max(day for day, _ in ended) >= max(others, default=date.min)


def _hosts(first: int, last: int) -> Callable[[View], bool]:
    return lambda view: any(first <= (party.day - view.day).days <= last
                            for party in view.facts.hosted if party.at <= view.at and party.at < view.known)


def _attends(view: View) -> bool:
    return any(5 <= (answer.day - view.day).days <= 7 for answer in view.facts.answers
               if answer.is_yes and answer.at <= view.at and answer.at <= view.known < answer.known_until)


def _half_price(view: View) -> bool:
    return any(view.ago(mail.day) <= 3 and _HALF.search(mail.offer) for mail in view.facts.mails if mail.at <= view.at)


def _paying(view: View) -> bool:
    active = view.active()
    return bool(active) and not any(_STAFF.search(contract.name.lower()) for contract in active)


def _lapsed(view: View) -> bool:
    newest = max([*view.visits(), *(day for day, _ in view.started())], default=date.min)
    return _paying(view) and view.ago(newest) >= 30


def _churn_risk(view: View) -> bool:
    ago = {view.ago(day) for day in view.visits()}
    before, recent = sum(29 <= n <= 112 for n in ago), sum(1 <= n <= 28 for n in ago)
    # recent / 28 < half of before / 84
    return _paying(view) and before >= 8 and recent * 6 < before


def _no_email(view: View) -> bool:
    return view.facts.email is None and not (view.facts.is_birthday_known and _age(view) < 18)


def _age(view: View) -> int:
    born = view.facts.birthday
    return view.day.year - born.year - ((view.day.month, view.day.day) < (born.month, born.day))


def _buyer_without_account(view: View) -> bool:
    return view.facts.gym_since > view.known and any(view.ago(day) <= 365 for day in view.sales("Day Pass"))


_RULES: Mapping[str, Callable[[View], bool]] = {
    "active_membership": lambda view: bool(view.active()),
    "first_day_pass": _first_day_pass,
    "ready_for_membership": _ready,
    "first_time_day_pass_2wk_offer": lambda v: v.is_first_day_pass and v.bucket is not None and v.bucket < 5_000,
    "second_visit_offer_eligible": lambda v: v.is_first_day_pass and v.bucket is not None and v.bucket >= 5_000,
    "second_visit_2wk_offer": _second_visit,
    "2_week_pass_purchase": lambda v: any(v.ago(d) <= 14 and _TRIAL.search(n.lower()) for d, n in v.started()),
    "birthday_party_host_one_week_out": _hosts(5, 7),
    "birthday_party_attendee_one_week_out": _attends,
    "birthday_party_host_six_days_out": _hosts(3, 6),
    "fifty_percent_offer_sent": _half_price,
    "membership_cancelled_winback": _winback,
    "no_email": _no_email,
    "lapsed_member": _lapsed,
    "day_pass_buyer_without_account": _buyer_without_account,
    "churn_risk": _churn_risk,
}


@dataclass(slots=True, kw_only=True)
class _Stay:
    entered: date
    moment: datetime
    is_in: bool = True


@dataclass(slots=True, kw_only=True)
class Oracle:
    """Answers for a whole world, evaluation by evaluation; it remembers who entered when, as the ledger does."""

    people: Mapping[str, Facts]
    customer_ids: Mapping[str, str] = field(default_factory=dict)
    _stays: dict[tuple[str, str], _Stay] = field(default_factory=dict)

    @classmethod
    def read(cls, truth: Path, *, customer_ids: Mapping[str, str] | None = None) -> Oracle:
        """Read a world's truth; `customer_ids`, person -> the product's id, is what two rules draw their group by."""
        return cls(people=read_facts(truth), customer_ids=dict(customer_ids or {}))

    def evaluate(self, at: datetime, *, known: datetime | None = None) -> dict[str, frozenset[str]]:
        """Return who is in each segment at a moment (aware), given the evaluations made before on this oracle.

        `known` is when the records were last pulled; None: at the moment itself. On a fresh oracle in = matches.
        """
        moment = at.astimezone(UTC).replace(tzinfo=None)
        pulled = moment if known is None else known.astimezone(UTC).replace(tzinfo=None)
        day = at.astimezone(ZoneInfo(ZONE)).date()
        members: dict[str, set[str]] = {segment: set() for segment in SEGMENTS}
        for person, facts in self.people.items():
            if facts.since > pulled:
                continue
            for segment in self._segments_of(person, facts, moment, day, pulled):
                members[segment].add(person)
        return {segment: frozenset(persons) for segment, persons in members.items()}

    def series(self, moments: Sequence[datetime]) -> list[dict[str, frozenset[str]]]:
        """Return the answers of evaluations one after the other, each with the records of its moment."""
        return [self.evaluate(moment) for moment in moments]

    def _segments_of(self, person: str, facts: Facts, at: datetime, day: date, known: datetime) -> Iterable[str]:
        eligible = self._stays.get(("second_visit_offer_eligible", person))
        since = eligible.moment if eligible is not None and eligible.moment < at else None
        bucket = self._bucket(person)
        is_first = False
        for segment in SEGMENTS:
            view = View(facts=facts, at=at, day=day, known=known, bucket=bucket, is_first_day_pass=is_first,
                        eligible_since=since)
            is_in = self._state(segment, person, at, day, is_match=matches(segment, view))
            is_first = is_first or (is_in and segment == "first_day_pass")
            if is_in:
                yield segment

    def _state(self, segment: str, person: str, at: datetime, day: date, *, is_match: bool) -> bool:
        stay = self._stays.get((segment, person))
        holds, again = HOLDS.get(segment), AGAIN_AFTER.get(segment, 0)
        if stay is not None and stay.is_in:
            stay.is_in = is_match if holds is None else day < stay.entered + timedelta(days=holds)
            return stay.is_in
        if not is_match or (stay is not None and day < stay.entered + timedelta(days=again)):
            return False
        self._stays[segment, person] = _Stay(entered=day, moment=at)
        return True

    def _bucket(self, person: str) -> int | None:
        customer = self.customer_ids.get(person)
        if customer is None:
            return None
        digest = hashlib.md5(f"{EXPERIMENT}.{customer}".encode(), usedforsecurity=False).hexdigest()
        return int(digest[:8], 16) % 10_000
