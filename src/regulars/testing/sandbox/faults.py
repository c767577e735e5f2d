"""What can go wrong at a vendor, on purpose and the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from regulars.connectors.sandbox import Answer

FaultKind = Literal[
    "status", "cut", "lost", "slow", "html", "broken_json", "short_page", "lost_page", "repeated_page", "future"
]
"""`cut`: the answer breaks off, and what was asked is done. `lost`: the same to the caller, and nothing is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with one request."""

    kind: FaultKind
    status: int = 500                        # of kind status
    retry_after: str | None = None           # of kind status: seconds, or a date
    is_acted_on: bool = False                # of kind status: the vendor does what was asked, and then says this
    seconds: float = 0.0                     # of kind slow: before the answer; of kind future: how far the clock is off


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which requests go wrong: by their number, or by a seeded chance."""

    plan: Mapping[int, Fault] = field(default_factory=dict)   # request number, from 1, among those that match -> fault
    only: str = ""                                            # part of the path; "": every request
    chance: float = 0.0                                       # share of the other matching requests that go wrong ...
    kinds: tuple[Fault, ...] = ()                             # ... in one of these ways
    seed: int = 0

    def of(self, number: int) -> Fault | None:
        """Return what goes wrong with the request of that number; the same each time it is asked."""
        if number in self.plan:
            return self.plan[number]
        chance = Random(self.seed * 1_000_003 + number)  # noqa: S311  # repeatable on purpose
        if not self.kinds or chance.random() >= self.chance:
            return None
        return chance.choice(self.kinds)


def spoiled(answer: Answer, fault: Fault, *, previous: Answer | None) -> Answer:  # noqa: PLR0911  # one per kind
    """Return an answer as a fault leaves it; `previous` is the last one that the same path gave."""
    match fault.kind:
        case "status":
            return Answer(body=b'{"error":{"message":"injected fault"}}', status=fault.status)
        case "html":
            return Answer(body=b"<!doctype html><html><title>Maintenance</title></html>")
        case "broken_json":
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        case "short_page":
            return _with_items(answer, keep=0.5)
        case "lost_page":
            return _with_items(answer, keep=0.0)
        case "repeated_page":
            return previous or answer
        case _:
            return answer


def _with_items(answer: Answer, *, keep: float) -> Answer:
    """Return a page that lost records, while what it says of the whole stays."""
    if answer.items is None:
        return answer
    page = json.loads(answer.body)
    items = page.get(answer.items, [])
    page[answer.items] = items[: int(len(items) * keep)]
    return replace(answer, body=json.dumps(page).encode())
