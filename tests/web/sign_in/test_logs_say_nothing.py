"""What a server prints names nobody and holds no secret, whatever is sent to it."""

from __future__ import annotations

import base64
import logging
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
from desk_server import OTHER, PASSWORD, WRITE_KEY, send, serving, sign_in
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.clock import SystemClock
from regulars.flags import Flags
from regulars.pipeline.access import new_key
from regulars.web.app import flag_app
from regulars.web.gate import Gate
from regulars.web.listen import listening
from regulars.web.raised import discreet

ADDRESS, PHONE = "ann@lee.example", "+12548675302"
BODY = {"email": ADDRESS, "phone": PHONE, "From": PHONE, "Body": f"STOP {PHONE}", "data": {"object": {"email": ADDRESS}}}


def test_a_served_session_leaves_no_secret_and_no_address_in_what_was_printed(tmp_path: Path) -> None:
    with serving(tmp_path / "desk") as desk:
        now = SystemClock().now()
        key = new_key(desk.book, "till", scope="admin", by="test", at=now)[1]
        email, link = desk.link("owner")
        browser = desk.browser()
        send(browser, link, name="Ann Lee", password=PASSWORD, again=PASSWORD)
        shown = [value for _, value in browser.cookies.items()]
        send(browser, "/account/password", page="/account", old=PASSWORD, password=OTHER, again=OTHER)
        shown += [value for _, value in browser.cookies.items()]
        for tried in (email, ADDRESS, PHONE, PASSWORD):
            sign_in(desk.browser(), tried, OTHER if tried == email else f"wrong {PASSWORD}")
        browser.get(link)
        for name in ("authorization", "x-api-key"):
            headers = {name: f"Bearer {key}" if name == "authorization" else key}
            for path in (f"/customers?q={ADDRESS}", f"/customers/{ADDRESS}", f"/customers?limit={PHONE}", "/audit", "/ready"):
                desk.browser().get(f"/api/v1{path}", headers=headers)
            desk.browser().post("/api/v1/review/rulings", headers=headers, json={**BODY, "left": ADDRESS})
        basic = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        for path in ("/v1/identify", "/v1/track", "/v1/batch", "/hooks/twilio", f"/hooks/{ADDRESS}", f"/{PHONE}"):
            for content in ({"json": {"userId": ADDRESS, "event": PHONE, "traits": BODY}}, {"data": BODY}, {"content": f"{{{ADDRESS}"}):
                desk.browser().post(path, headers={"Authorization": f"Basic {basic}"}, **content)  # type: ignore[arg-type]  # of httpx
        send(browser, "/sign-out", page="/account")
        time.sleep(0.1)                      # the line is written after the answer is
        printed = desk.printed.read_text(encoding="utf-8")

    for secret in (ADDRESS, PHONE, PASSWORD, OTHER, WRITE_KEY, basic, email, link.rpartition("/")[2], "Ann Lee", *shown,
                   key[-20:]):
        assert secret not in printed
    for fact in ("person let in", "password changed", "sign-in refused", "person signed in", "request answered"):
        assert fact in printed
    assert "Traceback" not in printed


def test_an_error_that_nobody_foresaw_is_logged_without_what_it_says(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(request: Request) -> Response:
        raise ValueError(f"{ADDRESS} is not a number")

    app = flag_app(lambda: Flags({}), gate=Gate(keys=("k",), clock=time.monotonic), pages=[Route("/broken", broken)])
    server = uvicorn.Server(uvicorn.Config(discreet(app), log_level="info", access_log=False))
    with listening("127.0.0.1", 0) as socket, caplog.at_level(logging.DEBUG):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        answer = httpx.get(f"http://127.0.0.1:{socket.getsockname()[1]}/broken", timeout=60)
        server.should_exit = True
        thread.join()

    said = "".join([caplog.text, *capsys.readouterr()])
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"]
    assert "test_logs_say_nothing.py" in said
    assert ADDRESS not in said + answer.text
