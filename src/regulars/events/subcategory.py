"""What kind of thing a line is within its category: youth or adult, camp or class, first or second payment.

```yaml
# subcategories.yaml: of the rules of a line's category the first that matches decides
rules:
  - category: Programming
    name: camp
    words: [camp, camps]                            # as in categories.yaml; left out: any line of the category
    not_words: [shirt]
    detail: (summer camp session [0-9]+)            # regex; the part of the description worth keeping
  - category: Retail
    take: ^([^ ]+(?: [^ ]+){0,3})                   # instead of a name: what the regex catches
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import ibis, ir
from regulars.records.formula_functions import as_words, word_pattern

_KNOWN = ("category", "name", "take", "words", "not_words", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of thing within a category; it has a name, or takes one out of the description."""

    category: str
    name: str | None = None
    take: str | None = None                  # regex, group 1
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()
    detail: str | None = None                # regex, group 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcategories:
    """A business's kinds, first match first."""

    kinds: tuple[Kind, ...] = ()


def declare(data: Mapping[str, object]) -> Subcategories:
    """Return the sub-categories that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    for name in data:
        if name != "rules":
            raise DeclarationError(f"{name!r} means nothing here", hint=did_you_mean(name, ["rules"]), path=(name,))
    rules = data.get("rules", [])
    if not isinstance(rules, list):
        raise DeclarationError("`rules` is a list", hint="begin each rule with `- category:`", path=("rules",))
    return Subcategories(kinds=tuple(_kind(rule, n) for n, rule in enumerate(rules)))


def subcategory_of(category: ir.Value, description: ir.Value, *, kinds: Subcategories) -> tuple[ir.Value, ir.Value]:
    """Return the sub-category and its detail, null where no rule matches or the regex catches nothing."""
    names, details = [], []
    for kind in kinds.kinds:
        holds = _holds(category, description, kind)
        names.append((holds, ibis.literal(kind.name) if kind.name else _caught(description, kind.take)))
        details.append((holds, _caught(description, kind.detail)))
    if not names:
        return ibis.null("string"), ibis.null("string")
    return ibis.cases(*names), ibis.cases(*details)


def _holds(category: ir.Value, description: ir.Value, kind: Kind) -> ir.Value:
    text = as_words(description.fill_null(""))
    parts = [category == kind.category]
    if kind.words:
        parts.append(text.re_search(word_pattern(kind.words)))
    if kind.not_words:
        parts.append(~text.re_search(word_pattern(kind.not_words)))
    return ibis.and_(*parts)


def _caught(description: ir.Value, regex: str | None) -> ir.Value:
    if regex is None:
        return ibis.null("string")
    return description.fill_null("").re_extract(f"(?i){regex}", 1).nullif("")


def _kind(value: object, n: int) -> Kind:
    path: tuple[str | int, ...] = ("rules", n)
    if not isinstance(value, Mapping):
        raise DeclarationError(f"expected `name: value` lines, not {value!r}", path=path)
    data = {str(key): each for key, each in value.items()}
    for key in data:
        if key not in _KNOWN:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, _KNOWN), path=(*path, key))
    if not data.get("category"):
        raise DeclarationError("a rule needs 'category'", path=path)
    if bool(data.get("name")) == bool(data.get("take")):
        raise DeclarationError("a rule has a `name`, or a regex to `take` one by", hint="say one of them", path=path)
    return Kind(
        category=str(data["category"]), name=_text(data, "name"), take=_regex(data, "take", path),
        words=_texts(data, "words", path), not_words=_texts(data, "not_words", path),
        detail=_regex(data, "detail", path),
    )


def _text(data: Mapping[str, object], key: str) -> str | None:
    value = data.get(key)
    return None if value is None else str(value)


def _texts(data: Mapping[str, object], key: str, path: tuple[str | int, ...]) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise DeclarationError(f"expected a list, not {value!r}", path=(*path, key))
    return tuple(str(item) for item in value)


def _regex(data: Mapping[str, object], key: str, path: tuple[str | int, ...]) -> str | None:
    text = _text(data, key)
    if text is None:
        return None
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise DeclarationError(f"{text!r} is no regex: {error}", path=(*path, key)) from error
    if groups == 0:
        raise DeclarationError(f"{text!r} catches nothing", hint=f"({text})", path=(*path, key))
    return text
