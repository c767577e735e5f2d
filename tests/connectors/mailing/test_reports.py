"""What comes into a mailbox: reports, complaints, people; and what only looks like them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.connectors.smtp import read, read_folder
from regulars.destinations.sender import Receipt, Reply

AT = datetime(2026, 3, 2, tzinfo=UTC)
FAILED = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@relay.example>
To: bounces@summit.example
Subject: Undelivered Mail Returned to Sender
Date: Sun, 1 Mar 2026 12:00:05 +0000
Message-ID: <dsn-1@relay.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
{envelope}Arrival-Date: Sun, 1 Mar 2026 12:00:00 +0000

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{address}>: no such person
Last-Attempt-Date: Sun, 1 Mar 2026 12:00:04 +0000

--b
{original}
--b--
"""
COPY = "Content-Type: message/rfc822\n\nFrom: hello@summit.example\nMessage-ID: <regulars.m-1@summit.example>\nSubject: Hi\n\nHi\n"
HEADERS = "Content-Type: text/rfc822-headers\n\nFrom: hello@summit.example\nMessage-ID: <regulars.m-1@summit.example>\n\n"
COMPLAINT = """\
From: <fbl@mailbox.example>
To: bounces@summit.example
Subject: FW: Hi
Message-ID: <arf-1@mailbox.example>
Date: Sun, 1 Mar 2026 13:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

An abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <hello@summit.example>
{recipient}Arrival-Date: Sun, 1 Mar 2026 12:30:00 +0000

--b
Content-Type: message/rfc822

From: hello@summit.example
To: Ann <p1@mail.example>
Message-ID: <regulars.m-1@summit.example>
Subject: Hi

Hi
--b--
"""


def _failed(action: str = "failed", status: str = "5.1.1", original: str = COPY, envelope: str = "") -> bytes:
    text = FAILED.format(action=action, status=status, original=original, envelope=envelope, address="p1@mail.example")
    return text.replace("\n", "\r\n").encode()


def _complaint(kind: str = "abuse", recipient: str = "Original-Rcpt-To: <p1@mail.example>\n") -> bytes:
    return COMPLAINT.format(kind=kind, recipient=recipient).encode()


def test_a_report_of_failure_says_which_message_which_address_and_why() -> None:
    assert read(_failed(), "message/rfc822", AT) == [Receipt(
        provider="smtp", provider_id="<regulars.m-1@summit.example>", stage="bounced", at=datetime(2026, 3, 1, 12, 0, 4, tzinfo=UTC),
        event_id="<dsn-1@relay.example>", message_id="m-1", address="p1@mail.example", code="5.1.1",
        reason="550 5.1.1 …: no such person",
    )]


@pytest.mark.parametrize("body", [
    _failed(original=HEADERS),
    _failed(original="Content-Type: text/plain\n\nnothing of it\n", envelope="Original-Envelope-Id: regulars.m-1\n"),
    _failed(original="Content-Type: text/plain\n\nnothing\n").replace(b"Auto-Submitted", b"In-Reply-To: <regulars.m-1@x>\r\nAuto-Submitted"),
])
def test_a_report_names_our_message_by_its_copy_its_envelope_or_what_it_answers(body) -> None:
    (receipt,) = read(body, "message/rfc822", AT)

    assert receipt.message_id == "m-1"


def test_a_report_about_somebody_elses_mail_names_none_of_ours() -> None:
    (receipt,) = read(_failed(original=COPY.replace("regulars.m-1", "abc")), "message/rfc822", AT)

    assert receipt.message_id is None


@pytest.mark.parametrize(("action", "status", "stage"), [
    ("failed", "5.1.1", "bounced"), ("failed", "5.1.2", "bounced"), ("failed", "5.2.1", "bounced"), ("failed", "5.4.4", "bounced"),
    ("failed", "5.2.2", "undelivered"), ("failed", "5.7.1", "undelivered"), ("failed", "4.4.7", "undelivered"),
    ("failed", "5.0.0", "undelivered"), ("failed", "5.1.8", "undelivered"), ("Delayed", "4.4.1", "undelivered"),
    ("delivered", "2.0.0", "delivered"), ("relayed", "2.0.0", "sent"), ("expanded", "2.0.0", "sent"),
])
def test_only_an_address_that_is_gone_bounces(action, status, stage) -> None:
    (receipt,) = read(_failed(action=action, status=status), "message/rfc822", AT)

    assert (receipt.stage, receipt.code) == (stage, status)


def test_a_report_on_two_addresses_is_two_receipts() -> None:
    more = b"Final-Recipient: rfc822; p2@mail.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n--b\r\nContent-Type: message/rfc822"
    body = _failed().replace(b"--b\r\nContent-Type: message/rfc822", more)

    assert [(r.address, r.stage) for r in read(body, "message/rfc822", AT)] == [
        ("p1@mail.example", "bounced"), ("p2@mail.example", "undelivered"),
    ]


@pytest.mark.parametrize("recipient", ["Original-Rcpt-To: <p1@mail.example>\n", ""])
def test_a_complaint_says_who_and_about_which_message(recipient) -> None:
    (receipt,) = read(_complaint(recipient=recipient), "message/rfc822", AT)

    assert (receipt.stage, receipt.code, receipt.message_id, receipt.address) == ("complained", "abuse", "m-1", "p1@mail.example")
    assert receipt.at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert (receipt.event_id, receipt.agent) == ("<arf-1@mailbox.example>", "SomeGenerator/1.0")


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", ""])
def test_a_report_that_nobody_complains_in_is_no_complaint(kind) -> None:
    assert read(_complaint(kind=kind), "message/rfc822", AT) == []


def test_a_report_from_the_future_is_of_now() -> None:
    body = _failed().replace(b"Sun, 1 Mar 2026 12:00:04", b"Sun, 1 Mar 2099 12:00:04")

    assert read(body, "message/rfc822", AT)[0].at == AT


def _written(text: str = "please stop", **headers: str) -> bytes:
    fields = {"From": "Ann <ann@mail.example>", "To": "hello@summit.example", "Subject": "Re: Hi", "Message-ID": "<r-1@mail.example>",
              "Date": "Sun, 1 Mar 2026 18:00:00 -0600", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ("\n".join(f"{name}: {value}" for name, value in fields.items()) + f"\n\n{text}\n").encode()


def test_what_a_person_answers_is_a_reply() -> None:
    assert read(_written(), "message/rfc822", AT) == [Reply(
        provider="smtp", provider_id="<r-1@mail.example>", sender="ann@mail.example", to="hello@summit.example", text="please stop",
        at=datetime(2026, 3, 2, tzinfo=UTC),
    )]


def test_a_wish_to_leave_that_is_only_a_subject_is_heard() -> None:
    (reply,) = read(_written("", Subject="unsubscribe"), "message/rfc822", AT)

    assert reply.text == "unsubscribe"


@pytest.mark.parametrize("headers", [
    {"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"}, {"Return_Path": "<>"},
    {"From": "MAILER-DAEMON@relay.example"}, {"From": ""}, {"Content_Type": "multipart/report; report-type=disposition-notification"},
])
def test_what_a_machine_answers_is_nobodys_reply(headers) -> None:
    assert read(_written("I am away, unsubscribe from work", **headers), "message/rfc822", AT) == []


@given(body=st.binary(max_size=400))
def test_no_mail_however_broken_raises(body) -> None:
    for start in (b"", b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n",
                  b"From: a@b.example\nDate: ", b"From: a@b.example\nContent-Type: text/plain; charset="):
        read(start + body, "message/rfc822", AT)


def test_a_folder_of_mails_is_read_in_order_and_can_be_read_again(tmp_path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "cur").mkdir()
    (tmp_path / "cur" / "1:2,S").write_bytes(_complaint())
    (tmp_path / "new" / "2").write_bytes(_failed())

    first, second = list(read_folder(tmp_path, at=AT)), list(read_folder(tmp_path, at=AT))

    assert first == second
    assert [[one.stage for one in news] for _, news in first] == [["complained"], ["bounced"]]
