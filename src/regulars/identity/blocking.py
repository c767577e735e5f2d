"""Which pairs are worth comparing: those that share something rare enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from regulars.identity.nickname import NICKNAMES
from regulars.identity.portrait import Portraits, Texts
from regulars.identity.separation import Bools, Ints, pairs_within

LARGEST_BLOCK = 60
"""Profiles that share one key beyond which the key says nothing: they are not compared because of it."""

PAIRS_A_PROFILE = 3
FEWEST_PAIRS = 50_000


def keys(people: Portraits) -> Iterator[Ints]:
    """Yield for each rule a number for each profile: profiles of equal numbers are compared, -1 with nobody."""
    numbers, texts = people.numbers, people.texts
    first, last, birthday = numbers["first_name"], numbers["last_name"], numbers["birthday"]
    email, phone, postcode = numbers["email"], numbers["phone"], numbers["postcode"]
    words = texts["first_name"]
    root = _shortened(words, _formal)[first] if len(words) else first
    root = np.where(first < 0, -1, root)
    start = _through(last, _shortened(words, lambda word: word[:4]))
    letter = _through(first, _shortened(words, lambda word: word[:1]))
    sound = _through(last, _shortened(words, _sound))
    year = _through(birthday, _shortened(texts["birthday"], lambda day: day[:4]))
    yield email
    yield phone
    yield numbers["personal_id"]
    yield _both(np.minimum(first, last), np.maximum(first, last), (first >= 0) & (last >= 0))
    yield _both(last, birthday)
    yield _both(root, birthday)
    yield _both(birthday, postcode)
    yield _both(root, numbers["address"])
    yield _both(_both(root, postcode), start)
    yield _both(root, sound)
    yield _both(_both(sound, letter), year)
    yield _both(_both(sound, letter), postcode)
    yield _both(birthday, letter)
    yield _through(email, _shortened(texts["email"], lambda text: text.partition("@")[0]))
    yield _through(phone, _shortened(texts["phone"], lambda text: text[-7:]))
    yield _both(numbers["address"], postcode)
    yield _both(numbers["address"], birthday)
    yield _both(last, numbers["address"])
    yield root
    yield sound
    yield birthday
    yield numbers["address"]
    yield _through(email, _shortened(texts["email"], lambda text: text.partition("@")[2]))
    yield _through(email, _shortened(texts["email"], lambda text: text[:6]))
    yield _both(_through(birthday, _shortened(texts["birthday"], lambda day: day[4:])), letter)
    yield _both(year, numbers["city"])


def candidates(people: Portraits, person: Ints) -> tuple[Ints, Ints]:
    """Return the pairs that are compared, left before right, in order; none within one person."""
    found = [np.zeros(0, dtype=np.int64)]
    for n, key in enumerate(keys(people)):
        left, right = _pairs(key, n)
        apart = person[left] != person[right]
        found.append(np.unique(left[apart] * people.count + right[apart]))
    pairs = np.unique(np.concatenate(found))
    return pairs // max(people.count, 1), pairs % max(people.count, 1)


def _pairs(key: Ints, n: int) -> tuple[Ints, Ints]:
    known = np.flatnonzero(key >= 0)
    _, number, size = np.unique(key[known], return_inverse=True, return_counts=True)
    sizes, blocks = np.unique(size, return_counts=True)
    made = np.cumsum(blocks * sizes * (sizes - 1) // 2)
    largest = sizes[(made <= (max(PAIRS_A_PROFILE * len(key), FEWEST_PAIRS) if n < 18 else FEWEST_PAIRS)) & (sizes <= LARGEST_BLOCK)].max(initial=1)
    known = known[(size[number] > 1) & (size[number] <= largest)]
    order = known[np.argsort(key[known], kind="stable")]
    left, right = pairs_within(key[order])
    return order[left], order[right]


def _both(one: Ints, other: Ints, known: Bools | None = None) -> Ints:
    known = (one >= 0) & (other >= 0) if known is None else known
    return np.where(known, one * (int(other.max(initial=0)) + 1) + other, -1)


def _through(numbers: Ints, of: Ints) -> Ints:
    return np.where(numbers < 0, -1, of[numbers]) if len(of) else numbers


def _shortened(texts: Texts, shorten: Callable[[str], str]) -> Ints:
    """A number for what each distinct text is shortened to, -1 where nothing is left."""
    short = np.array([shorten(text) for text in texts.tolist()], dtype=str)
    if not len(short):
        return np.zeros(0, dtype=np.int64)
    numbers = np.unique(short, return_inverse=True)[1].astype(np.int64)
    return np.where(short == "", -1, numbers)


_FORMAL = {form: formal for formal in sorted(NICKNAMES, reverse=True) for form in NICKNAMES[formal]}


def _formal(word: str) -> str:
    return _FORMAL.get(word, word)


def _sound(word: str) -> str:
    """The consonants of a name, doubles once."""
    kept = word[:1] + "".join(letter for letter in word[1:] if letter not in "aeiouyhw ")
    return "".join(a for a, b in zip(kept, kept[1:] + " ", strict=True) if a != b)[:5]
