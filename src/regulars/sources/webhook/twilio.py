"""Twilio: a signature over our public url and the form, or over the url that holds the hash of any other body."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from regulars.sources.webhook.delivery import Delivery, Verdict, is_any
from regulars.sources.webhook.form import fields_of, is_form, signed_form

_PORTS = {"https": 443, "http": 80}
_HASHES = {"HMAC_SHA256": "sha256"}


def verify_twilio(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine; nothing says when it was signed. See `Verifies`.

    HMAC-SHA1, or what `X-Twilio-Webhooks-Signature-Settings` names; an algorithm that is not known is not believed.
    Source: twilio.com/docs/usage/security; the cases of twilio-python, twilio-node and twilio-go.
    """
    del at, window
    signature = delivery.headers.get("x-twilio-signature", "")
    if not secrets:
        return "keyless"
    if not signature:
        return "unsigned"
    hashed = _algorithm(delivery.headers.get("x-twilio-webhooks-signature-settings"))
    fields = fields_of(delivery.body) if is_form(delivery.headers) else []
    if hashed is None or fields is None:
        return "malformed"
    if not _is_body_signed(delivery):
        return "forged"
    keys = [secret.encode() for secret in secrets]
    expected = [
        text for url in with_and_without_port(delivery.url)
        for text in signed_form(url, fields, keys=keys, hashed=hashed)
    ]
    return "genuine" if is_any([signature], expected) else "forged"


def with_and_without_port(url: str) -> tuple[str, ...]:
    """Return a url as it is and with its port the other way: named where it was left out, left out where it was named.

    Proxies in between hide or add it, and the signature is of the url the provider knows.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return (url,)
    if port is None and parts.scheme not in _PORTS:
        return (url,)
    other = f"{parts.netloc}:{_PORTS[parts.scheme]}" if port is None else parts.netloc.rpartition(":")[0]
    head = f"{parts.scheme}://"
    return url, head + other + url[len(head) + len(parts.netloc):]


def _algorithm(settings: str | None) -> str | None:
    if settings is None:
        return "sha1"
    said = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    return _HASHES.get(said.get("algorithm", ""))


def _is_body_signed(delivery: Delivery) -> bool:
    """Return whether the url holds the hash of the body; a form, whose fields are signed, and no body need none."""
    query = fields_of(delivery.url.partition("?")[2]) or []
    hashes = [value for name, value in query if name == "bodySHA256"]
    if not hashes:
        return is_form(delivery.headers) or not delivery.body
    return len(hashes) == 1 and is_any(hashes, [hashlib.sha256(delivery.body).hexdigest()])
