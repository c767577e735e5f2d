"""What holds of every route: who is refused, whose data it is, and that it answers as its document says."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import jsonschema
import pytest
from api_server import Served

from regulars.web.api.openapi import document, statuses
from regulars.web.api.route import ROOT, ApiRoute
from regulars.web.api.table import ROUTES

CLOSED = [route for route in ROUTES if route.scope is not None]
READ = [route for route in ROUTES if route.method == "GET"]
BODIES: dict[str, Any] = {
    "addCampaign": {"name": "fair", "declaration": {
        "audience": "everybody", "channel": "sms", "purpose": "transactional", "by": "texts", "text": "Come",
    }},
    "chooseWinner": {"variant": "a", "reason": "it fits"}, "approveWords": {}, "withdrawWords": {}, "pauseCampaign": {}, "resumeCampaign": {}, "stopCampaign": {},
    "addDecision": {"kind": "stopped", "reason": "enough"},
    "addConsent": {"address": "p9@desk.example", "action": "revoke"},
    "addSuppressions": {"addresses": ["254 867 5309", "nobody"], "reason": "do not contact"},
    "pauseFlow": {}, "ruleMessage": {"ruling": "not_sent", "reason": "asked them"}, "settleReview": {"verdict": "keep"},
    "addErasure": {"customer": "desk/9"}, "addPurge": {"source": "pages", "event": "Ticked"},
    "addRuling": {"left": "desk/5", "right": "desk/6", "verdict": "same", "reason": "asked them"},
}


def _name(route: ApiRoute) -> str:
    return route.name


def _asked(served: Served, route: ApiRoute, headers: dict[str, str], path: str | None = None) -> Any:
    return served.client.request(
        route.method, path or ROOT + served.path(route.path), headers=headers, json=BODIES.get(route.name)
    )


def _is_as_documented(route: ApiRoute, answer: Any) -> None:
    said = document()["paths"][ROOT + route.path][route.method.lower()]["responses"][str(answer.status_code)]
    media = answer.headers["content-type"].partition(";")[0]
    schema = {**said["content"][media]["schema"], "components": document()["components"]}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(answer.json())


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_a_route_answers_as_its_document_says(served: Served, route: ApiRoute) -> None:
    answer = _asked(served, route, served.headers())

    assert answer.status_code == (201 if route.method == "POST" else 200), answer.text
    _is_as_documented(route, answer)


@pytest.mark.parametrize("route", [route for route in READ if route.is_list], ids=_name)
def test_a_list_has_its_rows_as_csv_too(served: Served, route: ApiRoute) -> None:
    path = ROOT + served.path(route.path)
    items = served.client.get(path, headers=served.headers()).json()["items"]

    twins = [
        served.client.get(f"{path}.csv", headers=served.headers()),
        served.client.get(path, headers={**served.headers(), "Accept": "text/csv"}),
    ]

    for twin in twins:
        rows = list(csv.DictReader(io.StringIO(twin.text)))
        assert twin.headers["content-type"] == "text/csv; charset=utf-8"
        assert len(rows) == len(items)
        assert not items or list(rows[0]) == list(items[0])


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer rk_000000000000_x"}, {"X-API-Key": ""},
])
@pytest.mark.parametrize("route", CLOSED, ids=_name)
def test_without_a_key_nothing_is_answered(served: Served, route: ApiRoute, headers: dict[str, str]) -> None:
    answer = _asked(served, route, headers)

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:regulars:key-unknown")
    assert answer.headers["www-authenticate"] == "Bearer"
    _is_as_documented(route, answer)


@pytest.mark.parametrize("route", [route for route in CLOSED if route.scope != "read"], ids=_name)
def test_a_key_of_a_lower_scope_is_refused(served: Served, route: ApiRoute) -> None:
    lower = {"write": ["read"], "admin": ["read", "write"]}[str(route.scope)]

    answers = [_asked(served, route, served.headers(scope)) for scope in lower]

    assert {answer.status_code for answer in answers} == {403}
    _is_as_documented(route, answers[0])


@pytest.mark.parametrize("route", CLOSED, ids=_name)
def test_a_key_of_another_tenant_opens_nothing(served: Served, other: Served, route: ApiRoute) -> None:
    answer = _asked(served, route, other.headers())

    assert answer.status_code == 401


OF_IDS = [route for route in ROUTES if {"customer_id", "ruling_id", "webhook_id", "message_id", "review_id"} & set(route.parameters)]


@pytest.mark.parametrize("route", OF_IDS, ids=_name)
def test_ids_of_another_tenant_are_not_found(served: Served, other: Served, route: ApiRoute) -> None:
    answer = _asked(served, route, served.headers(), ROOT + other.path(route.path))

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:regulars:not-found")
    _is_as_documented(route, answer)


def test_runs_of_another_tenant_are_not_listed(served: Served, other: Served) -> None:
    def audited(door: Served) -> set[str]:
        rows = door.client.get(f"{ROOT}/audit", headers=door.headers()).json()["items"]
        return {row["subject"] for row in rows}

    assert audited(served).isdisjoint(audited(other))


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_a_parameter_that_there_is_not_is_refused(served: Served, route: ApiRoute) -> None:
    answer = _asked(served, route, served.headers(), f"{ROOT}{served.path(route.path)}?limt=5")

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:regulars:request-invalid")
    _is_as_documented(route, answer)


@pytest.mark.parametrize("body", ['{"x":' * 9_000, "[" * 9_000, '{"declaration":' + "[" * 100 + "]" * 100 + "}"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=_name)
def test_a_body_that_is_nested_too_deep_is_refused(served: Served, route: ApiRoute, body: str) -> None:
    answer = served.client.post(ROOT + served.path(route.path), headers=served.headers(), content=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:regulars:request-invalid")


@pytest.mark.parametrize("route", READ, ids=_name)
def test_who_has_the_answer_is_not_sent_it_again(served: Served, route: ApiRoute) -> None:
    path = ROOT + served.path(route.path)
    first = served.client.get(path, headers=served.headers())

    again = served.client.get(path, headers={**served.headers(), "If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_the_document_is_served_and_names_every_route(served: Served) -> None:
    said = served.client.get(f"{ROOT}/openapi.json").json()

    assert said["openapi"] == "3.1.0"
    operations = {each["operationId"] for path in said["paths"].values() for each in path.values()}
    assert {route.name for route in ROUTES} | {"getHealth"} <= operations
    assert json.loads(json.dumps(document())) == said


def test_every_status_that_may_come_is_documented() -> None:
    for route in ROUTES:
        said = document()["paths"][ROOT + route.path][route.method.lower()]["responses"]
        assert {str(status) for status in statuses(route)} < set(said)
