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
from typing import Literal

from regulars.consent.wording import Wording, read_words

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

_FUN = "😂🤣😆😹😜😅"
_TAKEN_BACK = re.compile(r"\b(?:kidding|joking|jk|en broma|je rigole|je plaisante)\b")
_MARK = " | "
_WORDS = read_words()
_OUTS = [rule for rule in _WORDS.wordings if rule.kind == "opt_out"]
_DOUBTS = [rule for rule in _WORDS.wordings if rule.kind == "ambiguous"]
_WHOLE = [rule for rule in _WORDS.wordings if rule.kind in ("opt_in", "help")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply means, and which rule says so."""

    kind: Kind
    reason: str                              # a sentence for the person who asks why
    found: str = ""                          # the words that decided, folded
    language: str = ""                       # of the rule: en, es, fr, pt; empty when none applied


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
    said = folded(text)
    if not said:
        return Reading(kind="none", reason="no words, only signs")
    if automatic := _WORDS.not_meant_for_us.search(said):
        return Reading(kind="none", reason="an automatic answer, or our own words quoted", found=automatic[0])
    is_question = text.rstrip(" !.)\"'").endswith("?")
    return (
        _command(said, text, is_question=is_question, is_confirming=is_confirming)
        or _worded(said, text, is_confirming=is_confirming)
        or Reading(kind="none", reason="nothing in it speaks of being written to")
    )


def folded(text: str) -> str:
    """Return a text as rules read it: lower case without accents, apostrophes or signs, clauses parted by ` | `."""
    straight = text[:LONGEST].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("`", "'")
    plain = unicodedata.normalize("NFKD", straight).casefold()
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = re.sub(r"(?<=\w)'(?=\w)", "", plain)
    spelled = r"\b\w(?:[. \-]+\w\b){2,}"                                        # s.t.o.p, s t o p
    plain = re.sub(spelled, lambda letters: re.sub(r"\W", "", letters[0]), plain)
    plain = re.sub(r"(?<=[a-z])0(?=[a-z])", "o", plain)                         # st0p
    plain = re.sub(r"([a-z])\1{2,}", r"\1", plain)                              # stooop
    plain = re.sub(r"\bun[ -]subscri", "unsubscri", plain)
    plain = re.sub(r"[.!?;:,\n\r…—|]+", _MARK, plain)
    plain = re.sub(r"[^\w|]+|_", " ", plain)
    plain = re.sub(r"(\| )*\|", "|", " ".join(plain.split()))
    return plain.strip(" |")


def _command(said: str, text: str, *, is_question: bool, is_confirming: bool) -> Reading | None:
    """Read a reply that is nothing but a command, courtesy aside."""
    words = _bare(said)
    kind, language = _WORDS.commands.get(words, (None, ""))
    if kind is None and (meant := _meant(words)) is not None:
        kind, language = "opt_out", _WORDS.commands[meant][1]
    if kind == "opt_out" and is_question:
        return Reading(kind="ambiguous", reason="a command put as a question", found=words, language=language)
    if kind == "opt_out" and words not in _STRONG and _is_fun(said, text):
        return Reading(kind="ambiguous", reason="a command, but perhaps in fun", found=words, language=language)
    if kind is not None:
        return Reading(kind=kind, reason=f"the command {words!r}", found=words, language=language)
    return _plain_word(words, is_confirming=is_confirming)


def _plain_word(words: str, *, is_confirming: bool) -> Reading | None:
    """Read a reply that is a plain yes or no."""
    if words in _WORDS.unwilling:
        return Reading(kind="ambiguous", reason="unwilling, but not clearly about all messages", found=words)
    if words not in _WORDS.confirming:
        return None
    if is_confirming:
        return Reading(kind="opt_in", reason=f"{words!r} to the question whether to be written to", found=words)
    return Reading(kind="none", reason=f"{words!r} is an opt-in only when one was asked for", found=words)


def _bare(said: str) -> str:
    words = _WORDS.courtesy.sub(" ", said.replace("|", " "))
    return re.sub(r"\b(\w+)(?: \1\b)+", r"\1", " ".join(words.split()))


def _meant(word: str) -> str | None:
    """Return the opt-out command that one word is a slip of; None when it is a word of its own."""
    if " " in word or word in _WORDS.real or len(word) < 3:
        return None
    for command, (kind, _) in _WORDS.commands.items():
        slips = 2 if len(command) >= 9 else 1
        if kind == "opt_out" and " " not in command and len(command) >= 4 and _slips(word, command) <= slips:
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


def _worded(said: str, text: str, *, is_confirming: bool) -> Reading | None:
    """Read a reply in sentences: opt-outs first, then what only a person can tell, then opt-ins and help."""
    kept = " ".join(_WORDS.kept.sub(" ", said).split())
    found = _first(kept, _OUTS)
    if found is not None:
        rule, words = found
        if _TAKEN_BACK.search(said):
            reason = "taken back in the same breath"
            return Reading(kind="ambiguous", reason=reason, found=words, language=rule.language)
        if limit := _WORDS.limited.search(kept):
            return Reading(
                kind="ambiguous", reason=f"{rule.reason}, but only {limit[0].strip()!r}", found=words,
                language=rule.language,
            )
        return Reading(kind="opt_out", reason=rule.reason, found=words, language=rule.language)
    if alone := _command_in_a_clause(kept, text):
        return alone
    # Opt-ins and calls for help are whole sentences: what was taken out of one belongs to it.
    other = _first(kept, _DOUBTS) or _first(said, [rule for rule in _WHOLE if is_confirming or not rule.needs_question])
    if other is None:
        return None
    rule, words = other
    return Reading(kind=rule.kind, reason=rule.reason, found=words, language=rule.language)


def _is_fun(said: str, text: str) -> bool:
    return bool(_WORDS.joking.search(said)) or any(sign in text for sign in _FUN)


def _first(said: str, rules: list[Wording]) -> tuple[Wording, str] | None:
    for rule in rules:
        if (hit := rule.pattern.search(said)) and not _WORDS.about_other_things.match(said[hit.end():]):
            return rule, hit[0].strip()
    return None


def _command_in_a_clause(said: str, text: str) -> Reading | None:
    """Read a clause that is a command among others that are not: `not interested, please stop`."""
    clauses = [words for clause in said.split("|") if (words := _bare(clause))]
    for words in clauses:
        kind, language = _WORDS.commands.get(words, ("none", ""))
        if kind != "opt_out":
            continue
        if _is_fun(said, text):
            return Reading(kind="ambiguous", reason="a command, but perhaps in fun", found=words, language=language)
        if _WORDS.asked_about.search(said):
            return Reading(kind="ambiguous", reason="a command within a question", found=words, language=language)
        if words in _STRONG:
            return Reading(kind="opt_out", reason=f"the command {words!r} in a clause", found=words, language=language)
        return Reading(
            kind="ambiguous", reason=f"{words!r} may be about something else", found=words, language=language
        )
    return None
