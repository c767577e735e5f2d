"""Messages: what became of each; of those nobody knows of somebody says what was found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.errors import RegularsError
from regulars.pipeline.unclear import FOLLOWS, rule_message
from regulars.storage.book.audit import Changed
from regulars.storage.book.message_list import Wanted
from regulars.storage.book.messages import MessageState
from regulars.web.api.messages import MessageRow, message_row
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, PageForm, Visit

ROWS = 50
STATES: Mapping[MessageState, tuple[str, str]] = {
    "sent": ("done", "sent"), "planned": ("running", "waits"), "deferred": ("running", "put off"),
    "claimed": ("running", "under way"), "unknown": ("warning", "unknown"), "failed": ("failed", "failed"),
    "skipped": ("skipped", "skipped"),
}
"""Of each state its colour and its word."""

RULINGS = tuple(FOLLOWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWish:
    """Which messages."""

    campaign: str | None = None
    occurrence: str | None = None
    state: MessageState | None = None
    variant: str | None = None
    customer_id: str | None = None
    reason: str | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesView:
    """Messages in the order of their ids."""

    title: str
    sentence: str
    wish: MessageWish
    chosen: tuple[tuple[str, str], ...]      # parameter and words of everything that narrows the list
    campaigns: tuple[str, ...]               # that were ever planned, messages of flows too
    rows: tuple[MessageRow, ...]
    next: str | None
    words: Mapping[MessageState, tuple[str, str]]


def messages_page(visit: Visit) -> MessagesView:
    """Return messages, also before the first run."""
    book, wish = visit.workspace.book, visit.query
    wanted = Wanted(**{name: getattr(wish, name) for name in Wanted.__slots__ if name != "address"})
    found = book.message_list.page(wanted, limit=ROWS + 1, after=place_in(visit.after, tuple[str, str]))
    shown = page_of(
        [{"it": one} for one in found], limit=ROWS, row=lambda row: message_row(row["it"]),
        place=lambda row: (row["it"].campaign_id, row["it"].customer_id),
    )
    return MessagesView(
        title="Messages", sentence=_sentence(wish, len(shown.items), is_more=shown.next is not None), wish=wish,
        chosen=tuple(_chosen(wish)), campaigns=tuple(book.campaigns.names("")), rows=tuple(shown.items),
        next=shown.next, words=STATES,
    )


def _sentence(wish: MessageWish, shown: int, *, is_more: bool) -> str:
    if not shown:
        return "No message is like that." if _chosen(wish) else "Nothing was planned yet: messages stand here then."
    number = f"The first {shown:,}" if is_more and wish.cursor is None else f"{shown:,}"
    if wish.state == "unknown":
        return f"{number} of which nobody knows whether they went: none is sent again unless somebody says so."
    return f"{number} {'message' if shown == 1 else 'messages'}."


def _chosen(wish: MessageWish) -> list[tuple[str, str]]:
    told = [
        ("campaign", wish.campaign and f"of {wish.campaign}"), ("occurrence", wish.occurrence),
        ("state", wish.state and STATES[wish.state][1]), ("variant", wish.variant and f"variant {wish.variant}"),
        ("customer_id", wish.customer_id and f"to {wish.customer_id}"), ("reason", wish.reason and f"“{wish.reason}”"),
    ]
    return [(name, words) for name, words in told if words]


def _ruled(visit: Visit, said: Mapping[str, str]) -> str:
    workspace, message_id, reason = visit.workspace, visit.path["message_id"], said.get("reason", "").strip()[:500]
    ruling = next((each for each in RULINGS if each == said.get("ruling")), None)
    if ruling is None or not reason:
        raise RegularsError("a ruling has a reason: where was it looked, and what was found")
    now = workspace.clock.now()
    rule_message(workspace.book, message_id, ruling, by=visit.visitor.name, reason=reason, at=now)
    workspace.book.audit.add(Changed(
        at=now, by=visit.visitor.name, what=f"message.{ruling}", subject=message_id, request_id=visit.request_id,
    ))
    return "/messages?state=unknown"


PAGE = DashboardPage(
    name="messages", path="/messages", section="campaigns", template="messages.html", view=messages_page,
    query=MessageWish, needs_run=False, csv=lambda view: csv_of(view.rows, Page[MessageRow]),
)

FORMS = (
    PageForm(name="message.ruling", path="/messages/{message_id}/ruling", page=PAGE, may="send", act=_ruled),
)
