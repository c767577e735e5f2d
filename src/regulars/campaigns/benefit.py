"""What an offer gives: percentages, amounts, prices, gifts and the like, found in the words people see.

Every rule wants the words that make a number an offer: `20% off` is one, `20% of our members` is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from regulars.campaigns.near import Prose

Kind = Literal[
    "percent_off", "amount_off", "fixed_price", "bogo", "free_item", "free_shipping", "free_trial", "voucher",
    "bundle_bonus", "coupon_unspecified",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """One thing that a text offers."""

    kind: Kind
    amount: Decimal | None                   # percent; units of money; pieces; periods of time
    unit: str | None                         # percent, an ISO 4217 code, item, free_items, day, week, month, year
    start: int                               # where it stands in the text
    end: int
    is_up_to: bool = False                   # "up to", "from": what is promised is a bound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    kind: Kind
    needs: tuple[str, ...]                   # words without any of which it cannot match
    pattern: str
    read: Callable[[re.Match[str]], tuple[Decimal | None, str | None] | None]   # None: it is no offer after all


_SIGNS = {"$": "USD", "us$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY", "₹": "INR", "usd": "USD", "gbp": "GBP",
          "eur": "EUR", "euro": "EUR", "euros": "EUR", "cad": "CAD", "aud": "AUD", "c$": "CAD", "ca$": "CAD",
          "a$": "AUD", "au$": "AUD", "nz$": "NZD", "chf": "CHF", "inr": "INR", "rs": "INR", "rs.": "INR",
          "dollar": "USD", "dollars": "USD", "bucks": "USD", "pounds": "GBP", "pound": "GBP", "quid": "GBP"}
_WORDS = {"a": 1, "an": 1, "one": 1, "your": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
          "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "twenty-five": 25, "thirty": 30,
          "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "first": 1, "full": 1,
          "1st": 1}
_NUMBER = r"\d{1,3}(?:[,.]\d{3})+(?:\.\d\d)?(?!\d)|\d{1,7}(?:[.,]\d{1,2})?(?!\d)"
_SIGN = r"(?:US|CA|AU|NZ|C|A)?\$|[£€¥₹]|\b(?:USD|GBP|EUR|CAD|AUD|CHF|INR|Rs\.?)(?=\s?\d)"
_MONEY = (
    rf"(?:(?:{_SIGN})\s?(?:{_NUMBER})(?!\d|\s?%)"
    rf"|(?<![\d.,])(?:{_NUMBER})\s?(?:€|£|(?:euros?|EUR|USD|GBP|dollars?|bucks|pounds?|quid)\b))"
)
_PERCENT = (
    r"(?:(?<![\d.,])\d{1,2}(?:[.,]\d)?|\b100|\b(?:ten|fifteen|twenty(?:-five)?|thirty|forty|fifty|sixty|seventy))"
)
_SIGN_OF_PERCENT = (
    r"\s?(?:%|percent\b|per\s?cent\b|pct\b)"
)
_COUNT = r"(?:\d{1,2}|an?|one|two|three|four|five|six|ten)"
_PERIOD = r"(?:days?|weeks?|wks?|months?|mths?|years?|yrs?)"
_NO_GIFT = (
    r"(?:shipping|delivery|postage|p&p|trial|returns?|newsletters?|calls?|phone call|to\b|of\b|and\b|or\b|from\b|up\b|"
    r"time\b|for\b|in\b|on\b|at\b|with\b|account|app\b|quote|estimate|consultation|info|information|number|call|entry|"
    r"month|day\b(?![\s-]pass)|days|week(?![\s-]pass)|year|weeks|months|years|space|spirit|will|market|speech|country|world|agent|throw|wifi|"
    r"wi-fi|parking|download|upgrade|demo|webinar|access|support|cancellation|range|lance|ware|standing|way|dom|"
    r"software|text|txt|msgs?|sms|ringtone\b.{0,3}$|tonight|tomorrow|today|later|now\b|after|before|if\b|so\b|but\b|is\b|as\b|"
    r"money back|guarantee|registration|membership for|preview|subscription for|software update)"
)


_BY_CHANCE = re.compile(
    r"\b(?:win|won|winners?|chances? (?:to|of|at)|sweepstakes?|giveaway|drawing|raffle|prize)\b", re.IGNORECASE)

_OWED = re.compile(
    r"\b(?:balance|bill|invoice|total|due|owe[sd]?|charged|paid|payment|renews?|statement|deposit|fees?|rent)\b",
    re.IGNORECASE)


def benefits(prose: Prose) -> list[Benefit]:
    """Return everything a text offers, in order, without what is only another reading of the same words."""
    found = sorted(_all(prose), key=lambda b: (b.start, -(b.end - b.start)))
    kept: list[Benefit] = []
    for benefit in found:
        if any(other.start <= benefit.start and benefit.end <= other.end for other in kept):
            continue
        # "BOGO: buy one, get one 50% off" and "try it free for 30 days" say one thing twice, the second time better.
        if kept and kept[-1].kind == benefit.kind in {"bogo", "free_trial"} and benefit.start - kept[-1].end <= 20:
            kept[-1] = benefit if benefit.amount is not None else kept[-1]
            continue
        kept.append(benefit)
    return kept


def money_after(text: str, position: int) -> Decimal | None:
    """Return the amount of money that begins at a position, or None."""
    found = re.compile(_MONEY, re.IGNORECASE).match(text, position)
    return None if found is None else _decimal(found[0])


def numbers_said(text: str) -> frozenset[Decimal]:
    """Return every number that a text says in figures or in words, however it is meant; `half` says 50."""
    figures = re.findall(rf"(?<![A-Za-z\d])(?:{_NUMBER})", text)
    words = set(re.findall(r"[a-z\d]+(?:-[a-z]+)?", text.lower()))
    said = {_decimal(each) for each in (*figures, *sorted(words & _WORDS.keys()))}
    return frozenset({each for each in said if each is not None} | ({Decimal(50)} if "half" in words else set()))


def _all(prose: Prose) -> Iterator[Benefit]:
    for rule in _RULES:
        for match in prose.near(rule.needs, rule.pattern, has_figure=rule.read is _money):
            said = rule.read(match)
            if said is None or _is_no_offer(prose.text, match, rule.kind):
                continue
            before = prose.text[max(0, match.start() - 14):match.start()] + match[0]
            is_up_to = re.search(r"\b(?:up\s?to|from|starting at|as low as)\b", before, re.IGNORECASE) is not None
            yield Benefit(kind=rule.kind, amount=said[0], unit=said[1], start=match.start(), end=match.end(),
                          is_up_to=is_up_to)


def _is_no_offer(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Tell what has been saved, what is won by chance, and what somebody else did from what is offered."""
    before = text[max(0, match.start() - 60):match.start()].lower()
    after = text[match.end():match.end() + 30].lower()
    sentence = re.split(r"[.!?\n]", before)[-1]
    if re.search(r"\b(?:you(?:'ve| have)?|we(?:'ve)?|i|he|she|they|has|have|had|who) saved\b|\bsavings of\b|\balready\b"
                 r"|\b(?:dropped|fell|rose|grew|declined|shares|stocks)\b[^.!?]{0,25}$", sentence):
        return True
    if _BY_CHANCE.search(sentence):
        # A prize that comes as a coupon is one; a chance of a prize is none.
        return re.search(r"\bcoupons?\b", sentence) is None
    if kind == "fixed_price" and _OWED.search(sentence):
        return True
    return re.match(r"\s*(?:its|their|his|her)\b|\s+of (?:people|members|customers|us|all|respondents|adults)\b"
                    r"|\s*(?:coupon |discount |promo )?(?:code )?(?:was |has been )?applied\b"
                    r"|\s+(?:gift card |certificate )?(?:drawing|giveaway|sweepstakes|raffle)", after) is not None


def _decimal(text: str) -> Decimal | None:
    """Read a number as written on either side of the ocean: 1,000 1.000 12.50 12,50, or a word."""
    if text.lower() in _WORDS:
        return Decimal(_WORDS[text.lower()])
    plain = re.sub(r"[^\d.,]", "", text).strip(".,")
    if re.fullmatch(r"\d{1,3}(?:[,.]\d{3})+", plain):
        return Decimal(re.sub(r"[,.]", "", plain))
    plain = plain.replace(",", "") if re.search(r",\d{3}", plain) else plain.replace(",", ".")
    return Decimal(plain) if re.fullmatch(r"\d+(?:\.\d+)?", plain) else None


def _percent(match: re.Match[str]) -> tuple[Decimal | None, str | None] | None:
    amount = _decimal(next(group for group in match.groups() if group))
    return (amount, "percent") if amount is not None and 0 < amount <= 100 else None


def _money(match: re.Match[str]) -> tuple[Decimal | None, str | None] | None:
    written = next(group for group in match.groups() if group)
    sign = re.sub(r"[\d.,\s]*\d[\d.,]*|\s", "", written).lower() or "$"
    amount = _decimal(written)
    return (amount, _SIGNS.get(sign, "USD")) if amount else None


def _half(_: re.Match[str]) -> tuple[Decimal | None, str | None]:
    return Decimal(50), "percent"


def _item(match: re.Match[str]) -> tuple[Decimal | None, str | None]:
    count = next((group for group in match.groups() if group), "1")
    return _decimal(count) or Decimal(1), "item"


def _more(match: re.Match[str]) -> tuple[Decimal | None, str | None] | None:
    """Read buy-some-get-some: the second number is what is given."""
    groups = match.groupdict()
    if groups.get("of") and groups.get("pay"):
        bought, paid = _decimal(groups["of"]), _decimal(groups["pay"])
        return (bought - paid, "free_items") if bought and paid and bought > paid else None
    if groups.get("share"):
        return _decimal(groups["share"]), "percent"
    if re.search(r"half", match[0], re.IGNORECASE):
        return Decimal(50), "percent"
    return _decimal(groups.get("given") or "1") or Decimal(1), "free_items"


def _period(match: re.Match[str]) -> tuple[Decimal | None, str | None]:
    groups = match.groupdict()
    unit = (groups.get("unit") or groups.get("unit2") or "").lower().rstrip("s")
    unit = {"mth": "month", "wk": "week", "yr": "year"}.get(unit, unit)
    count = groups.get("count") or groups.get("count2")
    return (_decimal(count) if count else Decimal(1) if unit else None), unit or None


def _nothing(_: re.Match[str]) -> tuple[Decimal | None, str | None]:
    return None, None


def _rule(kind: Kind, needs: str, read: Callable[[re.Match[str]], tuple[Decimal | None, str | None] | None],
          pattern: str) -> _Rule:
    return _Rule(kind=kind, needs=tuple(needs.split("|")), pattern=pattern, read=read)


_P = f"({_PERCENT}){_SIGN_OF_PERCENT}"
_M = f"({_MONEY})"
_OFF = (
    r"(?:off\b(?! (?:campus|site|season|peak|the record|its|their|his|her|highs?|lows?)\b)|discount|de descuento"
    r"|dto\b|cash\s?back|de r[ée]duction|de remise|rabatt|nachlass)"
)
_NO_DISCOUNT = (                             # what a minus before a percentage tells of besides: how figures went
    r"(?:(?:la|le|les|un|une|el|los|das|den|[\d.,]+)\s+|l['\u2019])*"
    r"(?:ans?|ann[ée]es?|mois|trimestres?|semestres?|p[ée]riode"
    r"|semaines?|exercice|ventes|bourse|indice|march[ée]|chiffre|jours?|ventas|a[ñn]os?|jahre?|vorjahr|monate?)\b"
)
_JOINING = r"(?:enroll?ment|joining|initiation|registration|activation|membership|(?:sign|start|set)[\s-]?up)"
_WAIVE = r"(?<!not )(?<!n't )(?<!n\u2019t )(?<!never )(?<!may )(?<!might )\bwaiv(?:e|es|ing)\s+(?:the|your|our|all)\s+"
_FEE = r"\s+(?:(?!late\b|overdue\b|return\b|cancell?ation\b)[a-z-]+\s+){0,2}?fees?\b"

_RULES = [
    _rule(
        "percent_off", "%|percent|cent|pct", _percent,
        rf"{_P}[\s*-]*(?:\w+\s){{0,2}}?{_OFF}",
    ),
    _rule(
        "percent_off", "%|percent|cent|pct", _percent,
        rf"\b(?:save|saving|savings of|take|discount of|discounts? up to|prices reduced by|descuento del?"
        rf"|remise de|reduction of)\s+(?:an? )?(?:(?:up to|over|more than|extra|additional|as much as)\s+)*{_P}"
        r"(?!\s+(?:of (?:people|your time)|more))",
    ),
    _rule(
        "percent_off", "%|percent|cent|pct", _percent,
        rf"{_P}\s+(?:offer|sale|savings?|reduction|promo|price cut)\b",
    ),
    _rule("percent_off", "discount", _percent, rf"\bdiscounts?\s*[:=]\s*{_P}"),
    _rule(
        "percent_off", "half|1/2|½", _half,
        r"\bhalf[\s-]*(?:price|off)\b(?! the (?:people|time|team))|(?<!\d)1/2[\s-]*(?:price|off)\b|½ (?:price|off)\b",
    ),
    _rule(
        "amount_off", "off|discount|descuento|dto|réduction|reduction|remise|rabatt|nachlass|rebate|saving|cash",
        _money,
        rf"{_M}\s*(?:instant |mail-in |cash |flat |online |in )*(?:{_OFF}|rebate|savings?\b|cash\s?back)",
    ),
    _rule(
        "amount_off", "save", _money,
        rf"\bsave\s+(?:(?:up to|over|more than|an?|extra|additional|as much as)\s+)*{_M}",
    ),
    _rule(
        "amount_off", "discount|rebate|coupon|reduction", _money,
        rf"\b(?:discount|rebate|coupon|reduction)\s+(?:of|worth|for)\s+(?:up to )?{_M}",
    ),
    _rule(
        "amount_off", "-$|-£|-€|- $|- £|- €|-us$", _money,
        rf"(?<![\w.])-\s?{_M}\s+(?:on|off|with|your)\b",
    ),
    _rule(
        "percent_off", "% sur|% auf|% sobre|% on |% en ", _percent,
        rf"(?<![\w.%])(?<!\d )[-\u2212\u2013]\s?({_PERCENT})\s?%\s(?:(?:sur|auf|sobre)\s+(?!{_NO_DISCOUNT})\w"
        r"|(?:on|en)\s+(?:all|every\w*|your|selected|tod[oa]s?|tus?)\b)",
    ),
    _rule("amount_off", "waiv", _money, rf"{_WAIVE}{_M}{_FEE}|{_M}{_FEE}\s+(?:(?:is|are)\s+)?waived\b"),
    _rule(
        "amount_off", "waiv", _nothing,
        rf"{_WAIVE}{_JOINING}\s+fees?\b|\b{_JOINING}\s+fees?\s+(?:(?:is|are)\s+)?waived\b",
    ),
    _rule(
        "voucher", "voucher|gift|credit|card|coupon|gutschein|reward", _money,
        rf"{_M}\s+(?:worth of\s+|in\s+|of\s+)?(?:\w+\s+){{0,2}}?(?:vouchers?|gift\s?cards?|e-?gift"
        rf"|gift certificates?|(?:store |account |shop )?credits?\b(?! (?:card|score|limit))|bonus cards?|coupons?"
        rf"|gutscheine?|rewards?\b(?! points))\b",
    ),
    _rule(
        "voucher", "voucher|gift|credit", _money,
        rf"\b(?:vouchers?|gift\s?cards?|gift certificates?|credits?)\s+(?:worth|of|for|valued at)\s+{_M}",
    ),
    _rule(
        "fixed_price", "$|£|€|¥|₹|usd|gbp|eur| rs|\nrs|dollar|pound|quid|buck", _money,
        rf"\b(?:only|just|now|for only|for just|all for|from|starting at|starts? at|as low as|special price:?"
        rf"|sale price:?|your price:?|intro(?:ductory)? price:?|today for)\s+(?:only\s+|just\s+|at\s+)*{_M}(?!\s*"
        rf"(?:after|off|rebate|discount|gift|credit|million|billion|k\b|m\b))",
    ),
    _rule(
        "fixed_price", "$|£|€|¥|₹|usd|gbp|eur|dollar|pound|quid|buck", _money,
        rf"\b(?:any\s+)?(?:\d{{1,2}}|two|three|four|five)\s+(?:[a-z-]+\s+){{0,3}}for\s+(?:only\s+|just\s+)?{_M}(?!\s*off)",
    ),
    _rule(
        "fixed_price", "and up", _money,
        rf"(?:^|(?<=\n)){_M}\s+and up\b",
    ),
    _rule(
        "bogo", "buy|book|rent|order|purchase", _more,
        rf"\b(?:buy|book|rent|order|purchase)\s+(?:any\s+)?{_COUNT}\b[^.!?\n]{{0,40}}?[,&\s-]+(?:and\s+)?(?:get|receive|take)\s+(?:(?:the"
        rf"|your)\s+)?(?P<given>{_COUNT}|another|second|2nd)\b[^.!?\n]{{0,30}}?(?:free|(?:at|for)?\s*"
        rf"(?P<share>\d{{1,2}})\s?%\s+off|half[\s-](?:price|off))",
    ),
    _rule(
        "bogo", "second|2nd|another", _more,
        r"\b(?:get\s+(?:a|the|your)\s+)(?:second|2nd)\s+(?:[\w-]+\s+){0,2}?(?:free\b|half[\s-]price|(?P<share>\d{1,2})\s?%\s+off)",
    ),
    _rule(
        "bogo", "bogo|2 for|2-for|two for|two-for", _more,
        r"(?<![:\w])bogo(?:f|ho)?\b(?! (?:sort))|\b(?:two|2)[\s-]+for[\s-]+(?:the price of\s+)?(?:one|1)\b",
    ),
    _rule(
        "bogo", "2 for|3 for|4 for|5 for|6 for|7 for|8 for|9 for|two for|three for|four for|five for", _more,
        r"\b(?P<of>[2-9]|three|four|five)\s+for\s+(?:the price of\s+)?(?P<pay>[1-8]|one|two|three|four)\b"
        r"(?!\s?[%$£€\d:.])",
    ),
    _rule(
        "bogo", "2x1|2 x 1|3x2|3 x 2|4x3", _more,
        r"(?<![\w.,/])(?P<of>[234])\s?x\s?(?P<pay>[123])\s+(?:(?:on|en|sur)\s+(?!the\s+(?:floor|wall))\w"
        r"|(?:deals?|offers?|specials?|promo\w*|ofertas?)\b"
        r"|(?:\w+\s+)?(?:pass(?:es)?|pases?|tickets?|entradas?|drinks?|class(?:es)?|clases|admissions?|memberships?)\b)",
    ),
    _rule(
        "bogo", "the price of", _more,
        r"\b(?P<of>[2-9]|1[0-2]|two|three|four|five|six|ten|twelve)\s+(?:[a-z][\w-]*\s+){1,2}for\s+the\s+price\s+of\s+"
        r"(?P<pay>\d|10|one|two|three|four|five|ten)\b",
    ),
    _rule(
        "free_trial", "trial", _period,
        rf"\b(?:free\s+(?:(?P<count>\d{{1,3}}|one|two|three)[\s-]+(?P<unit>{_PERIOD})[\s-]+)?trial|"
        rf"(?P<count2>\d{{1,3}}|one|two|three|six)[\s-]+(?P<unit2>{_PERIOD})[\s-]+(?:free\s+)?trial)\b",
    ),
    _rule(
        "free_trial", "free", _period,
        rf"\bfree\s+for\s+(?:(?:the|your|an?)\s+)?(?:(?P<count>first|one|\d{{1,3}}|two|three|six|an?)\s+)?(?:full\s+"
        rf"|whole\s+)?(?P<unit>{_PERIOD})\b",
    ),
    _rule(
        "free_trial", "free|complimentary", _period,
        rf"\b(?P<count>\d{{1,3}}|one|two|three|six|first|an?)\s+(?:(?:free|complimentary)\s+(?P<unit>{_PERIOD})(?![\s-]+pass)|"
        rf"(?P<unit2>{_PERIOD})(?:'s?)?\s+(?:is |are |for |absolutely |of \w+ )?free)\b",
    ),
    _rule("free_trial", "free", _period, r"\bfree\s+(?P<unit>month|week)\b(?!\s*(?:ly|end|pass))"),
    _rule(
        "free_trial", "try ", _nothing,
        r"\btry\s+(?!to\b)(?:it|us|\w+)(?:\s+\w+)?\s+(?:for\s+)?free\b(?! (?:shipping|delivery))",
    ),
    _rule(
        "free_shipping", "ship|delivery|postage|p&p|gratis|livraison|versand|envío|envio", _nothing,
        r"\b(?:free|complimentary)\s+(?:(?!gift)[\w-]+\s+){0,3}?(?:shipping|delivery|postage|p\s?&\s?p)\b|\b"
        r"(?:shipping|delivery)\s+(?:is\s+)?(?:free|on us)\b|\bships?\s+(?:for\s+)?free\b|\benv[ií]o gratis\b"
        r"|\blivraison (?:gratuite|offerte)\b|\b(?:kostenloser|gratis) versand\b",
    ),
    _rule(
        "free_item", "free|complimentary", _item,
        rf"\b(?:get|receive|enjoy|claim|choose|grab|score|redeem|redeemable\b.{{0,60}}?\bfor|plus|bonus:?|earn|pick"
        rf"|have|collect|give you|want|with)\s+(?:(?:you|up to)\s+)?({_COUNT}|your|this|our)\s+(?:complimentary"
        rf"|free)\s+(?!{_NO_GIFT})[\w3-]",
    ),
    _rule(
        "free_item", "free|complimentary", _item,
        rf"\bget\s+(?:complimentary|free)\s+(?!{_NO_GIFT})\w",
    ),
    _rule(
        "free_item", "free|complimentary", _item,
        rf"\b(?:free|complimentary)\s+(?:[\w-]+\s+)?gifts?\b(?!\s?cards?\s+(?:balance|wrap))|\bfree\s+(?!{_NO_GIFT})[\w-]+"
        rf"(?:\s+[\w-]+){{0,3}}?\s+(?:with|when you)\s+(?:your|any|every|each|purchase|orders?|you|the purchase)\b",
    ),
    _rule(
        "free_item", "free", _item,
        rf"\b((?!(?:19|20)\d\d)\d{{1,4}}|one|two|three|four|five|six|ten)\s+free\s+(?!{_NO_GIFT})\w+",
    ),
    _rule(
        "free_item", "free", _item,
        r"\b[\w-]+,?\s+4\s+free\b|\b(?:yours|(?:get|receive|take|claim|bring)\s+(?:[\w-]+\s+){1,4})for\s+free\b"
        r"(?![\s-]+(?:on|by|from|shipping|delivery|postage|trial|returns?|software|threaded))",
    ),
    _rule(
        "free_item", "free", _item,
        r"\b(?:kids|children|seniors|guests?|friends|students|under[- ]?\d+s?)\s+(?:eat|climb|play|ski|stay|enter|go"
        r"|get in|swim|skate|ride|fly|jump)\s+free\b",
    ),
    _rule(
        "free_item", "first|1st", _item,
        r"\b(?:first|1st)\s+(?:class|visit|session|lesson|entry|ride|climb|pass|drink)\s+(?:is\s+)?(?:free|on us)\b",
    ),
    _rule("amount_off", "give", _money, rf"\bgive\s+{_MONEY}[^.!?\n]{{0,12}}\bget\s+{_M}"),
    _rule(
        "bundle_bonus", "double|triple|2x|3x|twice", _nothing,
        r"\b(?:double|triple|2x|3x|twice the)\s+(?:the\s+|your\s+)?(?:mins?|minutes?|txts?|texts?|data|points?"
        r"|rewards?|miles|stamps?|credits?|visits|entries|memory)\b",
    ),
    _rule(
        "bundle_bonus", "bonus|extra", _nothing,
        r"\b(?:bonus|extra)\s+(?:\d[\d,]*\s+)?(?:points|miles|minutes|stamps)\b|\b\d[\d,]*\s+(?:bonus|extra)\s+"
        r"(?:points|miles|minutes)\b",
    ),
]
