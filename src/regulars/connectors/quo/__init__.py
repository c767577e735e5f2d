"""Quo, formerly OpenPhone: texts from a business's own number, their deliveries, and what people answer.

    kind: quo
    from: "+12545550100"
    number_id: PNabc123             # Quo's id of that number
    key: ${QUO_KEY}
    user: USabc123                  # whose name they carry; left out: the number's owner
    inbox: done                     # conversations that we begin do not fill the inbox; left out: open
    settled: 2 minutes              # a text that is not listed so long after a lost answer was never taken

Beside these, as of every sender, `url` and `timeout`.
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.quo.dialect import URL, Quo
from regulars.connectors.quo.news import read
from regulars.connectors.sending import Option, read_options
from regulars.destinations.sender import Limits
from regulars.sources.rest_request import seconds
from regulars.sources.source import Surroundings

__all__ = ["Quo", "declare", "read"]

_OPTIONS: Mapping[str, Option] = {
    "key": Option(example="${QUO_KEY}", is_required=True),
    # Without the id a lost answer could not be asked for.
    "number_id": Option(
        example='PN…`; `curl -H "Authorization: $QUO_KEY" https://api.quo.com/v1/phone-numbers` lists them: `PN…',
        is_required=True, shape="PN.+",
    ),
    "user": Option(example="US…", shape="US.+"),
    "inbox": Option(example="done", default="open", shape="open|done"),
    "settled": Option(example="2 minutes", default="2 minutes"),
    "timeout": Option(example="30 seconds", default="30 seconds"),
    "url": Option(example=URL, default=URL, shape="https?://.+/"),
}


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Quo:  # noqa: ARG001  as every sender's
    """Return the dialect that `kind: quo` means. Raises DeclarationError."""
    options = read_options(data, _OPTIONS)
    return Quo(
        key=str(options["key"]),
        number_id=str(options["number_id"]),
        at=at,
        # What a key may do a second, inquiries included.
        limits=Limits(per_second=10, timeout=seconds(options["timeout"], path=("timeout",))),
        url=str(options["url"]),
        user_id=options["user"],
        is_done=options["inbox"] == "done",
        settled=seconds(options["settled"], path=("settled",)),
    )
