"""Whatever is posted, the door answers, keeps its law, and writes lines that can be read.

`REGULARS_DOOR_FUZZ=100000 pytest tests/web/door/test_fuzzed_bodies.py` posts a hundred thousand bodies.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from typing import Any

from regulars.web.ingest.routes import ROUTES

BODIES = int(os.environ.get("REGULARS_DOOR_FUZZ", "1500"))
TOGETHER = 250
MEMBERS = [
    "type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "originalTimestamp", "context", "traits",
    "properties", "batch", "data", "writeKey", "door", "previousId", "groupId", "name", "api_key", "distinct_id", "$set",
    "uuid", "sent_at", "e", "eid", "ue_px", "$distinct_id", "integrations", "userAgent", "links", "$anon_distinct_id",
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


def _body(chance: random.Random) -> bytes:
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
        body = b"data=" + body
    elif kind < 0.27:
        body = body.replace(b'"u1"', b'"\\ud800"').replace(b'"m1"', b'"\\udfff"')
    return gzip.compress(body) if chance.random() < 0.1 else body


def test_no_body_is_too_odd_for_the_door(opened: Any) -> None:
    chance, received, statuses = random.Random(7), 0, set[int]()

    for _ in range(0, BODIES, TOGETHER):
        answers = opened.ask_all([
            {"method": "POST", "url": chance.choice([*ROUTES, "/v1/batch/"]), "content": _body(chance),
             "headers": {"Authorization": "Basic V0s6"}}
            for _ in range(TOGETHER)
        ])
        for answer in answers:
            statuses.add(answer.status_code)
            told = answer.json()
            taken = sum(told.get(outcome, 0) for outcome in ("stored", "duplicate", "quarantined", "blocked"))
            received += taken if answer.status_code == 200 else 1

    assert statuses == {200, 400}
    counts = opened.counts()
    assert counts["received"] == received
    # Reading them as JSON is what says that each line is whole, and one.
    assert len(opened.lines()) == counts["stored"] > 0
    assert len(opened.lines("quarantined")) == counts["quarantined"] > 0
    assert all(next(iter(line)) == "door" and line["door"]["type"] for line in opened.lines())
