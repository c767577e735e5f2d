"""Shopify: the signature of a webhook's body, and those of the queries of its OAuth pages and app proxies."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

from regulars.sources.webhook.delivery import Delivery, Verdict, is_any, judged, unix_moment

QUERY_WINDOW = timedelta(seconds=90)
"""How far the time of a signed query may lie from now."""

_HEADERS = ("x-shopify-hmac-sha256", "shopify-hmac-sha256")
_ONCE = frozenset({
    "code", "hmac", "host", "logged_in_customer_id", "path_prefix", "shop", "signature", "state", "timestamp",
})
"""What decides who asks: said twice, it is not known which one was meant."""

Query = Mapping[str, Sequence[str]]
"""Name -> its values in their order."""


def verify_shopify(delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
    """Return whether a delivery is genuine; nothing says when it was signed. See `Verifies`.

    Source: shopify.dev/docs/apps/build/webhooks; the cases of shopify-app-js.
    """
    del at, window
    if not secrets:
        return "keyless"
    signatures = [delivery.headers[name] for name in _HEADERS if delivery.headers.get(name)]
    if not signatures:
        return "unsigned"
    expected = [b64encode(hmac.digest(key.encode(), delivery.body, "sha256")).decode() for key in secrets]
    return "genuine" if is_any(signatures, expected) else "forged"


def verify_query(
    query: Query, *, of: Literal["oauth", "app_proxy"], secrets: Sequence[str], at: datetime,
    window: timedelta | None = QUERY_WINDOW,
) -> Verdict:
    """Return whether the query of an OAuth page (`hmac`) or of an app proxy (`signature`) is Shopify's.

    Args:
        query: Decoded.
        of: Which of the two.
        secrets: Of the app; see `Verifies`.
        at: Now, aware.
        window: How far `timestamp` may lie from now; None: it is not looked at.

    Source: shopify.dev, authorization code grant and authenticate app proxies; the cases of shopify-app-js and
    shopify_python_api, which spell a signed OAuth query differently: either spelling counts, and no query of one
    spelling reads as another in the other one.

    """
    if not secrets:
        return "keyless"
    if any(len(values) > 1 for name, values in query.items() if name in _ONCE):
        return "malformed"
    signatures = query.get("hmac" if of == "oauth" else "signature", ())
    if not signatures:
        return "unsigned"
    rest = {name: values for name, values in query.items() if name not in ("hmac", "signature")}
    spelled = {_percent(rest), _delimiters(rest)} if of == "oauth" else {_joined(rest)}
    expected = [
        hmac.digest(key.encode(), text.encode(errors="replace"), "sha256").hex() for key in secrets for text in spelled
    ]
    is_signed = is_any(signatures, expected)
    if window is None:
        return "genuine" if is_signed else "forged"
    moment = unix_moment(query.get("timestamp", [""])[0])
    return judged(is_signed=is_signed, moment=moment, at=at, window=window)


def _listed(query: Query) -> Iterator[tuple[str, str]]:
    for name, values in query.items():
        if name.endswith("[]"):
            yield name.removesuffix("[]"), json.dumps(list(values))
        else:
            yield name, ",".join(values)


def _percent(query: Query) -> str:
    """Everything but letters, digits and -_.!~*'() in percent, as browsers write it."""
    pairs = sorted(_listed(query))
    return "&".join(f"{_written(name)}={_written(value)}" for name, value in pairs)


def _written(text: str) -> str:
    return quote(text, safe="-_.!~*'()", errors="replace")


def _delimiters(query: Query) -> str:
    """Only what would part names from values in percent."""
    escape = str.maketrans({"%": "%25", "&": "%26"})
    return "&".join(sorted(
        f"{name.translate(escape).replace('=', '%3D')}={value.translate(escape)}" for name, value in _listed(query)
    ))


def _joined(query: Query) -> str:
    return "".join(sorted(f"{name}={','.join(values)}" for name, values in query.items()))
