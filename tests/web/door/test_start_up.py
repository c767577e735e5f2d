"""What clients in a browser ask before they send is answered so that they send here; nobody learns of another's key."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from regulars.flags import Flags

FLAGS = Flags.load({"features": {
    "banner": {"defaultValue": "old", "rules": [{"condition": {"plan": "gold"}, "force": "new"}]},
    "hours": {"defaultValue": False}, "open": {"defaultValue": True}, "price": {"defaultValue": 12.5},
    "menu": {"defaultValue": {"soup": 3}}, "nothing": {"defaultValue": None},
}})
BASIC = {"Authorization": "Basic V0s6"}
EVERY = [
    ("GET", "/v1/projects/{key}/settings"), ("GET", "/sourceConfig/?writeKey={key}"), ("GET", "/array/{key}/config"),
    ("POST", "/flags/?v=2&api_key={key}"), ("POST", "/decide/?v=3&token={key}"),
]


def _asked(opened: Any, method: str, path: str, **more: Any) -> Any:
    body = {"content": json.dumps({"distinct_id": "u1"}).encode()} if method == "POST" else {}
    return opened.ask(method, path, **body, **more)


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_a_key_nobody_gave_out_is_told_nothing_whoever_it_is(method: str, path: str, opened: Any) -> None:
    told = {_asked(opened, method, path.format(key=key)).text for key in ("nobody", "WK2", "", "site", "0" * 64)}

    [alike] = told - {'{"success":false,"message":"there is nothing here"}'}
    assert json.loads(alike) == {"success": False, "message": "no write key of this project"}
    assert _asked(opened, method, path.format(key="nobody")).status_code == 401


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_an_answer_holds_nothing_of_another_key(method: str, path: str, opened: Any) -> None:
    answer = _asked(opened, method, path.format(key="WK"))

    assert answer.status_code == 200
    assert not any(other in answer.text for other in ("WK_SEGMENT", "KEY:SECRET", "phc_TEST", "mixpanel", "jitsu", "snowplow"))


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_a_page_of_any_origin_may_ask(method: str, path: str, opened: Any) -> None:
    before = opened.ask("OPTIONS", path.format(key="WK"), headers={"Origin": "https://shop.example"})

    assert before.status_code == 204
    assert method in before.headers["access-control-allow-methods"]
    assert {"authorization", "content-type", "anonymousid"} <= set(before.headers["access-control-allow-headers"].split(", "))
    assert _asked(opened, method, path.format(key="WK")).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("headers", "scheme"), [({}, "http"), ({"Origin": "https://shop.example"}, "https")])
def test_the_settings_of_a_segment_project_name_this_host(headers: dict[str, str], scheme: str, opened: Any) -> None:
    told = opened.ask("GET", "/v1/projects/WK/settings", headers={"Host": "events.example:8765", **headers}).json()

    assert list(told["integrations"]) == ["Segment.io"]
    mine = told["integrations"]["Segment.io"]
    assert (mine["apiKey"], mine["protocol"], mine["apiHost"]) == ("WK", scheme, "events.example:8765/v1")


@pytest.mark.parametrize("shown", [
    {"headers": BASIC}, {"params": {"writeKey": "WK", "p": "npm", "v": "3.0.0"}},
])
def test_the_source_of_a_rudderstack_client_is_on_and_sends_here_alone(shown: dict[str, Any], opened: Any) -> None:
    source = opened.ask("GET", "/sourceConfig/", **shown).json()["source"]

    assert (source["id"], source["writeKey"], source["enabled"], source["destinations"]) == ("site", "WK", True, [])
    assert source["dataplanes"]["US"][0]["url"] == "http://door"


def test_a_host_that_is_none_is_not_repeated(opened: Any) -> None:
    answer = opened.ask("GET", "/v1/projects/WK/settings", headers={"Host": 'x"/><script>'})

    assert answer.status_code == 400
    assert "script" not in answer.text


BODY = {"token": "WK", "distinct_id": "u1", "person_properties": {"plan": "gold", "id": "somebody else"}}


@pytest.mark.parametrize("body", [
    json.dumps(BODY).encode(), gzip.compress(json.dumps(BODY).encode()),
    b"data=" + base64.b64encode(json.dumps(BODY).encode()).replace(b"=", b"%3D"),
])
@pytest.mark.parametrize("path", ["/flags/?v=2", "/flags?v=2&config=true", "/decide/?v=3"])
def test_flags_are_answered_in_the_words_of_posthog(path: str, body: bytes, opened: Any) -> None:
    opened.door.flags = lambda: FLAGS

    told = opened.ask("POST", path, content=body).json()

    assert told["featureFlags"] == {
        "banner": "new", "hours": False, "menu": True, "nothing": False, "open": True, "price": True,
    }
    assert told["featureFlagPayloads"] == {"menu": '{"soup":3}', "price": "12.5"}
    assert {key: (one["enabled"], one["variant"]) for key, one in told["flags"].items()} == {
        "banner": (True, "new"), "hours": (False, None), "menu": (True, None), "nothing": (False, None),
        "open": (True, None), "price": (True, None),
    }
    assert told["errorsWhileComputingFlags"] is False


@pytest.mark.parametrize("body", [{"token": "WK"}, {"token": "WK", "distinct_id": 5}, [1], "text"])
def test_who_asks_for_flags_of_nobody_hears_so(body: object, opened: Any) -> None:
    opened.door.flags = lambda: FLAGS

    assert opened.ask("POST", "/flags/", content=json.dumps(body).encode()).status_code == 400


def test_a_door_without_flags_has_none(opened: Any) -> None:
    told = opened.ask("POST", "/flags/", content=json.dumps(BODY).encode()).json()

    assert (told["flags"], told["sessionRecording"]) == ({}, False)


def _picture(opened: Any, address: str, **more: Any) -> Any:
    answer = opened.ask("GET", address, **more)
    assert answer.headers["content-type"] == "image/gif"
    assert (answer.content[:6], int.from_bytes(answer.content[6:8], "little")) == (b"GIF89a", 1)
    assert answer.headers["cache-control"] == "no-store"
    return answer


def test_a_picture_tells_a_message(opened: Any) -> None:
    answer = _picture(
        opened, "/pixel/v1/track?writeKey=WK&anonymousId=a1&event=Mail%20Opened&properties.plan=gold&messageId=m1"
        "&properties.product.name=Caf%C3%A9&context.page.url=https%3A%2F%2Fx.example%2F&type=identify",
        headers={"User-Agent": "Googlebot/2.1"},
    )

    assert answer.status_code == 200
    [line] = opened.lines()
    assert (line["door"]["id"], line["door"]["type"], line["door"]["anonymous"]) == ("m1", "track", "a1")
    assert (line["door"]["name"], line["door"]["bot"]) == ("Mail Opened", True)
    assert line["properties"] == {"plan": "gold", "product": {"name": "Café"}}
    assert line["context"] == {"page": {"url": "https://x.example/"}}
    assert "WK" not in json.dumps(line)


def test_a_picture_without_an_id_counts_each_time_it_is_looked_at(opened: Any) -> None:
    for _ in range(2):
        _picture(opened, "/pixel/v1/page?writeKey=WK&anonymousId=a1&name=Home")

    assert opened.counts()["stored"] == 2


@pytest.mark.parametrize("address", [
    "/pixel/v1/track?anonymousId=a1&event=E", "/pixel/v1/track?writeKey=no&anonymousId=a1&event=E",
    "/pixel/v1/track?writeKey=WK" + "&a=1" * 5000, "/pixel/v1/page?%ff=%00",
])
def test_a_picture_with_no_key_of_the_project_writes_nothing_and_is_one_all_the_same(address: str, opened: Any) -> None:
    assert _picture(opened, address).status_code == 401
    assert opened.counts()["received"] == 0


@pytest.mark.parametrize("query", ["", "&event=E", "&anonymousId=a1", "&anonymousId=null&event=E"])
def test_a_picture_that_tells_of_nobody_or_nothing_is_set_aside(query: str, opened: Any) -> None:
    assert _picture(opened, f"/pixel/v1/track?writeKey=WK{query}").status_code == 200
    assert opened.counts()["quarantined"] == 1


@pytest.mark.parametrize(("query", "said"), [
    ("a.b=1&a=2", {"a": {"b": "1"}}), ("a=2&a.b=1", {"a": "2", "a.b": "1"}),
    (".=1", {"": {"": "1"}}), (".".join("abcdefghijklmnop") + "=1", None), ("door=1", None),
])
def test_two_names_for_one_place_cost_neither_the_message_nor_the_picture(query: str, said: Any, opened: Any) -> None:
    _picture(opened, f"/pixel/v1/track?writeKey=WK&anonymousId=u&event=E&{query}")

    [line] = opened.lines()
    assert said is None or said.items() <= line.items()
