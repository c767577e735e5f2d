"""Every path of the door, and everybody who may not write there: nothing is taken, however odd what they show."""

from __future__ import annotations

from typing import Any

import pytest

from regulars.web.ingest.ingest_door import COUNTS
from regulars.web.ingest.routes import ROUTES

MESSAGE = {"type": "track", "event": "E", "userId": "u", "batch": [], "data": []}
SHOWN: dict[str, dict[str, Any]] = {
    "nothing": {"headers": {}},
    "the key of another project": {"headers": {"Authorization": "Basic b3RoZXI6"}},
    "a key of the API": {"headers": {"Authorization": "Bearer rk_000000000000_x"}},
    "a session": {"headers": {"Cookie": "regulars_session_80=x"}},
    "no base 64": {"headers": {"Authorization": b"Basic \xff\xfe=="}},
    "no text": {"headers": {"Authorization": "Basic /w=="}},
    "a scheme alone": {"headers": {"Authorization": "Basic"}},
    "a key that is empty": {"headers": {"X-Write-Key": ""}, "params": {"writeKey": ""}},
    "no text in the query": {"headers": {}, "params": b"writeKey=%ff%00&api_key=%"},
    "more than anybody reads": {"headers": {}, "params": b"&".join([b"a=1"] * 5000)},
}


@pytest.mark.parametrize("shown", SHOWN)
def test_who_has_no_key_of_the_project_writes_and_reads_nothing(shown: str, opened: Any) -> None:
    told = SHOWN[shown]

    taken = {path: opened.post(path, MESSAGE, **told).status_code for path in ROUTES}
    read = opened.ask("GET", COUNTS, **told).status_code

    assert taken == dict.fromkeys(ROUTES, 401)
    assert read == 401
    assert opened.counts()["received"] == 0
