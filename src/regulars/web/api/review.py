"""Review: who is one person and who is not: questions, rulings, and taking one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from regulars.errors import NotFound
from regulars.pipeline.review import Question, open_questions, rule, take_back
from regulars.storage.book.identity import Verdict
from regulars.web.api.customers import Most
from regulars.web.api.route import ApiRoute, Ask, Change, Page
from regulars.web.mask import mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two profiles of a question; address and number with their middle hidden."""

    profile: str                             # source/id
    customer_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    birthday: date | None
    profiles: int                            # of its customer
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for one person, or against it."""

    field: str
    outcome: str
    bits: float | None                       # negative: against


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """Two profiles that may be one person (a match), or were kept apart for a reason (a conflict)."""

    question_id: str
    kind: str
    left: Side
    right: Side
    probability: float | None                # that they are one person; null of a conflict
    evidence: list[Evidence]
    same: str                                # what an answer would change
    different: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulingLine:
    """What a person decided of two profiles, each source/id."""

    ruling_id: str
    verdict: str
    left: str
    right: str
    reason: str
    ruled_by: str
    ruled_at: datetime
    revoked_at: datetime | None              # taken back; null: in force


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRuling:
    """Whether two profiles, each source/id, are one person."""

    left: str
    right: str
    verdict: Verdict
    reason: str = ""


def questions(ask: Ask) -> Page[QuestionLine]:
    """Return the open questions, the gravest first."""
    return Page(items=[_question(each) for each in open_questions(ask.workspace, limit=ask.query.limit)])


def rulings(ask: Ask) -> Page[RulingLine]:
    """Return every ruling ever made, the newest first."""
    return Page(items=[_ruling(row) for row in ask.workspace.book.identity.ruling_history()])


def ruling(ask: Ask) -> Change:
    """Rule; it takes effect with the next run."""
    said: NewRuling = ask.body
    pair = (said.left, said.right)
    made = rule(ask.workspace, pair, said.verdict, reason=said.reason, by=f"key:{ask.key.name}")
    answer = _ruling({**asdict(made), "revoked_at": None})
    return Change(what="ruling.add", subject=made.ruling_id, before=None, after=made, answer=answer)


def undo(ask: Ask) -> Change:
    """Take a ruling back; it stays in the history."""
    ruling_id = ask.path["ruling_id"]
    before = _of(ask, ruling_id)
    take_back(ask.workspace, ruling_id)
    after = _of(ask, ruling_id)
    return Change(what="ruling.undo", subject=ruling_id, before=before, after=after, answer=after)


def _of(ask: Ask, ruling_id: str) -> RulingLine:
    found = [row for row in ask.workspace.book.identity.ruling_history() if row["ruling_id"] == ruling_id]
    if not found:
        raise NotFound(f"there is no ruling {ruling_id!r}")
    return _ruling(found[0])


def _ruling(row: Mapping[str, Any]) -> RulingLine:
    same = ("ruling_id", "verdict", "reason", "ruled_by", "ruled_at", "revoked_at")
    return RulingLine(
        **{name: row[name] for name in same}, left=f"{row['left_source']}/{row['left_id']}",
        right=f"{row['right_source']}/{row['right_id']}",
    )


def _question(one: Question) -> QuestionLine:
    return QuestionLine(
        question_id=one.question_id, kind=one.kind, left=_side(one.left), right=_side(one.right),
        probability=one.probability, same=one.same.sentence, different=one.different.sentence,
        evidence=[Evidence(field=e["field"], outcome=e["outcome"], bits=e["bits"]) for e in one.evidence],
    )


def _side(row: Mapping[str, Any]) -> Side:
    return Side(
        profile=f"{row['profile_source']}/{row['profile_id']}", customer_id=row.get("customer_id"),
        name=row["raw_name"], email=mask(row["email"]), phone=mask(row["phone"]), birthday=row["birthday"],
        profiles=row["profiles"], events=row["events"],
    )


ROUTES = (
    ApiRoute(
        name="listQuestions", path="/review/questions", answer=questions, gives=Page[QuestionLine], query=Most,
        sentence="Matches and conflicts that wait for a person, the gravest first.",
    ),
    ApiRoute(
        name="listRulings", path="/review/rulings", answer=rulings, gives=Page[RulingLine],
        sentence="Every ruling ever made, the newest first.",
    ),
    ApiRoute(
        name="addRuling", path="/review/rulings", answer=ruling, gives=RulingLine, method="POST", scope="write",
        body=NewRuling, errors=(404,),
        sentence="Rule that two profiles are one person or two; it takes effect with the next run.",
    ),
    ApiRoute(
        name="undoRuling", path="/review/rulings/{ruling_id}/undo", answer=undo, gives=RulingLine, method="POST",
        scope="write", errors=(404,), sentence="Take a ruling back; it stays in the history.",
    ),
)
