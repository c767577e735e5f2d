"""The words of `wording.toml` as rules: commands, courtesy, kept phrases, and every way of saying a wish."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

WordingKind = Literal["opt_out", "opt_in", "help", "ambiguous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One way of saying it."""

    kind: WordingKind
    language: str                            # en, es, fr, pt
    reason: str                              # a claim, for the person who asks why
    pattern: re.Pattern[str]
    needs_question: bool                     # an opt-in only where one was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything in the file; all of it folded as `keyword.folded` leaves a text."""

    commands: dict[str, tuple[WordingKind, str]]     # what a whole reply asks for, and its language
    confirming: frozenset[str]               # an opt-in when one was asked for
    unwilling: frozenset[str]                # perhaps of one offer only
    courtesy: re.Pattern[str]                # what may stand around a command
    real: frozenset[str]                     # words one slip from a command that mean themselves
    kept: re.Pattern[str]                    # phrases with a command's word and none of its wish
    about_other_things: re.Pattern[str]      # what follows a wish about something one buys or attends
    limited: re.Pattern[str]                 # a wish of hours, ways or topics
    joking: re.Pattern[str]
    asked_about: re.Pattern[str]
    not_meant_for_us: re.Pattern[str]
    wordings: tuple[Wording, ...]            # in the order in which they are looked for


def read_words() -> Words:
    """Return the words of the package's file."""
    told = tomllib.loads((files("regulars.consent") / "wording.toml").read_text(encoding="utf-8"))
    patterns = {name: _whole(told["parts"], alternatives) for name, alternatives in told["patterns"].items()}
    words = {name: _listed(text) for name, text in told["words"].items()}
    return Words(
        commands={
            command: (kind, language)
            for kind, languages in told["commands"].items()
            for language, text in languages.items()
            for command in _listed(text)
        },
        confirming=frozenset(words["confirming"]), unwilling=frozenset(words["unwilling"]),
        courtesy=re.compile(rf"\b(?:{'|'.join(sorted(words['courtesy'], key=len, reverse=True))})\b"),
        real=frozenset(words["real"]),
        wordings=tuple(_wording(told["parts"], entry) for entry in told["wording"]),
        **patterns,
    )


def _wording(parts: dict[str, str], entry: dict[str, Any]) -> Wording:
    return Wording(
        kind=entry["kind"], language=entry["language"], reason=entry["reason"],
        needs_question=entry.get("needs_question", False),
        pattern=re.compile(rf"\b(?:{_filled(parts, entry['patterns'])})"),
    )


def _whole(parts: dict[str, str], alternatives: Iterable[str]) -> re.Pattern[str]:
    return re.compile(f"(?:{_filled(parts, alternatives)})")


def _filled(parts: dict[str, str], alternatives: Iterable[str]) -> str:
    """Return alternatives as one pattern with `<name>` replaced by that part."""
    return re.sub(r"(?<!\?)(?<!P)<(\w+)>", lambda found: parts[found[1]], "|".join(alternatives))


def _listed(text: str) -> list[str]:
    return [" ".join(word.split()) for word in text.split(",")]
