"""What a message offers: the kind, how much, with which code, until when, found without any outside help."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from regulars.campaigns.benefit import Benefit, Kind, benefits, money_after
from regulars.campaigns.deadline import Deadline, deadlines
from regulars.campaigns.near import Prose
from regulars.campaigns.promo_code import PromoCode, promo_codes
from regulars.campaigns.visible import looks_like_html, visible

Category = Literal["welcome", "promotional", "newsletter", "transactional", "re-engagement", "other"]

Topic = Literal["membership", "day_pass", "programme", "retail", "other"]

LENGTH = 60_000                              # characters of visible text that are read; messages are shorter

BLANK = "\x7f"                               # stands where an address stood: no blank, no letter, and of one byte

_STRENGTH: dict[Kind, int] = {
    "percent_off": 100, "amount_off": 100, "voucher": 90, "bogo": 80, "fixed_price": 80, "free_trial": 70,
    "bundle_bonus": 60, "free_item": 60, "free_shipping": 40,
}
"""What a reader takes for the offer when a message makes several: the greater counts, then what stands first."""

_NEAR = 120                                  # characters within which a minimum belongs to an offer
_MERGE_TAG = re.compile(r"\{%.*?%\}|\{\{[#/^!>].*?\}\}", re.DOTALL)
# An e-mail from its first sign on: else each sign of each word would be tried for one.
_ADDRESS = re.compile(r"https?://\S+|\bwww\.\S+|(?<!\S)\S+@\S+\.\w+")
_SIGNS = ("://", "www.", "@")                # one of them is in each address
_BUSINESS = re.compile(
    r"https?://|\bwww\.|\b(?:orders?|shop(?:ping)?|buy|sale|offers?|deals? end|coupon|codes?|discount|customers?"
    r"|unsubscribe|opt ?out|"
    r"reply|txt|text \w+ to|call \d|t&c|shipping|in[- ]store|online|members?|membership|subscribe|checkout|app|sign up|"
    r"purchase|limited|enjoy an?|complimentary|with any|class(?:es)?|pass(?:es)?|guests?|climb|today only|now!|book"
    r"|redeem|promo\w*|store|club|visit|yours)\b", re.IGNORECASE)
_CHAT = re.compile(
    r"\b(?:i|im|i'm|ive|i've|i'll|u|ur|lol|haha|mum|mom|dude|babe|me|my|he|she|gonna|wanna|omg|yeah|hey|dinner|ok)\b"
    r"|[:;]-?[)(]",
    re.IGNORECASE)
_COUPON = re.compile(r"\b(?:coupons?|vouchers?|promo\w*|discount|offer|deal|reward|savings?|gutschein"
                     r"|c[óo]digo de desc)", re.IGNORECASE)
_CATEGORIES: tuple[tuple[Category, tuple[str, ...], str], ...] = (
    ("transactional", (
        "receipt", "invoice", "order", "password", "verif", "shipped", "tracking", "payment", "confirm", "refund",
    ), (r"\b(?:receipt|invoice|order (?:#|number|confirm)|your order (?:has|is)|password|verif(?:y|ication) "
        r"|has shipped|tracking number|payment (?:received|failed)|booking confirm|reservation confirm"
        r"|refund(?:ed)? )")),
    ("re-engagement", ("miss", "come back", "been", "seen you", "another", "still"), (
        r"\b(?:(?:we(?:'ve)?|we have) miss(?:ed)? you|come back|been a while|haven't seen you|where have you been"
        r"|another chance|still interested)")),
    ("welcome", ("welcome", "thank", "glad"), (
        r"\b(?:welcome (?:to|aboard)|thanks? (?:you )?for (?:joining|signing up|subscribing)"
        r"|glad you(?:'re| are) here)")),
    ("newsletter", ("newsletter", "this ", "issue", "digest", "weekly", "monthly"), (
        r"\b(?:newsletter|this (?:week|month)(?:'s|s)? |issue #?\d|digest|in this issue|weekly|monthly update)")),
)
"""Each with words of which one is in whatever its pattern finds."""

_TOPICS: tuple[tuple[Topic, re.Pattern[str]], ...] = (
    ("day_pass", re.compile(
        r"\b(?:day|guest|punch|week|visit)[- ]?pass(?:es)?\b|\bnext visit\b|\bentry\b", re.IGNORECASE)),
    ("membership", re.compile(
        r"\bmemberships?\b|\bjoin(?:ing)?\b|\benrol\w*|\bmonthly (?:plan|dues)\b", re.IGNORECASE)),
    ("programme", re.compile(
        r"\b(?:class(?:es)?|courses?|camps?|clinics?|lessons?|workshops?|parties|party|training)\b", re.IGNORECASE)),
    ("retail", re.compile(
        r"\b(?:orders?|purchases?|shop|store|gear|shoes|check ?out|items?|products?|sale|sitewide|shipping|delivery)\b",
        re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The offer of a message."""

    kind: Kind
    amount: Decimal | None                   # in the unit; None where the text says none
    unit: str | None                         # percent, an ISO 4217 code, item, free_items, day, week, month, year
    is_up_to: bool                           # the amount is a bound: "up to 80 %"
    code: str | None
    expires: date | None                     # the last day
    expires_words: str | None                # as written: "only valid for 3 days"
    minimum: Decimal | None                  # what has to be spent, in the currency of the text
    topic: Topic                             # what it is for, by the words around it
    description: str                         # the line it stands in, at most 200 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a message says as a promotion."""

    offer: Offer | None                      # None: it offers nothing
    others: tuple[Benefit, ...]              # what it offers besides, in order
    codes: tuple[str, ...]
    category: Category


def read_offer(message: str, *, subject: str = "", sent: date | None = None,
               is_day_first: bool | None = None) -> Reading:
    """Read the offer of a message.

    Args:
        message: HTML or plain text; pictures are read by their alternative words.
        subject: Of an e-mail; it is read before all else.
        sent: The day it was sent, in the business's zone; settles "today" and dates without a year.
        is_day_first: How 3/4 reads; None takes pounds and euros for a sign of the 3rd of April.

    The same text always gives the same answer. Nothing is guessed: a field that the text does not say is None.

    """
    text = words_of(message, subject=subject)
    prose = Prose(text=text)
    found = _meant(benefits(prose), text)
    primary = _primary(found, text)
    codes = promo_codes(prose, is_promotion=primary is not None)
    category = _category(text, is_offering=primary is not None)
    if primary is None:
        coupon = next((c for c in codes if _COUPON.search(text[max(0, c.start - 80):c.start + 80])), None)
        if coupon is None:
            return Reading(offer=None, others=(), codes=(), category=category)
        primary = Benefit(kind="coupon_unspecified", amount=None, unit=None, start=coupon.start,
                          end=coupon.start + len(coupon.code))
        category = "promotional" if category == "other" else category
    deadline = _nearest_deadline(primary, deadlines(prose, sent=sent, is_day_first=is_day_first))
    offer = Offer(
        kind=primary.kind, amount=primary.amount, unit=primary.unit, is_up_to=primary.is_up_to,
        code=_nearest_code(primary, codes), expires=None if deadline is None else deadline.day,
        expires_words=None if deadline is None else deadline.words, minimum=_minimum(primary, text),
        topic=_topic(primary, text), description=_line(primary, text),
    )
    said = (primary.kind, primary.amount, primary.unit)
    others = tuple(b for b in found if (b.kind, b.amount, b.unit) != said)
    return Reading(offer=offer, others=others, codes=tuple(one.code for one in codes), category=category)


def words_of(message: str, *, subject: str = "") -> str:
    """Return the words of a message in which an offer is looked for, an address as blanks of its length.

    An address is no sentence: what its parameters say is not said to the reader.
    """
    body = visible(message) if looks_like_html(message) else message
    text = _MERGE_TAG.sub(" ", f"{subject}\n\n{body}" if subject else body)[:LENGTH]
    # No address goes over the end of a line, and most lines have none: they are not tried sign by sign.
    return "\n".join(
        _ADDRESS.sub(_blanked, line) if any(sign in line for sign in _SIGNS) else line for line in text.split("\n")
    )


def _blanked(found: re.Match[str]) -> str:
    return BLANK * len(found[0])


def _meant(found: list[Benefit], text: str) -> list[Benefit]:
    """Leave out what no business says: friends also write of prices, of what is free and of double portions."""
    loose = {"fixed_price", "free_item", "bundle_bonus"}
    if all(b.kind not in loose for b in found) or _BUSINESS.search(text) or not _CHAT.search(text):
        return found
    return [b for b in found if b.kind not in loose]


def _primary(found: list[Benefit], text: str) -> Benefit | None:
    """Return the offer that a reader would name."""
    if not found:
        return None
    trial = next((b for b in found if b.kind == "free_trial"), None)
    reduced = [b.start for b in found if b.kind in {"percent_off", "amount_off"}]
    is_first = trial is not None and trial.start < min(reduced, default=len(text))
    if is_first and re.search(r"\btrial\b", text, re.IGNORECASE):
        # Percentages behind a free trial are what the membership is about.
        return max((b for b in found if b.kind == "free_trial"), key=lambda b: (b.amount is not None, -b.start))
    return max(found, key=lambda b: (_STRENGTH[b.kind], -b.start))


def _distance(benefit: Benefit, start: int, length: int) -> int:
    return max(start - benefit.end, benefit.start - (start + length), 0)


def _nearest_code(benefit: Benefit, codes: Iterable[PromoCode]) -> str | None:
    nearest = min(codes, key=lambda c: (_distance(benefit, c.start, len(c.code)), c.start), default=None)
    return None if nearest is None else nearest.code


def _nearest_deadline(benefit: Benefit, found: Iterable[Deadline]) -> Deadline | None:
    """Return the deadline nearest to the offer; one that names its end goes before "a limited time"."""
    def rank(deadline: Deadline) -> tuple[bool, int, int]:
        is_vague = re.search(r"limited|lasts?$|soon$", deadline.words, re.IGNORECASE) is not None
        return is_vague, _distance(benefit, deadline.start, len(deadline.words)), deadline.start

    return min(found, key=rank, default=None)


_MINIMUM = re.compile(
    r"\b(?:orders?|purchases?|spend|spending|minimum|baskets?|totals?)\s+(?:(?:of|over|above|from|is|totals?"
    r"|exceeding|more than|at least|purchase|"
    r"order|spend)\s+)*(?=[£€$¥]|US\$|\d)|\b(?:with|on|over|above|minimum|min\.?)\s+(?:(?:a|any|your|of|order|orders"
    r"|purchase|spend)\s+)*"
    r"(?=[£€$¥]\s?\d)", re.IGNORECASE)

_BOUND = re.compile(r"\b(?:over|above|from|minimum|min|spend|spending|exceeding|more than|at least)\b", re.IGNORECASE)
_BOUGHT = re.compile(r"\b(?:orders?|purchases?|spend|spending|shipping|delivery|baskets?|totals?)\b", re.IGNORECASE)


def _minimum(benefit: Benefit, text: str) -> Decimal | None:
    """Return what has to be spent for it, said close by in the same line or the next."""
    found = []
    for match in _MINIMUM.finditer(text, max(0, benefit.start - _NEAR), min(len(text), benefit.end + _NEAR)):
        amount = money_after(text, match.end())
        after = text[match.end():match.end() + 40]
        is_conditional = re.match(r"[^\s]+\s*(?:\+|or more|and up|and over|plus\b|minimum|purchase|orders?\b)", after)
        is_bound = _BOUND.search(match[0])
        before = text[max(0, match.start() - 30):match.end()]
        is_bought = _BOUGHT.search(before + after[:30])
        if amount is not None and is_bought and (is_conditional or is_bound):
            found.append((_distance(benefit, match.start(), match.end() - match.start()), amount))
    return min(found)[1] if found else None


def _line(benefit: Benefit, text: str) -> str:
    start = text.rfind("\n", 0, benefit.start) + 1
    end = text.find("\n", benefit.end)
    line = " ".join(text[start:end if end >= 0 else len(text)].replace(BLANK, "").split())
    if len(line) <= 200:
        return line
    first = max(0, benefit.start - start - 60)
    return line[first:first + 200].strip()


def _topic(benefit: Benefit, text: str) -> Topic:
    """Return what the offer is for: the topic whose word stands nearest, within a sentence or two."""
    start = max(0, benefit.start - _NEAR)
    around = text[start:benefit.end + _NEAR]
    places = [
        (_distance(benefit, start + found.start(), len(found[0])), topic)
        for topic, words in _TOPICS for found in words.finditer(around)
    ]
    return min(places, key=lambda place: place[0])[1] if places else "other"


def _category(text: str, *, is_offering: bool) -> Category:
    head = Prose(text=text[:3_000])
    for category, words, pattern in _CATEGORIES:
        if any(head.near(words, pattern)):
            return category
    return "promotional" if is_offering else "other"
