"""What came of a campaign as rows with pictures: its account as one bar, the way of its people, shares, differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regulars.campaigns.results import ALPHA, MEASURES, Difference, Measure, Share
from regulars.pipeline.account import Account
from regulars.pipeline.results import Lost, Results
from regulars.web.campaigns.campaign_words import ALL
from regulars.web.interval import Axis, axis_of, svg
from regulars.web.number import MISSING, THIN, percent

PARTS = ("sent", "waiting", "failed", "unknown", "skipped")
"""Where the messages of an account are, in the order in which they are drawn."""

DID: Mapping[Measure, str] = {
    "clicked": "clicked", "replied": "replied", "agreed": "agreed", "left": "opted out", "complained": "complained",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an account; places in percent of all that was planned."""

    name: str
    messages: int
    begins: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """How many people of a variant came to a stage."""

    variant: str
    stage: str
    people: int | None                       # None: the channel cannot tell, or nobody said what converting is
    of: int
    lost: int | None
    share: float | None                      # of the audience, in percent


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRow:
    """Why people of a variant came no further."""

    variant: str
    lost: Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """What the people of a variant did, and how that differs from the control; pictures are markup made here."""

    measure: str
    variant: str
    people: int
    of: int
    words: str
    picture: str
    difference: str                          # "": of the control, and where there is nothing to compare
    apart: str                               # its picture
    p: str
    is_sure: bool


def parts_of(found: Account) -> tuple[Part, ...]:
    """Return an account as one bar; its parts always sum to what was planned."""
    whole, begins, parts = max(found.planned, 1), 0, []
    for name in PARTS:
        messages = int(getattr(found, name))
        parts.append(Part(
            name=name, messages=messages, begins=round(100 * begins / whole, 2), share=round(100 * messages / whole, 2)
        ))
        begins += messages
    return tuple(parts)


def funnel_rows(found: Results) -> tuple[FunnelRow, ...]:
    """Return the way of each variant's people, from everybody of the audience on."""
    return tuple(
        FunnelRow(
            variant=one.variant or ALL, stage=step.stage, people=step.people, of=step.of, lost=step.lost,
            share=None if step.people is None else round(100 * step.people / max(one.funnel[0].people or 0, 1), 2),
        )
        for one in found.variants for step in one.funnel
    )


def lost_rows(found: Results) -> tuple[LostRow, ...]:
    """Return why people came no further, the most first."""
    rows = [LostRow(variant=one.variant or ALL, lost=each) for one in found.variants for each in one.lost]
    return tuple(sorted(rows, key=lambda row: (-row.lost.people, row.variant, row.lost.stage, row.lost.reason)))


def measure_rows(found: Results) -> tuple[MeasureRow, ...]:
    """Return what people did by variant, each measure on one axis; nothing where nobody was sent to."""
    if not found.account.sent:
        return ()
    others = {(one.measure, one.variant): one for one in found.differences}
    return tuple(
        row for measure in MEASURES for row in _rows(
            measure, {one.variant: one.shares[measure] for one in found.variants}, others
        )
    )


def _rows(
    measure: Measure, shares: Mapping[str, Share], others: Mapping[tuple[Measure, str], Difference]
) -> Iterable[MeasureRow]:
    axis = axis_of(ends for each in shares.values() if (ends := _ends(each.low, each.share, each.high)))
    apart = axis_of(
        ends for name in shares if (one := others.get((measure, name)))
        and (ends := _ends(one.low, one.value, one.high))
    )
    for variant, share in shares.items():
        one = others.get((measure, variant))
        words = _said(_ends(share.low, share.share, share.high), sign="")
        yield MeasureRow(
            measure=DID[measure], variant=variant or ALL, people=share.people, of=share.of, words=words,
            picture=_drawn(share.low, share.share, share.high, axis, sentence=words, is_sure=True),
            **_difference(one, apart),
        )


def _difference(one: Difference | None, axis: Axis) -> dict[str, Any]:
    if one is None:
        return {"difference": "", "apart": "", "p": "", "is_sure": False}
    words, is_sure = _said(_ends(one.low, one.value, one.high), sign="+"), one.p is not None and one.p < ALPHA
    return {
        "difference": words, "apart": _drawn(one.low, one.value, one.high, axis, sentence=words, is_sure=is_sure),
        "p": MISSING if one.p is None else "< 0.001" if one.p < 0.001 else f"{one.p:.3f}", "is_sure": is_sure,
    }


def _ends(low: float | None, value: float | None, high: float | None) -> tuple[float, float, float] | None:
    return None if low is None or value is None or high is None else (low, value, high)


def _said(ends: tuple[float, float, float] | None, *, sign: str) -> str:
    if ends is None:
        return MISSING
    low, value, high = ends
    return f"{percent(value, sign=sign)}{THIN}% [{percent(low, sign='')}, {percent(high, sign='')}]"


def _drawn(
    low: float | None, value: float | None, high: float | None, axis: Axis, *, sentence: str, is_sure: bool
) -> str:
    ends = _ends(low, value, high)
    return "" if ends is None else svg(ends, axis, sentence=sentence, is_sure=is_sure)
