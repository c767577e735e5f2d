"""The code that a promotion asks for: found by the words that introduce it, never by its looks alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from regulars.campaigns.near import Prose


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoCode:
    """A code as written; a merge tag where the text is a template."""

    code: str
    start: int


_TAG = r"\{\{\s*[\w.]+\s*\}\}|\*\|[\w:]+\|\*|%%[\w.]+%%|\[\[?[\w.]+\]?\]"
_TOKEN = rf"(?P<code>{_TAG}|[A-Za-z0-9](?:[A-Za-z0-9_-]|(?<=\d)%(?=[A-Za-z])){{1,24}}(?![\w@(]|\.\w))"
_KIND = (
    r"(?:coupons?|promo(?:tion(?:al)?)?|discount|vouchers?|offer|savings?|checkout|referral|tracking|gift|deal|reward|"
    r"c[óo]digo|gutschein|rabatt)"
)
_KIND_OF_CODE = rf"(?:{_KIND}[\s-]*(?:codes?|promo(?:cional)?)|{_KIND}code|code promo|c[óo]digo)"
_CODE = rf"(?:{_KIND_OF_CODE}|codes?|kw|passcode)"
_VERB = (
    r"(?:uses?|using|used|with|enter|apply|applying|quote|quoting|mention|add|type|show|present|insert|redeem|input"
    r"|usa|utiliza|con|avec|"
    r"utilisez|and|plus|share)"
)
_QUOTE = r"[\"'“”‘’«»*_:\s-]*"  # noqa: RUF001 - the quotation marks of word processors
_WHERE = r"(?:at|in|during|on|when|before|to (?:save|get|claim|redeem)|for)"


def _introduction(needs: str, pattern: str) -> tuple[tuple[str, ...], str]:
    return tuple(needs.split(",")), pattern


_INTRODUCTIONS = [
    # A kind of code, then it: coupon code SAVE20
    _introduction("code,código,codigo,promo", rf"\b{_KIND_OF_CODE}\b(?:\s+(?:is|are|of|below"
                                              rf"|word))?\s*[:=]?{_QUOTE}{_TOKEN}"),
    # Somebody is told to use it: with the code SAVE20
    _introduction("code,código,codigo,kw",
                  rf"\b{_VERB}\s+(?:(?:the|this|your|our|my|el|le|tu|su|votre|notre)\s+)?(?:\w+\s+)?{_CODE}\b"
                  rf"(?:\s+(?:is|below|word))?\s*[:=]?{_QUOTE}{_TOKEN}"),
    # Where it goes: enter SAVE20 at checkout
    _introduction("use ,enter ,apply ,quote ,mention ,type ,add ",
                  rf"\b(?:use|enter|apply|quote|mention|type|add)\s+{_QUOTE}{_TOKEN}{_QUOTE}\s*{_WHERE}\b"),
    # Right behind what it gives, letters and a number: $5 off with SAVE5
    _introduction("off with,free with", rf"\b(?:off|free)\s+with\s+(?=[A-Z]{{3,}}\d){_TOKEN}"),
    # A word to say: enter the word THANKS
    _introduction("the word,the phrase,the keyword",
                  rf"\b(?:enter|type|mention|say|use)\s+the\s+(?:word|phrase|keyword)\b\s*:?{_QUOTE}{_TOKEN}"),
    # A voucher that is a word: your voucher this week is MARS
    _introduction("voucher,coupon", rf"\b(?:vouchers?|coupons?)\b[^.!?\n]{{0,25}}?\bis:?\s+{_QUOTE}{_TOKEN}"),
    # On its own after a stop: 20% off, code SAVE20
    _introduction("code,coupon,voucher,promo", rf"\b(?:code|coupon|voucher|promo)\s*[:=]{_QUOTE}{_TOKEN}"),
    _introduction("code", rf"(?:^|[.,;!|(\n-])\s*(?:w/\s*)?code\s+{_QUOTE}{_TOKEN}"),
    # The other way round: SAVE20 is your code
    _introduction("is your", rf"\b(?P<code>[A-Za-z0-9]{{3,25}})\s+is your\s+(?:\w+\s+)?(?:{_KIND}\s+)?code\b"),
]
_NOT_PROMOTIONAL = re.compile(
    r"\b(?:zip|postal|post|area|country|dress|source|bar|qr|error|status|access|security|verification|confirmation|"
    r"activation|login|log-?in|sign-?in|one-?time|otp|2fa|pin|serial|sort|swift|tax|color|colour|airport|short|morse|"
    r"product|item|style|hex|exit|genetic|building|penal|unlock|reset|authentication|passcode|claim)\s*$",
    re.IGNORECASE)
_SECRET = re.compile(r"\b(?:verif|log(?:ging)? ?in|sign(?:ing)? ?in|password|one-time|do(?:n't| not) share|security"
                     r"|expires in \d+ min)", re.IGNORECASE)
_LEAVING = re.compile(r"\b(?:unsubscri|opt-?in list|mailing list|remov)", re.IGNORECASE)
_FOLLOWED = re.compile(
    r"[\"'\u201d\u2019»]?\s*(?:at|during|in|on)\s+(?:the\s+|your\s+)?(?:check\s?out|cart|basket|next)", re.IGNORECASE)
_PLAIN_WORDS = frozenset("""
    a about above after all an and any applied applies apply are as at back be before below box but buy by can card cart
    check checkout claim click code codes coupon credit customer discount do during email enter exclusive expires field
    find first for free friend friends from get gift here how if in instantly into is it its just link live lowercase me
    more must my needed new next no not now number of off offer on one online only or order our page phone please promo
    promotion provided purchase receive redeem required requirements sample samples save section select share shop site
    special store text that the their then there these they this time to today total under until up use used using valid
    via visit voucher we web when where which while will with word words you your yours available necessary camp review
    search tutorial examples example base space shown listed automatically good works ends won't doesn't cannot off's
    both each every name and/or combination snippet editor reviews
""".split())  # noqa: SIM905 - a list of a hundred quoted words is harder to read


def promo_codes(prose: Prose, *, is_promotion: bool) -> list[PromoCode]:
    """Return the codes a text gives away, in order of appearance.

    Args:
        prose: What a person sees.
        is_promotion: Whether the text offers something: only then is a code trusted that stands alone on its line.

    """
    found: dict[str, PromoCode] = {}
    for needs, pattern in _INTRODUCTIONS:
        for match in prose.near(needs, pattern):
            code = match["code"]
            if _is_code(code, prose.text, match):
                found.setdefault(code.upper(), PromoCode(code=code, start=match.start("code")))
    if not found and is_promotion:
        found = {one.code: one for one in _alone(prose.text)}
    return sorted(found.values(), key=lambda one: one.start)


def _alone(text: str) -> Iterator[PromoCode]:
    """Yield what stands alone on its line and is written as codes are: capitals, then a number."""
    start = 0
    for line in text.split("\n"):
        word = line.strip()
        if 5 <= len(word) <= 25 and word.isalnum() and re.fullmatch(r"[A-Z]{3,}\d{2,}[A-Z]*", word):
            yield PromoCode(code=word, start=start + line.index(word))
        start += len(line) + 1


def _is_code(code: str, text: str, match: re.Match[str]) -> bool:
    if re.fullmatch(_TAG, code):
        return True
    word = code.lower()
    if word in _PLAIN_WORDS or len(code) < 3:
        return False
    introduction = text[max(0, match.start() - 30):match.start("code")]
    before_word = re.split(r"\bcode", introduction, flags=re.IGNORECASE)[0]
    around = text[max(0, match.start() - 80):match.end() + 80]
    if _NOT_PROMOTIONAL.search(before_word) or _SECRET.search(around) or _LEAVING.search(around):
        return False
    if re.fullmatch(r"\d+", code) and len(code) < 4:
        return False
    if any(sign.isdigit() for sign in code) or code.isupper():
        return True
    is_quoted = re.search(r"[\"'\u201c\u2018«*_]\s*$", text[:match.start("code")]) is not None
    is_cased = code != word and code != word.capitalize()
    is_followed = _FOLLOWED.match(text, match.end("code")) is not None
    is_announced = re.search(r"[:=]\s*[\"'\u201c\u2018«]?$", text[:match.start("code")].rstrip(" ")) is not None
    return is_quoted or is_cased or is_followed or is_announced
