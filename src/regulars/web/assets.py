"""Files that pages are drawn with, under names that change with what is in them, so that they are kept for ever."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = "/static"
MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the wheel as browsers get it."""

    path: str                                # with the hash of what is in it
    body: bytes
    media: str


@cache
def asset(name: str) -> Asset:
    """Return a file of `static`: `regulars.css`."""
    body = (files("regulars.web") / "static" / name).read_bytes()
    stem, _, kind = name.rpartition(".")
    digest = blake2b(body, digest_size=6).hexdigest()
    return Asset(path=f"{FOLDER}/{stem}.{digest}.{kind}", body=body, media=MEDIA[kind])


def asset_routes(names: tuple[str, ...]) -> list[Route]:
    """Return a route for each file; an old name, of a page that was kept, is not found."""
    return [_route(asset(name)) for name in names]


def _route(found: Asset) -> Route:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001  as all routes
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(found.body, media_type=found.media, headers=headers)

    return Route(found.path, endpoint)
