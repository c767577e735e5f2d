r"""A transfer: a pass that one person bought and another used, told in the text of a check-in.

```yaml
# transfers.yaml: which check-ins are on a pass, and what their text says
from: capitan.check_ins
who: customer_id                 # formula for the id of the profile that came in
when: checked_in_at              # a time field
text: description                # formula for the text: "Day Pass from Ann Lee (2 remaining)"
kinds:                           # formulas; of any other check-in the text is not read, whatever it looks like
  entry_pass: entry_method == "ENT"
  guest_pass: entry_method == "GUE"
method: entry_method             # formula for what is kept as the way somebody came in
location: location_name          # formula for where; who bought the pass may have been there too
named_from: [Pass from Home]     # passes that have " from " in their own name
punch: [punch]                   # whole words of a pass for several visits; these unless said otherwise
youth: [youth, under 14]         # whole words of a pass for children; the same
bought: category == "Day Pass"   # formula over lines of money: which sales are of passes
```

The text is `<pass> from <full name> (N remaining)`, the number or the whole bracket left out at will: the last " from "
divides, so that names may have brackets and passes a " from " of their own. Without a " from " it is an own use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.records.formula import Formula

KINDS = ("entry_pass", "guest_pass")
"""What a transfer may be of: a pass for visits, or a member's right to bring somebody."""

_KEYS = {"from", "who", "when", "text", "kinds", "method", "location", "named_from", "punch", "youth", "bought"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules:
    """What a business says of its check-ins on passes."""

    stream: str                              # "capitan.check_ins"
    who: Formula
    when: str
    text: Formula
    kinds: Mapping[str, Formula]             # of KINDS
    method: Formula | None = None
    location: Formula | None = None
    bought: Formula | None = None            # over lines of money; None: sales say nothing about passes
    named_from: tuple[str, ...] = ()
    punch: tuple[str, ...] = ()
    youth: tuple[str, ...] = ()


def declare(data: Mapping[str, object]) -> TransferRules:
    """Return the rules that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    for key in data:
        if key not in _KEYS:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, _KEYS), path=(key,))
    for key in ("from", "who", "when", "text", "kinds"):
        if not data.get(key):
            hint = "write `kinds: {entry_pass: …}`" if key == "kinds" else f"write `{key}:` as in the reference"
            raise DeclarationError(f"transfers need {key!r}", hint=hint, path=(key,) if key in data else ())
    stream, kinds = str(data["from"]), data["kinds"]
    if stream.count(".") != 1:
        raise DeclarationError(f"{stream!r} is no stream", hint="write `from: source.stream`", path=("from",))
    if not isinstance(kinds, Mapping):
        raise DeclarationError(f"expected `kind: formula` lines, not {kinds!r}", path=("kinds",))
    for kind in kinds:
        if kind not in KINDS:
            raise DeclarationError(f"{kind!r} is no kind", hint=did_you_mean(kind, KINDS), path=("kinds", kind))
    return TransferRules(
        stream=stream, who=Formula.parse(str(data["who"]), path=("who",)), when=str(data["when"]),
        text=Formula.parse(str(data["text"]), path=("text",)),
        kinds={kind: Formula.parse(str(text), path=("kinds", kind)) for kind, text in kinds.items()},
        method=_formula(data, "method"), location=_formula(data, "location"), bought=_formula(data, "bought"),
        named_from=_words(data, "named_from", ()), punch=_words(data, "punch", ("punch",)),
        youth=_words(data, "youth", ("youth", "under 14")),
    )


def _formula(data: Mapping[str, object], key: str) -> Formula | None:
    return None if data.get(key) is None else Formula.parse(str(data[key]), path=(key,))


def _words(data: Mapping[str, object], key: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    value = data.get(key, list(otherwise))
    if not isinstance(value, list):
        raise DeclarationError(f"expected a list of words, not {value!r}", hint=f"{key}: [{value}]", path=(key,))
    return tuple(str(word) for word in value)
