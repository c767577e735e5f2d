"""The truth of each person as plain values: visits, sales, memberships, e-mails, parties."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

NEVER = datetime(9999, 1, 1)  # noqa: DTZ001  # naive UTC, as all moments of the truth
_NO_DAY = date(9999, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A check-in."""

    at: datetime                   # naive UTC, as all moments here
    day: date                      # business day, as all days here
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A line that was paid, of a category."""

    at: datetime
    day: date
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One version of a membership, for one person on it."""

    name: str
    start: date
    end: date                      # of status END: the first day it is over; else the next bill
    status: str
    is_frozen: bool                # the membership, or this person alone
    known_from: datetime
    known_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail that was sent."""

    at: datetime
    day: date
    offer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A party the person hosts: `at` when it was booked, `day` the day it is on."""

    at: datetime
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to an invitation, in one of its versions; `day` is the party's."""

    at: datetime
    known_until: datetime
    day: date
    is_yes: bool


@dataclass(slots=True, kw_only=True)
class Facts:
    """All of one person."""

    email: str | None
    birthday: date
    is_birthday_known: bool        # only the gym asks for it
    since: datetime = NEVER        # first seen in any source
    gym_since: datetime = NEVER    # gym account opened
    visits: list[Visit] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    hosted: list[Party] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)


def read_facts(truth: Path) -> dict[str, Facts]:
    """Return every person's facts by person_id, from the truth's tables."""
    people = {
        row["person_id"]: Facts(email=row["email"], birthday=row["birthday"], is_birthday_known=row["has_account"])
        for row in _rows(truth, "people")
    }
    for row in _rows(truth, "accounts"):
        facts = people[row["person_id"]]
        facts.since = min(facts.since, row["since"])
        if row["source"] == "capitan":
            facts.gym_since = row["since"]
    for row in _rows(truth, "check_ins"):
        people[row["person_id"]].visits.append(Visit(at=row["at"], day=row["business_day"], kind=row["kind"]))
    for row in _rows(truth, "purchases"):
        if row["kind"] == "sale" and row["person_id"] is not None:
            sale = Sale(at=row["at"], day=row["business_day"], category=row["category"])
            people[row["person_id"]].sales.append(sale)
    for row in _rows(truth, "emails"):
        mail = Mail(at=row["at"], day=row["business_day"], offer=row["offer_amount"])
        people[row["person_id"]].mails.append(mail)
    _read_contracts(truth, people)
    _read_parties(truth, people)
    return people


def _read_contracts(truth: Path, people: dict[str, Facts]) -> None:
    versions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(truth, "membership_versions"):
        versions[row["membership_id"]].append(row)
    for person in _rows(truth, "membership_people"):
        frozen_day = person["frozen_day"] or _NO_DAY
        people[person["person_id"]].contracts.extend(
            Contract(
                name=person["name"], start=row["start_day"], end=row["end_day"], status=row["status"],
                is_frozen=row["status"] == "FRZ" or frozen_day <= row["known_from"].date(),
                known_from=row["known_from"], known_until=row["known_until"] or NEVER,
            )
            for row in versions[person["membership_id"]]
        )


def _read_parties(truth: Path, people: dict[str, Facts]) -> None:
    days: dict[str, date] = {}
    for row in _rows(truth, "parties"):
        days[row["party_id"]] = row["party_day"]
        people[row["host_id"]].hosted.append(Party(at=row["booked_at"], day=row["party_day"]))
    for row in _rows(truth, "party_answers"):
        people[row["person_id"]].answers.append(Reply(
            at=row["known_from"], known_until=row["known_until"] or NEVER, day=days[row["party_id"]],
            is_yes=row["attending"] == "yes",
        ))


def _rows(truth: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(truth / f"{table}.parquet").to_pylist()
    return rows
