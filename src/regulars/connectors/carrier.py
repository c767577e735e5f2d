"""What the error codes of the telephone network mean: whose fault a text's end is, and whether it may come later.

The codes are Twilio's; Quo sends through the same network and passes them on. Source: Twilio's error dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from regulars.destinations.sender import Refused, Scope, Stage

_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one code says of a text."""

    scope: Scope                             # as a refusal
    stage: Stage                             # as the end of a text that had been taken
    words: str                               # a sentence without the number


def _for_good(words: str) -> Meaning:
    return Meaning(scope="address", stage="bounced", words=words)


def _this_time(words: str) -> Meaning:
    return Meaning(scope="message", stage="undelivered", words=words)


def _ours(words: str) -> Meaning:
    return Meaning(scope="account", stage="failed", words=words)


CODES: Mapping[str, Meaning] = {
    "21610": Meaning(scope="address", stage="unsubscribed", words="opted out of texts from this number"),
    "21211": _for_good("not a telephone number"),
    "21217": _for_good("not a telephone number"),
    "21265": _for_good("a short code cannot be written to"),
    "21266": _for_good("the number is the sender's own"),
    "21268": _for_good("a premium number cannot be written to"),
    "21614": _for_good("the number cannot get texts"),
    "21635": _for_good("a landline"),
    "30005": _for_good("no such number, or no longer in use"),
    "30006": _for_good("a landline, or a carrier that cannot be reached"),
    "21408": _this_time("texts to that country are not switched on"),
    "21602": _this_time("the text is empty"),
    "21604": _this_time("there is no recipient"),
    "21612": _this_time("this number cannot be written to from that one"),
    "21617": _this_time("the text is longer than 1,600 signs"),
    "30001": _this_time("the queue was full"),
    "30003": _this_time("the telephone is off or out of reach"),
    "30004": _this_time("blocked by the telephone or its carrier"),
    "30007": _this_time("filtered by the carrier as unwanted"),
    "30008": _this_time("the carrier gives no reason"),
    "30022": _this_time("more than the carrier takes in a minute"),
    "30023": _this_time("more than the carrier takes in a day"),
    "30036": _this_time("not sent in the time that was given"),
    "30410": _this_time("the carrier did not answer"),
    "10001": _ours("the account is not active"),
    "20003": _ours("the account or its token is wrong"),
    "20404": _ours("there is no such account"),
    "21212": _ours("the sender is not a telephone number"),
    "21603": _ours("there is no sender"),
    "21606": _ours("the sender's number belongs to nobody here, or cannot send texts"),
    "21608": _ours("a trial account writes to confirmed numbers only"),
    "21659": _ours("the sender's number is not one of the vendor's"),
    "21660": _ours("the sender's number is another account's"),
    "21661": _ours("the sender's number cannot send texts"),
    "21701": _ours("there is no such messaging service"),
    "21704": _ours("the messaging service has no numbers"),
    "30002": _ours("the account is suspended"),
    "30032": _ours("the toll-free number is not verified"),
    "30034": _ours("the number is not registered for texts to the United States (A2P 10DLC)"),
}


def refused(code: str, said: str, *, scope: Scope = "message") -> Refused:
    """Return the refusal that a code means; of a code that is not known, with the scope given and what was said."""
    known = CODES.get(code)
    if known is None:
        return Refused(code=code, reason=without_numbers(said), scope=scope)
    return Refused(code=code, reason=known.words, scope=known.scope)


def ended(code: str, *, otherwise: Stage) -> Stage:
    """Return how a text that did not arrive ended."""
    known = CODES.get(code)
    return otherwise if known is None else known.stage


def words_of(code: str) -> str:
    """Return what a code means in words; empty for one that is not known."""
    known = CODES.get(code)
    return "" if known is None else known.words


def without_numbers(text: str) -> str:
    """Return what a vendor said without the telephone numbers in it, at most 200 signs."""
    return _NUMBER.sub("…", text)[:200]
