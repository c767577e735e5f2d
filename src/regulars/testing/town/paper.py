"""What five sources write down of the people of the town, each in its way: profiles with a truth, to be found again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa

from regulars.identity.identifier import IdentifierRules
from regulars.identity.profile import PROFILES, RAW, normalised
from regulars.identity.role import without_roles
from regulars.testing.customers import NOISY, Customers
from regulars.testing.town.life import DAYS, Life, Town, at
from regulars.testing.town.slip import MARKS, misspelt, wrong_day, wrong_digit

FIRST_DAY = date(2021, 1, 1)
TRAITS = ("address", "postcode", "city")

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """How one source keeps its customers: shares of its profiles, unless another whole is named."""

    source: str
    reach: float                             # of all people
    again: float                             # of its people: has another profile
    silence: float                           # how often e-mail and phone are missing, against the whole town
    asks_email: float                        # of those who give a contact
    asks_phone: float                        # the same
    asks_birthday: float
    asks_address: float
    familiar: float                          # the name that friends use
    is_cut: bool                             # first and last name apart, not one full name
    is_exclusive: bool = False


PAPERS = (
    Paper(source="studio", reach=0.6, again=0.0, silence=0.7, asks_email=0.85, asks_phone=0.8, asks_birthday=0.94,
          asks_address=0.7, familiar=0.04, is_cut=True, is_exclusive=True),
    Paper(source="webshop", reach=0.45, again=0.08, silence=0.3, asks_email=0.95, asks_phone=0.5, asks_birthday=0.15,
          asks_address=0.9, familiar=0.08, is_cut=True),
    Paper(source="till", reach=0.35, again=0.1, silence=1.9, asks_email=0.35, asks_phone=0.85, asks_birthday=0.4,
          asks_address=0.2, familiar=0.2, is_cut=False),
    Paper(source="forms", reach=0.5, again=0.1, silence=1.4, asks_email=0.7, asks_phone=0.75, asks_birthday=0.9,
          asks_address=0.45, familiar=0.05, is_cut=False),
    Paper(source="class", reach=0.35, again=0.05, silence=0.8, asks_email=0.8, asks_phone=0.6, asks_birthday=0.6,
          asks_address=0.3, familiar=0.12, is_cut=True),
)
"""The five sources of the town; 2.4 profiles a person."""


def town_customers(profiles: int, *, seed: int, silent: float = 0.25, slips: float = 0.02) -> Customers:
    """Return about so many profiles of the people of a town.

    Args:
        profiles: How many, roughly.
        seed: The same seed gives the same town.
        silent: Share of profiles without e-mail and phone.
        slips: Share of the fields that are written wrong.

    """
    chance = Random(seed)  # noqa: S311  a made world, no secret
    town = Town.of(round(profiles / sum(paper.reach * (1 + paper.again) for paper in PAPERS)), chance=chance)
    loud = sum(paper.reach * (1 + paper.again) * paper.silence for paper in PAPERS)
    usual = sum(paper.reach * (1 + paper.again) for paper in PAPERS) / loud * silent
    rows: list[Row] = []
    persons: list[int] = []
    for paper in PAPERS:
        for place, life in enumerate(town.lives):
            if chance.random() >= paper.reach:
                continue
            for _ in range(2 if chance.random() < paper.again else 1):
                pen = Pen(paper=paper, chance=chance, town=town, silent=min(paper.silence * usual, 0.97), slips=slips)
                rows.append({**pen.written(life), "profile_id": f"{len(rows):07}"})
                persons.append(place)
    person = np.array(persons, dtype=np.int64)
    return Customers(
        profiles=_profiles(rows), person=person, household=np.array([life.home for life in town.lives])[person],
    )


def _profiles(rows: list[Row]) -> pa.Table:
    """The rows as every source's are read: identifiers normalised, a desk's contacts taken away."""
    gathered = {**{field.name: field.type for field in PROFILES}, **dict.fromkeys((*RAW, *TRAITS), pa.string())}
    known = [name for name in gathered if name not in {"email", "phone", "name", "first_name", "last_name"}]
    table = pa.table({name: pa.array([row.get(name) for row in rows], gathered[name]) for name in known})
    rules = IdentifierRules()
    found = without_roles(normalised(table, rules=rules), rules=rules)
    missing = [field for field in NOISY if field.name not in found.column_names]
    for field in missing:
        found = found.append_column(field, pa.nulls(len(found), field.type))
    return found.select(NOISY.names).cast(NOISY).combine_chunks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """The hand that writes one profile."""

    paper: Paper
    chance: Random
    town: Town
    silent: float                            # share of profiles of this source without contact
    slips: float

    def written(self, life: Life) -> Row:
        """Return a profile as it was written on a day of the five years."""
        day = self.chance.randrange(DAYS)
        first, last = self._names(life, day)
        email, phone = self._contacts(life, day)
        is_told = self.chance.random() < self.paper.asks_address
        street, postcode, place = (str(at(life.addresses, day)).split("|") if is_told else (None, None, None))
        apart: Row = {"raw_first_name": first, "raw_last_name": last}
        name = apart if self.paper.is_cut else {"raw_name": f"{first} {last}"}
        moment = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day)
        return {
            "profile_source": self.paper.source, **name, "raw_email": email, "raw_phone": phone,
            "birthday": self._birthday(life), "address": self._street(street), "postcode": postcode, "city": place,
            "created_at": moment, "recorded_at": moment, "is_exclusive": self.paper.is_exclusive,
        }

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _names(self, life: Life, day: int) -> tuple[str, str]:
        who, chance = life.who, self.chance
        first, last = who.given, str(at(life.surnames, day))
        if self._happens(self.paper.familiar):
            first = (who.culture.familiar or {}).get(first, first)
        elif self._happens(self.slips / 2):
            first = first[0]
        elif " " in first or "-" in first:   # of two given names one is left out, or both are one word
            parts = first.replace("-", " ").split(" ")
            first = chance.choices([first, parts[0], "".join(parts), " ".join(parts)], weights=[60, 18, 10, 12])[0]
        if who.middle and self._happens(0.12):
            first = f"{first} {who.middle if self._happens(0.3) else who.middle[0]}"
        if " " in last and self._happens(0.4):
            father = last.partition(" ")[0]
            last = chance.choice([father, father, last.replace(" ", "-")])
        if who.suffix and self._happens(0.3):
            last = f"{last} {who.suffix}"
        first, last = (misspelt(word, chance) if self._happens(self.slips) else word for word in (first, last))
        if self._happens(0.35):
            first, last = first.translate(MARKS), last.translate(MARKS)
        if self._happens(self.slips / 4):
            first, last = last, first
        return (first.title(), last.title()) if self._happens(0.7) else (first.upper(), last.upper())

    def _contacts(self, life: Life, day: int) -> tuple[str | None, str | None]:
        """Address and number: one's own then, a parent's, the couple's, the firm's, the house's."""
        if self._happens(self.silent):
            return None, None
        email, phone = at(life.emails, day), at(life.phones, day)
        if life.parent is not None and life.who.is_dependent:
            parent = self.town.lives[life.parent]
            email, phone = email or at(parent.emails, day), phone or at(parent.phones, day)
        if life.shared_email and self._happens(0.35):
            email = life.shared_email
        if life.landline and self._happens(0.4):
            phone = life.landline
        email, phone = self._partners(life, day, email, phone)
        wants_email, wants_phone = self._happens(self.paper.asks_email), self._happens(self.paper.asks_phone)
        if not (wants_email or wants_phone):
            wants_email, wants_phone = True, True
        return self._sent(email if wants_email else None), self._dialled(phone if wants_phone else None)

    def _partners(self, life: Life, day: int, email: str | None, phone: str | None) -> tuple[str | None, str | None]:
        """One in thirty of those who have a partner leaves the partner's."""
        if life.who.partner is None or not self._happens(0.03):
            return email, phone
        partner = self.town.lives[life.place - 1]
        return at(partner.emails, day), at(partner.phones, day)

    def _sent(self, email: str | None) -> str | None:
        if email is None or not self._happens(self.slips):
            return email
        name, host = email.split("@")
        if self._happens(0.3):
            return f"{name}@{misspelt(host, self.chance)}"
        return f"{misspelt(name, self.chance)}@{host}"

    def _dialled(self, phone: str | None) -> str | None:
        if phone is None:
            return None
        number = wrong_digit(phone, self.chance) if self._happens(self.slips / 2) else phone
        return self.chance.choice([number, f"({number[:3]}) {number[3:6]}-{number[6:]}", f"+1{number}"])

    def _street(self, street: str | None) -> str | None:
        if street is None:
            return None
        house, unit = street.partition(" apt ")[::2]
        written = f"{house}{self.chance.choice([' apt ', ' #'])}{unit}" if unit and not self._happens(0.25) else house
        return misspelt(written, self.chance) if self._happens(self.slips) else written

    def _birthday(self, life: Life) -> date | None:
        if not self._happens(self.paper.asks_birthday):
            return None
        return wrong_day(life.birthday, self.chance) if self._happens(self.slips) else life.birthday
