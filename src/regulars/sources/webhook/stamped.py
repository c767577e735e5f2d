"""Signatures that carry their time, `t=1718000000,v1=<hex>`: Stripe's and Mailchimp Marketing's."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regulars.sources.webhook.delivery import Delivery, Verdict, is_any, judged, unix_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """HMAC-SHA256 over `time.body`, in hexadecimal; there may be several while the secret is changed.

    Source: docs.stripe.com/webhooks/signature; mailchimp.com/developer, sync audience data with webhooks.
    """

    header: str

    def __call__(self, delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
        """Return whether a delivery is genuine; see `Verifies`."""
        said = delivery.headers.get(self.header, "")
        if not secrets:
            return "keyless"
        if not said:
            return "unsigned"
        parts = [(name.strip(), value) for name, _, value in (part.partition("=") for part in said.split(","))]
        times = [value for name, value in parts if name == "t"]
        signatures = [value for name, value in parts if name == "v1"]
        moment = unix_moment(times[0]) if len(times) == 1 else None
        if moment is None or not signatures:
            return "malformed"
        signed = times[0].encode() + b"." + delivery.body
        expected = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets]
        return judged(is_signed=is_any(signatures, expected), moment=moment, at=at, window=window)
