"""Who there truly is: people in households, who is whose guardian, and what they are called."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regulars.testing.gym.chance import Flags, Numbers, Texts, rank_within, spread, weighted
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.vocabulary import FIRST_NAMES, LAST_NAMES

NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The true people, by position. Those of Capitan come first (adults, then minors), then outsiders.

    An outsider buys or asks but never opened a gym account. Guardians are positions, NOBODY when there is none;
    `is_linked` says that the gym knows the (first, second) guardian.
    """

    household: Numbers
    is_minor: Flags
    has_account: Flags
    guardian: Numbers
    second_guardian: Numbers
    is_linked: Flags
    is_second_linked: Flags
    partner: Numbers
    first_name: Texts
    last_name: Texts
    local_part: Texts              # of an e-mail address that nobody else has
    birthday: Numbers              # days since 1970-01-01

    @property
    def size(self) -> int:
        """Return how many people there are."""
        return len(self.household)

    @property
    def accounts(self) -> int:
        """Return how many of them have a gym account: the first so many."""
        return int(self.has_account.sum())

    @property
    def full_name(self) -> Texts:
        """Return first and last name with a space between."""
        names: Texts = self.first_name + " " + self.last_name
        return names


def populate(setting: Setting) -> People:
    """Return the people of a world: 35 % of the account holders are minors; 905 family links at scale 1."""
    rng = setting.rng("people")
    accounts = setting.sized(11_300, at_least=60)
    minors = round(accounts * 0.35)
    adults = accounts - minors
    outsiders = setting.sized(340, at_least=4)
    couples = round(adults * 0.12)
    partner = np.full(accounts + outsiders, NOBODY)
    pairs = np.arange(2 * couples)
    partner[: 2 * couples] = pairs ^ 1
    household = np.empty(accounts + outsiders, dtype=np.int64)
    household[: 2 * couples] = pairs // 2
    household[2 * couples : adults] = np.arange(couples, adults - couples)
    families = _families(setting, rng, couples=couples, adults=adults, minors=minors)
    household[adults:accounts] = np.where(
        families["guardian"] == NOBODY, adults + families["own"], household[families["guardian"]]
    )
    household[accounts:] = adults + minors + np.arange(outsiders)
    names = _names(rng, household, partner)
    return People(
        household=household,
        is_minor=np.r_[np.zeros(adults, bool), np.ones(minors, bool), np.zeros(outsiders, bool)],
        has_account=np.arange(accounts + outsiders) < accounts,
        guardian=_padded(families["guardian"], adults, outsiders),
        second_guardian=_padded(families["second"], adults, outsiders),
        partner=partner,
        birthday=_birthdays(setting, rng, adults=adults, minors=minors, outsiders=outsiders),
        is_linked=_padded(families["is_linked"], adults, outsiders),
        is_second_linked=_padded(families["is_second_linked"], adults, outsiders),
        first_name=names["first_name"],
        last_name=names["last_name"],
        local_part=names["local_part"],
    )


def _padded(values: npt.NDArray[Any], adults: int, outsiders: int) -> npt.NDArray[Any]:
    """Minors' values at their positions, nothing for everyone else."""
    nothing = False if values.dtype == np.bool_ else NOBODY
    padded: npt.NDArray[Any] = np.r_[np.full(adults, nothing), values, np.full(outsiders, nothing)]
    return padded


def _families(
    setting: Setting, rng: np.random.Generator, *, couples: int, adults: int, minors: int
) -> dict[str, npt.NDArray[Any]]:
    """Each minor's guardians (positions of adults), which of them the gym knows, and a household number of his own.

    At the reference gym 905 links lead from guardians to 754 children; a third of the other minors have a guardian
    there whom nobody linked, the rest came with people who have no account.
    """
    links = min(setting.sized(905, at_least=6), minors)
    linked = round(links / 1.2)
    attached = linked + round((minors - linked) * 0.35)
    sizes = 1 + weighted(rng, (50, 35, 15), attached)
    family = spread(sizes)[0][:attached]
    even = family % 2 == 0
    guardian, second = np.full(minors, NOBODY), np.full(minors, NOBODY)
    couple, single = (family // 2) % max(couples, 1), (family // 2) % (adults - 2 * couples)
    guardian[:attached] = np.where(even, 2 * couple, 2 * couples + single)
    second[:attached] = np.where(even, 2 * couple + 1, NOBODY)
    is_linked = np.zeros(minors, dtype=bool)
    is_second = np.zeros(minors, dtype=bool)
    in_couples, in_singles = np.flatnonzero(even), np.flatnonzero(~even)
    both = in_couples[: links - linked]
    rest = np.r_[in_couples[links - linked :], in_singles]
    is_second[both] = is_linked[both] = True
    is_linked[rng.permutation(rest)[: linked - len(both)]] = True
    own = np.arange(minors) - (rng.random(minors) < 0.3) * (np.arange(minors) > attached)
    return {"guardian": guardian, "second": second, "is_linked": is_linked, "is_second_linked": is_second, "own": own}


def _birthdays(setting: Setting, rng: np.random.Generator, *, adults: int, minors: int, outsiders: int) -> Numbers:
    """Adults are 20 to 69 on the last day, minors 4 to 16: nobody comes of age inside the world."""
    adult_days = rng.integers(20 * 366, 69 * 365, adults)
    minor_days = rng.integers(4 * 366, 16 * 365, minors)
    outside_days = rng.integers(20 * 366, 69 * 365, outsiders)
    return np.asarray(setting.last_day - np.r_[adult_days, minor_days, outside_days], dtype=np.int64)


def _names(rng: np.random.Generator, household: Numbers, partner: Numbers) -> dict[str, Texts]:
    """Names: one surname per household save some partners; first names never repeat inside a household."""
    people = len(household)
    homes = int(household.max()) + 1
    surname = rng.integers(0, len(LAST_NAMES), homes)[household]
    keeps_own = (partner != NOBODY) & (np.arange(people) % 2 == 1) & (rng.random(people) < 0.15)
    surname = np.where(keeps_own, rng.integers(0, len(LAST_NAMES), people), surname)
    position = rank_within(household, np.arange(people))
    first = (rng.integers(0, len(FIRST_NAMES), homes)[household] + 29 * position) % len(FIRST_NAMES)
    first_names = np.array(FIRST_NAMES, dtype=object)[first]
    nicknamed = rng.random(people) < 0.007
    nicknamed[:2] = True
    nicknames = np.array([f"{name} ({name[:3]}ie)" for name in FIRST_NAMES], dtype=object)
    first_names[nicknamed] = nicknames[first[nicknamed]]
    numbers = (np.arange(people) * 7919 + 1009).astype(str).astype(object)
    local: Texts = _plain(FIRST_NAMES)[first] + "." + _plain(LAST_NAMES)[surname] + numbers
    return {"first_name": first_names, "last_name": np.array(LAST_NAMES, dtype=object)[surname], "local_part": local}


def _plain(words: tuple[str, ...]) -> Texts:
    """Words as they stand in an e-mail address: small ASCII letters only."""
    decomposed = (unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower() for word in words)
    return np.array(["".join(filter(str.isalpha, word)) for word in decomposed], dtype=object)
