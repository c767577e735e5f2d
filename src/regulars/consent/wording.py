"""The words of `wording.toml` as rules: commands, courtesy, kept phrases, and every way of saying a wish."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from regulars.consent.lexicon import Idea, Lexicon, conjugated, lexicon

WordingKind = Literal["opt_out", "opt_in", "help", "ambiguous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One way of saying it."""

    kind: WordingKind
    reason: str                              # a claim, for the person who asks why
    pattern: re.Pattern[str]                 # over signs of the lexicon
    needs_question: bool                     # an opt-in only where one was asked for
    may_be_limited: bool                     # to hours, ways or topics; who wants off the list wants off it
    may_be_fun: bool                         # a bare "stop it", which people also say when they laugh


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything in the file; words as `keyword.folded` leaves them, patterns over the signs of the lexicon."""

    lexicon: Lexicon
    commands: dict[str, tuple[WordingKind, str]]     # what a whole reply asks for, and its language
    confirming: frozenset[str]               # an opt-in when one was asked for
    unwilling: frozenset[str]                # perhaps of one offer only
    real: frozenset[str]                     # words one slip from a command that mean themselves
    courtesy: re.Pattern[str]                # what may stand around a command
    kept: re.Pattern[str]                    # phrases with a command's word and none of its wish
    about_other_things: re.Pattern[str]      # what follows a wish about something one buys or attends
    limited: re.Pattern[str]                 # a wish of hours, ways or topics
    joking: re.Pattern[str]
    taken_back: re.Pattern[str]              # said, and not meant
    asked_about: re.Pattern[str]
    not_meant_for_us: re.Pattern[str]
    wordings: tuple[Wording, ...]            # in the order in which they are looked for


def read_words() -> Words:
    """Return the words of the package's file."""
    told = tomllib.loads((files("regulars.consent") / "wording.toml").read_text(encoding="utf-8"))
    parts = told["parts"]
    rules = {name: _joined(parts, alternatives) for name, alternatives in told["rules"].items()}
    wishes = [(entry, _joined(parts, entry["rules"])) for entry in told["wording"]]
    words = {name: frozenset(_listed(text)) for name, text in told["words"].items()}
    known = lexicon(_ideas(told), rules=[*rules.values(), *(rule for _, rule in wishes)], real=words["real"])
    return Words(
        lexicon=known,
        commands={
            command: (kind, language)
            for kind, languages in told["commands"].items()
            for language, text in languages.items()
            for command in _listed(text)
        },
        confirming=words["confirming"], unwilling=words["unwilling"], real=words["real"],
        wordings=tuple(
            Wording(
                kind=entry["kind"], reason=entry["reason"], needs_question=entry.get("needs_question", False),
                may_be_limited=entry.get("may_be_limited", False),
                may_be_fun=entry.get("may_be_fun", False), pattern=known.compiled(rule),
            )
            for entry, rule in wishes
        ),
        **{name: known.compiled(rule) for name, rule in rules.items()},
    )


def _ideas(told: dict[str, Any]) -> Iterator[Idea]:
    endings = {name: _listed(text) for name, text in told["endings"].items()}
    misspelt = _listed(told["words"]["misspelt"])
    for language, ideas in told["ideas"].items():
        for name, text in ideas.items():
            forms = frozenset(form for word in _listed(text) for form in conjugated(word, endings))
            yield Idea(name=name, language=language, words=forms, is_misspelt=name in misspelt)


def _joined(parts: dict[str, str], alternatives: Iterable[str]) -> str:
    """Return alternatives as one rule, with `<name>` replaced by that part."""
    rule = "|".join(alternatives)
    for name, part in reversed(parts.items()):
        rule = rule.replace(f"<{name}>", part)
    return f"(?:{rule})"


def _listed(text: str) -> list[str]:
    return [" ".join(word.split()) for word in text.split(",") if word.strip()]
