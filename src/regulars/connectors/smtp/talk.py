"""Talking SMTP: one connection a batch, and for each message the truth about how far it came.

A server has a message from the moment it answers the final dot. If the connection ends before the content began, it
has nothing; if it ends after, nobody can tell.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Literal, get_args

from regulars.clock import Clock, SystemClock
from regulars.connectors.secret import Secret, revealed
from regulars.connectors.smtp.letter import address_of, domain_of, letter
from regulars.connectors.smtp.reply_code import Step, refusal
from regulars.destinations.mail_id import mail_id, mail_mark
from regulars.destinations.sender import Accepted, Deferred, Limits, Outcome, Outgoing, Refused, Unknown
from regulars.destinations.unaddressed import unaddressed

Security = Literal["starttls", "tls", "none"]
SECURITIES: tuple[Security, ...] = get_args(Security)

_BROKEN = (smtplib.SMTPServerDisconnected, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server that takes our mail.

    Args:
        host: Its name.
        port: 587 for `starttls`, 465 for `tls`, 25 or what you like for `none`.
        user: As the server knows us; "" where it asks for nobody.
        password: Beside it.
        security: `starttls` and `tls` refuse a server without; `none` is for a relay on this machine.
        bounces: The mailbox where failures are reported to; "": the sender's.
        hello: How we name this machine to the server.
        batch: Messages over one connection.
        timeout: The longest wait for one answer.
        trusted: Certificates; None: the system's.
        clock: Gives mails their Date.

    """

    host: str
    port: int = 587
    user: str = ""
    password: str | Secret = field(default="", repr=False)
    security: Security = "starttls"
    bounces: str = ""
    hello: str = "[127.0.0.1]"
    batch: int = 50
    timeout: timedelta = timedelta(seconds=30)
    trusted: ssl.SSLContext | None = field(default=None, repr=False)
    clock: Clock = field(default_factory=SystemClock)

    @property
    def name(self) -> str:
        """Return `smtp`."""
        return "smtp"

    @property
    def limits(self) -> Limits:
        """Return how a mail server wants to be spoken to."""
        return Limits(per_second=20, at_once=4, batch=self.batch, timeout=self.timeout)

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Hand messages over by one connection and return what became of each, in order."""
        outcomes: list[Outcome] = []
        try:
            connection = self._connected()
        except smtplib.SMTPResponseException as error:
            return [refusal(error.smtp_code, _text(error.smtp_error), step="connect")] * len(messages)
        except (smtplib.SMTPException, OSError) as error:
            return [_unreached(error)] * len(messages)
        for message in messages:
            outcomes.append(self._handed(connection, message))
            if connection.sock is None:
                break                        # what is left was never begun
        left = [Deferred(reason="the server ended the conversation")] * (len(messages) - len(outcomes))
        with suppress(*_BROKEN):
            connection.quit()
        return [*outcomes, *left]

    def _connected(self) -> smtplib.SMTP:
        seconds = self.timeout.total_seconds()
        trusted = self.trusted or _system_trust()
        if self.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, local_hostname=self.hello, timeout=seconds, context=trusted
            )
        else:
            connection = smtplib.SMTP(self.host, self.port, local_hostname=self.hello, timeout=seconds)
        try:
            if self.security == "starttls":
                connection.starttls(context=trusted)
            connection.ehlo_or_helo_if_needed()
            if self.user:
                connection.login(self.user, revealed(self.password))
        except BaseException:
            connection.close()
            raise
        return connection

    def _handed(self, connection: smtplib.SMTP, message: Outgoing) -> Outcome:
        """Return how far one message came. The connection is closed where it can take no other."""
        try:
            content = letter(message, at=self.clock.now())
            sender, to = address_of(self.bounces or message.sender), address_of(message.to)
        except ValueError as error:
            return Refused(code="form", reason=str(error))
        try:
            refused = self._announced(connection, message, sender=sender, to=to)
        except _BROKEN as error:
            connection.close()
            return Deferred(reason=f"the conversation broke off: {error}")
        if refused is not None:
            return refused
        return _given(connection, content, id=mail_id(message.message_id, domain=domain_of(message.sender)))

    def _announced(
        self, connection: smtplib.SMTP, message: Outgoing, *, sender: str, to: str
    ) -> Outcome | None:
        """Say who writes to whom; None when the server wants the content, otherwise what it said."""
        returns = ["RET=HDRS", f"ENVID={mail_mark(message.message_id)}"] if connection.has_extn("dsn") else []
        steps: tuple[tuple[Step, int, Callable[[], tuple[int, bytes]]], ...] = (
            ("sender", 2, lambda: connection.mail(sender, returns)),
            ("recipient", 2, lambda: connection.rcpt(to)),
            ("content", 3, lambda: connection.docmd("DATA")),
        )
        for step, wanted, said in steps:
            code, text = said()
            if code // 100 != wanted:
                return _refused(connection, code, text, step=step)
        return None


@cache
def _system_trust() -> ssl.SSLContext:
    """Return the certificates that the system trusts: reading them takes tens of milliseconds, so it is done once."""
    return ssl.create_default_context()


def _given(connection: smtplib.SMTP, content: bytes, *, id: str) -> Outcome:  # noqa: A002  # the mail's own
    """Hand over the content that the server wants, and return what it said to the final dot."""
    try:
        connection.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
        code, text = connection.getreply()
    except _BROKEN as error:
        connection.close()
        return Unknown(reason=f"the conversation broke off after the content: {error}")
    if code // 100 == 2:
        return Accepted(provider_id=id, stage="sent")
    if code // 100 not in {4, 5}:
        connection.close()
        return Unknown(reason=f"the server answered {code} to the content")
    return _refused(connection, code, text, step="content")


def _unreached(error: OSError) -> Outcome:
    """Return what a conversation that never began means: the server is away, or will not have us like this."""
    if isinstance(error, ssl.SSLError) or (
        isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected)
    ):
        return Refused(code="connection", reason=unaddressed(str(error)), scope="account")
    return Deferred(reason=f"the server was not reached: {error}")


def _refused(connection: smtplib.SMTP, code: int, text: bytes, *, step: Step) -> Outcome:
    """Return what a no means, and make the conversation ready for the next message."""
    if code // 100 not in {4, 5} or code == 421:         # 421: the server leaves
        connection.close()
    else:
        try:
            connection.rset()
        except _BROKEN:
            connection.close()
    return refusal(code, _text(text), step=step)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
