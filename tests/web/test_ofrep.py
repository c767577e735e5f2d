"""The OpenFeature remote evaluation protocol as its document says it, and as strictly as its clients read it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from flag_server import FILES, KEY, Served, serving, written

DOCUMENT = Path(__file__).parents[2].parent / "shared" / "data" / "experiments" / "ofrep.yaml"
ALL = "/ofrep/v1/evaluate/flags"
WHO = {"targetingKey": "unit-1", "country": "US", "age": 30, "plan": "pro"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    if not DOCUMENT.is_file():
        pytest.skip("needs ofrep.yaml, which is not part of the project")
    said: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    # As written every value matches two of these kinds: the one without a value takes all, an integer is a number too.
    kinds = said["components"]["schemas"]["evaluationSuccess"]["allOf"][1]
    kinds["anyOf"] = kinds.pop("oneOf")
    return said


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def is_as_documented(document: dict[str, Any], path: str, answer: httpx.Response) -> None:
    """Raises ValidationError for an answer that the protocol does not have."""
    said = document["paths"][path]["post"]["responses"][str(answer.status_code)]
    if "content" in said:
        schema = {"components": document["components"], **said["content"]["application/json"]["schema"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())


@pytest.mark.parametrize("flag", sorted(file.removeprefix("flags/").removesuffix(".yaml") for file in FILES if "/" in file))
def test_one_flag_is_answered_as_documented(client: httpx.Client, document: dict[str, Any], flag: str) -> None:
    answer = client.post(f"{ALL}/{flag}", json={"context": WHO})

    assert answer.status_code == 200
    is_as_documented(document, f"{ALL}/{{key}}", answer)
    assert answer.json()["variant"]
    assert answer.json()["reason"] in {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}


def test_a_number_is_written_with_its_point(client: httpx.Client) -> None:
    assert '"value":12.0' in client.post(f"{ALL}/price", json={"context": WHO}).text


def test_what_says_nothing_leaves_the_value_to_the_code(client: httpx.Client) -> None:
    assert "value" not in client.post(f"{ALL}/undecided", json={"context": WHO}).json()


def test_all_flags_are_answered_as_documented(client: httpx.Client, document: dict[str, Any], served: Served) -> None:
    answer = client.post(ALL, json={"context": WHO})

    is_as_documented(document, ALL, answer)
    assert [flag["key"] for flag in answer.json()["flags"]] == served.here.keys
    for flag in answer.json()["flags"]:
        assert client.post(f"{ALL}/{flag['key']}", json={"context": WHO}).json() == flag


def test_who_has_the_answers_is_not_sent_them_again(client: httpx.Client) -> None:
    first = client.post(ALL, json={"context": WHO})
    tag = first.headers["etag"]

    again = client.post(ALL, json={"context": WHO}, headers={"If-None-Match": f'"other", W/{tag}'})
    other = client.post(ALL, json={"context": {**WHO, "plan": "free"}}, headers={"If-None-Match": tag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert other.status_code == 200


@pytest.mark.parametrize(("body", "code"), [
    ("{", "PARSE_ERROR"), ("", "PARSE_ERROR"), ('{"a":' * 9_000, "PARSE_ERROR"), ("[" * 101 + "]" * 101, "PARSE_ERROR"), ('"\xff"'.encode("latin-1"), "PARSE_ERROR"),
    ("[]", "INVALID_CONTEXT"), ("{}", "INVALID_CONTEXT"), ('{"context": 5}', "INVALID_CONTEXT"),
    ('{"context": {}}', "TARGETING_KEY_MISSING"), ('{"context": {"targetingKey": 5}}', "TARGETING_KEY_MISSING"),
    ('{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING"),
])
@pytest.mark.parametrize("path", [ALL, f"{ALL}/price"])
def test_a_request_that_cannot_be_meant_says_why(
    client: httpx.Client, document: dict[str, Any], path: str, body: str | bytes, code: str
) -> None:
    answer = client.post(path, content=body)

    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
    assert answer.json()["errorDetails"]
    is_as_documented(document, ALL if path == ALL else f"{ALL}/{{key}}", answer)


def test_a_body_without_end_is_not_read_to_its_end(client: httpx.Client) -> None:
    answer = client.post(ALL, content=json.dumps({"context": {"targetingKey": "a" * 1_100_000}}))

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "PARSE_ERROR")


@pytest.mark.parametrize("key", ["nowhere", "a/b", "日本", "%2e%2e"])
def test_a_flag_that_there_is_not_is_not_found(client: httpx.Client, document: dict[str, Any], key: str) -> None:
    answer = client.post(f"{ALL}/{key}", json={"context": WHO})

    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")
    is_as_documented(document, f"{ALL}/{{key}}", answer)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"X-API-Key": ""}, {"Authorization": f"Basic {KEY}"}])
def test_without_the_key_nothing_is_answered(served: Served, headers: dict[str, str]) -> None:
    answers = [httpx.post(f"{served.url}{path}", json={"context": WHO}, headers=headers) for path in (ALL, f"{ALL}/price")]

    assert [answer.status_code for answer in answers] == [401, 401]


def test_the_key_may_stand_in_either_header(served: Served) -> None:
    assert httpx.post(f"{served.url}{ALL}", json={"context": WHO}, headers={"X-API-Key": KEY}).status_code == 200


def test_a_file_that_changes_is_answered_anew_and_a_mistake_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path) / "flags" / "price.yaml"

    with serving(tmp_path) as url:
        answers = []
        for text in ("type: number\ndefault: 11\n", "type: numbr\n"):
            file.write_text(text, encoding="utf-8")
            time.sleep(1.05)                 # files are looked at once a second
            answers.append(httpx.post(f"{url}{ALL}/price", json={"context": WHO}).json()["value"])

    assert answers == [11.0, 11.0]
