"""What a reply means for permission: an opt-out, an opt-in, a call for help, something a person must read, or none.

A command alone is a command, with or without courtesy and slips of the finger. Other wording is an opt-out when a
reasonable person would read it as one; kept phrases (a bus stop, "please don't stop") are taken out first, so that no
other rule finds a command in them. An opt-in is a command or a whole sentence, never a word inside another.
What could be an opt-out and need not be is suppressed until a person has read it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from regulars.consent.lexicon import CLAUSE
from regulars.consent.wording import Wording, Words, read_words

Kind = Literal["opt_out", "opt_in", "help", "ambiguous", "none"]

_TAPBACK = re.compile(
    r"^\s*(liked|loved|laughed at|emphasi[sz]ed|disliked|questioned|reacted .{1,8} to|removed .{1,20} from|"
    r"le gusto|le encanto|me gusta|a aime|a adore)\s*[“”\"«].*", re.IGNORECASE | re.DOTALL,
)
_STRONG = frozenset({
    "stop", "stopall", "stop all", "unsubscribe", "unsub", "optout", "opt out", "revoke", "remove", "delete",
})
"""Commands that are meant also as a clause among others; `cancel` or `end` may be about something that was booked."""

LONGEST = 1600
"""Signs of a reply that are read: ten text messages; what matters is not said behind them."""

_LONGEST_COMMAND = 12                        # words, with all courtesy around it
_FUN = "😂🤣😆😹😜😅"
_WORD_OR_STOP = re.compile(r"[^\W_]+|[.!?;:,\n\r…—|][\W_]*")
_ELIDED = re.compile(r"(?<=\w)'(?=\w)")
_ELISION = re.compile(r"\b([mndljtsc]|qu)'(?=[aeiouyh])")
_SPELLED = re.compile(r"\b\w(?:[. \-]+\w\b){2,}")                              # s.t.o.p, s t o p
_STRETCHED = re.compile(r"([a-z])\1{2,}")                                        # stooop
_AS_WORDS = str.maketrans({
    "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{OCTAGONAL SIGN}": " stop ", "\N{NO ENTRY}": " stop ",
    "\N{REVERSED HAND WITH MIDDLE FINGER EXTENDED}": " fuck you ",
})
_NEUTRAL = "."                               # the sign of no idea: what was taken out


@cache
def _known() -> Words:
    """Return the words; read when the first reply is, because that takes half a second."""
    return read_words()


def prepare() -> None:
    """Read the words now, where the first reply is not to wait for them."""
    _mistakable()
    _wordings()


@cache
def _wordings(*kinds: Kind) -> list[Wording]:
    return [rule for rule in _known().wordings if rule.kind in kinds]


@cache
def _mistakable() -> list[tuple[str, frozenset[str], int]]:
    """Return the commands of which a slip is one too: their letters, and how many slips may be in them."""
    outs = [command for command, (kind, _) in _known().commands.items() if kind == "opt_out" and " " not in command]
    return [(command, frozenset(command), 2 if len(command) >= 9 else 1) for command in outs if len(command) >= 4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply means, and which rule says so."""

    kind: Kind
    reason: str                              # a sentence for the person who asks why
    found: str = ""                          # the words that decided, folded
    language: str = ""                       # en, es, fr, pt; empty when none applied


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A reply as rules read it."""

    text: str                                # as it came
    words: list[str]                         # folded
    signs: str                               # of the lexicon, one for each word

    def found(self, hit: re.Match[str]) -> str:
        return " ".join(self.words[hit.start():hit.end()]).strip(" |")

    @property
    def is_fun(self) -> bool:
        return bool(_known().joking.search(self.signs)) or any(sign in self.text for sign in _FUN)


def read_reply(text: str | None, *, is_confirming: bool = False) -> Reading:
    """Return what a reply means.

    Args:
        text: As it came.
        is_confirming: Whether the sender is opted out, or was just asked whether to be written to: only then is a plain
            "yes" an opt-in.

    """
    if text is None or not text.strip():
        return Reading(kind="none", reason="nothing was written")
    if _TAPBACK.match(text):
        return Reading(kind="none", reason="a reaction that quotes our own message")
    words = folded(text)
    if not words:
        return Reading(kind="none", reason="no words, only signs")
    said = _Said(text=text, words=words, signs=_known().lexicon.read(words))
    if automatic := _known().not_meant_for_us.search(said.signs):
        return Reading(kind="none", reason="an automatic answer, or our own words quoted", found=said.found(automatic))
    return (
        _command(said, is_confirming=is_confirming)
        or _worded(said, is_confirming=is_confirming)
        or Reading(kind="none", reason="nothing in it speaks of being written to")
    )


def folded(text: str) -> list[str]:
    """Return the words of a text as rules read them: lower case, no accents, no apostrophes; `|` parts clauses."""
    plain = text[:LONGEST].replace("`", "'")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.translate(_AS_WORDS))
        plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = plain.casefold()
    if "'" in plain:
        plain = _ELIDED.sub("", _ELISION.sub(r"\1 ", plain))
    plain = re.sub(r"\$(?=[a-z])", "s", plain) if "$" in plain else plain      # $top
    plain = _SPELLED.sub(lambda letters: re.sub(r"\W", "", letters[0]), plain)
    if "0" in plain:
        plain = re.sub(r"(?<=[a-z])0(?=[a-z])", "o", plain)                     # st0p
    if "subscri" in plain:
        plain = re.sub(r"\bun[ -]subscri", "unsubscri", plain)
    words = [word if word[0].isalnum() else CLAUSE for word in _WORD_OR_STOP.findall(_STRETCHED.sub(r"\1", plain))]
    first, behind = words[:1] == [CLAUSE], words[-1:] == [CLAUSE]
    return words[int(first):len(words) - int(behind)]


def _command(said: _Said, *, is_confirming: bool) -> Reading | None:
    """Read a reply that is nothing but a command, courtesy aside."""
    words = _bare(said.words, said.signs)
    kind, language = _known().commands.get(words, (None, ""))
    if kind is None and (meant := _meant(words)) is not None:
        kind, language = "opt_out", _known().commands[meant][1]
    if kind == "opt_out" and said.text.rstrip(" !.)\"'").endswith("?"):
        return Reading(kind="ambiguous", reason="a command put as a question", found=words, language=language)
    if kind == "opt_out" and words not in _STRONG and said.is_fun:
        return Reading(kind="ambiguous", reason="a command, but perhaps in fun", found=words, language=language)
    if kind is not None:
        return Reading(kind=kind, reason=f"the command {words!r}", found=words, language=language)
    return _plain_word(words, " ".join(said.words), is_confirming=is_confirming)


def _plain_word(words: str, whole: str, *, is_confirming: bool) -> Reading | None:
    """Read a reply that is a plain yes or no."""
    if words in _known().unwilling or whole in _known().unwilling:
        return Reading(kind="ambiguous", reason="unwilling, but not clearly about all messages", found=words)
    if words not in _known().confirming:
        return None
    if is_confirming:
        return Reading(kind="opt_in", reason=f"{words!r} to the question whether to be written to", found=words)
    return Reading(kind="none", reason=f"{words!r} is an opt-in only when one was asked for", found=words)


def _bare(words: list[str], signs: str) -> str:
    """Return words without courtesy and repetition; nothing of what is too long to be a command."""
    if len(words) > _LONGEST_COMMAND:
        return ""
    kept = words
    if hits := [hit.span() for hit in _known().courtesy.finditer(signs)]:
        polite = {at for first, behind in hits for at in range(first, behind)}
        kept = [word for at, word in enumerate(words) if at not in polite]
    return " ".join(word for word, _ in groupby(word for word in kept if word != CLAUSE))


def _meant(word: str) -> str | None:
    """Return the opt-out command that one word is a slip of; None when it is a word of its own."""
    if " " in word or word in _known().real or len(word) < 3:
        return None
    letters = frozenset(word)
    for command, theirs, slips in _mistakable():
        # A slip changes two letters of the set at most: most commands are ruled out without counting.
        if len(letters ^ theirs) > 2 * slips or abs(len(word) - len(command)) > slips:
            continue
        if _slips(word, command) <= slips:
            return command
    return None


def _slips(one: str, other: str) -> int:
    """Return how many letters are wrong, missing, added or swapped (optimal string alignment)."""
    before, row = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        now = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (mine != theirs))
            if i > 1 and j > 1 and mine == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]


def _worded(said: _Said, *, is_confirming: bool) -> Reading | None:
    """Read a reply in sentences: opt-outs first, then what only a person can tell, then opt-ins and help."""
    kept = _known().kept.sub(lambda hit: _NEUTRAL * len(hit[0]), said.signs)
    if (found := _first(kept, _wordings("opt_out"))) is not None:
        return _wish(said, kept, *found)
    if alone := _command_in_a_clause(said, kept):
        return alone
    # Opt-ins and calls for help are whole sentences: what was taken out of one belongs to it.
    whole = [rule for rule in _wordings("opt_in", "help") if is_confirming or not rule.needs_question]
    other = _first(kept, _wordings("ambiguous")) or _first(said.signs, whole)
    if other is None:
        return None
    rule, hit = other
    language = _known().lexicon.language(said.signs)
    return Reading(kind=rule.kind, reason=rule.reason, found=said.found(hit), language=language)


def _wish(said: _Said, kept: str, rule: Wording, hit: re.Match[str]) -> Reading:
    """Return a wish to be left alone as it stands, or as a person must read it."""
    kind, reason = rule.kind, rule.reason
    if _known().taken_back.search(said.signs):
        kind, reason = "ambiguous", "taken back in the same breath"
    elif rule.may_be_fun and said.is_fun:
        kind, reason = "ambiguous", f"{rule.reason}, but perhaps in fun"
    elif rule.may_be_limited and (limit := _known().limited.search(kept)):
        kind, reason = "ambiguous", f"{rule.reason}, but only {said.found(limit)!r}"
    return Reading(kind=kind, reason=reason, found=said.found(hit), language=_known().lexicon.language(said.signs))


def _first(signs: str, rules: list[Wording]) -> tuple[Wording, re.Match[str]] | None:
    for rule in rules:
        for hit in rule.pattern.finditer(signs):
            if not _known().about_other_things.match(signs, hit.end()):
                return rule, hit
    return None


def _command_in_a_clause(said: _Said, kept: str) -> Reading | None:
    """Read a clause that is a command among others that are not: `not interested, please stop`."""
    behind = 0
    for clause in kept.split(CLAUSE):
        own = said.words[behind:behind + len(clause)]
        behind += len(clause) + 1
        words = _bare(own, clause) if _NEUTRAL not in clause else ""
        kind, language = _known().commands.get(words, ("none", ""))
        if kind != "opt_out":
            continue
        if said.is_fun:
            return Reading(kind="ambiguous", reason="a command, but perhaps in fun", found=words, language=language)
        if _known().asked_about.search(said.signs):
            return Reading(kind="ambiguous", reason="a command within a question", found=words, language=language)
        if words in _STRONG:
            return Reading(kind="opt_out", reason=f"the command {words!r} in a clause", found=words, language=language)
        return Reading(
            kind="ambiguous", reason=f"{words!r} may be about something else", found=words, language=language
        )
    return None
