"""Quo, formerly OpenPhone: texts from a business's own number, their deliveries, and what people answer.

    kind: quo
    key: ${QUO_KEY}
    from: {"+12545550100": PNabc123}    # number: Quo's id of it
    user: USabc123                      # whose name they carry; left out: the number's owner
    inbox: done                         # conversations that we begin do not fill the inbox; left out: open
    settled: 2 minutes                  # a text that is not listed so long after a lost answer was never taken

Beside these, as of every sender: `url`, `rate` (10 per second is what a key may), `timeout`.
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.quo.dialect import URL, Quo
from regulars.connectors.quo.news import read
from regulars.connectors.sending import Option, as_number, read_limits, read_options
from regulars.errors import DeclarationError
from regulars.sources.rest_request import seconds
from regulars.sources.source import Surroundings

__all__ = ["Quo", "declare_sender", "read"]

_OPTIONS: Mapping[str, Option] = {
    "key": Option(example="${QUO_KEY}", is_required=True),
    "from": Option(example='{"+12545550100": PN…}', is_required=True),
    "user": Option(example="US…"),
    "inbox": Option(example="done", default="open"),
    "settled": Option(example="2 minutes", default="2 minutes"),
}
_WHERE = 'curl -H "Authorization: $QUO_KEY" https://api.quo.com/v1/phone-numbers'


def declare_sender(data: Mapping[str, object], *, at: Surroundings) -> Quo:
    """Return the dialect that `kind: quo` means. Raises DeclarationError."""
    options = read_options(data, _OPTIONS, at=at)
    if options["inbox"] not in {"open", "done"}:
        raise DeclarationError(f"{options['inbox']!r} is no inbox", hint="write `open` or `done`", path=("inbox",))
    return Quo(
        key=str(options["key"]),
        numbers=_numbers(options["from"]),
        limits=read_limits(data, per_second=10),
        url=str(options["url"] or URL),
        user_id=None if options["user"] is None else str(options["user"]),
        is_done=options["inbox"] == "done",
        settled=seconds(options["settled"], path=("settled",)),
    )


def _numbers(value: object) -> dict[str, str]:
    """Return number -> Quo's id of it. Raises DeclarationError: without the id a lost answer could not be asked for."""
    if not isinstance(value, dict):
        hint = f'write `from: {{"{value}": PN…}}`; {_WHERE} lists the ids'
        raise DeclarationError(f"{value!r} lacks Quo's id of the number", hint=hint, path=("from",))
    numbers = {as_number(number, path=("from",)): str(known_as) for number, known_as in value.items()}
    for number, known_as in numbers.items():
        if not known_as.startswith("PN"):
            raise DeclarationError(f"{known_as!r} is not Quo's id of {number}", hint=_WHERE, path=("from", number))
    return numbers
