"""A message as the bytes that go over SMTP: text and HTML beside each other, our id as its Message-ID."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr

from regulars.destinations.mail_id import mail_id
from regulars.destinations.sender import Outgoing

_LONGEST_LINE = 998                          # RFC 5322, 2.1.1


class _Unfolded(EmailPolicy):
    """Writes a header on one line where it may be: folding would break a long link into encoded words."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the header's bytes."""
        line = f"{name}: {value}"
        if line.isascii() and len(line) <= _LONGEST_LINE and "\n" not in line:
            return line.encode("ascii") + b"\r\n"
        return super().fold_binary(name, value)


_POLICY = _Unfolded(linesep=SMTP.linesep, cte_type="7bit")


def letter(message: Outgoing, *, at: datetime) -> bytes:
    """Return a message as a mail of that moment, lines ending in CRLF.

    Raises ValueError for a header that could break the mail or that is already said by the message.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = message.sender
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = mail_id(message.message_id, domain=domain_of(message.sender))
    for name, value in message.headers.items():
        if not re.fullmatch(r"[!-9;-~]+", name):
            raise ValueError(f"{name!r} is not the name of a header")
        mail[name] = value
    if message.text or not message.html:
        mail.set_content(message.text)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
    else:
        mail.set_content(message.html, subtype="html")
    return mail.as_bytes()


def address_of(written: str) -> str:
    """Return the address in `Ann <ann@example.com>`, its domain in ASCII.

    Raises ValueError for what is no address, or none that every mail server takes.
    """
    address = parseaddr(written)[1]
    name, at, domain = address.rpartition("@")
    if not at or not name.isascii() or re.search(r"[\s<>]", address):
        raise ValueError("the address cannot be written to by SMTP")
    return f"{name}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"


def domain_of(written: str) -> str:
    """Return the domain of an address. Raises ValueError as `address_of` does."""
    return address_of(written).rpartition("@")[2]
