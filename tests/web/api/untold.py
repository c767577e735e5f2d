"""What schemathesis is told of our document: for which reasons a request is refused that is as the document says."""

from __future__ import annotations

import json

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

UNTOLD = {
    "urn:regulars:request-meaningless",      # a cursor of another list, an address that is none
    "urn:regulars:request-repeated",         # an Idempotency-Key that was used
    "urn:regulars:purge-refused",            # a source that is no door, a span that is yet to come
    "urn:regulars:declaration",              # a winner that is no variant of the experiment
}


@schemathesis.check
def accepted(context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> bool | None:
    """A request as the document says is refused for reasons alone that no document can tell."""
    if response.status_code == 422 and json.loads(response.content)["type"] in UNTOLD:
        return None
    return positive_data_acceptance(context, response, case)
