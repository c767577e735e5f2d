"""Twilio as a sandbox: takes texts as forms, refuses with its codes, lists newest first, posts callbacks and replies.

The numbers in `connectors.exchange` are refused at once, but for a telephone that is off and a number that is not
registered: those end as `undelivered`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import urlencode

import msgspec

from regulars.connectors.exchange import (
    FULL,
    LANDLINE,
    NO_CREDIT,
    NOBODY,
    NOT_OURS,
    Exchange,
    Subscription,
    Text,
    exchange,
    keyword,
    word,
)
from regulars.connectors.sandbox import Answer, Call, Post, Shelf, answer_json

_CODES = {
    "21211": (400, "The 'To' number {to} is not a valid phone number."),
    "21602": (400, "Message body is required."),
    "21603": (400, "A 'From' phone number is required."),
    "21606": (400, "The 'From' phone number {sender} is not a valid message-capable Twilio phone number."),
    "21610": (400, "Attempt to send to unsubscribed recipient"),
    "21611": (429, "This 'From' number has exceeded the maximum number of queued messages"),
    "21614": (400, "To number: {to}, is not a mobile number"),
    "21617": (400, "The concatenated message body exceeds the 1600 character limit"),
    "20003": (401, "Authenticate"),
    "30002": (403, "Account suspended"),
}
_LONGEST = 1600


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Twilio answers to a request that follows its contract."""
    desk = exchange(shelf)
    if desk.is_too_fast(shelf.now):
        return _error("20429", "Too Many Requests", status=429)
    account = call.path.split("/")[3]
    match call.method, call.path.split("/")[4:]:
        case "POST", ["Messages.json"]:
            desk.token = base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode().split(":")[-1]
            return _send(call, desk, shelf, account=account)
        case "GET", ["Messages.json"]:
            return _list(call, desk, account=account)
        case "GET", ["Messages", name]:
            found = next((one for one in desk.texts if f"{_sid(one)}.json" == name), None)
            return refusal(404, "Not found") if found is None else answer_json(_item(found, account))
    return refusal(404, "Not found")


def refusal(status: int, message: str) -> Answer:
    """Return what Twilio answers to a request that it does not take."""
    return _error({401: "20003", 404: "20404"}.get(status, "20001"), message, status=status)


def told(happening: str, words: Mapping[str, object], shelf: Shelf) -> Sequence[Post]:
    """Let something happen at Twilio.

    `settle`: every text that waits ends, told where its `StatusCallback` says. `reply` (from, to, text): told where
    `webhook` (url) said before. `limit` (per_second): how many requests are taken; 0: all. Returns the webhooks.
    """
    desk = exchange(shelf)
    match happening:
        case "webhook":
            desk.subscriptions = [Subscription(url=word(words, "url"), events=frozenset(), key="")]
            return []
        case "reply":
            came = desk.came(shelf, sender=word(words, "from"), to=word(words, "to"), text=word(words, "text"))
            return [_post(one.url, _inbound(came), desk.token) for one in desk.subscriptions]
        case "settle":
            return [
                _post(one.callback, form, desk.token)
                for one in desk.settle(shelf.now) if one.callback for form in _callbacks(one)
            ]
        case "limit":
            desk.most_per_second = int(word(words, "per_second")) or None
            return []
    raise ValueError(f"{happening!r} does not happen at Twilio: settle, reply, webhook, limit")


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Return what signs a form posted to a URL: HMAC-SHA1 over the URL and the sorted names and values."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


def _send(call: Call, desk: Exchange, shelf: Shelf, *, account: str) -> Answer:
    form = call.body
    assert isinstance(form, dict)
    sender, to, text = form.get("From") or form.get("MessagingServiceSid", ""), form["To"], form.get("Body", "")
    code = _wrong(desk, sender, to, text)
    if code:
        status, message = _CODES[code]
        return _error(code, message.format(to=to, sender=sender), status=status)
    sent = desk.put(shelf, sender=sender, to=to, text=text, callback=form.get("StatusCallback", ""))
    return answer_json(_item(sent, account), status=201)


def _wrong(desk: Exchange, sender: str, to: str, text: str) -> str:
    """Return the code of what is wrong with a text; empty when nothing is."""
    if not sender:
        return "21603"
    if desk.has_opted_out(to, of=sender):
        return "21610"
    if not text or len(text) > _LONGEST:
        return "21617" if text else "21602"
    known = {NOT_OURS: "21606", FULL: "21611", NO_CREDIT: "30002"}.get(sender)
    return known or {NOBODY: "21211", LANDLINE: "21614"}.get(to, "")


def _list(call: Call, desk: Exchange, *, account: str) -> Answer:
    to, sender = call.text("To"), call.text("From")
    among = desk.by_person[to] if to else desk.texts
    found = [one for one in reversed(among) if (not to or one.to == to) and (not sender or one.sender == sender)]
    size, page = call.number("PageSize", 50), call.number("Page", 0)
    chosen = found[page * size : (page + 1) * size]
    asked = {name: values[-1] for name, values in call.params.items()}
    following = urlencode(asked | {"Page": page + 1, "PageToken": f"PA{_sid(chosen[-1])}"}) if chosen else ""
    has_more = (page + 1) * size < len(found)
    body = {
        "messages": [_item(one, account) for one in chosen], "page": page, "page_size": size, "start": page * size,
        "next_page_uri": f"{call.path}?{following}" if has_more else None,
    }
    return Answer(body=msgspec.json.encode(body), items="messages")


def _item(one: Text, account: str) -> dict[str, object]:
    is_service = one.sender.startswith("MG")
    direction = "outbound-api" if one.direction == "outgoing" else "inbound"
    sent_at = None if one.status == "queued" else _date(one.changed_at)
    return {
        "sid": _sid(one), "account_sid": account, "body": one.text, "to": one.to,
        "from": None if is_service else one.sender, "messaging_service_sid": one.sender if is_service else None,
        "status": "accepted" if is_service and one.status == "queued" else one.status, "direction": direction,
        "date_created": _date(one.at), "date_sent": sent_at, "date_updated": _date(one.changed_at),
        "error_code": int(one.code) if one.code else None, "error_message": None, "num_media": "0",
        "num_segments": "1", "price": None, "price_unit": "USD", "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{_sid(one)}.json",
    }


def _callbacks(one: Text) -> list[dict[str, str]]:
    """Return the forms that tell how a text came to its end."""
    head = {"MessageSid": _sid(one), "SmsSid": _sid(one), "To": one.to, "From": one.sender, "ApiVersion": "2010-04-01"}
    ended = {"MessageStatus": one.status, "SmsStatus": one.status} | ({"ErrorCode": one.code} if one.code else {})
    return [head | {"MessageStatus": "sent", "SmsStatus": "sent"}, head | ended]


def _inbound(one: Text) -> dict[str, str]:
    form = {
        "MessageSid": _sid(one), "SmsSid": _sid(one), "SmsMessageSid": _sid(one), "SmsStatus": "received",
        "From": one.sender, "To": one.to, "Body": one.text, "NumMedia": "0", "NumSegments": "1",
        "ApiVersion": "2010-04-01",
    }
    return form | ({"OptOutType": keyword(one.text)} if keyword(one.text) else {})


def _post(url: str, form: Mapping[str, str], token: str) -> Post:
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "x-twilio-signature": signature(token, url, form),
    }
    return Post(url=url, headers=headers, body=urlencode(form).encode())


def _error(code: str, message: str, *, status: int) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return answer_json({"code": int(code), "message": message, "more_info": more, "status": status}, status=status)


def _sid(one: Text) -> str:
    return f"SM{hashlib.md5(str(one.number).encode(), usedforsecurity=False).hexdigest()}"


def _date(at: datetime) -> str:
    return format_datetime(at)
