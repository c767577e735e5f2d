"""Quo, formerly OpenPhone: both of its signatures are in use; how a webhook was made decides which one it has."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from regulars.sources.webhook.delivery import Delivery, Verdict, decoded, is_any, judged, unix_moment

MOST_SIGNATURES = 4
"""Of the older kind that are looked at: each is over a text of its own, and a header may be full of them."""


def verify_quo(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine by the signature it has; see `Verifies`."""
    keys = [key for key in (decoded(secret.removeprefix("whsec_")) for secret in secrets) if key is not None]
    if not keys:
        return "keyless"
    if "webhook-signature" in delivery.headers:
        return _standard(delivery, keys=keys, at=at, window=window)
    if "openphone-signature" in delivery.headers:
        return _legacy(delivery, keys=keys, at=at, window=window)
    return "unsigned"


def _standard(delivery: Delivery, *, keys: Sequence[bytes], at: datetime, window: timedelta) -> Verdict:
    """`v1,<base64>` with spaces between several, over `id.seconds.body`. Source: standardwebhooks.com."""
    name, time = delivery.headers.get("webhook-id", ""), delivery.headers.get("webhook-timestamp", "")
    versions = [one.partition(",") for one in delivery.headers["webhook-signature"].split(" ")]
    signatures = [text for version, _, text in versions if version == "v1" and text]
    moment = unix_moment(time)
    if not name or moment is None or not signatures:
        return "malformed"
    signed = f"{name}.{time}.".encode() + delivery.body
    return judged(is_signed=is_any(signatures, _in_base64(keys, signed)), moment=moment, at=at, window=window)


def _legacy(delivery: Delivery, *, keys: Sequence[bytes], at: datetime, window: timedelta) -> Verdict:
    """`hmac;1;<milliseconds>;<base64>` with commas between several, each over its own `milliseconds.body`.

    Source: quo.com/docs/webhooks/legacy-signature-validation.
    """
    verdicts: list[Verdict] = []
    for one in delivery.headers["openphone-signature"].split(",")[:MOST_SIGNATURES]:
        fields = one.strip().split(";")
        moment = unix_moment(fields[2], per_second=1000) if len(fields) == 4 and fields[:2] == ["hmac", "1"] else None
        if moment is None:
            verdicts.append("malformed")
            continue
        expected = _in_base64(keys, fields[2].encode() + b"." + delivery.body)
        verdicts.append(judged(is_signed=is_any(fields[3:], expected), moment=moment, at=at, window=window))
    return next((known for known in ("genuine", "stale", "forged") if known in verdicts), "malformed")


def _in_base64(keys: Sequence[bytes], signed: bytes) -> list[str]:
    return [b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
