"""Twilio: texts from an account's numbers, their deliveries, and what people answer.

    kind: twilio
    account: ${TWILIO_ACCOUNT}
    token: ${TWILIO_TOKEN}              # the account's, or the secret of `key`
    key: ${TWILIO_KEY}                  # SK…: an API key; left out: the account itself
    from: "+12545550100"                # or a list of numbers, or a messaging service: MG…
    callback: https://gym.example/webhooks/twilio      # where Twilio posts what became of texts
    valid: 4 hours                      # a text that still waits after so long is not sent
    settled: 2 minutes                  # a text that is not listed so long after a lost answer was never taken

Beside these, as of every sender: `url`, `rate`, `timeout`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from regulars.connectors.sending import Option, as_number, read_limits, read_options
from regulars.connectors.twilio.dialect import URL, Twilio
from regulars.connectors.twilio.news import read
from regulars.errors import DeclarationError
from regulars.sources.reference import references
from regulars.sources.rest_request import seconds
from regulars.sources.source import Surroundings

__all__ = ["Twilio", "declare_sender", "read"]

_OPTIONS: Mapping[str, Option] = {
    "account": Option(example="${TWILIO_ACCOUNT}", is_required=True),
    "token": Option(example="${TWILIO_TOKEN}", is_required=True),
    "key": Option(example="${TWILIO_KEY}"),
    "from": Option(example='"+12545550100"', is_required=True),
    "callback": Option(example="https://…"),
    "valid": Option(example="4 hours", default="4 hours"),
    "settled": Option(example="2 minutes", default="2 minutes"),
}
_ACCOUNT, _KEY, _SERVICE = (re.compile(f"{kind}[0-9a-fA-F]{{32}}") for kind in ("AC", "SK", "MG"))
_LONGEST = timedelta(hours=10)


def declare_sender(data: Mapping[str, object], *, at: Surroundings) -> Twilio:
    """Return the dialect that `kind: twilio` means. Raises DeclarationError."""
    options = read_options(data, _OPTIONS, at=at)
    valid = seconds(options["valid"], path=("valid",))
    if not timedelta(0) < valid <= _LONGEST:
        raise DeclarationError("a text waits at most 10 hours", hint="write `4 hours`", path=("valid",))
    return Twilio(
        account=_like(_ACCOUNT, options["account"], "account", "AC and 32 hexadecimal digits"),
        token=str(options["token"]),
        key=None if options["key"] is None else _like(_KEY, options["key"], "key", "SK and 32 hexadecimal digits"),
        numbers=_numbers(options["from"]),
        limits=read_limits(data, per_second=10),
        url=str(options["url"] or URL),
        callback=_callback(options["callback"]),
        valid=valid,
        settled=seconds(options["settled"], path=("settled",)),
    )


def _like(pattern: re.Pattern[str], value: object, option: str, shape: str) -> str:
    """Return an id of that shape; one still to come from the environment is taken as it is."""
    text = str(value)
    if not references(text) and not pattern.fullmatch(text):
        raise DeclarationError(f"{option!r} is not {shape}", hint="copy it from Twilio's console", path=(option,))
    return text


def _numbers(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    return tuple(
        str(number) if references(number) or _SERVICE.fullmatch(str(number)) else as_number(number, path=("from",))
        for number in given
    )


def _callback(value: object) -> str | None:
    if value is None:
        return None
    if not re.match(r"https?://|\$\{", str(value)):
        raise DeclarationError(f"{value!r} is no address", hint="write `https://…`", path=("callback",))
    return str(value)
