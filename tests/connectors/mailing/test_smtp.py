"""SMTP against a real server: mails arrive as written, and each break says how far they came."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from random import Random

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from regulars.campaigns.mail import unsubscribe_headers
from regulars.clock import FixedClock
from regulars.connectors.smtp import Smtp, declare
from regulars.destinations.mail_id import mail_id, message_id_in
from regulars.destinations.sender import Accepted, Deferred, Outcome, Outgoing, Refused, Unknown
from regulars.errors import DeclarationError
from regulars.sources.source import Surroundings

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class Post:
    """A mail server that keeps what it takes, and does at each step what the test wants."""

    says: dict[str, Sequence[str | None]] = field(default_factory=dict)   # step -> what it answers, turn by turn; "cut"
    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    turns: Counter[str] = field(default_factory=Counter)

    def _said(self, step: str, server: SMTP) -> str | None:
        turns = self.says.get(step, ())
        said = turns[self.turns[step] % len(turns)] if turns else None
        self.turns[step] += 1
        if said == "cut":
            server.transport.abort()
            return "250 nobody hears this"
        return said

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802  # noqa: N802  # the library's name
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._said("mail", server) or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802  # noqa: N802  # the library's name
        said = self._said("rcpt", server)
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope):  # noqa: N802  # noqa: N802  # the library's name
        said = self._said("data", server)
        if said in {None, "keep and cut"}:
            self.kept.append((envelope.mail_from or "", envelope.rcpt_tos[0], envelope.original_content or b""))
        if said == "keep and cut":
            server.transport.abort()
        return said or "250 2.0.0 OK"


@pytest.fixture
def post() -> Iterator[Callable[..., tuple[Post, Smtp]]]:
    """Start a mail server, and who talks with it."""
    with ExitStack() as stack:
        def start(says: dict[str, Sequence[str | None]] | None = None, server: dict[str, object] | None = None,
                  **words: object) -> tuple[Post, Smtp]:
            handler = Post(says=says or {})
            controller = Controller(handler, hostname="127.0.0.1", port=_free_port(), **(server or {}))
            controller.start()
            stack.callback(controller.stop)
            fields = {"security": "none", "timeout": timedelta(seconds=2), "clock": FixedClock(AT), **words}
            return handler, Smtp(host="127.0.0.1", port=controller.port, **fields)  # type: ignore[arg-type]

        yield start


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_mail_arrives_with_both_bodies_its_headers_and_our_id(post, mail) -> None:
    handler, smtp = post()

    outcomes = smtp.send([mail(1)])

    sender, to, content = handler.kept[0]
    arrived = message_from_bytes(content, policy=default)
    assert outcomes == [Accepted(provider_id="<regulars.m-1@summit.example>", stage="sent")]
    assert (sender, to) == ("hello@summit.example", "p1@mail.example")
    assert arrived["Message-ID"] == outcomes[0].provider_id
    assert message_id_in(arrived["Message-ID"]) == "m-1"
    assert (arrived["From"], arrived["Subject"]) == (mail(1).sender, mail(1).subject)
    assert arrived["Date"].datetime == AT
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert arrived.get_body(("plain",)).get_content().replace("\r\n", "\n") == mail(1).text
    assert arrived.get_body(("html",)).get_content().rstrip() == mail(1).html


def test_letters_of_every_alphabet_and_lines_that_begin_with_a_dot_arrive(post, mail) -> None:
    handler, smtp = post()
    text = "Grüße, 山!\n.\n..two\n" + "x" * 2000 + "\n"

    smtp.send([mail(1, subject="Für José: 50 % — 山 " * 5, text=text, html="")])

    arrived = message_from_bytes(handler.kept[0][2], policy=default)
    assert arrived.get_content().replace("\r\n", "\n") == text
    assert arrived["Subject"] == "Für José: 50 % — 山 " * 5
    assert max(len(line) for line in handler.kept[0][2].splitlines()) <= 998


def test_a_long_link_to_leave_by_stays_one_link(post, mail) -> None:
    handler, smtp = post()
    headers = unsubscribe_headers("https://summit.example/u/" + "a1" * 300)

    smtp.send([mail(1, headers=headers)])

    assert f"List-Unsubscribe: {headers['List-Unsubscribe']}\r\n".encode() in handler.kept[0][2]


def test_failures_are_reported_to_the_mailbox_for_them(post, mail) -> None:
    handler, smtp = post(bounces="bounces@summit.example")

    smtp.send([mail(1)])

    assert handler.kept[0][0] == "bounces@summit.example"


def test_a_batch_goes_over_one_connection(post, mail) -> None:
    handler, smtp = post()

    outcomes = smtp.send([mail(n) for n in range(20)])

    assert [type(o) for o in outcomes] == [Accepted] * 20
    assert [to for _, to, _ in handler.kept] == [f"p{n}@mail.example" for n in range(20)]


@pytest.mark.parametrize(("step", "said", "outcome"), [
    ("mail", "550 5.7.1 sender not allowed", Refused(code="5.7.1", reason="5.7.1 sender not allowed", scope="account")),
    ("mail", "552 5.3.4 too large", Refused(code="5.3.4", reason="5.3.4 too large")),
    ("mail", "451 4.3.0 later", Deferred(reason="451 4.3.0 later")),
    ("mail", "530 5.7.0 authentication required", Refused(code="5.7.0", reason="5.7.0 authentication required", scope="account")),
    ("rcpt", "550 5.1.1 <p0@mail.example> unknown", Refused(code="5.1.1", reason="5.1.1 … unknown", scope="address")),
    ("rcpt", "550 5.7.1 listed", Refused(code="5.7.1", reason="5.7.1 listed")),
    ("rcpt", "552 5.2.2 mailbox full", Refused(code="5.2.2", reason="5.2.2 mailbox full")),
    ("rcpt", "550 no", Refused(code="550", reason="no")),
    ("rcpt", "450 4.2.1 greylisted", Deferred(reason="450 4.2.1 greylisted")),
    ("data", "554 5.7.1 spam", Refused(code="5.7.1", reason="5.7.1 spam")),
    ("data", "452 4.3.1 disk full", Deferred(reason="452 4.3.1 disk full")),
])
def test_what_a_server_says_means_one_thing_and_the_next_mail_goes_on(post, mail, step, said, outcome) -> None:
    handler, smtp = post({step: [said, None]})

    outcomes = smtp.send([mail(0), mail(1)])

    assert outcomes[0] == outcome
    assert isinstance(outcomes[1], Accepted)
    assert [to for _, to, _ in handler.kept] == ["p1@mail.example"]


def test_a_break_before_the_content_is_not_sent_and_one_after_it_is_unknown(post, mail) -> None:
    _, early = post({"rcpt": ["cut"]})
    late_handler, late = post({"data": ["keep and cut"]})

    before, after = early.send([mail(0), mail(1)]), late.send([mail(0), mail(1)])

    assert [type(o) for o in before] == [Deferred, Deferred]
    assert [type(o) for o in after] == [Unknown, Deferred]
    assert len(late_handler.kept) == 1


def test_a_server_that_leaves_defers_the_rest(post, mail) -> None:
    handler, smtp = post({"rcpt": [None, "421 4.3.2 going down"]})

    outcomes = smtp.send([mail(n) for n in range(4)])

    assert [type(o) for o in outcomes] == [Accepted, Deferred, Deferred, Deferred]
    assert len(handler.kept) == 1


def test_nothing_is_lost_or_sent_twice_through_a_server_that_breaks_in_every_way(post, mail) -> None:
    chance = Random(2)

    def turns(*faults: str) -> list[str | None]:
        return [chance.choice(faults) if chance.random() < 0.3 else None for _ in range(500)]

    handler, smtp = post({
        "mail": turns("451 4.3.0 later", "421 bye", "cut"), "rcpt": turns("450 4.2.1 greylisted", "cut"),
        "data": turns("452 4.3.1 full", "cut", "keep and cut"),
    }, batch=10)
    outcomes: dict[str, Outcome] = {}
    waiting: list[Outgoing] = [mail(n) for n in range(60)]
    while waiting:
        batch, waiting = waiting[:10], waiting[10:]
        for message, outcome in zip(batch, smtp.send(batch), strict=True):
            outcomes[message.message_id] = outcome
            waiting += [message] if isinstance(outcome, Deferred) else []

    kept = Counter(message_id_in(message_from_bytes(content)["Message-ID"]) for _, _, content in handler.kept)
    accepted = {m for m, o in outcomes.items() if isinstance(o, Accepted)}
    unknown = {m for m, o in outcomes.items() if isinstance(o, Unknown)}
    assert len(accepted) + len(unknown) == 60
    assert unknown
    assert accepted <= set(kept) <= accepted | unknown
    assert set(kept.values()) == {1}


@pytest.mark.parametrize("words", [
    {"to": "nobody"}, {"to": "jösé@mail.example"}, {"subject": "a\r\nBcc: all@x.example"}, {"sender": "nobody"},
    {"headers": {"Subject": "twice"}}, {"headers": {"X:\r\nBcc": "all@x.example"}}, {"headers": {"X-A": "a\nBcc: b@x.example"}},
])
def test_a_mail_that_could_be_another_one_is_refused_and_never_sent(post, mail, words) -> None:
    handler, smtp = post()

    outcomes = smtp.send([mail(1, **words), mail(2)])

    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].code == "form"
    assert [to for _, to, _ in handler.kept] == ["p2@mail.example"]


def test_a_domain_of_another_alphabet_is_written_in_ascii(post, mail) -> None:
    handler, smtp = post()

    smtp.send([mail(1, to="ann@bücher.example")])

    assert handler.kept[0][1] == "ann@xn--bcher-kva.example"


def test_nobody_there_is_not_now(mail) -> None:
    smtp = Smtp(host="127.0.0.1", port=_free_port(), security="none")

    assert [type(o) for o in smtp.send([mail(1), mail(2)])] == [Deferred, Deferred]


def test_a_server_without_encryption_gets_no_password_and_no_mail(post, mail) -> None:
    handler, smtp = post(security="starttls", user="u", password="p")

    outcomes = smtp.send([mail(1)])

    assert outcomes == [Refused(code="connection", reason="STARTTLS extension not supported by server.", scope="account")]
    assert handler.kept == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for this machine: what the server shows, and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return shown, ssl.create_default_context(cadata=pem.decode())


def _knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=getattr(data, "password", b"") == b"right", handled=False)


@pytest.mark.parametrize(("password", "outcome"), [
    ("right", Accepted(provider_id="<regulars.m-1@summit.example>", stage="sent")),
    ("wrong", Refused(code="5.7.8", reason="5.7.8 Authentication credentials invalid", scope="account")),
])
def test_a_password_goes_over_an_encrypted_line_only(post, mail, certificate, password, outcome) -> None:
    shown, trusted = certificate
    server = {"tls_context": shown, "require_starttls": True, "authenticator": _knows, "auth_required": True}
    _, smtp = post(server=server, security="starttls", user="u", password=password, trusted=trusted)

    assert smtp.send([mail(1)]) == [outcome]


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(post, mail, certificate) -> None:
    handler, smtp = post(server={"tls_context": certificate[0]}, security="starttls")

    (outcome,) = smtp.send([mail(1)])

    assert isinstance(outcome, Refused)
    assert outcome.scope == "account"
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason
    assert handler.kept == []


def test_the_envelope_carries_our_id_where_the_server_reports_by_it(mail) -> None:
    said: list[bytes] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            said.append(line.strip())
            answer = {b"EHLO": b"250-here\r\n250 DSN", b"DATA": b"354 go", b"QUIT": b"221 bye"}.get(line.strip()[:4].upper(), b"250 OK")
            if line.startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                while (await reader.readline()) != b".\r\n":
                    pass
                answer = b"250 OK"
            writer.write(answer + b"\r\n")

    async def main() -> Sequence[Outcome]:
        server = await asyncio.start_server(conversation, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await asyncio.to_thread(Smtp(host="127.0.0.1", port=port, security="none").send, [mail(1)])

    (outcome,) = asyncio.run(main())

    assert isinstance(outcome, Accepted)
    assert b"mail FROM:<hello@summit.example> RET=HDRS ENVID=regulars.m-1" in said


def test_our_id_survives_its_way_through_a_message_id() -> None:
    for message_id in ("m-1", "spring|42|2026-03-01", "a.b..c", "é山 <x@y>", "%2E"):
        written = mail_id(message_id, domain="summit.example")

        assert message_id_in(written) == message_id
        assert message_id_in(smtplib.quoteaddr(written)) == message_id
    assert message_id_in("<152712433591.85282@example.com>") is None


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Smtp(host="h", password="s3cret"))


def test_a_declaration_gives_who_talks_and_looks_its_password_up_later(tmp_path) -> None:
    data = {"kind": "smtp", "host": "mail.example", "port": 465, "security": "tls", "user": "u", "password": "${SMTP_PASSWORD}"}

    smtp = declare("letters", data, at=Surroundings(folder=tmp_path))

    assert (smtp.host, smtp.port, smtp.security, smtp.user, smtp.limits.batch) == ("mail.example", 465, "tls", "u", 50)


@pytest.mark.parametrize(("data", "message"), [
    ({}, "add `host"), ({"host": "h", "port": "25"}, "no number above 0"), ({"host": "h", "security": "tsl"}, "did you mean 'tls'"),
    ({"host": "h", "pasword": "p"}, "did you mean 'password'"),
])
def test_a_declaration_that_means_nothing_says_what_would_be_right(tmp_path, data, message) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare("letters", data, at=Surroundings(folder=tmp_path))
