"""Mailchimp Transactional and Mailchimp's webhooks: what goes out, what is asked after, what comes back."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from regulars.connectors.mailchimp.news import read as read_mailchimp
from regulars.connectors.mandrill import Mandrill, declare
from regulars.connectors.mandrill.news import read
from regulars.connectors.mandrill.sandbox import posted
from regulars.destinations.sender import Accepted, Answer, Deferred, Receipt, Refused, Unknown
from regulars.errors import DeclarationError, WebhookUnreadable
from regulars.sources.source import Surroundings
from regulars.testing.sandbox import Faults

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def test_every_mail_arrives_as_it_was_written(vendor, mail, deliver, ids_of) -> None:
    server = vendor("mandrill")
    mails = [mail(n) for n in range(20)]

    outcomes = deliver(Mandrill(key="k", url=server.url_of("mandrill")), mails)

    assert ids_of(outcomes) == {m.message_id for m in mails}
    for m, kept in zip(mails, server.kept("mandrill", "messages"), strict=True):
        assert (kept["email"], kept["subject"], kept["text"], kept["html"]) == (m.to, m.subject, m.text, m.html)
        assert kept["headers"] == m.headers
        assert kept["metadata"]["regulars_variant"] == m.tags["variant"]
    assert server.violations == ()


def test_no_fault_loses_or_repeats_a_mail_and_the_unknown_ones_are_found_by_asking(vendor, mail, deliver, ids_of, storm, ask_once) -> None:  # noqa: PLR0917  # fixtures
    server = vendor("mandrill", Faults(only="send", chance=0.3, kinds=storm, seed=6))
    mandrill = Mandrill(key="k", url=server.url_of("mandrill"))
    mails = {m.message_id: m for m in map(mail, range(40))}

    outcomes = deliver(mandrill, list(mails.values()), patience=0.3)

    kept = Counter(one["metadata"]["regulars_message_id"] for one in server.kept("mandrill", "messages"))
    unknown = ids_of(outcomes, Unknown)
    assert set(kept.values()) == {1}
    assert ids_of(outcomes) | unknown == set(mails)
    asked = {one: mandrill.found(mails[one], ask_once(mandrill.inquiry(mails[one], attempted_at=AT)), attempted_at=AT) for one in unknown}
    assert unknown & set(kept) == ids_of(asked) != set()
    assert unknown - set(kept) == ids_of(asked, Unknown) != set()
    assert server.violations == ()


def test_requests_are_what_the_vendors_own_document_asks(mail, document, breaches) -> None:
    spec = document("specs/mailchimp_transactional_openapi.json")
    # The document forbids anything but a key in each of its own requests: it cannot mean that.
    del spec["components"]["schemas"]["ApiKey"]["additionalProperties"]
    mandrill = Mandrill(key="k")

    assert breaches(mandrill.request([mail(1)]), spec, schema="/components/schemas/MessagesSendRequest") == []
    asked = mandrill.inquiry(mail(1), attempted_at=AT)
    assert breaches(asked, spec, schema="/components/schemas/MessagesSearchRequest") == []


def _result(status: str, reason: str | None = None) -> bytes:
    return json.dumps([{"email": "a@b.example", "status": status, "reject_reason": reason, "_id": "x1"}]).encode()


def _fault(name: str, message: str = "no") -> bytes:
    return json.dumps({"status": "error", "code": -1, "name": name, "message": message}).encode()


@pytest.mark.parametrize(("answer", "outcome"), [
    (Answer(status=200, body=_result("sent")), Accepted(provider_id="x1", stage="sent")),
    (Answer(status=200, body=_result("queued")), Accepted(provider_id="x1", stage="queued")),
    (Answer(status=200, body=_result("rejected", "unsub")), Refused(code="unsub", reason="Mandrill keeps back what goes there: unsub", scope="address")),
    (Answer(status=200, body=_result("rejected", "rule")), Refused(code="rule", reason="Mandrill keeps back what goes there: rule")),
    (Answer(status=200, body=_result("rejected", "unsigned")),
     Refused(code="unsigned", reason="Mandrill keeps back what goes there: unsigned", scope="account")),
    (Answer(status=200, body=_result("invalid")), Refused(code="invalid", reason="Mandrill keeps back what goes there: invalid", scope="address")),
    (Answer(status=200, body=b"[]"), Unknown(reason="the answer cannot be read")),
    (Answer(status=200, body=b"<html>"), Unknown(reason="the answer cannot be read")),
    (Answer(status=429, headers={"retry-after": "9"}), Deferred(reason="too many requests", after=timedelta(seconds=9))),
    (Answer(status=401, body=_fault("Invalid_Key")), Refused(code="Invalid_Key", reason="no", scope="account")),
    (Answer(status=500, body=_fault("Invalid_Key")), Refused(code="Invalid_Key", reason="no", scope="account")),
    (Answer(status=402, body=b""), Refused(code="402", reason="Mandrill answered 402", scope="account")),
    (Answer(status=500, body=_fault("ValidationError", "a@b.example is wrong")), Refused(code="ValidationError", reason="… is wrong")),
    (Answer(status=500, body=_fault("GeneralError")), Unknown(reason="Mandrill answered 500")),
    (Answer(status=502, body=b"<html>"), Unknown(reason="Mandrill answered 502")),
])
def test_each_answer_means_what_may_be_done_next(mail, answer, outcome) -> None:
    assert Mandrill(key="k").outcomes([mail(1)], answer) == [outcome]


def test_addresses_that_mandrill_keeps_back_are_refused(vendor, mail, deliver) -> None:
    server = vendor("mandrill")

    outcomes = deliver(Mandrill(key="k", url=server.url_of("mandrill")), [mail(1, to="gone@mail.example"), mail(2, to="nobody"), mail(3)])

    assert [type(one) for one in outcomes.values()] == [Refused, Refused, Accepted]


def test_what_is_posted_of_a_mail_leads_back_to_our_message(vendor, mail, deliver) -> None:
    server = vendor("mandrill")
    outcomes = deliver(Mandrill(key="k", url=server.url_of("mandrill")), [mail(1)])

    (receipt,) = read(posted(server.kept("mandrill", "messages"), "click", ts=1461095246, url="https://x.example/"), FORM, AT)

    assert (receipt.message_id, receipt.provider_id, receipt.stage) == ("m-1", outcomes["m-1"].provider_id, "clicked")


def test_events_of_the_common_collection_are_read_as_it_says(document) -> None:
    cases = [case for case in document("webhooks/email_event_normalisation.json")["cases"] if case["provider"] == "mandrill"]
    assert len(cases) == 2
    for case in cases:
        wanted, sent = case["expected_normalised"], case["payload"][0]

        (receipt,) = read(urlencode({"mandrill_events": json.dumps(case["payload"])}).encode(), FORM, AT)

        assert receipt.stage == wanted["event_type"]
        assert receipt.provider_id == wanted.get("message_id", sent["_id"])
        assert receipt.at == datetime.fromtimestamp(sent["ts"], UTC)
        assert receipt.address == wanted.get("recipient", sent["msg"]["email"])
        assert (receipt.url, receipt.agent) == (wanted.get("click_url", ""), wanted.get("user_agent", ""))


@pytest.mark.parametrize(("event", "stage", "code"), [
    ({"event": "hard_bounce", "msg": {"bounce_description": "bad_mailbox"}}, "bounced", "bad_mailbox"),
    ({"event": "soft_bounce", "msg": {"bounce_description": "mailbox_full"}}, "undelivered", "mailbox_full"),
    ({"event": "deferral"}, "undelivered", ""), ({"event": "delivered"}, "delivered", ""), ({"event": "open"}, "opened", ""),
    ({"event": "spam"}, "complained", ""), ({"event": "unsub"}, "unsubscribed", ""),
    ({"event": "reject", "msg": {"reject": {"reason": "hard-bounce"}}}, "failed", "hard-bounce"),
])
def test_each_event_is_a_stage_of_the_message(event, stage, code) -> None:
    (receipt,) = read(urlencode({"mandrill_events": json.dumps([event])}).encode(), FORM, AT)

    assert (receipt.stage, receipt.code, receipt.at) == (stage, code, AT)


def test_what_is_about_no_message_is_no_news() -> None:
    events = [{"event": "inbound", "msg": {}}, {"type": "blacklist", "action": "add"}]

    assert read(urlencode({"mandrill_events": json.dumps(events)}).encode(), FORM, AT) == []


@pytest.mark.parametrize("body", [b"", b"mandrill_events=", b"mandrill_events=%7B%7D", b"\xff", b"mandrill_events=%FF"])
def test_what_is_no_form_of_mandrills_is_refused(body) -> None:
    with pytest.raises(WebhookUnreadable, match="Mandrill"):
        read(body, FORM, AT)


def test_a_declaration_needs_a_key_and_looks_it_up_later(tmp_path, mail) -> None:
    at = Surroundings(folder=tmp_path, environment={"MANDRILL_KEY": "s3cret"})

    mandrill = declare("letters", {"kind": "mandrill", "key": "${MANDRILL_KEY}"}, at=at)

    assert json.loads(mandrill.request([mail(1)]).body)["key"] == "s3cret"
    assert "s3cret" not in repr(mandrill)
    with pytest.raises(DeclarationError, match="add `key"):
        declare("letters", {"kind": "mandrill"}, at=at)


def _form(kind: str, **data: str) -> bytes:
    said = {"type": kind, "fired_at": "2026-02-28 21:40:57", "data[email]": "a@b.example", "data[list_id]": "l1"}
    return urlencode(said | {f"data[{name}]": value for name, value in data.items()}).encode()


@pytest.mark.parametrize(("body", "stage", "code"), [
    (_form("unsubscribe", reason="manual", campaign_id="c1"), "unsubscribed", "manual"),
    (_form("unsubscribe", reason="abuse"), "complained", "abuse"),
    (_form("cleaned", reason="hard", campaign_id="c1"), "bounced", "hard"),
    (_form("cleaned", reason="abuse"), "complained", "abuse"),
])
def test_who_left_mailchimps_audience_or_whose_address_is_gone_is_news(body, stage, code) -> None:
    (receipt,) = read_mailchimp(body, FORM, AT)

    assert isinstance(receipt, Receipt)
    assert (receipt.stage, receipt.code, receipt.address, receipt.message_id) == (stage, code, "a@b.example", None)
    assert receipt.at == datetime(2026, 2, 28, 21, 40, 57, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["subscribe", "profile", "upemail", "campaign"])
def test_what_mailchimp_tells_of_profiles_and_campaigns_is_no_news_of_a_message(kind) -> None:
    assert read_mailchimp(_form(kind), FORM, AT) == []


@pytest.mark.parametrize("body", [b"", b"\xff", b"a=b"])
def test_what_is_no_form_of_mailchimps_is_refused(body) -> None:
    with pytest.raises(WebhookUnreadable, match="Mailchimp"):
        read_mailchimp(body, FORM, AT)
