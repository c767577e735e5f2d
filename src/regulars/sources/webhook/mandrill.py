"""Mailchimp Transactional (Mandrill): HMAC-SHA1 over our public url and the form."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from regulars.sources.webhook.delivery import Delivery, Verdict, is_any
from regulars.sources.webhook.form import fields_of, signed_form

EVENTS = "mandrill_events"
"""The one field of its form: a JSON list of events."""

_TRIAL = "test-webhook"
"""The key of the request that tries a new webhook out, which holds no event: there the real key is not used yet."""


def verify_mandrill(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine; nothing says when it was signed. See `Verifies`.

    Source: mailchimp.com/developer/transactional, authenticating webhook requests; the cases of django-anymail.
    """
    del at, window
    signature = delivery.headers.get("x-mandrill-signature", "")
    if not secrets:
        return "keyless"
    if not signature:
        return "unsigned"
    fields = fields_of(delivery.body)
    if fields is None:
        return "malformed"
    known = [*secrets, _TRIAL] if fields == [(EVENTS, "[]")] else secrets
    expected = signed_form(delivery.url, fields, keys=[key.encode() for key in known], hashed="sha1")
    return "genuine" if is_any([signature], expected) else "forged"
