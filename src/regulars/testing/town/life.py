"""What becomes of the people of the town in five years: they move, and change addresses, numbers and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from regulars.testing.town.home import Home, Member, home

DAYS = 5 * 365
"""How long the town is watched; days are counted from the first."""

_STREETS = (
    "oak maple cedar elm pine main church park lake hill mill river spring sunset ridge valley forest meadow "
    "orchard franklin jefferson lincoln madison monroe jackson adams grant harrison cleveland austin waco bosque "
    "brazos speight"
)
STREETS = _STREETS.split()
WAYS = ("st", "ave", "dr", "ln", "rd", "ct", "blvd", "trail")
TOWNS = ("waco", "hewitt", "woodway", "bellmead", "lorena", "china spring", "mcgregor", "robinson")
_HOBBIES = (
    "climber runner gamer reader angler rider dreamer hiker artist chef pilot nomad coder singer skater dancer"
)
HOBBIES = _HOBBIES.split()
_MOODS = (
    "sunny happy lazy crazy silent golden lucky misty rusty brave gentle cosmic urban wild little blue"
)
MOODS = _MOODS.split()
HOSTS = (
    "gmail.com", "yahoo.com", "hotmail.com", "icloud.com", "outlook.com", "aol.com", "grandenet.example",
    "baylor.example",
)

History = tuple[tuple[int, str | None], ...]
"""From which day on something holds, the first from the beginning; None for nothing."""


def at(history: History, day: int) -> str | None:
    """Return what holds on a day."""
    return [value for since, value in history if since <= day][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One person of the town through five years."""

    place: int                               # among all lives
    who: Member
    home: int
    birthday: date
    surnames: History
    emails: History
    phones: History
    addresses: History                       # "street|postcode|town"
    shared_email: str | None                 # of the couple or the firm
    landline: str | None
    parent: int | None                       # place among all lives


@dataclass(kw_only=True)
class Town:
    """The people who live there, and what is given out: addresses of mail, numbers, doors."""

    chance: Random
    lives: list[Life]
    emails: set[str]
    given_up: list[tuple[int, str]]          # numbers nobody has any more, and since when
    vacated: list[tuple[int, str]]           # doors nobody lives behind any more
    firms: list[str]                         # addresses of offices that colleagues use

    @classmethod
    def of(cls, people: int, *, chance: Random) -> Town:
        """Return a town of at least so many people."""
        firms = [f"{word}@{place}{n}.example" for n in range(max(2, people // 400))
                 for word, place in [(chance.choice(["office", "team", "info", "hello"]), chance.choice(STREETS))]]
        town = cls(chance=chance, lives=[], emails=set(), given_up=[], vacated=[], firms=firms)
        number = 0
        while len(town.lives) < people:
            town.settle(home(chance), number=number)
            number += 1
        return town

    def settle(self, members: Home, *, number: int) -> None:
        """Let a home live through the five years."""
        chance, first = self.chance, len(self.lives)
        doors = self._doors()
        landline = self.number() if chance.random() < 0.15 else None
        joint = self._joint_email(members) if len(members) > 1 and members[1].partner is not None else None
        for member in members:
            is_grown = not member.is_dependent
            leaves = is_grown and (member.partner is None or chance.random() < 0.1) and chance.random() < 0.08
            self.lives.append(Life(
                place=len(self.lives), who=member, home=number, birthday=date(1970, 1, 1) + timedelta(days=member.born),
                surnames=self._surnames(member), emails=self._emails(member), phones=self._phones(member),
                addresses=self._doors() if leaves else doors, landline=landline if is_grown else None,
                parent=None if member.parent is None else first + member.parent,
                shared_email=joint if is_grown and joint else self._firm(member),
            ))

    def number(self) -> str:
        """Return a telephone number that was never given out, mostly."""
        chance = self.chance
        return f"{chance.choice(['254', '254', '512', '737', '817'])}{chance.randrange(2_000_000, 9_999_999)}"

    def _changes(self, share: float) -> Sequence[int]:
        return [0, self.chance.randrange(60, DAYS)] if self.chance.random() < share else [0]

    def _doors(self) -> History:
        doors: list[tuple[int, str | None]] = []
        for day in self._changes(0.2):
            if doors and doors[-1][1] is not None and self.chance.random() < 0.4:
                self.vacated.append((day, doors[-1][1]))
            doors.append((day, self._door(day)))
        return tuple(doors)

    def _door(self, day: int) -> str:
        chance = self.chance
        if day and self.vacated and chance.random() < 0.4:
            place = chance.randrange(len(self.vacated))
            if self.vacated[place][0] <= day:
                return self.vacated.pop(place)[1]
        place = chance.randrange(40)
        street = f"{chance.choice(STREETS)} {chance.choice(WAYS)}"
        if chance.random() < 0.12:           # a house of many flats
            number, unit = 100 * chance.randrange(1, 12), f" apt {chance.randrange(1, 60)}"
            street = f"{STREETS[place % len(STREETS)]} {WAYS[place % 8]}"
        else:
            number, unit = chance.randrange(1, 9_000), ""
        return f"{number} {street}{unit}|{76_500 + place}|{TOWNS[place % len(TOWNS)]}"

    def _surnames(self, member: Member) -> History:
        is_marrying = member.is_woman and not member.is_dependent and self.chance.random() < 0.04
        before = member.culture.surnames.draw(self.chance)
        if not is_marrying:
            return ((0, member.surname),)
        return ((0, before), (self.chance.randrange(60, DAYS), member.surname))

    def _emails(self, member: Member) -> History:
        share = 0.08 if member.is_dependent else 0.95
        if self.chance.random() >= share:
            return ((0, None),)
        return tuple((day, self._email(member)) for day in self._changes(0.18))

    def _email(self, member: Member) -> str:
        """An address nobody else has: namesakes get the same letters, and a number or another host."""
        chance, given, family = self.chance, plain(member.given), plain(member.surname.split(" ")[0])
        year = str(1970 + int(member.born / 365.25))
        made = chance.choices([
            f"{given}.{family}", f"{given}{family}", f"{given[0]}{family}", f"{given}{year[2:]}",
            f"{family}{given[0]}{year}", f"{given}_{family}{year[2:]}",
            f"{chance.choice(MOODS)}{chance.choice(HOBBIES)}{chance.randrange(1, 1_000)}",
        ], weights=[25, 15, 18, 8, 8, 10, 16])[0]
        host = chance.choices(HOSTS, weights=[50, 12, 10, 9, 6, 5, 4, 4])[0]
        address, more = f"{made}@{host}", 0
        while address in self.emails:
            more += chance.randrange(1, 60)
            address = f"{made}{more}@{host}"
        self.emails.add(address)
        return address

    def _joint_email(self, members: Home) -> str | None:
        if self.chance.random() >= 0.07:
            return None
        one, other = (plain(member.given) for member in members[:2])
        family, host = plain(members[0].surname), self.chance.choice(HOSTS)
        address = self.chance.choice([f"the{family}s@{host}", f"{one}and{other}@{host}", f"{family}family@{host}"])
        return None if address in self.emails else self._taken(address)

    def _taken(self, address: str) -> str:
        self.emails.add(address)
        return address

    def _firm(self, member: Member) -> str | None:
        is_at_work = not member.is_dependent and self.chance.random() < 0.02
        return self.chance.choice(self.firms) if is_at_work else None

    def _phones(self, member: Member) -> History:
        share = 0.12 if member.is_dependent else 0.96
        if self.chance.random() >= share:
            return ((0, None),)
        phones: list[tuple[int, str | None]] = []
        for day in self._changes(0.15):
            if phones and phones[-1][1] is not None and self.chance.random() < 0.12:
                self.given_up.append((day, phones[-1][1]))
            phones.append((day, self._passed_on(day) or self.number()))
        return tuple(phones)

    def _passed_on(self, day: int) -> str | None:
        """A number that a stranger gave up at least three months ago."""
        if not day or not self.given_up or self.chance.random() < 0.5:
            return None
        place = self.chance.randrange(len(self.given_up))
        return self.given_up.pop(place)[1] if self.given_up[place][0] + 90 <= day else None


_PLAIN = str.maketrans("áéíóúñüăâđêôơư", "aeiounuaadeoou", " '-")


def plain(name: str) -> str:
    """Return a name as it stands in an address: small letters without marks and blanks."""
    return name.translate(_PLAIN)
