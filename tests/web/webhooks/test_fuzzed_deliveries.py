"""Whatever is posted as a webhook, signed as it should be or not, the door answers and writes lines that can be read.

`REGULARS_DOOR_FUZZ=100000 pytest tests/web/webhooks/test_fuzzed_deliveries.py` posts a hundred thousand deliveries.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from posting import signed

sys.path.insert(0, str(Path(__file__).parents[1]))

from odd_bodies import odd_body, odd_form

from regulars.clock import FixedClock
from regulars.plugins import declare_source
from regulars.sources.source import Surroundings
from regulars.sources.webhook.declare import WebhookSource
from regulars.sources.webhook.line import read_delivery
from regulars.sources.webhook.scheme import SCHEMES
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.courier import Courier
from regulars.web.webhooks.webhook_door import Hook, WebhookDoor

DELIVERIES = int(os.environ.get("REGULARS_DOOR_FUZZ", "1500"))
TOGETHER = 250
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = str(int(NOW.timestamp()))
KEY = base64.b64encode(b"a key of all").decode()
PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
URL = "https://hooks.example.com/webhooks/{}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
FORMS = {"mailchimp", "mandrill", "twilio"}


def _stamped(header: str) -> Callable[[bytes], dict[str, str]]:
    return lambda body: {header: f"t={TIME},v1={hmac.digest(KEY.encode(), TIME.encode() + b'.' + body, 'sha256').hex()}"}


def _of_form(source: str, header: str) -> Callable[[bytes], dict[str, str]]:
    def sign(body: bytes) -> dict[str, str]:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, errors="replace")
        text = URL.format(source) + "".join(name + value for name, value in sorted(fields))
        return {**FORM, header: base64.b64encode(hmac.digest(KEY.encode(), text.encode(), "sha1")).decode()}

    return sign


def _klaviyo(body: bytes) -> dict[str, str]:
    return {"klaviyo-timestamp": TIME, "klaviyo-signature": hmac.digest(KEY.encode(), body + TIME.encode(), "sha256").hex()}


def _sendgrid(body: bytes) -> dict[str, str]:
    signature = base64.b64encode(PRIVATE.sign(TIME.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return {"x-twilio-email-event-webhook-signature": signature, "x-twilio-email-event-webhook-timestamp": TIME}


def _shopify(body: bytes) -> dict[str, str]:
    return {"x-shopify-hmac-sha256": base64.b64encode(hmac.digest(KEY.encode(), body, "sha256")).decode()}


SIGN: dict[str, Callable[[bytes], dict[str, str]]] = {
    "klaviyo": _klaviyo, "mailchimp": _stamped("x-mailchimp-signature"), "mandrill": _of_form("mandrill", "x-mandrill-signature"),
    "quo": lambda body: signed(body, KEY, at=NOW.timestamp()), "sendgrid": _sendgrid, "shopify": _shopify,
    "stripe": _stamped("stripe-signature"), "twilio": _of_form("twilio", "x-twilio-signature"),
}


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("it is not for the app behind")


def _opened() -> Any:
    raise AssertionError("no courier was started")


def _door(folder: Path) -> WebhookDoor:
    hooks = {}
    for provider in SCHEMES:
        said = {"kind": "webhook", "provider": provider, "secrets": ["${KEY}"]}
        url = {"url": URL.format(provider)} if SCHEMES[provider].needs_url else {}
        source = declare_source(provider, said | url, at=Surroundings(folder=folder))
        assert isinstance(source, WebhookSource)
        hooks[provider] = Hook(source=source, secrets=(PUBLIC if SCHEMES[provider].has_public_key else KEY,))
    commits = GroupCommit(store=ArrivalStore.open(folder / "door"), land=lambda _: None, every=3600, most=10**9)
    return WebhookDoor(
        hooks=hooks, commits=commits, courier=Courier(_opened), counts=DeliveryCounts(), clock=FixedClock(NOW),
        behind=_nobody,
    )


def _headers(chance: random.Random, provider: str, body: bytes) -> dict[str, str]:
    """Return what a provider sends along, now and then with something changed."""
    headers = SIGN[provider](body)
    if chance.random() < 0.2:
        name = chance.choice(list(headers))
        odd = ["", "t=,v1=", "t=x,v1=y", ";;;", "hmac;1;9" + "9" * 40 + ";=", "\xff\xfe", "=" * 500, headers[name][:-1]]
        headers[name] = chance.choice(odd)
    if chance.random() < 0.3:
        headers["content-type"] = chance.choice([FORM["content-type"], "application/json", "text/plain; charset=x", "\xff"])
    if chance.random() < 0.5:
        headers["x-shopify-topic"] = chance.choice(["orders/paid", "refunds/create", "", "\xff"])
    if chance.random() < 0.2:
        headers["x-shopify-webhook-id"] = chance.choice(["", "x" * 600, "\xff", "a\nb", "w1"])
    return headers


async def _post(door: WebhookDoor, provider: str, body: bytes, headers: dict[str, str]) -> int:
    scope = {
        "type": "http", "method": "POST", "path": f"/webhooks/{provider}", "query_string": b"",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    await door(scope, receive, send)
    return int(answers[0]["status"])


async def _all(door: WebhookDoor) -> tuple[Counter[tuple[str, int]], list[bytes]]:
    """Post everything; return how often each provider heard which status, and the lines that were written."""
    chance, found = random.Random(7), Counter[tuple[str, int]]()
    await door.commits.start()
    for _ in range(0, DELIVERIES, TOGETHER):
        providers = [chance.choice(list(SCHEMES)) for _ in range(TOGETHER)]
        bodies = [odd_form(chance) if one in FORMS else odd_body(chance) for one in providers]
        told = [(one, body, _headers(chance, one, body)) for one, body in zip(providers, bodies, strict=True)]
        statuses = await asyncio.gather(*(_post(door, *each) for each in told))
        found.update(zip(providers, statuses, strict=True))
    journals = [j.path.read_bytes() for (_, what), j in door.commits.store.current.journals.items() if what == "stored"]
    await door.commits.stop()
    return found, [line for text in journals for line in text.split(b"\n")[:-1]]


@pytest.mark.parametrize("provider", SCHEMES)
def test_every_provider_is_signed_for(provider: str) -> None:
    assert provider in SIGN


async def _of_each_other(door: WebhookDoor) -> dict[tuple[str, str], int]:
    """Post to each provider's door what each other one has signed, and return what was answered."""
    await door.commits.start()
    found = {(one, other): await _post(door, other, b"{}", SIGN[one](b"{}")) for one in SCHEMES for other in SCHEMES if one != other}
    await door.commits.stop()
    return found


def test_what_one_provider_signed_opens_no_other_ones_door(tmp_path: Path) -> None:
    found = asyncio.run(_of_each_other(_door(tmp_path)))

    assert found == {(one, other): SCHEMES[other].refused for one, other in found}


def test_no_delivery_is_too_odd_for_the_door(tmp_path: Path) -> None:
    door = _door(tmp_path)

    with structlog.testing.capture_logs():
        found, lines = asyncio.run(_all(door))

    assert {status for _, status in found} == {200, 401, 403}
    assert {provider for provider, status in found if status == 200} == set(SCHEMES), "some of each are genuine"
    stored = [int(count) for count in re.findall(r'what="stored"} (\d+)', door.counts.text())]
    assert len(lines) == sum(stored) > 0
    assert all(read_delivery(line) is not None for line in lines)
