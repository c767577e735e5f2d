"""Who lives together in the town: singles, couples, families with juniors and twins, blended ones, shared flats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from regulars.testing.town.culture import CULTURES, Culture

YEAR = 2026
"""In which ages are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person as born and named."""

    culture: Culture
    is_woman: bool
    born: int                                # days since 1970-01-01
    given: str
    middle: str | None
    surname: str
    suffix: str | None = None                # jr of a son who is called as his father, sr of that father
    is_dependent: bool = False               # a child who lives with parents
    parent: int | None = None                # place in the home of the one whose contacts a dependent uses
    partner: int | None = None               # place in the home


Home = list[Member]


def home(chance: Random) -> Home:
    """Return the people of one home; whoever has a parent or partner comes after them."""
    kind = chance.choices(list(KINDS), weights=[share for share, _ in KINDS.values()])[0]
    return KINDS[kind][1](chance)


def _culture(chance: Random) -> Culture:
    return chance.choices(CULTURES, weights=[culture.share for culture in CULTURES])[0]


def _person(chance: Random, culture: Culture, *, is_woman: bool, age: float, surname: str | None = None) -> Member:
    names = culture.female if is_woman else culture.male
    family = surname or culture.surnames.draw(chance)
    if surname is None and chance.random() < culture.doubled:
        family = f"{family} {culture.surnames.draw(chance)}"
    return Member(
        culture=culture, is_woman=is_woman, born=round((YEAR - 1970 - age) * 365.25 - chance.random() * 365),
        given=names.draw(chance), middle=names.draw(chance) if chance.random() < culture.middles else None,
        surname=_gendered(culture, family) if is_woman else family,
    )


def _gendered(culture: Culture, surname: str) -> str:
    for end, of_woman in (culture.gendered or {}).items():
        if surname.endswith(end):
            return surname.removesuffix(end) + of_woman
    return surname


def _alone(chance: Random) -> Home:
    return [_person(chance, _culture(chance), is_woman=chance.random() < 0.5, age=chance.triangular(18, 80, 28))]


def _couple(chance: Random, *, youngest: float = 20, oldest: float = 75) -> Home:
    culture = _culture(chance)
    age = chance.uniform(youngest, oldest)
    theirs = _culture(chance) if chance.random() < 0.15 else culture
    one = _person(chance, culture, is_woman=chance.random() < 0.03, age=age)
    other = _person(chance, theirs, is_woman=True, age=age + chance.gauss(-2, 3))
    if theirs is culture and chance.random() < culture.takes:
        other = replace(other, surname=_gendered(culture, one.surname))
    return [one, replace(other, partner=0)]


def _family(chance: Random) -> Home:
    parents = _couple(chance, youngest=28, oldest=55)
    return parents + _children(chance, parents, count=chance.choices([1, 2, 3, 4], weights=[35, 42, 17, 6])[0])


def _single_parent(chance: Random) -> Home:
    parent = _person(chance, _culture(chance), is_woman=chance.random() < 0.8, age=chance.uniform(24, 52))
    other = _person(chance, parent.culture, is_woman=not parent.is_woman, age=40)
    # The other parent lives elsewhere; half of the children bear that name.
    named = parent if chance.random() < 0.5 else other
    children = _children(chance, [parent, named], count=chance.choices([1, 2, 3], weights=[60, 30, 10])[0])
    return [parent, *(replace(child, parent=0, surname=_child_name(named, child)) for child in children)]


def _blended(chance: Random) -> Home:
    parents = _couple(chance, youngest=30, oldest=52)
    before = _children(chance, parents, count=chance.choice([1, 2]))
    former = parents[1].culture.surnames.draw(chance)
    theirs = [replace(child, parent=1, surname=former, suffix=None) for child in before]
    return parents + theirs + _children(chance, parents, count=chance.choice([1, 1, 2]), siblings=theirs)


def _flat(chance: Random) -> Home:
    return [replace(_alone(chance)[0], born=round((YEAR - 1970 - chance.uniform(18, 33)) * 365.25))
            for _ in range(chance.choice([2, 2, 3, 3, 4]))]


def _three_generations(chance: Random) -> Home:
    family = _family(chance)
    older = _person(
        chance, family[0].culture, is_woman=chance.random() < 0.65, surname=family[0].surname,
        age=YEAR - 1970 - family[0].born / 365.25 + chance.uniform(20, 34),
    )
    return [*family, older]


def _child_name(named: Member, child: Member) -> str:
    return _gendered(child.culture, named.surname) if child.is_woman else named.surname


def _children(chance: Random, parents: Home, *, count: int, siblings: Sequence[Member] = ()) -> Home:
    """Children of two parents; some are twins, some sons are called as their father."""
    father, mother = parents
    youngest_parent = min(YEAR - 1970 - parent.born / 365.25 for parent in parents)
    children: Home = []
    for _ in range(count):
        is_woman = chance.random() < 0.5
        age = chance.uniform(1, min(24, max(2, youngest_parent - 19)))
        surname = father.surname
        if chance.random() < father.culture.doubled:
            surname = f"{father.surname.split(' ')[0]} {mother.surname.split(' ')[0]}"
        child = replace(
            _person(chance, father.culture, is_woman=is_woman, age=age, surname=surname),
            is_dependent=age < 19, parent=chance.choice([0, 1, 1]),
        )
        taken = {member.given for member in (*parents, *siblings, *children)}
        while child.given in taken:
            child = replace(child, given=(father.culture.female if is_woman else father.culture.male).draw(chance))
        if not is_woman and not father.is_woman and father.suffix is None and chance.random() < father.culture.junior:
            father = parents[0] = replace(father, suffix="sr")
            child = replace(child, given=father.given, middle=father.middle, surname=father.surname, suffix="jr")
        children.append(child)
        if chance.random() < 0.03:
            children.append(_twin(chance, child, taken | {child.given}))
    return children


def _twin(chance: Random, child: Member, taken: set[str]) -> Member:
    is_woman = child.is_woman if chance.random() < 0.66 else not child.is_woman
    names = child.culture.female if is_woman else child.culture.male
    given = names.like(child.given, chance) if chance.random() < 0.4 else names.draw(chance)
    while given in taken:
        given = names.draw(chance)
    return replace(child, is_woman=is_woman, given=given, middle=None, suffix=None)


KINDS: dict[str, tuple[float, Callable[[Random], Home]]] = {
    "alone": (0.36, _alone), "couple": (0.20, _couple), "family": (0.25, _family),
    "single parent": (0.07, _single_parent), "blended": (0.04, _blended), "flat": (0.06, _flat),
    "three generations": (0.02, _three_generations),
}
"""Kinds of homes: share of all, and who lives there."""
