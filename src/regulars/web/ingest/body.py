"""What a body is, whatever its label says: gzip is known by its first bytes, JSON by a brace, a form by `data=`."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from urllib.parse import parse_qs

LARGEST_BODY = 4 << 20
"""Bytes of a body, unpacked: what the most generous of the known clients send at once."""

MOST_FIELDS = 50
"""Fields of a form or a query that are read: more than any known client sends."""


MOST_MESSAGES = 50_000
"""Messages of one body: all of them are judged in one go, while everybody else waits."""


class TooLarge(ValueError):
    """The body is beyond LARGEST_BODY, or has more than MOST_MESSAGES."""


class Unreadable(ValueError):
    """The body is not what it looks like."""


def opened(body: bytes) -> bytes:
    """Return the JSON text that a body holds, unpacked and out of its form.

    Raises TooLarge, and Unreadable for what is cut, is not UTF-8, or is no JSON by its first byte.
    """
    if len(body) > LARGEST_BODY:
        raise TooLarge
    if body[:2] == b"\x1f\x8b":
        body = _unpacked(body)
    text = body.strip().removeprefix(b"\xef\xbb\xbf")
    if text[:1] not in (b"{", b"["):
        text = _in_form(text)
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise Unreadable("the body is not UTF-8") from error
    return text


_ESCAPE = re.compile(
    rb"\\(?:u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def whole_characters(text: bytes) -> bytes:
    """Return JSON with U+FFFD for each half of a character: browsers write them where they cut a text."""
    return _ESCAPE.sub(lambda found: found[0] if found[1] or len(found[0]) == 2 else b"\\ufffd", text)


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, LARGEST_BODY + 1)
    except zlib.error as error:
        raise Unreadable("the body is broken gzip") from error
    if len(text) > LARGEST_BODY:
        raise TooLarge
    if not unpacker.eof:
        raise Unreadable("the body is cut")
    return text


def _in_form(text: bytes) -> bytes:
    """Return the JSON in a form's `data`, or in a body that is nothing but base64."""
    if text.count(b"&") >= MOST_FIELDS:
        raise Unreadable("the body is no JSON")
    # Latin-1 both ways keeps every byte as it is, those that a form writes as %E2 too.
    form = parse_qs(text.decode("latin-1"), encoding="latin-1") if b"=" in text[:200] else {}
    inner = form.get("data", [text.decode("latin-1")])[0].encode("latin-1").strip()
    if inner[:1] in (b"{", b"["):
        return inner
    try:
        inner = base64.b64decode(inner, validate=True).strip()
    except binascii.Error as error:
        raise Unreadable("the body is no JSON") from error
    if inner[:1] not in (b"{", b"["):
        raise Unreadable("the body is no JSON")
    return inner
