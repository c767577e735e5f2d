"""Mailchimp: everything comes once, changes are what it takes, and each of its answers means one thing."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path

import httpx
import pytest
import stamina

from regulars.clock import FixedClock
from regulars.connectors.mailchimp import Audience, Batch, Person, batch_state, results, together
from regulars.connectors.mailchimp.audience import outcome
from regulars.destinations.sender import Accepted, Answer, Deferred, Outcome, Refused, Request
from regulars.errors import SourceRefused, SourceUnavailable
from regulars.plugins import declare_source
from regulars.sources.rest_call import check_answer
from regulars.sources.source import Page, Source, Surroundings
from regulars.testing.sandbox import Fault, Faults, SandboxServer
from regulars.testing.sandbox.contract import Contract
from regulars.testing.sandbox.schema import operation_of

TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENT = TODAY - timedelta(days=100)
COUNTS = {"lists": 2, "campaigns": 5, "reports": 4, "members": 2300, "sent_to": 400, "email_activity": 400, "unsubscribed": 8}


def _write(folder: Path, stream: str, items: list[dict[str, object]]) -> None:
    lines = [json.dumps({"visible_from": "2025-01-01T00:00:00+00:00", "item": item}) for item in items]
    (folder / f"{stream}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _at(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "mailchimp"
    folder.mkdir()
    sent = [SENT + timedelta(days=30 * n) for n in range(4)]          # the last one ten days ago
    _write(folder, "lists", [{"id": f"l{n}", "name": f"List {n}", "stats": {"member_count": 10}} for n in range(2)])
    _write(folder, "campaigns", [
        {"id": f"c{n}", "status": "sent", "send_time": _at(at), "settings": {"subject_line": f"Hello {n}", "title": f"T{n}"}}
        for n, at in enumerate(sent)
    ] + [{"id": "c9", "status": "save", "send_time": "", "settings": {"subject_line": "Draft"}}])
    _write(folder, "reports", [{"id": f"c{n}", "send_time": _at(at), "emails_sent": 100} for n, at in enumerate(sent)])
    _write(folder, "members", [
        {"id": f"{n:032x}", "list_id": f"l{n % 2}", "email_address": f"p{n}@mail.example", "status": "subscribed",
         "last_changed": _at(TODAY - timedelta(minutes=n))} for n in range(2300)
    ])
    recipients = [{"campaign_id": f"c{c}", "email_id": f"{n:032x}", "email_address": f"p{n}@mail.example"}
                  for c in range(4) for n in range(100)]
    _write(folder, "sent_to", [{**one, "status": "sent"} for one in recipients])
    _write(folder, "email_activity", [{**one, "activity": [{"action": "open", "timestamp": _at(TODAY)}]} for one in recipients])
    _write(folder, "unsubscribed", [{**one, "timestamp": _at(TODAY)} for one in recipients[::50]])
    return folder.parent


@pytest.fixture
def sandbox(world: Path, vendor) -> Iterator[Callable[..., SandboxServer]]:
    """Start Mailchimp with some faults; nobody waits between two tries."""
    with stamina.set_testing(True, attempts=6):
        yield lambda faults=None: vendor("mailchimp", faults, world=world, as_of=TODAY)


def _source(server: SandboxServer, folder: Path, **words: object) -> Source:
    data = {"kind": "mailchimp", "url": server.url_of("mailchimp"), "key": "k-us21", "server": "us21", "rate": "none", **words}
    return declare_source("mailchimp", data, at=Surroundings(folder=folder))


def _pull(source: Source, stream: str, **words: object) -> list[Page]:
    named = next(one for one in source.streams if one.name == stream)
    return list(source.pull(named, **{"cursor": None, "resume": None, "clock": FixedClock(TODAY), **words}))


def _records(pages: list[Page]) -> list[dict[str, object]]:
    return [json.loads(item) for page in pages for item in page.items]


@pytest.mark.parametrize("stream", COUNTS)
def test_every_record_of_a_stream_comes_once(sandbox, tmp_path, stream) -> None:
    server = sandbox()

    found = [json.dumps(one, sort_keys=True) for one in _records(_pull(_source(server, tmp_path), stream))]

    assert len(found) == len(set(found)) == COUNTS[stream]
    assert server.violations == ()


def test_who_got_a_campaign_says_when_it_went_and_what_it_was_called(sandbox, tmp_path) -> None:
    records = _records(_pull(_source(sandbox(), tmp_path), "sent_to"))

    assert {(one["campaign_id"], one["sent_at"], one["subject"], one["title"]) for one in records} == {
        (f"c{n}", _at(SENT + timedelta(days=30 * n)), f"Hello {n}", f"T{n}") for n in range(4)
    }


def test_later_only_the_campaigns_of_thirty_days_before_the_newest_are_read_again(sandbox, tmp_path) -> None:
    server = sandbox()
    source = _source(server, tmp_path)
    first = _pull(source, "email_activity")

    again = _records(_pull(source, "email_activity", cursor=first[-1].cursor))

    assert {one["campaign_id"] for one in again} == {"c2", "c3"}
    assert server.violations == ()


def test_later_only_members_that_changed_are_asked_for(sandbox, tmp_path) -> None:
    server = sandbox()
    source = _source(server, tmp_path)
    first = _pull(source, "members")

    again = _records(_pull(source, "members", cursor=first[-1].cursor))

    assert len(again) == 24 * 60 + 1
    assert server.violations == ()


def test_a_pull_goes_on_where_it_stopped(sandbox, tmp_path) -> None:
    source = _source(sandbox(), tmp_path)
    whole = _pull(source, "sent_to")

    for n, page in enumerate(whole[:-1]):
        rest = _pull(source, "sent_to", resume=json.loads(json.dumps(page.resume)))
        assert _records(rest) == _records(whole[n + 1 :])


def test_nothing_is_lost_or_doubled_where_three_in_ten_requests_fail(sandbox, tmp_path) -> None:
    kinds = (Fault(kind="status", status=429), Fault(kind="status", status=500), Fault(kind="cut"), Fault(kind="broken_json"))
    server = sandbox(Faults(chance=0.3, kinds=kinds, seed=3))
    source = _source(server, tmp_path)

    records = [one for stream in COUNTS for one in _records(_pull(source, stream))]

    assert len(records) == sum(COUNTS.values())
    assert {one.fault for one in server.requests if one.fault} == set(kinds)


def test_a_bare_403_means_too_many_at_once_and_one_with_a_reason_is_a_no() -> None:
    asked = httpx.Request("GET", "https://us21.api.mailchimp.com/3.0/lists")
    with pytest.raises(SourceUnavailable, match="403 without a reason"):
        check_answer(httpx.Response(403, content=b"<html>Forbidden", request=asked), source="mailchimp", now=TODAY)
    with pytest.raises(SourceRefused, match="permission"):
        check_answer(httpx.Response(403, json={"title": "User Disabled"}, request=asked), source="mailchimp", now=TODAY)


AUDIENCE = Audience(key="k-us21", server="us21", list_id="l0")
ANN = Person(email="Ann@Mail.Example", status_if_new="subscribed", fields={"FNAME": "Ann", "CAPTID": "7"})


def test_changes_are_what_mailchimps_own_document_asks(document, breaches) -> None:
    spec = document("specs/mailchimp_trim.json")
    member = "/paths/~1lists~1{list_id}~1members~1{subscriber_hash}"
    schema = "/requestBody/content/application~1json/schema"
    left = Person(email="a@b.example", status_if_new="unsubscribed", status="unsubscribed")
    tags = AUDIENCE.tag("a@b.example", add=["winback"], remove=["new"], starts_flows=False)

    assert breaches(AUDIENCE.put(ANN), spec, schema=f"{member}/put{schema}") == []
    assert breaches(AUDIENCE.put(left), spec, schema=f"{member}/put{schema}") == []
    assert breaches(tags, spec, schema=f"{member}~1tags/post{schema}") == []
    assert breaches(together(AUDIENCE, {"1": AUDIENCE.put(ANN), "2": tags}), spec, schema=f"/paths/~1batches/post{schema}") == []


def test_a_person_is_put_by_the_md5_of_the_address_in_lower_case_and_keeps_the_status_there_is() -> None:
    request = AUDIENCE.put(ANN)

    assert request.method == "PUT"
    assert request.url.split("?")[0].endswith("/3.0/lists/l0/members/" + md5(b"ann@mail.example").hexdigest())
    assert json.loads(request.body) == {
        "email_address": "Ann@Mail.Example", "status_if_new": "subscribed", "merge_fields": {"FNAME": "Ann", "CAPTID": "7"},
    }


def test_tags_are_given_and_taken_one_by_one_and_a_tag_in_both_stays() -> None:
    body = json.loads(AUDIENCE.tag("a@b.example", add=["b", "a"], remove=["c", "a"]).body)

    assert body == {"tags": [
        {"name": "a", "status": "active"}, {"name": "b", "status": "active"}, {"name": "c", "status": "inactive"},
    ]}


@pytest.mark.parametrize(("answer", "expected"), [
    (Answer(status=200, body=b'{"id": "abc"}'), Accepted(provider_id="abc", stage="sent")),
    (Answer(status=204), Accepted(provider_id="", stage="sent")),
    (Answer(status=429), Deferred(reason="Mailchimp answered 429")),
    (Answer(status=503, body=b"<html>"), Deferred(reason="Mailchimp answered 503")),
    (Answer(status=403, body=b"<html>Forbidden"), Deferred(reason="Mailchimp answered 403 without a reason: too many at once")),
    (Answer(status=403, body=b'{"title": "User Disabled"}'), Refused(code="403", reason="User Disabled", scope="account")),
    (Answer(status=401, body=b'{"title": "API Key Invalid"}'), Refused(code="401", reason="API Key Invalid", scope="account")),
    (Answer(status=400, body=b'{"title": "Invalid Resource", "detail": "a@b.example looks fake"}'),
     Refused(code="Invalid Resource", reason="Invalid Resource: … looks fake")),
    (Answer(status=400, body=b'{"title": "Member In Compliance State"}'),
     Refused(code="Member In Compliance State", reason="Member In Compliance State", scope="address")),
    (Answer(status=404, body=b""), Refused(code="404", reason="Mailchimp gave no reason")),
])
def test_each_answer_means_what_may_be_done_next(answer, expected) -> None:
    assert outcome(answer) == expected


def _repeated(request: Request, client: httpx.Client) -> Outcome:
    """Do a change until it is done: it may be done twice."""
    for _ in range(30):
        try:
            found = client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
        except httpx.TransportError:
            continue
        done = outcome(Answer(status=found.status_code, headers=dict(found.headers), body=found.content))
        if not isinstance(done, Deferred):
            return done
    raise AssertionError("it never came to an end")


def test_an_audience_is_as_it_should_be_though_three_in_ten_requests_fail(sandbox, storm) -> None:
    server = sandbox(Faults(chance=0.3, kinds=storm, seed=5))
    audience = Audience(key="k-us21", server="us21", list_id="l9", url=server.url_of("mailchimp"))
    people = [Person(email=f"n{n}@mail.example", status_if_new="subscribed") for n in range(40)]

    with httpx.Client(timeout=0.3) as client:
        done = [_repeated(request, client) for one in people
                for request in (audience.put(one), audience.tag(one.email, add=["winback"]))]

    assert all(isinstance(one, Accepted) for one in done)
    assert {one["email_address"] for one in server.kept("mailchimp", "members")} == {one.email for one in people}
    tagged = {one["member"] for one in server.kept("mailchimp", "tags")}
    assert tagged == {one["id"] for one in server.kept("mailchimp", "members")}
    assert server.violations == ()


def test_a_batch_tells_what_became_of_each_of_its_changes(sandbox, ask_once) -> None:
    server = sandbox()
    audience = Audience(key="k-us21", server="us21", list_id="l9", url=server.url_of("mailchimp"))
    changes = {
        "ann": audience.put(Person(email="ann@mail.example", status_if_new="subscribed")),
        "gone": audience.put(Person(email="gone@mail.example", status_if_new="subscribed")),
        "tag": audience.tag("ann@mail.example", add=["winback"]),
    }

    started = batch_state(ask_once(together(audience, changes)))
    state = batch_state(ask_once(audience.batch_inquiry(started.id)))
    found = results(_archive(server.kept("mailchimp", "results")[0]["results"]))

    assert state == Batch(id="batch0", is_finished=True, total=3, failed=1, results_url="")
    assert {name: type(one) for name, one in found.items()} == {"ann": Accepted, "gone": Refused, "tag": Accepted}
    assert found["gone"].scope == "address"
    assert server.violations == ()


def _archive(done: object) -> bytes:
    """Return results as Mailchimp packs them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as folder:
        body = json.dumps(done).encode()
        file = tarfile.TarInfo("batch0/0.json")
        file.size = len(body)
        folder.addfile(tarfile.TarInfo("batch0/"))
        folder.addfile(file, io.BytesIO(body))
    return packed.getvalue()


def test_what_is_no_archive_of_results_is_refused() -> None:
    for packed in (b"", b"\x1f\x8bnot", _archive({"no": "list"})):
        with pytest.raises(ValueError, match="not the results of a batch"):
            results(packed)


def test_a_batch_takes_a_thousand_changes_of_its_own_account() -> None:
    request = AUDIENCE.put(ANN)

    with pytest.raises(ValueError, match="1000 operations"):
        together(AUDIENCE, {str(n): request for n in range(1001)})
    with pytest.raises(ValueError, match="its own account"):
        together(AUDIENCE, {"x": Request(method="PUT", url="https://us1.api.mailchimp.com/3.0/lists/l0/members/x")})
    assert batch_state(Answer(status=429, body=b"<html>")) is None


def test_our_contract_agrees_with_mailchimps_own_document(document) -> None:
    spec = document("specs/mailchimp_trim.json")

    for route, words in Contract.of("mailchimp").routes.items():
        method, _, where = route.partition(" ")
        operation = operation_of(spec, method, where.replace("{", "").replace("}", ""))
        assert operation is not None, route
        known = {one["name"] for one in operation.get("parameters") or []}
        assert set(words or {}) - {"body"} <= known, route


def test_the_key_is_not_shown() -> None:
    assert "s3cret" not in repr(Audience(key="s3cret", server="us21", list_id="l"))
