"""SendGrid: what goes out is what it takes, nothing is lost or sent twice, and what it tells is understood."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.connectors.sendgrid import Sendgrid, declare
from regulars.connectors.sendgrid.news import read
from regulars.connectors.sendgrid.sandbox import posted
from regulars.connectors.sendgrid.together import together
from regulars.destinations.sender import Accepted, Answer, Deferred, Outgoing, Refused, Unknown
from regulars.errors import DeclarationError, SourceRefused, WebhookUnreadable
from regulars.sources.source import Surroundings
from regulars.testing.sandbox import Fault, Faults
from regulars.testing.sandbox.contract import Contract

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = "/components/requestBodies/PostMailSend/content/application~1json/schema"


def _errors(*errors: tuple[str, str]) -> bytes:
    return json.dumps({"errors": [{"field": field, "message": message} for field, message in errors]}).encode()


@pytest.mark.parametrize("batch", [1, 50])
def test_every_mail_arrives_as_it_was_written_whether_alone_or_with_others(vendor, mail, deliver, ids_of, batch) -> None:
    server = vendor("sendgrid")
    mails = [mail(n) for n in range(60)]

    outcomes = deliver(Sendgrid(key="k", url=server.url_of("sendgrid"), batch=batch), mails)

    arrived = {kept["custom_args"]["regulars_message_id"]: kept for kept in server.kept("sendgrid", "messages")}
    assert ids_of(outcomes) == set(arrived) == {m.message_id for m in mails}
    for m in mails:
        kept = arrived[m.message_id]
        assert (kept["to"], kept["subject"], kept["text"], kept["html"]) == (m.to, m.subject, m.text, m.html)
        assert kept["headers"] == m.headers
        assert kept["custom_args"]["regulars_variant"] == m.tags["variant"]
    assert len(server.requests) == (60 if batch == 1 else 2)
    assert server.violations == ()


def test_an_answer_lost_leaves_a_mail_unknown_and_no_fault_loses_or_repeats_one(vendor, mail, deliver, ids_of, storm) -> None:
    server = vendor("sendgrid", Faults(chance=0.3, kinds=storm, seed=4))
    mails = [mail(n) for n in range(120)]

    outcomes = deliver(Sendgrid(key="k", url=server.url_of("sendgrid")), mails, patience=0.3)

    kept = Counter(one["custom_args"]["regulars_message_id"] for one in server.kept("sendgrid", "messages"))
    assert set(kept.values()) == {1}
    assert ids_of(outcomes) | ids_of(outcomes, Unknown) == {m.message_id for m in mails}
    assert ids_of(outcomes) <= set(kept)
    assert {fault for one in server.requests if (fault := one.fault)} == set(storm)
    assert server.violations == ()


def test_the_events_that_come_back_end_the_doubt_about_those_that_arrived(vendor, mail, deliver, ids_of) -> None:
    server = vendor("sendgrid", Faults(chance=0.3, kinds=(Fault(kind="cut"),), seed=1))
    mails = [mail(n) for n in range(40)]
    outcomes = deliver(Sendgrid(key="k", url=server.url_of("sendgrid")), mails)

    news = read(posted(server.kept("sendgrid", "messages"), "delivered", at=AT), "application/json", AT)

    assert ids_of(outcomes, Unknown)
    assert {one.message_id for one in news} == {m.message_id for m in mails}
    accepted = {message_id: o.provider_id for message_id, o in outcomes.items() if isinstance(o, Accepted)}
    assert accepted.items() <= {one.message_id: one.provider_id for one in news}.items()


def test_an_unknown_mail_is_asked_for_where_the_account_has_the_activity_feed(vendor, mail, ask_once) -> None:
    server = vendor("sendgrid")
    sendgrid = Sendgrid(key="k", url=server.url_of("sendgrid"), can_be_asked=True)
    ask_once(sendgrid.request([mail(1)]))

    known, absent = (
        sendgrid.found(mail(n), ask_once(sendgrid.inquiry(mail(n), attempted_at=AT)), attempted_at=AT) for n in (1, 2)
    )

    assert known == Accepted(provider_id="sandbox-00000000000000")
    assert absent == Unknown(reason="the Email Activity does not have it")
    assert sendgrid.found(mail(1), Answer(status=503), attempted_at=AT) == Unknown(reason="the Email Activity answered 503")


def test_an_account_without_the_feed_cannot_be_asked(mail) -> None:
    assert Sendgrid(key="k").inquiry(mail(1), attempted_at=AT) is None


def test_one_wrong_address_costs_the_others_a_request_and_not_their_mail(vendor, mail, deliver) -> None:
    server = vendor("sendgrid")
    mails = [mail(n) for n in range(10)] + [mail(10, to="nobody")]

    outcomes = deliver(Sendgrid(key="k", url=server.url_of("sendgrid"), batch=100), mails)

    wrong = outcomes.pop("m-10")
    assert wrong == Refused(code="personalizations.to.email", reason="Does not contain a valid address.", scope="address")
    assert all(isinstance(outcome, Accepted) for outcome in outcomes.values())
    assert len(server.kept("sendgrid", "messages")) == 10


def test_an_address_with_two_mails_gets_them_in_two_requests(vendor, mail, deliver) -> None:
    server = vendor("sendgrid")

    deliver(Sendgrid(key="k", url=server.url_of("sendgrid"), batch=10), [mail(1), mail(2, to="P1@mail.example")])

    assert [one["custom_args"]["regulars_message_id"] for one in server.kept("sendgrid", "messages")] == ["m-1", "m-2"]
    assert len(server.requests) == 2


def test_mails_that_differ_in_too_much_go_alone(mail) -> None:
    long = mail(2, text=f"Hi\n{'x' * 10_000}\nhttps://summit.example/u/2\n")

    assert together([mail(1), long, mail(3)]).positions == (0, 2)
    assert together([long, mail(1)]).positions == (0,)


_TEXTS = st.lists(st.text(alphabet="ab<\n é", max_size=12), min_size=1, max_size=6)


@given(texts=_TEXTS)
def test_what_messages_have_in_common_and_what_differs_give_each_of_them_back(texts) -> None:
    mails = [
        Outgoing(message_id=str(n), channel="email", to=f"p{n}@x.example", sender="s@x.example", text=text, html=text[::-1])
        for n, text in enumerate(texts)
    ]

    group = together(mails)

    assert group.positions[0] == 0
    for n, values in zip(group.positions, group.values, strict=True):
        text, html = group.text, group.html
        for tag, value in values.items():
            text, html = text.replace(tag, value), html.replace(tag, value)
        assert (text, html) == (mails[n].text, mails[n].html)


@pytest.mark.parametrize(("answer", "outcome"), [
    (Answer(status=202, headers={"x-message-id": "abc"}), Accepted(provider_id="abc")),
    (Answer(status=429, headers={"retry-after": "7"}), Deferred(reason="too many requests", after=timedelta(seconds=7))),
    (Answer(status=429), Deferred(reason="too many requests")),
    (Answer(status=500), Unknown(reason="SendGrid answered 500")),
    (Answer(status=408), Unknown(reason="SendGrid answered 408")),
    (Answer(status=302), Unknown(reason="SendGrid answered 302")),
    (Answer(status=413), Refused(code="413", reason="the message is too large")),
    (Answer(status=401, body=_errors(("", "The provided authorization grant is invalid"))),
     Refused(code="401", reason="The provided authorization grant is invalid", scope="account")),
    (Answer(status=403, body=b"<html>"), Refused(code="403", reason="SendGrid gave no reason", scope="account")),
    (Answer(status=400, body=_errors(("from.email", "a@b.example is not verified"))),
     Refused(code="from.email", reason="… is not verified", scope="account")),
    (Answer(status=400, body=_errors(("content", "is required"))), Refused(code="content", reason="is required")),
    (Answer(status=400, body=_errors(("personalizations.0.headers", "bad header"))),
     Refused(code="personalizations.headers", reason="bad header")),
    (Answer(status=400, body=b'{"x":' + b"[" * 100_000), Refused(code="400", reason="SendGrid gave no reason")),
    (Answer(status=400, body=b""), Refused(code="400", reason="SendGrid gave no reason")),
], ids=lambda value: str(value.status) if isinstance(value, Answer) else "")
def test_each_answer_means_what_may_be_done_next(mail, answer, outcome) -> None:
    assert Sendgrid(key="k").outcomes([mail(1)], answer) == [outcome]


def test_requests_are_what_sendgrids_own_document_asks(mail, document, breaches) -> None:
    spec = document("specs/sendgrid_tsg_mail_v3.json")
    requests = [
        Sendgrid(key="k", batch=1000).request([mail(n) for n in range(1000)]),
        Sendgrid(key="k").request([mail(1, html="", tags={}, headers={"Reply-To": "Desk <desk@summit.example>"})]),
    ]

    assert [breaches(request, spec, schema=SCHEMA) for request in requests] == [[], []]
    assert json.loads(requests[1].body)["reply_to"] == {"email": "desk@summit.example", "name": "Desk"}
    assert len(json.loads(requests[0].body)["personalizations"]) == 1000


def test_only_what_all_mails_of_a_request_have_in_common_is_their_category(mail) -> None:
    body = json.loads(Sendgrid(key="k", batch=2).request([mail(1), mail(2)]).body)

    assert body["categories"] == ["campaign:spring"]
    assert [one["custom_args"]["regulars_variant"] for one in body["personalizations"]] == ["b", "a"]


def test_no_more_than_a_thousand_mails_go_in_a_request() -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        Sendgrid(key="k", batch=1001)


def test_the_key_is_looked_up_when_a_mail_leaves_and_never_shown(tmp_path, mail) -> None:
    without = declare("letters", {"key": "${SENDGRID_KEY}", "batch": 20}, at=Surroundings(folder=tmp_path))
    there = declare("letters", {"key": "${SENDGRID_KEY}"}, at=Surroundings(folder=tmp_path, environment={"SENDGRID_KEY": "s3cret"}))

    assert (without.limits.batch, there.limits.batch) == (20, 1)
    assert there.request([mail(1)]).headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(there) + repr(Sendgrid(key="s3cret"))
    with pytest.raises(SourceRefused, match=r"letters.*export SENDGRID_KEY"):
        without.request([mail(1)])


@pytest.mark.parametrize(("data", "message"), [
    ({}, "add `key"), ({"key": "k", "batch": 1001}, "at most 1000"), ({"key": "k", "batch": True}, "at most 1000"), ({"key": "k", "kye": 1}, "did you mean 'key'"),
])
def test_a_declaration_that_means_nothing_says_what_would_be_right(tmp_path, data, message) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare("letters", data, at=Surroundings(folder=tmp_path))


def test_our_contract_agrees_with_sendgrids_own_document(document) -> None:
    spec = document("specs/sendgrid_tsg_mail_v3.json")
    ours = Contract.of("sendgrid").routes["POST /v3/mail/send"]["body"]["properties"]
    theirs = spec["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]["properties"]

    assert set(ours) <= set(theirs)
    assert set(ours["personalizations"]["items"]["properties"]) <= set(theirs["personalizations"]["items"]["properties"])


STAGES = {"queued": "queued", "delivered": "delivered", "rejected": "failed"}


def test_events_of_the_common_collection_are_read_as_it_says(document) -> None:
    cases = [case for case in document("webhooks/email_event_normalisation.json")["cases"] if case["provider"] == "sendgrid"]
    assert len(cases) == 5
    for case in cases:
        body = json.dumps(case["payload"]).replace('"anymail_id"', '"regulars_message_id"').encode()
        wanted = case["expected_normalised"]

        (receipt,) = read(body, "application/json", AT)

        sent = case["payload"][0]
        # Without our id in it a mail is known by SendGrid's, not by what another sender wrote into its headers.
        assert receipt.message_id == (wanted["message_id"] if "anymail_id" in sent else None)
        assert sent["sg_message_id"].startswith(receipt.provider_id)
        assert receipt.stage == STAGES[wanted.get("event_type", "delivered")]
        assert receipt.event_id == wanted.get("event_id", sent["sg_event_id"])
        assert receipt.address == wanted.get("recipient", sent["email"])
        assert receipt.at == datetime.fromtimestamp(sent["timestamp"], UTC)
        assert receipt.code == (wanted.get("reject_reason") or "")
        assert receipt.reason == (wanted.get("mta_response") or sent.get("reason") or sent.get("response", "")).strip()


@pytest.mark.parametrize(("event", "stage", "code"), [
    ({"event": "processed"}, "queued", ""),
    ({"event": "deferred", "response": "400 try again later"}, "undelivered", ""),
    ({"event": "delivered"}, "delivered", ""),
    ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, "bounced", "5.1.1"),
    ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, "undelivered", "5.7.1"),
    ({"event": "dropped", "reason": "Bounced Address"}, "failed", "bounced"),
    ({"event": "dropped", "reason": "Spam Reporting Address"}, "failed", "complained"),
    ({"event": "dropped", "reason": "Something new"}, "failed", "other"),
    ({"event": "open", "sg_machine_open": True}, "opened", "machine"),
    ({"event": "open", "sg_machine_open": False}, "opened", ""),
    ({"event": "click", "url": "https://x.example/", "useragent": "Mozilla"}, "clicked", ""),
    ({"event": "spamreport"}, "complained", ""),
    ({"event": "unsubscribe"}, "unsubscribed", ""),
    ({"event": "group_unsubscribe"}, "unsubscribed", ""),
])
def test_each_event_is_a_stage_of_the_message(event, stage, code) -> None:
    body = json.dumps([{"email": "a@x.example", "timestamp": 1461095246, **event}]).encode()

    (receipt,) = read(body, "application/json", AT)

    assert (receipt.stage, receipt.code) == (stage, code)
    assert (receipt.url, receipt.agent) == (event.get("url", ""), event.get("useragent", ""))


def test_a_mail_that_went_to_sendgrid_over_smtp_is_known_by_its_own_message_id() -> None:
    body = json.dumps([{"event": "delivered", "smtp-id": "<regulars.m-7@summit.example>"}]).encode()

    assert read(body, "application/json", AT)[0].message_id == "m-7"


@pytest.mark.parametrize("event", ["group_resubscribe", "account_status_change", "something_new"])
def test_what_is_about_no_message_is_no_news(event) -> None:
    assert read(json.dumps([{"event": event, "email": "a@x.example"}]).encode(), "application/json", AT) == []


def test_an_event_without_a_possible_moment_has_the_one_it_came_at() -> None:
    body = b'[{"event": "open"}, {"event": "open", "timestamp": "soon"}, {"event": "open", "timestamp": 1e300}]'

    assert [receipt.at for receipt in read(body, "application/json", AT)] == [AT, AT, AT]


def test_a_receipts_reason_holds_no_address() -> None:
    body = json.dumps([{"event": "bounce", "email": "a@x.example", "reason": "550 <a@x.example> unknown"}]).encode()

    assert read(body, "application/json", AT)[0].reason == "550 … unknown"


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"not json", b"\xff", b"[" * 100_000], ids=lambda body: str(body[:8]))
def test_what_is_not_a_list_of_events_is_refused(body) -> None:
    with pytest.raises(WebhookUnreadable, match="not a list of SendGrid's events"):
        read(body, "application/json", AT)
