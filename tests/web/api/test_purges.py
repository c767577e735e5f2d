"""Purges over REST: begun once, whoever asks twice; what cannot be meant is refused; a run does the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api_server import NOW, Served, opened, posted

BODY = {"source": "pages", "event": "Ticked"}


def _asked(served: Served, body: dict[str, Any], *, key: str | None = None, scope: str = "admin") -> Any:
    headers = served.headers(scope) | ({} if key is None else {"Idempotency-Key": key})
    return served.client.post("/api/v1/purges", headers=headers, json=body)


def test_a_purge_that_is_asked_for_twice_is_begun_once_and_in_the_audit(served: Served) -> None:
    first, again, other = _asked(served, BODY, key="one"), _asked(served, BODY, key="one"), _asked(served, BODY)

    begun = first.json()
    listed = served.client.get("/api/v1/purges", headers=served.headers()).json()["items"]
    audit = served.client.get("/api/v1/audit", headers=served.headers()).json()["items"]
    assert (first.status_code, again.json(), other.json()) == (201, begun, begun)
    assert [one["purge_id"] for one in listed if one["event"] == "Ticked"] == [begun["purge_id"]]
    assert ("purge.begin", begun["purge_id"]) in {(line["what"], line["subject"]) for line in audit}
    assert (begun["finished_at"], begun["rows"]) == (None, 0)


def test_one_that_is_asked_for_farther_is_another_only_where_more_came(served: Served) -> None:
    answers = []
    body = {"source": "pages", "event": "Pinged"}
    workspace = opened(served.folder)
    posted(workspace, name="Pinged", ago=timedelta(hours=3))

    answers.append(_asked(served, {**body, "until": (NOW - timedelta(hours=2)).isoformat()}))
    answers.append(_asked(served, body))
    posted(workspace, name="Pinged", ago=timedelta(hours=1))
    answers.append(_asked(served, body))

    workspace.close()
    first, same, more = (one.json()["purge_id"] for one in answers)
    assert {one.status_code for one in answers} == {201}
    assert first == same != more


def test_what_cannot_be_meant_is_refused_with_what_would_be_right(served: Served) -> None:
    workspace = opened(served.folder)
    posted(workspace)
    workspace.close()
    refused = {
        422: [{"source": "pages"}, {"source": "desk", "event": "E"}, {**BODY, "since": "2999-01-01T00:00:00Z"},
              {**BODY, "until": "2999-01-01T00:00:00Z"}, {"source": "pages", "property": "door.id"}],
        404: [{"source": "no", "event": "E"}, {"source": "pages", "event": "Never"},
              {"source": "pages", "until": (NOW.replace(year=1999)).isoformat()}],
    }

    told = {status: [_asked(served, body) for body in bodies] for status, bodies in refused.items()}

    assert {status: {one.status_code for one in answers} for status, answers in told.items()} == {422: {422}, 404: {404}}
    assert all(one.json()["hint"] for answers in told.values() for one in answers)
    assert {one.json()["type"] for one in told[422]} == {"urn:regulars:purge-refused"}
    assert _asked(served, BODY, scope="write").status_code == 403
