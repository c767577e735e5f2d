"""Webhooks through a real `regulars serve`: what is genuine is taken once and has its effect at once, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import pytest
from posting import KEY, OLD_KEY, TOKEN, Serving, shopify, signed, twilio, until

from regulars.cli.main import main
from regulars.clock import SystemClock
from regulars.config import read_config
from regulars.pipeline.access import new_key
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.sources.webhook.shopify_orders import order_version
from regulars.storage.book import Book
from regulars.storage.book.webhooks import Queued, webhook_id_of

LONGEST = 5 << 20
Told = TypeVar("Told")


@pytest.fixture
def regulars(served: Serving, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Types a command, and gives what it prints as JSON, or the error it says."""
    monkeypatch.syspath_prepend(served.folder / "plugin")

    def typed(*words: str) -> Any:
        with pytest.raises(SystemExit):
            main([*words, "--project", str(served.folder), "--json"])
        said = capsys.readouterr()
        return json.loads(said.out) if said.out else said.err

    return typed


def told(served: Serving, ask: Callable[[Book], Told]) -> Told:
    """Return what the book of the project says."""
    config = read_config(served.folder, environment=os.environ)
    book = Book.open(config.stores.book, home=served.folder / ".regulars")
    try:
        return ask(book)
    finally:
        book.close()


def refused_numbers(served: Serving) -> set[str]:
    """Return the numbers that may not be written to."""
    rows = told(served, lambda book: book.consent.evidence())
    return {row["address"] for row in rows if row["action"] == "revoke"}


def queued(served: Serving, delivery_id: str) -> Queued | None:
    rows = told(served, lambda book: book.webhooks.newest(limit=1000))
    return next((row for row in rows if row.delivery_id == delivery_id), None)


def given_up(served: Serving, delivery_id: str, number: str) -> str:
    """Have something posted that cannot be read, and return under which name it was given up."""
    served.mended.unlink(missing_ok=True)
    assert served.text(number, "", id_=delivery_id, kind="unreadable") == 200
    until(lambda: (one := queued(served, delivery_id)) is not None and one.state == "dead", seconds=20)
    return webhook_id_of("texts", delivery_id)


def test_who_writes_stop_is_left_alone_within_a_second(served: Serving) -> None:
    took = []
    for n, number in enumerate(("+12548675391", "+12548675392", "+12548675301")):
        assert served.text(number, "please stop texting me", id_=f"EV1{n}") == 200
        took.append(until(lambda number=number: number in refused_numbers(served), seconds=20))  # type: ignore[misc]

    # Two of three: one may meet whatever else the machine does.
    assert sorted(took)[1] < 1.0


def test_a_delivery_that_comes_again_counts_once(served: Serving) -> None:
    answers = [served.text("+12548675302", "STOP", id_="EV2") for _ in range(3)]

    until(lambda: "+12548675302" in refused_numbers(served), seconds=20)
    until(lambda: (one := queued(served, "EV2")) is not None and one.state == "done", seconds=20)
    found = queued(served, "EV2")
    assert answers == [200, 200, 200]
    assert found is not None
    assert (found.news, found.attempts) == (1, 1)


def test_the_old_key_counts_while_it_stands_there(served: Serving) -> None:
    assert served.text("+12548675303", "hi", id_="EV3", key=OLD_KEY) == 200


def test_a_complaint_ends_everything_to_an_address(served: Serving) -> None:
    assert served.text("ann@lee.example", "", id_="EV4", kind="complaint") == 200

    until(lambda: told(served, lambda book: book.consent.suppressions())["reason"].to_pylist() == ["complained"], seconds=20)


def test_what_is_not_genuine_is_refused_and_nothing_of_it_is_kept(served: Serving) -> None:
    body = b'{"id": "EV666", "type": "message.received", "data": {"object": {"from": "+12548675366", "text": "secret words"}}}'
    genuine = signed(body)

    answers = {
        "forged": served.ask("POST", "/webhooks/texts", body + b" ", genuine),
        "of another key": served.ask("POST", "/webhooks/texts", body, signed(body, "b3RoZXI=")),
        "of another source": served.ask("POST", "/webhooks/lists", body, genuine),
        "old": served.ask("POST", "/webhooks/texts", body, signed(body, at=time.time() - 301)),
        "unsigned": served.ask("POST", "/webhooks/texts", body),
        "without a secret": served.ask("POST", "/webhooks/unset", body, {"stripe-signature": "t=1,v1=2"}),
        "shopify": served.ask("POST", "/webhooks/shop", body, {"x-shopify-hmac-sha256": "x"}),
    }

    kept = [path for path in served.folder.rglob("*") if path.is_file() and b"EV666" in path.read_bytes()]
    log = served.log.read_text()
    assert answers == dict.fromkeys(answers, 403) | {"shopify": 401}
    assert kept == []
    assert "delivery refused" in log
    assert [said for said in ("secret words", "12548675366", KEY, OLD_KEY, TOKEN, genuine["openphone-signature"]) if said in log] == []


def test_twilio_signs_the_public_url_whatever_the_host_is_called(served: Serving) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+12548675301"}
    body, headers = twilio(fields, query="?tenant=7")

    assert served.ask("POST", "/webhooks/calls?tenant=7", body, headers) == 200
    assert served.ask("POST", "/webhooks/calls?tenant=8", body, headers) == 403


def test_a_provider_may_look_whether_somebody_is_there(served: Serving) -> None:
    asked = [(method, source) for source in ("lists", "texts") for method in ("GET", "HEAD", "PUT", "DELETE")]

    assert [served.ask(method, f"/webhooks/{source}") for method, source in asked] == [200, 200, *[405] * 6]


def test_a_source_that_is_none_of_the_project_is_not_found(served: Serving) -> None:
    assert [served.ask("POST", f"/webhooks/{name}") for name in ("nobody", "", "texts/more", "%00")] == [404] * 4


def test_a_body_beyond_the_limit_is_refused(served: Serving) -> None:
    body = b"x" * LONGEST

    assert served.ask("POST", "/webhooks/texts", body, signed(body)) == 413


def test_what_cannot_be_read_is_given_up_and_handed_on_when_a_person_says_so(
    served: Serving, regulars: Callable[..., Any]
) -> None:
    dead = given_up(served, "EV5", "+12548675305")

    (still,) = regulars("webhook", "replay", dead)
    served.mended.touch()
    (mended,) = regulars("webhook", "replay", dead, "--by", "ann")
    again = regulars("webhook", "replay", dead)

    assert (still["state"], still["error"]) == ("dead", "error: quo: nobody knows how to read this")
    assert (mended["state"], mended["error"]) == ("done", None)
    assert "was handed on already" in str(again)
    lines = told(served, lambda book: book.audit.lines(limit=2))
    assert [(line.what, line.by) for line in lines if line.subject == dead][:1] == [("webhook.replay", "ann")]


def test_what_a_delivery_says_is_shown_only_to_who_asks_for_it(
    served: Serving, regulars: Callable[..., Any]
) -> None:
    dead = given_up(served, "EV7", "+12548675307")

    shown = [regulars("webhook", "show", dead, *more) for more in ([], ["--reveal"])]

    assert ["12548675307" in str(one) for one in shown] == [False, True]


def test_programs_list_and_replay_deliveries(served: Serving) -> None:
    dead = given_up(served, "EV8", "+12548675308")
    _, shown = told(served, lambda book: new_key(book, "ops", scope="admin", by="test", at=SystemClock().now()))
    headers, root = {"Authorization": f"Bearer {shown}"}, f"http://127.0.0.1:{served.port}"

    listed = httpx.get(f"{root}/api/v1/webhooks?state=dead&source=texts", headers=headers, timeout=30).json()["items"]
    served.mended.touch()
    answer = httpx.post(f"{root}/api/v1/webhooks/{dead}/replay", headers=headers, timeout=30)
    counts = httpx.get(f"{root}/metrics", headers=headers, timeout=30).text

    assert dead in [one["webhook_id"] for one in listed]
    assert "12548675308" not in str(listed)
    assert (answer.status_code, answer.json()["state"]) == (201, "done")
    assert 'regulars_webhook_deliveries_total{source="texts",what="stored"}' in counts


def test_a_run_sees_deliveries_as_records_of_their_source(served: Serving) -> None:
    served.text("+12548675306", "hello", id_="EV6")

    workspace = open_workspace(served.folder, environment={})
    code = run(workspace, only=["texts"]).exit_code

    rows = {row["delivery_id"]: row for row in workspace.rows(workspace.table("records.texts.events"))}
    workspace.close()
    assert code == 0
    assert (rows["EV6"]["type"], rows["EV6"]["sender"], rows["EV6"]["provider"]) == ("message.received", "+12548675306", "quo")


@pytest.mark.parametrize("path", ["/webhooks/texts", "/webhooks/calls", "/webhooks/lists", "/webhooks/shop"])
def test_junk_is_refused_and_never_an_error_of_ours(served: Serving, path: str) -> None:
    bodies = [b"", b"\xff\x00", b"[" * 10_000, b"{}", b"a=1&a=2&%", b"null", os.urandom(200)]
    labels = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "\xe9"]
    names = ["openphone-signature", "webhook-signature", "x-twilio-signature", "x-mailchimp-signature", "x-shopify-hmac-sha256"]

    answers = {
        served.ask("POST", path, body, {"content-type": label, **dict.fromkeys(names, said)})
        for body in bodies for label in labels for said in ("", "hmac;1;1;1", "t=1,v1=1", "\xff;;,,==", "v1,")
    }

    assert answers <= {401, 403}


@pytest.mark.parametrize("path", [
    "orders-paid", "app/uninstalled", "app/scopes_update", "app/subscriptions_update", "compliance",
])
def test_paths_of_the_reference_lead_to_the_source_that_knows_the_signature(served: Serving, path: str) -> None:
    body, headers = shopify({"id": 1, "at": path}, topic=path)
    forged = shopify({"id": 1, "at": path}, OLD_KEY, topic=path)[1]

    told = [served.ask("POST", f"/webhooks/{path}", body, sent) for sent in (headers, headers, forged, {})]

    assert told == [200, 200, 401, 401]
    assert served.ask("GET", f"/webhooks/{path}") == 405


def test_an_order_is_counted_once_under_whatever_path_and_delivery_it_comes(served: Serving) -> None:
    order = {"id": 7001, "financial_status": "paid", "processed_at": "2026-02-04T12:00:00Z", "line_items": []}
    body, headers = shopify(order)

    statuses = [
        served.ask("POST", path, body, {**headers, "x-shopify-webhook-id": delivery})
        for path, delivery in (("/webhooks/orders-paid", "w1"), ("/webhooks/shop", "w2"))
    ]

    assert statuses == [200, 200]
    # Known by the order and by which state of it was told.
    known_as = f"orders/paid/7001 {order_version('orders/paid', body)}"
    until(lambda: queued(served, known_as) is not None, seconds=20)
    assert [queued(served, one) for one in ("w1", "w2")] == [None, None]
