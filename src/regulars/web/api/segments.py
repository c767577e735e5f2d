"""Segments: which there are, who is in one, and why somebody is or is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from regulars.pipeline.segment import explain_customer, segment_counts, segment_members
from regulars.rules.explain import Explanation
from regulars.web.api.customers import Some
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLine:
    """A declared segment and how many are in it now."""

    segment: str
    title: str
    members: int
    priority: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A customer who is in the segment now."""

    customer_id: str
    name: str | None
    entered_day: date | None
    until_day: date | None                   # first day out again


def segments(ask: Ask) -> Page[SegmentLine]:
    """Return every declared segment."""
    return Page(items=[SegmentLine(**row) for row in segment_counts(ask.workspace)])


def segment(ask: Ask) -> SegmentLine:
    """Return one of them."""
    [row] = segment_counts(ask.workspace, name=ask.path["segment"])
    return SegmentLine(**row)


def members(ask: Ask) -> Page[Member]:
    """Return who is in a segment, those who came last first."""
    query: Some = ask.query
    after = place_in(query.cursor, tuple[datetime, str])
    found = segment_members(ask.workspace, ask.path["segment"], limit=query.limit + 1, after=after)
    return page_of(
        found, limit=query.limit, row=lambda row: Member(**{name: row[name] for name in Member.__dataclass_fields__}),
        place=lambda row: (row["entered_at"], row["customer_id"]),
    )


def explanation(ask: Ask) -> Explanation:
    """Return why a customer is in a segment or not."""
    return explain_customer(ask.workspace, ask.path["customer_id"], ask.path["segment"])


ROUTES = (
    ApiRoute(
        name="listSegments", path="/segments", answer=segments, gives=Page[SegmentLine],
        sentence="Every declared segment and how many are in it now.", errors=(404,),
    ),
    ApiRoute(
        name="getSegment", path="/segments/{segment}", answer=segment, gives=SegmentLine,
        sentence="One segment and how many are in it now.", errors=(404,),
    ),
    ApiRoute(
        name="listMembers", path="/segments/{segment}/members", answer=members, gives=Page[Member], query=Some,
        sentence="Who is in a segment, those who came last first.", errors=(404,),
    ),
    ApiRoute(
        name="explainMembership", path="/segments/{segment}/explain/{customer_id}", answer=explanation,
        gives=Explanation, sentence="Why a customer is in a segment or not, line by line.", errors=(404,),
    ),
)
