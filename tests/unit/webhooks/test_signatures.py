"""Signatures: what is genuine is believed, and nothing else, whatever is sent.

The signatures were made by OpenSSL and not by this code, so that a mistake of ours cannot agree with itself:
`openssl dgst -sha256 -mac HMAC -macopt key:a-key-of-our-own`, and `-sign` with a key of prime256v1.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.scheme import SCHEMES
from regulars.sources.webhook.shopify import verify_query

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = '{"id":"evt_7","type":"message.received","text":"h\\u00e9 🙏"}'.encode()
KEY, OTHER = "a-key-of-our-own", "another"
RAW_KEY, OTHER_RAW = "gGtlef8ByA==", "b3RoZXI="       # bytes beyond ASCII, as base 64
PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8TKrPUm2TQNcLtEGBNwBthQYyjwHgrzwC1JvJp+meBvswgiVQCOlJyJrQ2eoyRaIkS0+D/q6LWX53h+l"
    "SA+Sbg=="
)
OTHER_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkPlBxyk5NZh+6vqkIF7fQPvzWRsVbUi2iZ4A0b1QWQpSzhAhVxGGU7xoUQ90AqSJeU6Yecc2uiQv5stf"
    "c6bGsg=="
)
SENDGRID = "MEUCIQCnkwlCifHX80wvmTTxLGQd0HYTnBMDXu1M0gP80ujWwAIgX8+Q1oYtuW2y62YbpS+6SB5HILCvbeKRhaG3WTopuqs="
HOOKS = "https://hooks.example.com/webhooks/"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TEXT = b"From=%2B12548675301&Body=Stop+%C3%BC&MessageSid=SM1"
MAIL = b"mandrill_events=%5B%7B%22event%22%3A%22hard_bounce%22%7D%5D"
HASH = "d6c934c16d5bd7080f8a031f63f8b1919cd17563c6aa3623ebaa90d3aeac0620"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A genuine delivery."""

    scheme: str
    headers: Mapping[str, str]
    signature: str                           # the header that holds it
    body: bytes = BODY
    url: str = ""
    secret: str = KEY
    other: str = OTHER                       # a secret it was not signed with
    signs_time: bool = True

    @property
    def delivery(self) -> Delivery:
        return Delivery(url=self.url, headers=self.headers, body=self.body)


SIGNED = {
    "stripe": Signed(
        scheme="stripe", signature="stripe-signature",
        headers={"stripe-signature": "t=1767225600,v1=7d7464eb32be6d4b235c644fe61f752d07d221779fc86387b2759e3e55183aad,v0=6ffb"},
    ),
    "mailchimp": Signed(
        scheme="mailchimp", signature="x-mailchimp-signature", body=b"type=unsubscribe&data%5Bemail%5D=ann%40lee.example",
        headers={**FORM, "x-mailchimp-signature": "t=1767225600,v1=7ef5d77f382c7f0890f7918cfc88c2aae3d79a47a89de9524d1b82496ffd1cc5"},
    ),
    "quo": Signed(
        scheme="quo", signature="webhook-signature", secret=f"whsec_{RAW_KEY}", other=f"whsec_{OTHER_RAW}",
        headers={
            "webhook-id": "msg_1", "webhook-timestamp": "1767225600",
            "webhook-signature": "v1,b3RoZXI= v1a,b3RoZXI= v1,oQZsZ0tCcMKfDGyNZiqj6HDPVGtfr2yyRIMn7HCnhYI=",
        },
    ),
    "quo legacy": Signed(
        scheme="quo", signature="openphone-signature", secret=RAW_KEY, other=OTHER_RAW,
        headers={"openphone-signature": "hmac;1;1767225600000;JAozprqO+PX37+jV1WdNtDFlx2I0NIkIUx9AaN36kzY="},
    ),
    "shopify": Signed(
        scheme="shopify", signature="x-shopify-hmac-sha256", signs_time=False,
        headers={"x-shopify-hmac-sha256": "N/ts9aRNEFye+ZwiahoySdD7mZ9giN7czkItfeGPHOc="},
    ),
    "shopify events": Signed(
        scheme="shopify", signature="shopify-hmac-sha256", signs_time=False,
        headers={"shopify-hmac-sha256": "N/ts9aRNEFye+ZwiahoySdD7mZ9giN7czkItfeGPHOc="},
    ),
    "klaviyo": Signed(
        scheme="klaviyo", signature="klaviyo-signature",
        headers={
            "klaviyo-timestamp": "1767225600",
            "klaviyo-signature": "0cc411bd1576dec33606d326bd4562d5971e8883521bd5f1a293e754e48215f6",
        },
    ),
    "sendgrid": Signed(
        scheme="sendgrid", signature="x-twilio-email-event-webhook-signature", secret=PUBLIC, other=OTHER_PUBLIC,
        headers={
            "x-twilio-email-event-webhook-timestamp": "1767225600", "x-twilio-email-event-webhook-signature": SENDGRID,
        },
    ),
    "twilio": Signed(
        scheme="twilio", signature="x-twilio-signature", body=TEXT, url=f"{HOOKS}texts?tenant=7", signs_time=False,
        headers={**FORM, "x-twilio-signature": "GQLWaH0R8i6k1eCUE8lKNb6tkSU="},
    ),
    "twilio sha256": Signed(
        scheme="twilio", signature="x-twilio-signature", body=TEXT, url=f"{HOOKS}texts?tenant=7", signs_time=False,
        headers={
            **FORM, "x-twilio-signature": "et87sDUTHRFQixTPdYCZOM0Uasd6wfbv32rMlbSdDsg=",
            "x-twilio-webhooks-signature-settings": "key=k1,algorithm=HMAC_SHA256",
        },
    ),
    "twilio with the port": Signed(
        scheme="twilio", signature="x-twilio-signature", body=TEXT, url=f"{HOOKS}texts?tenant=7", signs_time=False,
        headers={**FORM, "x-twilio-signature": "uXGr3ac2AKSax0sKyrAAITpJml8="},
    ),
    "twilio json": Signed(
        scheme="twilio", signature="x-twilio-signature", url=f"{HOOKS}texts?bodySHA256={HASH}", signs_time=False,
        headers={"content-type": "application/json", "x-twilio-signature": "9C538RNUhvDSM1/1QHvgF/NlwiU="},
    ),
    "mandrill": Signed(
        scheme="mandrill", signature="x-mandrill-signature", body=MAIL, url=f"{HOOKS}mails", signs_time=False,
        headers={**FORM, "x-mandrill-signature": "EFfrH44N9R/Nv6o1rrmGro/bllo="},
    ),
}


def verdict(one: Signed, *, secrets: list[str] | None = None, at: datetime = NOW) -> str:
    scheme = SCHEMES[one.scheme]
    secrets = [one.secret] if secrets is None else secrets
    return scheme.verify(one.delivery, secrets=secrets, at=at, window=scheme.window or timedelta(0))


def with_headers(one: Signed, **headers: str) -> Signed:
    return replace(one, headers={**one.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})


every = pytest.mark.parametrize("one", SIGNED.values(), ids=SIGNED)


@every
def test_what_is_genuine_is_believed(one: Signed) -> None:
    assert verdict(one) == "genuine"


@every
def test_while_a_key_is_changed_the_old_and_the_new_one_count(one: Signed) -> None:
    assert [verdict(one, secrets=secrets) for secrets in ([one.other, one.secret], [one.secret, one.other])] == ["genuine"] * 2


@every
def test_a_key_that_was_taken_away_counts_no_more(one: Signed) -> None:
    assert verdict(one, secrets=[one.other]) == "forged"


@every
def test_without_a_key_nothing_is_believed(one: Signed) -> None:
    assert verdict(one, secrets=[]) == "keyless"


@every
def test_without_a_signature_nothing_is_believed(one: Signed) -> None:
    bare = replace(one, headers={name: value for name, value in one.headers.items() if name != one.signature})

    assert verdict(bare) == "unsigned"


@every
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_changed_byte_is_forged(one: Signed, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(one.body) - 1))
    flipped = one.body[place] ^ (1 << data.draw(st.integers(0, 7)))
    changed = replace(one, body=one.body[:place] + bytes([flipped]) + one.body[place + 1:])

    # Of a form it is signed what it says: `%2b` for `%2B` changes nothing.
    says_the_same = parse_qsl(changed.body.decode("latin-1")) == parse_qsl(one.body.decode("latin-1"))
    assert verdict(changed) in {"forged", "malformed"} or (says_the_same and one.headers.get("content-type") == FORM["content-type"])


@every
def test_a_body_written_anew_is_forged(one: Signed) -> None:
    assert verdict(replace(one, body=one.body + b" ")) == "forged"


@pytest.mark.parametrize("one", [one for one in SIGNED.values() if one.signs_time], ids=lambda one: str(one.signature))
def test_a_signature_of_another_time_is_stale_either_way(one: Signed) -> None:
    window = SCHEMES[one.scheme].window
    assert window is not None
    second = timedelta(seconds=1)

    moments = [NOW - window - second, NOW - window, NOW + window, NOW + window + second]

    assert [verdict(one, at=at) for at in moments] == ["stale", "genuine", "genuine", "stale"]


def test_the_time_is_signed_too() -> None:
    later = str(int(NOW.timestamp()) + 60)

    changed = [
        with_headers(SIGNED["stripe"], stripe_signature=SIGNED["stripe"].headers["stripe-signature"].replace("1767225600", later)),
        with_headers(SIGNED["quo"], webhook_timestamp=later),
        with_headers(SIGNED["quo"], webhook_id="msg_2"),
        with_headers(SIGNED["klaviyo"], klaviyo_timestamp=later),
        with_headers(SIGNED["sendgrid"], x_twilio_email_event_webhook_timestamp=later),
    ]

    assert [verdict(one) for one in changed] == ["forged"] * 5


def test_a_header_full_of_signatures_costs_no_more_than_a_few() -> None:
    right = SIGNED["quo legacy"].headers["openphone-signature"]
    wrong = "hmac;1;1767225600000;b3RoZXI="

    few, many = (with_headers(SIGNED["quo legacy"], openphone_signature=",".join([*[wrong] * count, right])) for count in (2, 5_000))

    assert [verdict(few), verdict(many)] == ["genuine", "forged"]


def test_twilio_signs_where_it_posts_and_what_it_asks() -> None:
    one = SIGNED["twilio"]

    urls = [f"{HOOKS}texts?tenant=8", f"{HOOKS}texts", f"{HOOKS}other?tenant=7", one.url.replace("https", "http")]

    assert [verdict(replace(one, url=url)) for url in urls] == ["forged"] * 4


def test_an_algorithm_of_twilio_that_nobody_knows_is_not_believed() -> None:
    settings = ["key=k1,algorithm=HMAC_MD5", "algorithm=", "", "key=k1", "algorithm=none"]

    assert {verdict(with_headers(SIGNED["twilio"], x_twilio_webhooks_signature_settings=text)) for text in settings} == {"malformed"}


def test_twilios_json_is_believed_only_with_its_hash_in_the_url() -> None:
    one = SIGNED["twilio json"]

    urls = [f"{HOOKS}texts", f"{HOOKS}texts?bodySHA256=", f"{one.url}&bodySHA256={HASH}"]

    assert [verdict(replace(one, url=url)) for url in urls] == ["forged"] * 3


def test_the_trial_of_a_new_mandrill_webhook_is_believed_and_holds_no_event() -> None:
    trial = Signed(
        scheme="mandrill", signature="x-mandrill-signature", body=b"mandrill_events=%5B%5D", url=f"{HOOKS}mails",
        headers={**FORM, "x-mandrill-signature": "2zdYnnQRc9s/L2NVnjeolVxAgb4="},
    )

    assert verdict(trial) == "genuine"
    assert SCHEMES["mandrill"].split(trial.delivery) == []


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "Thu, 01 Jan 2026 00:00:00 GMT"])
def test_klaviyos_time_is_read_however_it_is_written(time: str) -> None:
    assert verdict(with_headers(SIGNED["klaviyo"], klaviyo_timestamp=time)) == "forged"    # read, and not what was signed


@pytest.mark.parametrize("time", ["soon", "1767225600x", "2026-13-01T00:00:00", "99999999999999999", "²"])
def test_what_is_no_time_of_klaviyo_is_malformed(time: str) -> None:
    assert verdict(with_headers(SIGNED["klaviyo"], klaviyo_timestamp=time)) == "malformed"


OAUTH = {
    "code": ["c1"], "shop": ["climb.myshopify.com"], "state": ["a b"], "timestamp": ["1767225600"],
    "hmac": ["44f4e4d0e8f5e42dbd971ba1203ee867c5933b6b1ca45b0cd9758e7635737d3c"],
}
PROXY = {
    "shop": ["climb.myshopify.com"], "path_prefix": ["/apps/climb"], "extra": ["1", "2"], "timestamp": ["1767225600"],
    "signature": ["31f1d413e10ffde320436dc0abb28a9702137ee72c817ad6fb78fcbf6eeb6909"],
}


@pytest.mark.parametrize(("of", "query"), [("oauth", OAUTH), ("app_proxy", PROXY)])
def test_a_query_of_shopify_counts_for_90_seconds_either_way(of: Literal["oauth", "app_proxy"], query: dict[str, list[str]]) -> None:
    moments = [NOW + timedelta(seconds=seconds) for seconds in (-91, -90, 0, 90, 91)]

    found = [verify_query(query, of=of, secrets=[OTHER, KEY], at=at) for at in moments]

    assert found == ["stale", "genuine", "genuine", "genuine", "stale"]


@pytest.mark.parametrize(("of", "query"), [("oauth", OAUTH), ("app_proxy", PROXY)])
def test_a_query_of_shopify_that_says_anything_else_is_not_believed(of: Literal["oauth", "app_proxy"], query: dict[str, list[str]]) -> None:
    changes: list[dict[str, list[str]]] = [
        {"shop": ["other.myshopify.com"]}, {"more": ["1"]}, {"shop": [*query["shop"], "other.myshopify.com"]}, {"hmac": [], "signature": []},
    ]

    found = [verify_query(query | change, of=of, secrets=[KEY], at=NOW) for change in changes]

    assert found == ["forged", "forged", "malformed", "unsigned"]


JUNK = st.one_of(
    st.text(max_size=40), st.from_regex(r"\A(t=|v1=|v1,|hmac;1;|key=|algorithm=|,|;| |[0-9]{0,22}|[a-f0-9A-F+/=]{0,90}){0,6}\Z"),
).map(lambda text: text.encode("latin-1", "replace").decode("latin-1"))


@every
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_junk_is_never_genuine_and_never_an_error(one: Signed, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(one.headers)))
    said = data.draw(JUNK.filter(lambda text: text != one.headers[name]))
    body = data.draw(st.one_of(st.just(one.body), st.binary(max_size=60)))
    secrets = data.draw(st.lists(st.one_of(st.just(one.secret), st.text(max_size=20)), max_size=3))
    changed = replace(one, headers={**one.headers, name: said}, body=body)

    found = verdict(changed, secrets=secrets)

    assert found != "genuine" or (name != one.signature and body == one.body)


def test_a_hundred_thousand_pieces_of_junk_are_refused_without_an_error() -> None:
    chance, found = random.Random(7), set[str]()
    known = list(SIGNED.values())
    alphabet = "t=v1,;hmac 0123456789abcdef+/é\x00%[]&"
    for number in range(100_000):
        one = known[number % len(known)]
        texts = {name: "".join(chance.choices(alphabet, k=chance.randrange(30))) for name in one.headers}
        label = {"content-type": one.headers["content-type"]} if "content-type" in one.headers and number % 2 else {}
        body = chance.randbytes(chance.randrange(40))
        delivery = Delivery(url=one.url + texts[one.signature], headers={**texts, **label}, body=body)
        found.add(SCHEMES[one.scheme].verify(delivery, secrets=[one.secret], at=NOW, window=timedelta(days=365_000)))

    assert found == {"forged", "malformed", "unsigned"}
