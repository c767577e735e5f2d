"""Words as ideas: each word of a reply becomes one sign for all it may mean, so that one rule reads every language.

A rule is a regular expression whose atoms are words instead of letters: `<cease> <link>{0,6} <sent>` finds "stop all
those texts", "dejen de mandar mensajes" and "arretez vos sms". `<idea>` is any word of that idea, `<idea.fr>` a
French one, a bare word is itself
(`opt~` is any word that begins so), `_` is any word, `/` is the end of a clause; the rest is as in `re`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

CLAUSE = "|"
"""What parts clauses, as a word and as its sign."""

UNKNOWN = "<unknown>"
"""The idea of words that have none."""

_FIRST_SIGN = 0x4E00                         # thousands of signs in a row, none of which means anything to `re`
_ATOM = re.compile(
    r"\(\?<?[=!:]|\{[\d,]+\}|<(?P<idea>\w+(?:\.\w\w)?)>|(?P<word>[a-z0-9]+~?)|(?P<any>_)|(?P<clause>/)|\s+|."
)
_SHORTEST_MEANT = 6                          # letters; shorter words are too often a letter from another
_REMEMBERED = 50_000                         # words; people use fewer, and a flood of junk must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """Words of one language that mean the same to a rule."""

    name: str
    language: str                            # en, es, fr, pt
    words: frozenset[str]                    # folded; `opt~` is every word that begins so
    is_misspelt: bool                        # whether a slip of one letter in a long word is still that word


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """What each word may mean, and the sign for it."""

    meanings: dict[str, frozenset[str]]      # by word, also `opt~`: its ideas, and itself where a rule names it
    languages: dict[str, tuple[str, ...]]    # by sign
    nearly: dict[str, tuple[str, ...]]       # by what is left of a word without one letter: which words that may be
    real: frozenset[str]                     # words that are no slip of another
    signs: dict[frozenset[str], str]
    known: dict[str, str] = field(default_factory=dict)     # signs found before, by word

    def read(self, words: list[str]) -> str:
        """Return words as signs, one for each."""
        known = self.known
        return "".join([known.get(word) or self._learn(word) for word in words])

    def language(self, signs: str) -> str:
        """Return the language that most words of a reply are of, English when none is."""
        votes = Counter(language for sign in signs for language in self.languages.get(sign, ()))
        return max(votes, key=lambda language: (votes[language], language == "en", language), default="en")

    def entry(self, word: str) -> str | None:
        """Return the entry a word is read as: itself, a beginning, or a word that it is a slip of."""
        if word in self.meanings:
            return word
        for end in range(len(word), 0, -1):
            if (beginning := f"{word[:end]}~") in self.meanings:
                return beginning
        if word in self.real or len(word) < _SHORTEST_MEANT - 1:
            return None
        # A letter wrong, missing, added or moved: without one letter each both are equal. The first letter is right.
        candidates = {near for left in _lessened(word) for near in self.nearly.get(left, ()) if near[0] == word[0]}
        return min(candidates, default=None)

    def compiled(self, rule: str) -> re.Pattern[str]:
        """Return a rule as a pattern over signs.

        Raises ValueError for an idea that no word has.
        """
        return re.compile("".join(self._atom(atom) for atom in _ATOM.finditer(rule)))

    def _atom(self, atom: re.Match[str]) -> str:
        if atom["any"]:
            return rf"[^\{CLAUSE}]"
        if atom["clause"]:
            return rf"\{CLAUSE}"
        wanted = atom["word"] or (f"<{atom['idea']}>" if atom["idea"] else None)
        if wanted is None:
            return atom[0].strip()
        having = "".join(sign for meaning, sign in self.signs.items() if wanted in meaning)
        if not having:
            raise ValueError(f"no word has the idea {wanted!r}")
        return f"[{having}]"

    def _learn(self, word: str) -> str:
        entry = self.entry(word)
        sign = CLAUSE if word == CLAUSE else self.signs[self.meanings[entry] if entry else frozenset((UNKNOWN,))]
        if len(self.known) < _REMEMBERED:
            self.known[word] = sign
        return sign


def lexicon(ideas: Iterable[Idea], *, rules: Iterable[str], real: frozenset[str]) -> Lexicon:
    """Return the lexicon of ideas, and of the words that rules name."""
    told = list(ideas)
    meanings = _meanings(told, rules)
    distinct = sorted({frozenset((UNKNOWN,)), *meanings.values()}, key=sorted)
    signs = {meaning: chr(_FIRST_SIGN + number) for number, meaning in enumerate(distinct)}
    spoken = sorted({idea.language for idea in told})
    return Lexicon(
        meanings=meanings, nearly=_nearly(told), real=real, signs=signs,
        languages={
            sign: tuple(language for language in spoken if any(name.endswith(f".{language}>") for name in meaning))
            for meaning, sign in signs.items()
        },
    )


def conjugated(word: str, endings: dict[str, list[str]]) -> Iterable[str]:
    """Return every form of a word: `mand-ar` with the endings called `ar`, or the word itself."""
    stem, _, called = word.partition("-")
    return [stem + ending for ending in endings[called]] if called else [stem]


def _meanings(ideas: Iterable[Idea], rules: Iterable[str]) -> dict[str, frozenset[str]]:
    own: dict[str, set[str]] = defaultdict(set)
    for idea in ideas:
        for word in idea.words:
            own[word] |= {f"<{idea.name}>", f"<{idea.name}.{idea.language}>"}
    for rule in rules:
        for atom in _ATOM.finditer(rule):
            if atom["word"]:
                own[atom["word"]].add(atom["word"])
    beginnings = [word for word in own if word.endswith("~")]
    return {
        word: frozenset(names.union(*(own[other] for other in beginnings if word.startswith(other[:-1]))))
        for word, names in own.items()
    }


def _nearly(ideas: Iterable[Idea]) -> dict[str, tuple[str, ...]]:
    nearly: dict[str, set[str]] = defaultdict(set)
    for idea in ideas:
        for word in idea.words:
            if idea.is_misspelt and len(word) >= _SHORTEST_MEANT:
                for left in _lessened(word):
                    nearly[left].add(word)
    return {left: tuple(sorted(found)) for left, found in nearly.items()}


def _lessened(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1:] for at in range(len(word)))}
