"""What a mail server's codes mean: for one message, for an address for ever, for all that we send."""

from __future__ import annotations

import re
from typing import Literal

from regulars.destinations.sender import Deferred, Outcome, Refused
from regulars.destinations.unaddressed import unaddressed

Step = Literal["connect", "sender", "recipient", "content"]
"""Where in the conversation a code came."""

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_GONE = re.compile(r"5\.1\.(?!8|7)\d+|5\.2\.1|5\.4\.4")      # 5.1.7 and 5.1.8 are about the sender's address


def is_gone(status: str) -> bool:
    """Return whether an enhanced status says that the address is gone for good.

    A full mailbox (5.2.2), an unwanted message (5.7.x) or a silent 5.0.0 are not that. Source: RFC 3463, 3.2 and 3.3;
    5.4.4: the domain has nobody who takes mail.
    """
    return _GONE.fullmatch(status) is not None


def refusal(code: int, text: str, *, step: Step) -> Outcome:
    """Return what became of a message after a code that is not a yes. Source: RFC 5321, 4.2; RFC 3463.

    5xx: no; anything else: not now. A no is about the address where the status says so, and about the account where
    the server would not know us or our sender's address.
    """
    found = _ENHANCED.search(text)
    status = found[1] if found else ""
    reason = unaddressed(text)
    if code // 100 != 5:
        return Deferred(reason=f"{code} {reason}")
    named = status or str(code)
    if step == "recipient" and is_gone(status):
        return Refused(code=named, reason=reason, scope="address")
    is_ours = step == "connect" or code in {530, 534, 535, 538} or (step == "sender" and code != 552)
    return Refused(code=named, reason=reason, scope="account" if is_ours else "message")
