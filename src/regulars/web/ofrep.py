"""Flags over the OpenFeature remote evaluation protocol, so that any OpenFeature client can ask.

Stricter than the protocol, for clients that are: every answer has a variant, every refusal its details, a number's flag
answers 1.0 and never 1, reasons are those of the protocol alone. Source: OFREP 0.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.flags import Context, Flags, FlagValue
from regulars.web.body import UnreadableBody, kept_answer, read_json
from regulars.web.gate import Gate, key_of

ErrorCode = Literal["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL", "FLAG_NOT_FOUND"]

ONE = "/ofrep/v1/evaluate/flags/{key:path}"
ALL = "/ofrep/v1/evaluate/flags"


class _Refused(Exception):
    """A request that cannot be answered."""

    def __init__(self, code: ErrorCode, details: str) -> None:
        super().__init__(details)
        self.code: ErrorCode = code
        self.details = details


def ofrep_routes(flags: Callable[[], Flags], *, gate: Gate) -> list[Route]:
    """Return the protocol's two routes: one flag, and all of them. `flags` gives those of the moment."""

    async def one(request: Request) -> Response:
        if refusal := gate.refusal(key_of(request)):
            return refusal.response()
        key = request.path_params["key"]
        try:
            said = await _said(request)
            if key not in (now := flags()):
                raise _Refused("FLAG_NOT_FOUND", f"there is no flag {key!r}")  # noqa: TRY301  one way out
            return _json(answer(now.evaluate(key, _context(said))))
        except _Refused as refused:
            status = 404 if refused.code == "FLAG_NOT_FOUND" else 400
            return _json({"key": key, "errorCode": refused.code, "errorDetails": refused.details}, status=status)

    async def every(request: Request) -> Response:
        if refusal := gate.refusal(key_of(request)):
            return refusal.response()
        try:
            context = _context(await _said(request))
        except _Refused as refused:
            return _json({"errorCode": refused.code, "errorDetails": refused.details}, status=400)
        now = flags()
        return kept_answer(request, {"flags": [answer(now.evaluate(key, context)) for key in now.keys]})

    return [Route(ONE, one, methods=["POST"]), Route(ALL, every, methods=["POST"])]


def answer(found: FlagValue) -> dict[str, Any]:
    """Return a flag's value as the protocol writes it; without `value` the client uses its own default."""
    evaluation = found.evaluation
    metadata: dict[str, str | float] = {"source": evaluation.source}
    if evaluation.rule:
        metadata["rule"] = evaluation.rule
    if evaluation.experiment is not None and evaluation.result is not None:
        metadata["experiment"] = evaluation.experiment.key
        if evaluation.result.bucket is not None:
            metadata["bucket"] = evaluation.result.bucket
    said = {"key": found.key, "reason": found.reason, "variant": found.variant, "metadata": metadata}
    return said if found.value is None else {**said, "value": found.value}


def _context(said: object) -> Context:
    """Return whom a request asks about; the targeting key is the unit, where no `id` is told."""
    context = said.get("context") if isinstance(said, Mapping) else None
    if not isinstance(context, Mapping):
        raise _Refused("INVALID_CONTEXT", 'the body is {"context": {"targetingKey": "...", ...}}')
    key = context.get("targetingKey")
    if not isinstance(key, str) or not key:
        raise _Refused("TARGETING_KEY_MISSING", "the context has no `targetingKey`, a text that tells units apart")
    return Context(attributes={"id": key, **context})


async def _said(request: Request) -> object:
    try:
        return await read_json(request)
    except UnreadableBody as error:
        raise _Refused("PARSE_ERROR", str(error)) from error


def _json(data: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data), status_code=status, media_type="application/json")
