"""What a request says in JSON, and answers that clients may keep until they change."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from starlette.requests import Request
from starlette.responses import Response

LARGEST_BODY = 1_000_000                     # bytes
DEEPEST = 100                                # lists and objects within each other: readers go down step by step


class UnreadableBody(ValueError):
    """A request's body is no JSON, too large, or nested too deep."""


async def read_body(request: Request, *, most: int = LARGEST_BODY) -> bytes:
    """Return a request's body, however it comes. Raises UnreadableBody for one of more than `most` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise UnreadableBody(f"the body is larger than {most:,} bytes")
    return bytes(body)


async def read_json(request: Request) -> object:
    """Return what a request's body says. Raises UnreadableBody."""
    return json_of(await read_body(request))


def json_of(body: bytes) -> object:
    """Return what a body says. Raises UnreadableBody for what is no JSON, or nested deeper than DEEPEST."""
    try:
        said: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableBody(f"the body is no JSON: {error}") from error
    if _is_too_deep(said):
        raise UnreadableBody(f"the body is nested deeper than {DEEPEST}")
    return said


def _is_too_deep(said: object) -> bool:
    level = [said]
    for _ in range(DEEPEST):
        lists = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [within for each in lists for within in each]
    return any(isinstance(each, dict | list) for each in level)


def kept_answer(request: Request, data: object) -> Response:
    """Return data as JSON with an ETag; 304 and nothing to a client that has it already."""
    return kept(request, msgspec.json.encode(data), media_type="application/json")


def kept(request: Request, body: bytes, *, media_type: str) -> Response:
    """Return a body with an ETag; 304 and nothing to a client that has it already."""
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
