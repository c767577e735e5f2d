"""Twilio: texts from an account's numbers, their deliveries, and what people answer.

    kind: twilio
    from: "+12545550100"
    account: ${TWILIO_ACCOUNT}
    token: ${TWILIO_TOKEN}          # the account's, or the secret of `key`
    key: ${TWILIO_KEY}              # SK…: an API key; left out: the account itself
    service: MG…                    # a messaging service, which chooses a number; left out: `from`
    callback: https://gym.example/webhooks/twilio      # where Twilio posts what became of texts
    valid: 4 hours                  # a text that still waits after so long is not sent
    settled: 2 minutes              # a text that is not listed so long after a lost answer was never taken

Beside these, as of every sender, `url` and `timeout`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from regulars.connectors.sending import Option, read_options
from regulars.connectors.twilio.dialect import URL, Twilio
from regulars.connectors.twilio.news import read
from regulars.destinations.sender import Limits
from regulars.errors import DeclarationError
from regulars.sources.rest_request import seconds
from regulars.sources.source import Surroundings

__all__ = ["Twilio", "declare", "read"]

_HEX = "[0-9a-fA-F]{32}"
_OPTIONS: Mapping[str, Option] = {
    "account": Option(example="${TWILIO_ACCOUNT}", is_required=True, shape=f"AC{_HEX}"),
    "token": Option(example="${TWILIO_TOKEN}", is_required=True),
    "key": Option(example="${TWILIO_KEY}", shape=f"SK{_HEX}"),
    "service": Option(example="MG and 32 hexadecimal digits", shape=f"MG{_HEX}"),
    "callback": Option(example="https://…", shape="https?://.+"),
    "valid": Option(example="4 hours", default="4 hours"),
    "settled": Option(example="2 minutes", default="2 minutes"),
    "timeout": Option(example="30 seconds", default="30 seconds"),
    "url": Option(example=URL, default=URL, shape="https?://.+/"),
}
_LONGEST = timedelta(hours=10)


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Twilio:  # noqa: ARG001  as every sender's
    """Return the dialect that `kind: twilio` means. Raises DeclarationError."""
    options = read_options(data, _OPTIONS)
    valid = seconds(options["valid"], path=("valid",))
    if not timedelta(0) < valid <= _LONGEST:
        raise DeclarationError("a text waits at most 10 hours", hint="write `valid: 4 hours`", path=("valid",))
    return Twilio(
        account=str(options["account"]),
        token=str(options["token"]),
        at=at,
        limits=Limits(per_second=100, timeout=seconds(options["timeout"], path=("timeout",))),
        key=options["key"],
        service=options["service"],
        url=str(options["url"]),
        callback=options["callback"],
        valid=valid,
        settled=seconds(options["settled"], path=("settled",)),
    )
