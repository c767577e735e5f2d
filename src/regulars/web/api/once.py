"""A change is made once, however often its request comes, and stands in the audit."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from regulars.errors import RegularsError
from regulars.storage.book.audit import Changed
from regulars.web.api.problem import RequestRepeated, RequestUnfinished
from regulars.web.api.route import ApiRoute, Ask, Change

CREATED = 201


def change_once(route: ApiRoute, ask: Ask, *, raw: bytes, idempotency_key: str | None, request_id: str) -> bytes:
    """Make a change and return its answer as JSON; of a request that came before only the answer.

    At most once: of a request that was cut off by the death of this process it is not known what it did, so that it is
    refused instead of done again.

    Raises RequestRepeated for a known Idempotency-Key with another request, RequestUnfinished for one without answer.
    """
    if idempotency_key is None:
        return _changed(route, ask, request_id)
    answers, key_id = ask.workspace.book.answers, ask.key.key_id
    digest = _digest([route.name, dict(ask.path), raw])
    begun = answers.begin(key_id, idempotency_key, request_digest=digest, at=ask.workspace.clock.now())
    if begun is not None:
        if begun.request_digest != digest:
            raise RequestRepeated("this Idempotency-Key was used for another request", hint="use another key")
        if begun.body is None:
            raise RequestUnfinished(
                f"a request with this Idempotency-Key was begun at {begun.began_at:%Y-%m-%d %H:%M:%S}, without answer",
                hint="wait; if it stays so, look whether it was done and use another key",
            )
        return begun.body.encode("utf-8")
    try:
        answer = _changed(route, ask, request_id)
    except RegularsError:
        answers.forget(key_id, idempotency_key)      # refused: nothing was changed
        raise
    answers.finish(key_id, idempotency_key, status=CREATED, body=answer.decode("utf-8"))
    return answer


def _changed(route: ApiRoute, ask: Ask, request_id: str) -> bytes:
    change: Change = route.answer(ask)
    ask.workspace.book.audit.add(Changed(
        at=ask.workspace.clock.now(), by=f"key:{ask.key.name}", what=change.what, subject=change.subject,
        before=None if change.before is None else _digest(change.before),
        after=None if change.after is None else _digest(change.after), request_id=request_id,
    ))
    return msgspec.json.encode(change.answer)


def _digest(value: object) -> str:
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=12).hexdigest()
