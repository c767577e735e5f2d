"""Klaviyo: everything comes once, changes are what it takes and may be made twice, nobody is subscribed without a yes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import stamina

from regulars.clock import FixedClock
from regulars.connectors.klaviyo import Agreement, Event, Klaviyo, Person, outcome
from regulars.destinations.sender import Accepted, Answer, Deferred, Outcome, Refused, Request
from regulars.errors import SourceUnavailable
from regulars.plugins import declare_source
from regulars.sources.source import Page, Source, Surroundings
from regulars.testing.sandbox import Fault, Faults, SandboxServer
from regulars.testing.sandbox.contract import Contract
from regulars.testing.sandbox.schema import openapi_faults, operation_of

TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = {"profiles": 230, "metrics": 3, "events": 2500, "campaigns": 4, "sms_campaigns": 3, "lists": 12, "list_members": 60}
JSON = "content/application~1vnd.api+json/schema"


def _write(folder: Path, stream: str, items: list[dict[str, object]]) -> None:
    lines = [json.dumps({"visible_from": "2025-01-01T00:00:00+00:00", "item": item}) for item in items]
    (folder / f"{stream}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _before(**words: float) -> str:
    return (TODAY - timedelta(**words)).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "klaviyo"
    folder.mkdir()
    _write(folder, "profiles", [
        {"type": "profile", "id": f"p{n}", "attributes": {"email": f"p{n}@mail.example", "updated": _before(hours=n)}} for n in range(230)
    ])
    _write(folder, "metrics", [{"type": "metric", "id": f"m{n}", "attributes": {"name": f"Metric {n}"}} for n in range(3)])
    _write(folder, "events", [
        {"type": "event", "id": f"e{n}", "attributes": {"datetime": _before(minutes=10 * n), "event_properties": {"Campaign Name": "Spring"}},
         "relationships": {"metric": {"data": {"id": f"m{n % 3}"}}, "profile": {"data": {"id": f"p{n % 230}"}}}} for n in range(2500)
    ])
    _write(folder, "campaigns", [
        {"type": "campaign", "id": f"c{n}", "channel": "sms" if n % 2 else "email", "attributes": {"name": f"C{n}", "updated_at": _before(days=n)}}
        for n in range(7)
    ])
    _write(folder, "lists", [{"type": "list", "id": f"l{n}", "attributes": {"name": f"List {n}"}} for n in range(12)])
    _write(folder, "list_members", [{"type": "profile", "id": f"p{n}", "list_id": f"l{n % 12}", "attributes": {}} for n in range(60)])
    return folder.parent


@pytest.fixture
def sandbox(world: Path, vendor) -> Iterator[Callable[..., SandboxServer]]:
    """Start Klaviyo with some faults; nobody waits between two tries."""
    with stamina.set_testing(True, attempts=6):
        yield lambda faults=None: vendor("klaviyo", faults, world=world, as_of=TODAY)


@pytest.fixture
def documents(document) -> Callable[[], list[dict[str, object]]]:
    """Read Klaviyo's own documents, or skip."""
    return lambda: [document(f"specs/klaviyo/{name}.json") for name in ("events", "profiles", "campaigns", "lists")]


def _source(server: SandboxServer, folder: Path) -> Source:
    data = {"kind": "klaviyo", "url": server.url_of("klaviyo") + "api/", "key": "pk_1", "rate": "none",
            "streams": {"list_members": {"enabled": True}}}
    return declare_source("klaviyo", data, at=Surroundings(folder=folder))


def _pull(source: Source, stream: str, **words: object) -> list[Page]:
    named = next(one for one in source.streams if one.name == stream)
    return list(source.pull(named, **{"cursor": None, "resume": None, "clock": FixedClock(TODAY), **words}))


def _ids(pages: list[Page]) -> list[object]:
    return [json.loads(item)["id"] for page in pages for item in page.items]


@pytest.mark.parametrize("stream", COUNTS)
def test_every_record_of_a_stream_comes_once(sandbox, tmp_path, stream) -> None:
    server = sandbox()

    found = _ids(_pull(_source(server, tmp_path), stream))

    assert len(found) == len(set(found)) == COUNTS[stream]
    assert server.violations == ()


@pytest.mark.parametrize(("stream", "count"), [
    ("events", 3 * 24 * 6 + 1), ("profiles", 24), ("campaigns", 1), ("sms_campaigns", 1),
])
def test_later_only_what_is_new_is_asked_for_and_some_time_before_it(sandbox, tmp_path, stream, count) -> None:
    server = sandbox()
    source = _source(server, tmp_path)
    first = _pull(source, stream)

    again = _ids(_pull(source, stream, cursor=first[-1].cursor))

    assert len(again) == len(set(again)) == count
    assert server.violations == ()


def test_a_window_asks_for_its_own_time(sandbox, tmp_path) -> None:
    window = (TODAY - timedelta(hours=4), TODAY - timedelta(hours=3))
    server = sandbox()

    found = _ids(_pull(_source(server, tmp_path), "events", window=window))

    assert sorted(found) == [f"e{n}" for n in range(19, 25)]
    assert server.requests[0].call.text("filter") == (
        "greater-or-equal(datetime,2026-03-01T08:00:00.000Z),less-than(datetime,2026-03-01T09:00:00.000Z)"
    )


def test_every_question_is_one_that_klaviyos_own_documents_know(sandbox, tmp_path, documents) -> None:
    specs = documents()
    server = sandbox()
    source = _source(server, tmp_path)
    for stream in COUNTS:
        first = _pull(source, stream)
        _pull(source, stream, cursor=first[-1].cursor)

    for spec in specs:
        assert [fault for one in server.requests for fault in openapi_faults(one.call, spec)] == []
    asked = {one.call.path for one in server.requests if any(operation_of(spec, "GET", one.call.path) for spec in specs)}
    assert {"/api/profiles", "/api/events", "/api/campaigns", "/api/lists", "/api/lists/l1/profiles"} <= asked


def test_nothing_is_lost_or_doubled_where_three_in_ten_requests_fail(sandbox, tmp_path) -> None:
    kinds = (Fault(kind="status", status=429, retry_after="1"), Fault(kind="status", status=500), Fault(kind="cut"))
    server = sandbox(Faults(chance=0.3, kinds=kinds, seed=8))
    source = _source(server, tmp_path)

    for stream, count in COUNTS.items():
        assert len(set(_ids(_pull(source, stream)))) == count
    assert {one.fault for one in server.requests if one.fault} == set(kinds)


def test_a_vendor_that_stays_away_ends_the_pull(sandbox, tmp_path) -> None:
    server = sandbox(Faults(chance=1.0, kinds=(Fault(kind="status", status=503),)))

    with pytest.raises(SourceUnavailable, match="answered 503"):
        _pull(_source(server, tmp_path), "events")


KLAVIYO = Klaviyo(key="pk_1")
ANN = Person(external_id="c-1", email="ann@mail.example", phone="+12545550100", first_name="Ann", properties={"flag": True})
EVENT = Event(unique_id="e-1", metric="Checked In", person=ANN, at=TODAY, value=Decimal("12.50"), currency="USD", properties={"kind": "day"})


@pytest.mark.parametrize(("path", "document_of", "request_"), [
    ("~1api~1profile-import/post", 1, KLAVIYO.put(ANN)),
    ("~1api~1profile-bulk-import-jobs/post", 1, KLAVIYO.put_all([ANN, Person(email="b@mail.example")], list_id="l1")),
    ("~1api~1events/post", 0, KLAVIYO.tell(EVENT)),
    ("~1api~1events/post", 0, KLAVIYO.tell(Event(unique_id="e", metric="Left", person=ANN, at=TODAY, starts_flows=False))),
    ("~1api~1lists~1{id}~1relationships~1profiles/post", 3, KLAVIYO.add(["p1"], list_id="l1")),
    ("~1api~1lists~1{id}~1relationships~1profiles/delete", 3, KLAVIYO.remove(["p1"], list_id="l1")),
    ("~1api~1profile-subscription-bulk-create-jobs/post", 1, KLAVIYO.subscribe(
        [Agreement(kind="email", address="a@mail.example", at=TODAY), Agreement(kind="sms", address="+12545550100", at=TODAY)],
        list_id="l1", where="front desk",
    )),
    ("~1api~1profile-subscription-bulk-delete-jobs/post", 1, KLAVIYO.unsubscribe([("email", "a@mail.example"), ("sms", "+12545550100")])),
])
def test_changes_are_what_klaviyos_own_documents_ask(documents, breaches, path, document_of, request_) -> None:
    spec = documents()[document_of]

    assert breaches(request_, spec, schema=f"/paths/{path}/requestBody/{JSON}") == []
    assert request_.headers["revision"] == spec["info"]["version"]
    assert request_.headers["Content-Type"] == "application/vnd.api+json"


def test_each_channel_is_subscribed_by_its_own_yes_with_its_moment() -> None:
    agreed = Agreement(kind="email", address="ann@mail.example", at=TODAY)

    data = json.loads(KLAVIYO.subscribe([agreed], list_id="l1", where="front desk").body)["data"]

    assert data["attributes"]["historical_import"] is True
    assert data["attributes"]["profiles"]["data"] == [{"type": "profile", "attributes": {
        "email": "ann@mail.example",
        "subscriptions": {"email": {"marketing": {"consent": "SUBSCRIBED", "consented_at": "2026-03-01T12:00:00Z"}}},
    }}]


def test_what_a_profile_lacks_is_left_as_it_is_in_klaviyo() -> None:
    assert json.loads(KLAVIYO.put(Person(email="a@b.example")).body) == {
        "data": {"type": "profile", "attributes": {"email": "a@b.example"}}
    }


def test_money_goes_out_as_it_is() -> None:
    assert b'"value":12.50,' in KLAVIYO.tell(EVENT).body


def _repeated(request: Request, client: httpx.Client) -> Outcome:
    """Make a change until it is made: it may be made twice."""
    for _ in range(30):
        try:
            found = client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
        except httpx.TransportError:
            continue
        done = outcome(Answer(status=found.status_code, headers=dict(found.headers), body=found.content))
        if not isinstance(done, Deferred):
            return done
    raise AssertionError("it never came to an end")


def test_an_event_told_again_after_a_lost_answer_counts_once(sandbox, storm) -> None:
    server = sandbox(Faults(chance=0.3, kinds=storm, seed=2))
    klaviyo = Klaviyo(key="pk_1", url=server.url_of("klaviyo"))
    people = [Person(external_id=f"c-{n}", email=f"p{n}@mail.example") for n in range(30)]

    with httpx.Client(timeout=0.3) as client:
        done = [_repeated(request, client) for n, one in enumerate(people) for request in (
            klaviyo.put(one), klaviyo.tell(Event(unique_id=f"e-{n}", metric="Checked In", person=one, at=TODAY)),
        )]

    assert all(isinstance(one, Accepted) for one in done)
    assert sorted(one["unique_id"] for one in server.kept("klaviyo", "events")) == sorted(f"e-{n}" for n in range(30))
    assert len(server.kept("klaviyo", "profiles")) == 30
    assert server.violations == ()


@pytest.mark.parametrize(("answer", "expected"), [
    (Answer(status=201, body=b'{"data": {"type": "profile", "id": "p1"}}'), Accepted(provider_id="p1", stage="sent")),
    (Answer(status=202), Accepted(provider_id="", stage="queued")),
    (Answer(status=204), Accepted(provider_id="", stage="sent")),
    (Answer(status=429, headers={"retry-after": "3"}), Deferred(reason="Klaviyo answered 429", after=timedelta(seconds=3))),
    (Answer(status=502), Deferred(reason="Klaviyo answered 502")),
    (Answer(status=401, body=b'{"errors": [{"code": "not_authenticated", "detail": "Missing or invalid key."}]}'),
     Refused(code="not_authenticated", reason="Missing or invalid key.", scope="account")),
    (Answer(status=403), Refused(code="403", reason="Klaviyo gave no reason", scope="account")),
    (Answer(status=400, body=b'{"errors": [{"code": "invalid", "detail": "bad a@b.example", "source": {"pointer": "/data/attributes/email"}}]}'),
     Refused(code="invalid", reason="bad …", scope="address")),
    (Answer(status=409, body=b'{"errors": [{"code": "duplicate_profile", "title": "Conflict."}]}'),
     Refused(code="duplicate_profile", reason="Conflict.")),
])
def test_each_answer_means_what_may_be_done_next(answer, expected) -> None:
    assert outcome(answer) == expected


def test_more_than_klaviyo_takes_at_once_is_refused_before_it_is_sent() -> None:
    for too_many in (
        lambda: KLAVIYO.put_all([ANN] * 10_001), lambda: KLAVIYO.add(["p"] * 1001, list_id="l"),
        lambda: KLAVIYO.unsubscribe([("email", "a@b.example")] * 101),
    ):
        with pytest.raises(ValueError, match="at once, not"):
            too_many()


def test_a_person_without_any_identifier_cannot_be_told_of() -> None:
    with pytest.raises(ValueError, match="there is none"):
        Person(first_name="Ann")


def test_our_contract_agrees_with_klaviyos_own_documents(documents) -> None:
    specs = documents()

    for route, words in Contract.of("klaviyo").routes.items():
        method, _, where = route.partition(" ")
        found = [op for spec in specs if (op := operation_of(spec, method, where.replace("{", "").replace("}", "")))]
        assert bool(found) == (route != "GET /api/metrics"), route        # of a document that is not here
        known = {one["name"] for op in found for one in op.get("parameters") or []}
        assert not found or set(words or {}) - {"body"} <= known, route


def test_the_key_is_not_shown() -> None:
    assert "s3cret" not in repr(Klaviyo(key="s3cret"))
