"""What outside systems posted and how far each delivery got; what was given up is tried again from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from regulars.pipeline.webhooks import ATTEMPTS, replay
from regulars.storage.book.audit import Changed
from regulars.storage.book.webhooks import STATES, Queued, State
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.mask import mask_within
from regulars.web.pages.page import DashboardPage, PageForm, Visit

PATH = "/health/webhooks"
ROWS = 50
WORDS: Mapping[State, str] = {"waiting": "waiting", "done": "handed on", "dead": "given up"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryWish:
    """Which deliveries."""

    state: State | None = None               # None: all
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    """How many deliveries are in a state."""

    state: State
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksView:
    """Deliveries, the newest first."""

    title: str
    sentence: str
    state: State | None
    counts: tuple[StateCount, ...]
    rows: tuple[Queued, ...]
    next: str | None
    words: Mapping[State, str]               # for each state


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One delivery; addresses and numbers in what it says are hidden."""

    title: str
    sentence: str
    delivery: Queued
    words: str
    content_type: str
    body: str | None                         # None: it was handed on or erased, and is no longer kept here


def webhooks_page(visit: Visit) -> WebhooksView:
    """Return deliveries, also before the first run."""
    book, wish = visit.workspace.book.webhooks, visit.query
    found = book.counts()
    counts = tuple(
        StateCount(state=state, deliveries=sum(count for (_, of), count in found.items() if of == state))
        for state in STATES
    )
    before = place_in(visit.after, tuple[datetime, str])
    newest = {each.webhook_id: each for each in book.newest(limit=ROWS + 1, state=wish.state, before=before)}
    shown = page_of(
        [{"webhook_id": each} for each in newest], limit=ROWS, row=lambda row: newest[row["webhook_id"]],
        place=lambda row: (newest[row["webhook_id"]].received_at, row["webhook_id"]),
    )
    return WebhooksView(
        title="Webhooks", sentence=_sentence(counts), state=wish.state, counts=counts, rows=tuple(shown.items),
        next=shown.next, words=WORDS,
    )


def delivery_page(visit: Visit) -> DeliveryView:
    """Return one delivery. Raises NotFound."""
    found = visit.workspace.book.webhooks.opened(visit.path["webhook_id"])
    known = {name: getattr(found, name) for name in Queued.__dataclass_fields__}
    return DeliveryView(
        title=f"Delivery {found.webhook_id}", sentence=_stands(found), delivery=Queued(**known),
        words=WORDS[found.state], content_type=found.content_type,
        body=None if found.body is None else mask_within(found.body.decode(errors="replace")),
    )


def _sentence(counts: tuple[StateCount, ...]) -> str:
    many = {each.state: each.deliveries for each in counts}
    if not sum(many.values()):
        return "Nothing was posted yet: deliveries stand here once a source of kind webhook receives one."
    dead = many["dead"]
    given_up = "none was given up" if not dead else f"{dead:,} {'was' if dead == 1 else 'were'} given up"
    return f"{given_up[:1].upper()}{given_up[1:]}; {many['waiting']:,} wait, {many['done']:,} were handed on."


def _stands(found: Queued) -> str:
    tried = f"after {found.attempts} {'attempt' if found.attempts == 1 else 'attempts'}"
    match found.state:
        case "done":
            return f"Handed on {tried}, with {found.news} {'piece' if found.news == 1 else 'pieces'} of news."
        case "dead":
            return f"Given up {tried}: {found.error or 'no reason is known'}."
        case "waiting":
            return f"Waits for its next attempt, of {ATTEMPTS}, {tried}."


def _replayed(visit: Visit, said: Mapping[str, str]) -> str:  # noqa: ARG001  as all forms
    workspace, webhook_id = visit.workspace, visit.path["webhook_id"]
    replay(workspace, webhook_id)
    workspace.book.audit.add(Changed(
        at=workspace.clock.now(), by=visit.visitor.name, what="webhook.replay", subject=webhook_id,
        request_id=visit.request_id,
    ))
    return f"{PATH}/{webhook_id}"


PAGES = (
    DashboardPage(
        name="webhooks", path=PATH, section="health", template="webhooks.html", view=webhooks_page, query=DeliveryWish,
        needs_run=False, csv=lambda view: csv_of(view.rows, Page[Queued]),
    ),
    DashboardPage(
        name="delivery", path=f"{PATH}/{{webhook_id}}", section="health", template="delivery.html",
        view=delivery_page, needs_run=False,
    ),
)

FORMS = (
    PageForm(
        name="delivery.replay", path=f"{PATH}/{{webhook_id}}/replay", page=PAGES[1], may="repair", act=_replayed,
    ),
)
