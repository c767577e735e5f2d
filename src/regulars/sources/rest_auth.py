"""How a REST source knows us: a header, a bearer token, basic, an API key, or OAuth2 with tokens that rotate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from regulars.check import did_you_mean
from regulars.errors import DeclarationError, SourceRefused, SourceUnavailable
from regulars.sources.declared import Path, as_mapping, no_strangers
from regulars.sources.source import TokenStore

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderAuth:
    """A header of that value: `Authorization: token …`, `X-Api-Key: …`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAuth:
    """A query parameter of that value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """User and password."""

    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAuth:
    """OAuth2: an access token got with a refresh token, which the vendor may replace each time."""

    token_url: str
    client_id: str
    client_secret: str
    refresh_token: str                       # the first one; later ones are in the token store
    scope: str | None = None
    is_basic: bool = False                   # client id and secret as basic authentication, not in the form


Auth: TypeAlias = HeaderAuth | QueryAuth | BasicAuth | RefreshAuth

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "header": ("name", "value"),
    "bearer": ("token",),
    "basic": ("username", "password"),
    "api_key": ("name", "value"),
    "oauth2": ("token_url", "client_id", "client_secret", "refresh_token"),
}


def declare_auth(value: object, *, path: Path = ("auth",)) -> Auth | None:
    """Return the authentication that a mapping from YAML declares; None for none. Raises DeclarationError."""
    if value is None:
        return None
    data = as_mapping(value, path=path)
    kind = str(data.get("type"))
    if kind not in _NEEDS:
        raise DeclarationError(f"auth type {kind!r} is unknown", hint=did_you_mean(kind, _NEEDS), path=(*path, "type"))
    no_strangers(data, {"type", "in", "scope", *_NEEDS[kind]}, path=path)
    for name in _NEEDS[kind]:
        if data.get(name) is None:
            raise DeclarationError(f"auth by {kind} needs {name!r}", path=path)
    texts = {name: str(data[name]) for name in _NEEDS[kind]}
    match kind:
        case "bearer":
            return HeaderAuth(name="Authorization", value=f"Bearer {texts['token']}")
        case "basic":
            return BasicAuth(**texts)
        case "api_key" if data.get("in") == "query":
            return QueryAuth(**texts)
        case "oauth2":
            scope = data.get("scope")
            return RefreshAuth(**texts, scope=None if scope is None else str(scope), is_basic=data.get("in") == "basic")
        case _:
            return HeaderAuth(**texts)


@dataclass(slots=True, kw_only=True)
class Credentials:
    """Puts authentication on requests, and gets a new access token when one is refused."""

    auth: Auth | None                        # with every `${NAME}` replaced
    source: str
    tokens: TokenStore
    access_token: str | None = None

    def put_on(self, request: httpx.Request, client: httpx.Client) -> None:
        """Add what the source wants to see."""
        import httpx  # noqa: PLC0415  who only reads the declaration need not wait for it

        match self.auth:
            case HeaderAuth(name=name, value=value):
                request.headers[name] = value
            case QueryAuth(name=name, value=value):
                request.url = request.url.copy_merge_params({name: value})
            case BasicAuth(username=username, password=password):
                next(httpx.BasicAuth(username, password).auth_flow(request))
            case RefreshAuth():
                if self.access_token is None:
                    self.refresh(client)
                request.headers["Authorization"] = f"Bearer {self.access_token}"
            case None:
                pass

    @property
    def can_refresh(self) -> bool:
        """Return whether a refused token can be replaced."""
        return isinstance(self.auth, RefreshAuth)

    def refresh(self, client: httpx.Client) -> None:
        """Get a new access token; a rotated refresh token is saved before anything else happens.

        Raises SourceRefused when neither the kept nor the declared refresh token is taken, SourceUnavailable when
        nobody answers.
        """
        assert isinstance(self.auth, RefreshAuth)
        key = f"{self.source}.refresh_token"
        kept = self.tokens.load(key)
        # A person who renewed the consent writes the new token into the environment: then the kept one is dead.
        candidates = list(dict.fromkeys(token for token in (kept, self.auth.refresh_token) if token))
        for token in candidates:
            granted = _grant(self.auth, token, client, source=self.source)
            if granted is None:
                continue
            rotated = granted.get("refresh_token")
            if isinstance(rotated, str) and rotated != token:
                self.tokens.save(key, rotated)
            self.access_token = str(granted["access_token"])
            return
        raise SourceRefused(
            f"{self.source}: the refresh token is no longer taken", hint="connect the account again for a new one"
        )


def _grant(auth: RefreshAuth, token: str, client: httpx.Client, *, source: str) -> dict[str, object] | None:
    """Ask for an access token; None when the refresh token is refused."""
    import httpx  # noqa: PLC0415  see `put_on`

    form = {"grant_type": "refresh_token", "refresh_token": token}
    form |= {} if auth.scope is None else {"scope": auth.scope}
    form |= {} if auth.is_basic else {"client_id": auth.client_id, "client_secret": auth.client_secret}
    basic = httpx.BasicAuth(auth.client_id, auth.client_secret) if auth.is_basic else httpx.Auth()
    try:
        response = client.post(auth.token_url, data=form, auth=basic)
    except httpx.HTTPError as error:
        raise SourceUnavailable(f"{source}: {auth.token_url} did not answer: {error}") from error
    if response.status_code >= 500 or response.status_code == 429:
        raise SourceUnavailable(f"{source}: {auth.token_url} answered {response.status_code}")
    if response.status_code != 200:
        return None
    granted = msgspec.json.decode(response.content, type=dict[str, object])
    return granted if "access_token" in granted else None
