"""Bodies that nobody should post: anything, good messages with something changed, bytes that changed on the way."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any
from urllib.parse import quote_plus, urlencode

MEMBERS = [
    "type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "originalTimestamp", "context", "traits",
    "properties", "batch", "data", "writeKey", "door", "previousId", "groupId", "name", "api_key", "distinct_id", "$set",
    "uuid", "sent_at", "e", "eid", "ue_px", "$distinct_id", "integrations", "userAgent", "links", "$anon_distinct_id",
    "id", "object", "MessageSid", "MessageStatus", "sg_event_id", "mandrill_events", "topic", "external_id", "meta",
]
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 2**63, 10**40, "", "track", "identify", "alias", "group", "u1", "m1", "null",
    "2026-11-25T10:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "\x00\x01", "\u2028 \ud83d\ude00", "a\nb\r",
    "$identify", "$create_alias", "$groupidentify", "e30=", "x" * 5000, "\\", '"', [], {},
]


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth > 3 or kind < 0.6:
        return chance.choice(VALUES)
    if kind < 0.75:
        return [_value(chance, depth + 1) for _ in range(chance.randint(0, 4))]
    return {chance.choice(MEMBERS): _value(chance, depth + 1) for _ in range(chance.randint(0, 8))}


def _said(chance: random.Random) -> Any:
    """Return anything, or a good message of which something was changed, or several."""
    kind = chance.random()
    if kind < 0.2:
        return _value(chance, 0)
    good = {"type": "track", "event": "E", "userId": "u1", "messageId": str(chance.randrange(10**6))}
    message = good | {m: _value(chance, 1) for m in chance.sample(MEMBERS, chance.choice([1, 2, 8]))}
    return message if kind < 0.7 else {"batch": [message, good, _value(chance, 1)]}


def odd_body(chance: random.Random) -> bytes:
    """Return a body that somebody might post, by mistake or not."""
    said = _said(chance)
    body = json.dumps(said, ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, None, 1])).encode(
        errors="surrogatepass"
    )
    kind = chance.random()
    if kind < 0.15:                          # bytes that changed on the way
        at = chance.randrange(len(body) + 1)
        body = body[:at] + chance.randbytes(chance.randint(0, 3)) + body[at + chance.randint(0, 3):]
    elif kind < 0.2:
        body = chance.randbytes(chance.randint(0, 60))
    elif kind < 0.22:
        body = chance.choice([b"[", b'{"a":', b'{"batch":[']) * chance.choice([10, 3000])
    elif kind < 0.25:
        form = b"data=" + (quote_plus(body).encode() if chance.random() < 0.5 else body)
        body = b"a=1&" * chance.choice([0, 0, 0, 60]) + form
    elif kind < 0.27:
        body = body.replace(b'"u1"', b'"\\ud800"').replace(b'"m1"', b'"\\udfff"')
    return gzip.compress(body) if chance.random() < 0.1 else body


def odd_form(chance: random.Random) -> bytes:
    """Return a form that somebody might post."""
    fields = [(chance.choice(MEMBERS), json.dumps(_value(chance, 1))) for _ in range(chance.choice([0, 1, 3, 8]))]
    events = ("mandrill_events", json.dumps([_said(chance) for _ in range(chance.randint(0, 3))]))
    body = urlencode(fields if chance.random() < 0.6 else [*fields, events]).encode()
    if chance.random() < 0.2:                # bytes that changed on the way
        at = chance.randrange(len(body) + 1)
        body = body[:at] + chance.randbytes(chance.randint(0, 3)) + body[at + chance.randint(0, 3):]
    return body if chance.random() < 0.9 else odd_body(chance)
