"""A message means the same in any company: read with a hundred others, or alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regulars.storage.door.arrival_store import Arrivals
from regulars.web.ingest.envelope import Envelope
from regulars.web.ingest.reception import received
from regulars.web.ingest.routes import Route
from regulars.web.ingest.write_keys import WriteKeys

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
IDS = st.sampled_from(["u1", " u2 ", "", "null", "-1", "00000000-0000", "NaN", "a-rather-long-name-of-somebody", 0, 7, 7.5, None])
TIMES = st.sampled_from([
    "2026-11-25T10:30:55.976Z", "2026-11-25T10:30:55.976123+00:00", "2026-11-25T12:30:55+02:00", "2026-11-25T10:30:55",
    "2026-11-25 10:30", "2026-11-25", "20261125T103055Z", "2026-11-25T10:30:55.1234567Z", "soon", "", 1795170655, 1795170655565,
    1795170655.5, None, True, "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2030-01-01T00:00:00Z",
])
CONTEXTS = st.sampled_from([
    {}, {"userAgent": "Googlebot/2.1"}, {"userAgent": "Mozilla/5.0 (iPhone)"}, {"userAgent": 3}, {"library": {"name": "x"}}, [], "x",
    None, 1,
])
MESSAGES = st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["track", "page", "identify", "group", "alias", "sing", "", None, 3]),
    "event": st.sampled_from(["E", "", None, 4, "\ud800"]), "name": st.sampled_from(["N", None]),
    "userId": IDS, "anonymousId": IDS, "messageId": IDS | st.just("\ud800"), "previousId": IDS, "groupId": IDS,
    "timestamp": TIMES, "originalTimestamp": TIMES, "sentAt": TIMES, "context": CONTEXTS,
    "door": st.sampled_from([None, {"id": "mine"}, 1]), "properties": st.just({"n": 1}),
})


def taken(messages: list[Any]) -> Arrivals:
    envelope = Envelope(route=Route(is_batch=True), source="site")
    body = json.dumps({"batch": messages, "sentAt": "2026-11-25T11:00:00Z"}).encode()
    found = received(envelope, body, keys=WriteKeys({}), judges={}, now=NOW, mint=lambda: "minted")
    assert isinstance(found, Arrivals)
    return found


@given(messages=st.lists(MESSAGES | st.integers() | st.none(), max_size=5))
def test_a_message_means_the_same_alone_and_among_others(messages: list[Any]) -> None:
    together, alone = taken(messages), [taken([one]) for one in messages]

    assert together.text == b"".join(one.text for one in alone)
    assert together.hashes == [hashed for one in alone for hashed in one.hashes]
    assert [json.loads(line)["raw"] for line in together.rejects] == [json.loads(r)["raw"] for one in alone for r in one.rejects]
    assert together.text.count(b"\n") == len(together.hashes) == len(messages) - len(together.rejects)
