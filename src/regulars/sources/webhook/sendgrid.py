"""SendGrid's event webhook: an ECDSA signature, known by a public key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from regulars.sources.webhook.delivery import Delivery, Verdict, decoded, judged, unix_moment

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIME = "x-twilio-email-event-webhook-timestamp"


def verify_sendgrid(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine; `secrets` are public keys here. See `Verifies`.

    ECDSA with SHA-256 over the time and the body. Source: twilio.com/docs/sendgrid, event webhook security features;
    the cases of sendgrid-python and sendgrid-nodejs.
    """
    checks = [check for check in map(_check, secrets) if check is not None]
    if not checks:
        return "keyless"
    text, time = delivery.headers.get(_SIGNATURE, ""), delivery.headers.get(_TIME, "")
    if not text or not time:
        return "unsigned"
    signature, moment = decoded(text), unix_moment(time)
    if signature is None or moment is None:
        return "malformed"
    is_signed = any(check(signature, time.encode() + delivery.body) for check in checks)
    return judged(is_signed=is_signed, moment=moment, at=at, window=window)


@lru_cache(maxsize=64)
def _check(key: str) -> Callable[[bytes, bytes], bool] | None:
    """Return what knows the signatures of a public key in base 64; None for a text that is no such key."""
    # Imported here: only those who have SendGrid wait for it.
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        public = load_der_public_key(decoded(key) or b"")
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return None
    scheme = ec.ECDSA(hashes.SHA256())

    def is_signed(signature: bytes, signed: bytes) -> bool:
        try:
            public.verify(signature, signed, scheme)
        except InvalidSignature:
            return False
        return True

    return is_signed
