"""Asking somebody else who a person is: OpenID Connect, authorization code with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from regulars.errors import RegularsError
from regulars.web.api.problem import IssuerUnreadable
from regulars.web.sign_in.where import is_loopback

Kind = TypeVar("Kind")

SECONDS = 10.0                               # that an issuer may take for an answer
SCOPES = "openid email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who is asked, and as whom."""

    url: str                                 # https://accounts.example.com, as it calls itself
    client_id: str
    client_secret: str | None = None         # None: a public client

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise RegularsError(f"{self.url!r} is not asked: others could answer for it", hint="https://…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a browser keeps between leaving for the issuer and coming back."""

    state: str
    nonce: str
    verifier: str
    next: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where an issuer is asked what; what else it tells of itself is not needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What an issuer says of somebody who signed in there."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: Annotated[float, msgspec.Meta(gt=0)]        # seconds since 1970
    nonce: str = ""
    azp: str = ""
    email: str = ""
    email_verified: bool | str = False       # some write it as text


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str


def asked(goal: str) -> Asked:
    """Return what a browser is given when it leaves: secrets that tie the answer to it."""
    return Asked(
        state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48), next=goal
    )


def leaving(endpoints: Endpoints, issuer: Issuer, one: Asked, *, back: str) -> str:
    """Return where a browser goes to sign in; it comes back to `back`."""
    challenge = base64.urlsafe_b64encode(sha256(one.verifier.encode()).digest()).rstrip(b"=").decode()
    query = urlencode({
        "response_type": "code", "client_id": issuer.client_id, "redirect_uri": back, "scope": SCOPES,
        "state": one.state, "nonce": one.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
    })
    joint = "&" if "?" in endpoints.authorization_endpoint else "?"
    return f"{endpoints.authorization_endpoint}{joint}{query}"


def endpoints_of(issuer: Issuer) -> Endpoints:
    """Return where an issuer is asked. Raises IssuerUnreadable."""
    found = _read(_sent("GET", f"{issuer.url.rstrip('/')}/.well-known/openid-configuration"), Endpoints)
    if found.issuer.rstrip("/") != issuer.url.rstrip("/"):
        raise IssuerUnreadable(f"{issuer.url} calls itself {found.issuer}")
    return found


def claims_of(endpoints: Endpoints, issuer: Issuer, one: Asked, *, code: str, back: str) -> Claims:
    """Return what an issuer says of whom it gave a code for. Raises IssuerUnreadable.

    The token comes from the issuer itself over TLS, which stands for its signature (Core, section 3.1.3.7, point 6).
    """
    said = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": one.verifier}
    known = None if issuer.client_secret is None else (issuer.client_id, issuer.client_secret)
    if known is None:
        said["client_id"] = issuer.client_id
    token = _read(_sent("POST", endpoints.token_endpoint, data=said, auth=known), _Tokens).id_token
    try:
        body = token.split(".")[1]
        return _read(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), Claims)
    except (IndexError, binascii.Error) as error:
        raise IssuerUnreadable("the issuer's token cannot be read") from error


def verified_email(claims: Claims, endpoints: Endpoints, issuer: Issuer, one: Asked, *, at: datetime) -> str | None:
    """Return the address that claims prove, lower case; None for claims that prove none, to us, now."""
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    is_for_us = issuer.client_id in audience and (claims.azp or issuer.client_id) == issuer.client_id
    is_answer = claims.iss == endpoints.issuer and secrets.compare_digest(claims.nonce.encode(), one.nonce.encode())
    is_verified = claims.email_verified in (True, "true")
    if not (is_for_us and is_answer and is_verified and at.timestamp() < claims.exp):
        return None
    return claims.email.strip().lower() or None


def _sent(
    method: str, url: str, *, data: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None
) -> bytes:
    try:
        with httpx.Client(timeout=SECONDS) as client:
            answer = client.request(method, url, data=data, auth=auth, headers={"Accept": "application/json"})
    except httpx.HTTPError as error:
        raise IssuerUnreadable("the issuer does not answer", hint="try again, or use your password") from error
    if answer.status_code != httpx.codes.OK:
        raise IssuerUnreadable(f"the issuer answered {answer.status_code}", hint="try again, or use your password")
    return answer.content


def _read(body: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IssuerUnreadable("the issuer's answer cannot be read") from error
