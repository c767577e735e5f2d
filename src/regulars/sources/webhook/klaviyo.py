"""Klaviyo's system webhooks: HMAC-SHA256 over the body with the time behind it, in hexadecimal."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from regulars.sources.webhook.delivery import Delivery, Verdict, is_any, judged, unix_moment


def verify_klaviyo(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine; see `Verifies`.

    Source: developers.klaviyo.com, working with system webhooks. It does not say how the time is written, so each of
    the usual ways is read.
    """
    signature, time = delivery.headers.get("klaviyo-signature", ""), delivery.headers.get("klaviyo-timestamp", "")
    if not secrets:
        return "keyless"
    if not signature or not time:
        return "unsigned"
    moment = _moment(time)
    if moment is None:
        return "malformed"
    signed = delivery.body + time.encode(errors="replace")
    expected = [hmac.digest(key.encode(), signed, "sha256").hex() for key in secrets]
    return judged(is_signed=is_any([signature], expected), moment=moment, at=at, window=window)


def _moment(text: str) -> datetime | None:
    """Return the moment of seconds since 1970, of ISO 8601 or of a mail's date; None for what is none of them."""
    if text.isdigit():
        return unix_moment(text)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            continue
    return None
