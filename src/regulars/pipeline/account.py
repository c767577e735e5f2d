"""The account of a campaign: where each of its messages is, so that nothing is lost between planned and sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from regulars.campaigns.campaign import State, may_move
from regulars.clock import Clock, SystemClock
from regulars.config import HOME
from regulars.errors import GuardError, NotFound
from regulars.pipeline.campaign import campaign_of
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.audit import Changed
from regulars.storage.book.campaigns import Counted, Occurrence

WAITING = ("planned", "deferred", "claimed")
ENDED = ("sent", "failed", "skipped", "unknown")
"""Where a message ends; an unknown one may still turn out to be one of the others."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A project and its book: all that whoever sends or watches needs, so that it is open at once."""

    project: Project
    book: Book
    clock: Clock

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None) -> Self:
        """Open a project's desk. Raises DeclarationError with everything that is wrong in its files."""
        project = Project.load(folder)
        (folder / HOME).mkdir(parents=True, exist_ok=True)
        book = Book.open(project.config.stores.book, home=folder / HOME)
        return cls(project=project, book=book, clock=clock or SystemClock())

    def latest(self, name: str) -> Occurrence:
        """Return the latest occurrence of a campaign. Raises NotFound for one that was never planned."""
        campaign_of(self.project, name)
        return latest(self.book, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.book.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Every message of one occurrence, in exactly one place."""

    occurrence: Occurrence
    planned: int                             # people of the audience
    sent: int
    failed: int
    skipped: int
    unknown: int
    waiting: int                             # not dealt with yet
    reasons: list[tuple[str, str, int]]      # state, reason, messages
    variants: list[tuple[str, str, int]]     # variant, state, messages
    stages: dict[str, int]                   # what receipts told: messages that reached a stage

    @property
    def is_balanced(self) -> bool:
        """Return whether every message is accounted for."""
        return self.planned == self.sent + self.failed + self.skipped + self.unknown + self.waiting

    def plain(self) -> dict[str, Any]:
        """Return the account as JSON has it."""
        return asdict(self) | {"is_balanced": self.is_balanced}


def account(book: Book, one: Occurrence, *, tally: Iterable[Counted] | None = None) -> Account:
    """Return the account of an occurrence as it stands; `tally`: of its messages, by whoever has it already."""
    counts: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    variants: Counter[tuple[str, str]] = Counter()
    for variant, state, reason, number in book.campaigns.tally(one.campaign_id) if tally is None else tally:
        counts[state] += number
        variants[variant, state] += number
        if reason is not None:
            reasons[state, reason] += number
    return Account(
        occurrence=one, planned=counts.total(), **{name: counts[name] for name in ENDED},
        waiting=sum(counts[name] for name in WAITING),
        reasons=sorted(((*why, number) for why, number in reasons.items()), key=lambda row: (-row[2], row[0], row[1])),
        variants=sorted((*which, number) for which, number in variants.items()),
        stages=book.campaigns.stages(one.campaign_id),
    )


def latest(book: Book, name: str) -> Occurrence:
    """Return the latest occurrence of a campaign. Raises NotFound for one that was never planned."""
    found = book.campaigns.occurrences(name)
    if not found:
        raise NotFound(f"{name} was not sent yet", hint=f"regulars campaign plan {name}")
    return found[0]


def change_state(book: Book, one: Occurrence, to: State, *, at: datetime, reason: str | None = None) -> Occurrence:
    """Pause, resume or stop an occurrence; it holds from the next batch on.

    Raises GuardError for a move that its state does not allow.
    """
    before = book.campaigns.move(one.campaign_id, to, at=at, reason=reason)
    if not may_move(before, to):
        raise GuardError(
            f"{one.campaign} is {before}: it cannot become {to}", hint=f"regulars campaign results {one.campaign}"
        )
    return latest(book, one.campaign)


def move(desk: Desk, name: str, to: State, *, by: str, reason: str | None = None) -> Occurrence:
    """Pause, resume or stop the latest occurrence of a campaign, and write down who did; see `change_state`."""
    one, now = desk.latest(name), desk.clock.now()
    after = change_state(desk.book, one, to, at=now, reason=reason)
    desk.book.audit.add(Changed(
        at=now, by=by, what=f"campaign.{to}", subject=f"{name}/{one.occurrence}", before=one.state, after=to
    ))
    return after
