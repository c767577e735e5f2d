"""Links of a message lead through our own door: found, shortened by a keyed hash, signed, and read back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape, unescape
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

_URL = re.compile(r"\bhttps?://[^\s<>\"'`{}|\\^\u2060]+", re.IGNORECASE)
_HREF = re.compile(r"""(<a\b[^>]*?\bhref\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_CODE_LETTERS = 10                           # 62 ** 10: a billion links meet by chance with one in a million
_SIGNATURE_BYTES = 12                        # 96 bits: nobody guesses one
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where our own links begin, and the secrets that make them ours."""

    origin: str                              # https://go.summit.example, without a slash at the end
    keys: tuple[bytes, ...]                  # the first signs; all are accepted, so that a key can be changed

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) < 16 for key in self.keys):
            raise ValueError("a door needs keys of at least 16 bytes")
        if urlsplit(self.origin).scheme not in {"http", "https"} or self.origin.endswith("/"):
            raise ValueError(f"{self.origin!r} is no origin")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLink:
    """A short link of one message, and where it leads. Kept, because the code alone does not say it."""

    code: str
    message: str
    position: int                            # which link of the message, from 0
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """What a signed link says when somebody opens it."""

    message: str
    position: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What an unsubscribe link says."""

    message: str
    channel: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the door does with a request for an unsubscribe link."""

    action: Literal["unsubscribe", "ask", "refuse"]
    status: int                              # of HTTP
    leaving: Leaving | None                  # None: the link is not ours


def links(text: str) -> list[str]:
    """Return the web addresses in plain text in order, each as often as it stands there.

    A stop, a comma or a bracket that ends the sentence is no part of the address.
    """
    return [_trimmed(found[0]) for found in _URL.finditer(text)]


def shortened(text: str, *, message: str, door: Door) -> tuple[str, tuple[ShortLink, ...]]:
    """Replace the web addresses of a text message with short ones. The same message always gets the same.

    Addresses of the door itself stay: they are short, and they are signed.
    """
    made: list[ShortLink] = []

    def short(url: str) -> str:
        position = len(made)
        made.append(ShortLink(code=_code(door, message, position, url), message=message, position=position, url=url))
        return f"{door.origin}/l/{made[-1].code}"

    return _replaced(text, short, door), tuple(made)


def tracked(html: str, *, message: str, door: Door) -> str:
    """Make every link of an HTML message lead through the door. Links that are no web address stay."""
    position = -1

    def through(found: re.Match[str]) -> str:
        nonlocal position
        url = unescape(found[2] if found[2] is not None else found[3]).strip()
        if not _URL.match(url) or url.startswith(f"{door.origin}/"):
            return found[0]
        position += 1
        return f'{found[1]}"{escape(tracked_url(url, message=message, position=position, door=door))}"'

    return _HREF.sub(through, html)


def tracked_text(text: str, *, message: str, door: Door) -> str:
    """Make every web address of plain text lead through the door."""
    position = -1

    def through(url: str) -> str:
        nonlocal position
        position += 1
        return tracked_url(url, message=message, position=position, door=door)

    return _replaced(text, through, door)


def tracked_url(url: str, *, message: str, position: int, door: Door) -> str:
    """Return the address that counts a click and leads on. It says all it needs: nothing has to be kept for it."""
    said = _said(message, str(position), url)
    path = f"/c/{quote(message, safe='')}/{position}"
    return f"{door.origin}{path}?u={quote(url, safe='')}&s={_signature('click', said, door.keys[0])}"


def read_click(target: str, *, door: Door) -> Click | None:
    """Return what a tracked address says; None where it was not made by us, so that nobody is sent anywhere by it.

    Args:
        target: Path and query as they came, or the whole address.
        door: Whose keys it must be signed with.

    """
    parts = urlsplit(target)
    found = re.fullmatch(r"/c/([^/]+)/(\d{1,4})", parts.path)
    query = parse_qs(parts.query)
    if found is None or "u" not in query or "s" not in query:
        return None
    message, position, url = _unquoted(found[1]), int(found[2]), query["u"][0]
    if not _is_signed("click", _said(message, str(position), url), query["s"][0], door.keys):
        return None
    return Click(message=message, position=position, url=url)


def unsubscribe_url(leaving: Leaving, *, door: Door) -> str:
    """Return the address by which the recipient of one message leaves. It says no address and never runs out."""
    said = _said(leaving.message, leaving.channel, leaving.purpose)
    token = base64.urlsafe_b64encode(said.encode()).rstrip(b"=").decode()
    return f"{door.origin}/u/{token}.{_signature('leave', said, door.keys[0])}"


def answer_unsubscribe(method: str, path: str, *, door: Door) -> Answer:
    """Decide what a request for an unsubscribe link does.

    A POST unsubscribes at once; anything that only looks, as scanners of mail do, is asked first and changes nothing.
    Source: RFC 8058, 3.1 and 3.2 (the POST needs no cookie and no further question; a GET must not unsubscribe).
    """
    leaving = _read_leaving(path, door)
    if leaving is None:
        return Answer(action="refuse", status=404, leaving=None)
    if method == "POST":
        return Answer(action="unsubscribe", status=200, leaving=leaving)
    if method in {"GET", "HEAD"}:
        return Answer(action="ask", status=200, leaving=leaving)
    return Answer(action="refuse", status=405, leaving=leaving)


def _read_leaving(path: str, door: Door) -> Leaving | None:
    found = re.fullmatch(r"/u/([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]{1,64})", urlsplit(path).path)
    if found is None:
        return None
    try:
        said = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode()
    except ValueError:
        return None
    if not _is_signed("leave", said, found[2], door.keys):
        return None
    message, channel, purpose = json.loads(said)
    return Leaving(message=message, channel=channel, purpose=purpose)


def _replaced(text: str, replace: Callable[[str], str], door: Door) -> str:
    def one(found: re.Match[str]) -> str:
        url = _trimmed(found[0])
        return found[0] if url.startswith(f"{door.origin}/") else replace(url) + found[0][len(url):]

    return _URL.sub(one, text)


def _trimmed(url: str) -> str:
    """Return an address without the marks of the sentence around it; a bracket stays if it was opened inside."""
    while url and url[-1] in ".,;:!?)]*_":
        if url[-1] == ")" and url.count("(") >= url.count(")"):
            break
        url = url[:-1]
    return url


def _code(door: Door, message: str, position: int, url: str) -> str:
    number = int.from_bytes(_digest("short", _said(message, str(position), url), door.keys[0])[:16], "big")
    letters = []
    for _ in range(_CODE_LETTERS):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def _said(*parts: str) -> str:
    # As JSON, no two different sets of parts read the same.
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _digest(use: str, said: str, key: bytes) -> bytes:
    # The use is part of what is signed: a click can never be turned into leaving.
    return hmac.new(key, f"{use}\n{said}".encode(), hashlib.sha256).digest()


def _signature(use: str, said: str, key: bytes) -> str:
    return base64.urlsafe_b64encode(_digest(use, said, key)[:_SIGNATURE_BYTES]).decode()


def _is_signed(use: str, said: str, signature: str, keys: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(_signature(use, said, key).encode(), signature.encode()) for key in keys)


def _unquoted(text: str) -> str:
    return parse_qs(f"m={text}", keep_blank_values=True)["m"][0]
