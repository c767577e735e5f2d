"""Every route that is served, and everybody who may come: the one table that says who is let in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.routing import Route
from whole_server import FLAG_KEY, Whole

from regulars.web.api.route import ROOT
from regulars.web.api.table import ROUTES
from regulars.web.assets import asset
from regulars.web.rights import MAY, ROLES, SCOPES, opens
from regulars.web.sign_in.entrance import PageRoute

OPEN = {
    ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/invite/{shown}"), ("POST", "/invite/{shown}"),
    ("GET", "/sign-in/elsewhere"), ("GET", "/sign-in/back"), ("POST", "/theme"),
    ("GET", asset("regulars.css").path), ("GET", asset("regulars.js").path),
    ("GET", f"{ROOT}/health"), ("GET", f"{ROOT}/ready"), ("GET", f"{ROOT}/openapi.json"),
}
"""What is answered to everybody: nothing here says anything of anybody, or of the business."""

SCOPE_OF = {(route.method, ROOT + route.path): route.scope for route in ROUTES} | {("GET", "/metrics"): "read"}
FLAGS = ("/ofrep/", "/api/features/", "/api/eval/")
REFUSED = {401, 403}


def _doors(whole: Whole) -> Iterator[tuple[Route, str]]:
    for route in whole.routes:
        assert isinstance(route, Route), f"what is {route!r}?"
        yield from ((route, method) for method in sorted((route.methods or set()) - {"HEAD"}))


def _kind(route: Route, method: str) -> str:
    if isinstance(route, PageRoute):
        return "page"
    if (method, route.path) in OPEN:
        return "open"
    if route.path.startswith(FLAGS):
        return "flag"
    if (method, route.path.removesuffix(".csv")) in SCOPE_OF:
        return "api"
    return "nobody said"


def _of(whole: Whole, kind: str) -> list[tuple[Route, str]]:
    return [(route, method) for route, method in _doors(whole) if _kind(route, method) == kind]


def _is_sent_away(status: int, location: str | None) -> bool:
    return status in REFUSED or (status == 303 and str(location).startswith("/sign-in"))


def test_somebody_said_of_every_route_who_may(whole: Whole) -> None:
    kinds = {_kind(route, method) for route, method in _doors(whole)}

    assert kinds == {"page", "open", "flag", "api"}


def test_nobody_is_let_in_without_showing_anything(whole: Whole) -> None:
    for kind in ("page", "flag", "api"):
        for route, method in _of(whole, kind):
            answer = whole.ask(route, method, {})
            assert _is_sent_away(answer.status_code, answer.headers.get("location")), (method, route.path, answer.status_code)


def test_a_page_is_opened_to_the_roles_of_the_table_and_no_other(whole: Whole) -> None:
    for route, method in _of(whole, "page"):
        assert isinstance(route, PageRoute)
        for role in ROLES:
            if route.path in {"/sign-out", "/account/password"} or "/sessions/" in route.path:
                continue                     # these change the session that asks: they have tests of their own
            shown = whole.sessions[role]
            answer = whole.ask(route, method, whole.cookie(shown), shown)
            # What is let in may still find nothing: here nothing was run, and `x` is nobody.
            is_let_in = answer.status_code in {200, 303, 404, 422}
            assert is_let_in == (route.may in MAY[role]), (role, method, route.path, answer.status_code)
            assert answer.status_code == 403 or is_let_in
            assert not str(answer.headers.get("location")).startswith("/sign-in")


def test_a_form_without_its_token_is_refused_to_every_role(whole: Whole) -> None:
    for route, method in _of(whole, "page"):
        for role in ROLES:
            if method == "POST":
                answer = whole.ask(route, method, whole.cookie(whole.sessions[role]), shown="another")
                assert answer.status_code == 403, (role, route.path, answer.status_code)


@pytest.mark.parametrize("what", ["session", "key"])
def test_what_opens_another_tenants_doors_opens_none_of_these(whole: Whole, whole_other: Whole, what: str) -> None:
    shown = [*whole_other.sessions.values()] if what == "session" else [*whole_other.keys.values()]
    for each in shown:
        headers = whole.cookie(each) if what == "session" else {"Authorization": f"Bearer {each}"}
        for kind in ("page", "flag", "api"):
            for route, method in _of(whole, kind):
                answer = whole.ask(route, method, headers, each)
                assert _is_sent_away(answer.status_code, answer.headers.get("location")), (method, route.path)


def test_a_session_opens_no_door_of_programs_and_a_key_none_of_people(whole: Whole) -> None:
    for role in ROLES:
        for kind in ("flag", "api"):
            for route, method in _of(whole, kind):
                answer = whole.ask(route, method, whole.cookie(whole.sessions[role]), whole.sessions[role])
                assert answer.status_code == 401, (role, method, route.path)
    for key in whole.keys.values():
        for route, method in _of(whole, "page"):
            answer = whole.ask(route, method, {"Authorization": f"Bearer {key}", **whole.cookie(key)}, key)
            assert _is_sent_away(answer.status_code, answer.headers.get("location")), (method, route.path)


def test_a_key_opens_what_its_scope_does_and_the_flags_have_keys_of_their_own(whole: Whole) -> None:
    for scope in SCOPES:
        headers = {"Authorization": f"Bearer {whole.keys[scope]}"}
        for route, method in _of(whole, "api"):
            asked = SCOPE_OF[method, route.path.removesuffix(".csv")]
            assert asked is not None
            answer = whole.client.request(method, route.path.replace("{", "").replace("}", ""), headers=headers)
            assert (answer.status_code not in REFUSED) == opens(scope, asked), (scope, method, route.path, answer.status_code)
        for route, method in _of(whole, "flag"):
            assert whole.ask(route, method, headers).status_code == 401
    for route, method in _of(whole, "api"):
        assert whole.ask(route, method, {"Authorization": f"Bearer {FLAG_KEY}"}).status_code == 401


def test_a_visitor_sees_the_business_they_belong_to(whole: Whole, whole_other: Whole) -> None:
    seen = [each.client.get("/page/read", headers=each.cookie(each.sessions["viewer"])).json() for each in (whole, whole_other)]

    assert seen == [
        {"tenant": "default", "role": "viewer", "name": "viewer of default"},
        {"tenant": "other", "role": "viewer", "name": "viewer of other"},
    ]


def test_every_answer_has_the_headers_that_keep_a_browser_safe(whole: Whole) -> None:
    for route, method in _doors(whole):
        headers = whole.ask(route, method, whole.cookie(whole.sessions["viewer"]), whole.sessions["viewer"]).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        if isinstance(route, PageRoute):
            assert {"no-store", "private"} & set(headers["cache-control"].split(", "))
            assert "Cookie" in headers["vary"]


def test_a_page_asked_for_by_nobody_leads_to_the_form_and_back(whole: Whole) -> None:
    page = whole.client.get("/page/read?q=a%26b&limit=5")
    twin = whole.client.get("/page/read.json")
    piece = whole.client.get("/page/read", headers={"HX-Request": "true"})

    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/page/read%3Fq%3Da%2526b%26limit%3D5")
    assert (twin.status_code, twin.json()["type"]) == (401, "urn:regulars:sign-in-needed")
    assert (piece.status_code, piece.headers["hx-redirect"]) == (401, "/sign-in")
