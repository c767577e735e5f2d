"""Replies: those that may be opt-outs and wait for a person, then everything that people answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from regulars.campaigns.sentiment import Mood
from regulars.errors import RegularsError
from regulars.pipeline.consent import settle
from regulars.storage.book.audit import Changed
from regulars.storage.book.consent import Verdict
from regulars.web.api.consent import ReviewLine, review_line
from regulars.web.api.messages import ReplyRow, reply_row
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, PageForm, Visit

PATH = "/replies"
ROWS = 50
WAITING = 20
"""Replies that wait of which so many are shown at once, the oldest first."""

MOODS: Mapping[str, tuple[str, str]] = {
    "positive": ("done", "yes"), "negative": ("failed", "no"), "neutral": ("skipped", "neither"),
    "unknown": ("skipped", "cannot be told"),
}
FOLLOWED: Mapping[str, str] = {
    "opted_out": "opted out", "already_opted_out": "had opted out before", "opted_in": "opted in",
    "already_opted_in": "had opted in before", "help": "was helped", "review": "waited for a person",
    "none": "nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWish:
    """Which replies."""

    campaign: str | None = None
    mood: Mood | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliesView:
    """What waits, and what was answered, the newest first."""

    title: str
    sentence: str
    wish: ReplyWish
    waits: int
    reviews: tuple[ReviewLine, ...]          # of those that wait, the oldest
    moods: tuple[str, ...]
    words: Mapping[str, tuple[str, str]]     # of each mood its colour and word
    followed: Mapping[str, str]
    rows: tuple[ReplyRow, ...]
    next: str | None


def replies_page(visit: Visit) -> RepliesView:
    """Return replies, also before the first run."""
    book, wish = visit.workspace.book, visit.query
    found = book.replies.page(
        limit=ROWS + 1, campaign=wish.campaign, mood=wish.mood,
        before=place_in(visit.after, tuple[datetime, str, str]),
    )
    shown = page_of(
        [{"it": one} for one in found], limit=ROWS, row=lambda row: reply_row(row["it"]),
        place=lambda row: (row["it"].reply.at, row["it"].reply.provider, row["it"].reply.provider_id),
    )
    waits = book.consent.waiting()
    return RepliesView(
        title="Replies", sentence=_sentence(waits), wish=wish, waits=waits,
        reviews=tuple(map(review_line, book.consent.reviews(limit=WAITING))), moods=get_args(Mood), words=MOODS,
        followed=FOLLOWED, rows=tuple(shown.items), next=shown.next,
    )


def _sentence(waits: int) -> str:
    if not waits:
        return "Nothing waits: every reply was clear."
    one = waits == 1
    return (
        f"{waits:,} {'reply' if one else 'replies'} may be {'an opt-out' if one else 'opt-outs'}: nobody writes to "
        f"{'its sender' if one else 'their senders'} until a person has read {'it' if one else 'them'}."
    )


def _settled(visit: Visit, said: Mapping[str, str]) -> str:
    workspace, review_id = visit.workspace, visit.path["review_id"]
    verdict: Verdict | None = next((each for each in get_args(Verdict) if each == said.get("verdict")), None)
    if verdict is None:
        raise RegularsError("say whether it was an opt-out")
    settle(workspace, review_id, verdict, by=visit.visitor.name)
    workspace.book.audit.add(Changed(
        at=workspace.clock.now(), by=visit.visitor.name, what=f"consent.{verdict}", subject=review_id,
        request_id=visit.request_id,
    ))
    return PATH


PAGE = DashboardPage(
    name="replies", path=PATH, section="campaigns", template="replies.html", view=replies_page, query=ReplyWish,
    needs_run=False, csv=lambda view: csv_of(view.rows, Page[ReplyRow]),
)

FORMS = (
    PageForm(name="reply.settle", path=f"{PATH}/{{review_id}}/verdict", page=PAGE, may="send", act=_settled),
)
