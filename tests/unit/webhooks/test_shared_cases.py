"""Signatures that others made: published vectors and those of the vendors' own libraries, where they are present."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.scheme import SCHEMES
from regulars.sources.webhook.shopify import verify_query

SHARED = Path(__file__).parents[4] / "shared" / "data" / "webhooks"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/webhooks, which is not part of the project")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def cases(file: str) -> list[Any]:
    path = SHARED / file
    found = json.loads(path.read_text("utf-8"))["cases"] if path.is_file() else []
    return [pytest.param(case, id=case["name"]) for case in found]


def judged(scheme: str, case: Mapping[str, Any], *, url: str = "", headers: Mapping[str, str], body: str, secret: str, at: datetime) -> bool:
    lower = {name.lower(): value for name, value in headers.items()}
    window = timedelta(seconds=case.get("tolerance_s", 300))
    verdict = SCHEMES[scheme].verify(
        Delivery(url=url, headers=lower, body=body.encode()), secrets=[secret], at=at, window=window
    )
    return verdict == "genuine"


def moment(case: Mapping[str, Any], otherwise: float = 0) -> datetime:
    return datetime.fromtimestamp(case.get("now_unix", case.get("now_unix_ms", otherwise * 1000) / 1000), UTC)


@pytest.mark.parametrize("case", cases("twilio_signature.json"))
def test_twilio(case: dict[str, Any]) -> None:
    params = case["params"]
    pairs = [tuple(pair) for pair in params] if isinstance(params, list) else list((params or {}).items())
    headers = {
        "X-Twilio-Signature": case["signature"], "Content-Type": JSON if params is None else FORM, **case.get("extra_headers", {}),
    }
    body = case["raw_body"] if params is None else urlencode(pairs)

    found = judged("twilio", case, url=case["url"], headers=headers, body=body, secret=case["auth_token"], at=moment(case))

    assert found == case["expect_valid"]


@pytest.mark.parametrize("case", cases("quo_openphone_signature.json"))
def test_quo(case: dict[str, Any]) -> None:
    found = judged("quo", case, headers=case["headers"], body=case["raw_body"], secret=case["key"], at=moment(case))

    assert found == case["expect_valid"]


@pytest.mark.parametrize("case", cases("mailchimp_signatures.json"))
def test_mailchimp(case: dict[str, Any]) -> None:
    match case["kind"]:
        case "marketing":
            found = judged("mailchimp", case, headers=case["headers"], body=case["raw_body"], secret=case["secret"], at=moment(case))
            assert found == case["expect_valid"]
        case "mandrill":
            found = judged("mandrill", case, url=case["url"], headers={"Content-Type": FORM, **case["headers"]}, body=urlencode(case["params"]), secret=case["key"], at=moment(case))
            assert found == case["expect_valid"]
        case _:
            assert case["method"] in SCHEMES["mailchimp"].probes
            assert case["expect_status"] == 200


@pytest.mark.parametrize("case", cases("shopify_webhook_hmac.json"))
def test_shopify(case: dict[str, Any]) -> None:
    found = judged("shopify", case, headers=case["headers"], body=case["raw_body"], secret=case["secret"], at=moment(case))

    assert found == case["expect_valid"]


@pytest.mark.parametrize("case", cases("shopify_oauth_appproxy_hmac.json"))
def test_queries_of_shopify(case: dict[str, Any]) -> None:
    query = {name: [str(one) for one in (value if isinstance(value, list) else [value])] for name, value in case["params"].items()}
    signature = {"hmac": [case["hmac"]]} if case["kind"] == "oauth" else {"signature": [case["signature"]]}

    found = verify_query(query | signature, of=case["kind"], secrets=[case["secret"]], at=moment(case), window=None)

    assert (found == "genuine") == case["expect_valid"]


@pytest.mark.parametrize("case", cases("sendgrid_event_signature.json"))
def test_sendgrid(case: dict[str, Any]) -> None:
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": case["signature"],
        "X-Twilio-Email-Event-Webhook-Timestamp": case["timestamp"],
    }

    found = judged("sendgrid", case, headers=headers, body=case["raw_body"], secret=case["public_key"], at=moment(case, 1600112502))

    assert found == case["expect_valid"]
