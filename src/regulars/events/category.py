"""What was bought: prioritised rules on whole words give each line of money a category, and say why.

```yaml
# categories.yaml: the first rule that matches decides; within a rule everything said must hold
rules:
  - name: team dues              # stored with the line as the reason
    category: Team
    words: [team dues, comp team]     # any of these, as whole words, ignoring case; climb* begins a word
    not_words: [hoodie]               # none of these
    source: stripe                    # or a list
    sku: [TEAM-*]                     # exact, or a beginning with *
    product: [Team dues]              # the whole description, ignoring case
packs: ['([0-9]+)[ -]?(pack|punch)']  # how many units one bought piece is; without a match 1
unmatched: Uncategorised
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

PACKS = ("([0-9]+)[ -]?(?:pack|punch)",)
"""How a title says that one piece is several: 10-Pack, 5 Punch Pass."""

CATEGORISED = ("sale", "discount", "tax", "refund", "dispute")
"""Kinds of lines that a customer sees; fees and payouts have no category."""

_LISTS = ("words", "not_words", "source", "sku", "product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to put a line into a category."""

    name: str
    category: str
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    sku: tuple[str, ...] = ()
    product: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """A business's rules, first match first."""

    rules: tuple[Rule, ...] = ()
    packs: tuple[str, ...] = PACKS           # regexes over the lower-cased description; group 1 is the number
    unmatched: str = "Uncategorised"


def declare(data: Mapping[str, object]) -> Categories:
    """Return the categories that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    _no_strangers(data, {"rules", "packs", "unmatched"}, ())
    rules = data.get("rules", [])
    if not isinstance(rules, list):
        raise DeclarationError("`rules` is a list", hint="begin each rule with `- name:`", path=("rules",))
    found = tuple(_rule(rule, n) for n, rule in enumerate(rules))
    names = [rule.name for rule in found]
    for n, name in enumerate(names):
        if name in names[:n]:
            hint = "the name is the reason shown: give each its own"
            raise DeclarationError(f"two rules are called {name!r}", hint=hint, path=("rules", n))
    packs = _texts(data.get("packs", list(PACKS)), ("packs",))
    for n, pattern in enumerate(packs):
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise DeclarationError(f"{pattern!r} is no regex: {error}", path=("packs", n)) from error
        if not groups:
            raise DeclarationError(f"{pattern!r} catches no number", hint=PACKS[0], path=("packs", n))
    return Categories(rules=found, packs=packs, unmatched=str(data.get("unmatched", "Uncategorised")))


def categorised(ledger: ir.Table, categories: Categories) -> ir.Table:
    """Return the ledger with category, category_rule and units (pack size x quantity) filled in.

    A line that no rule matches gets the `unmatched` category and no rule; tips, fees and payouts get neither.
    """
    seen = ledger.kind.isin(CATEGORISED)
    asked = ledger.mutate(words=as_words(ledger.description.fill_null("")))
    first = _first_match(asked, categories.rules)
    table = asked.mutate(rule_number=ibis.ifelse(seen, first, ibis.null("int64")))
    names = [(table.rule_number == n, rule.name) for n, rule in enumerate(categories.rules)]
    kinds = [(table.rule_number == n, rule.category) for n, rule in enumerate(categories.rules)]
    sees = table.kind.isin(CATEGORISED)
    return table.mutate(
        category=ibis.ifelse(sees, ibis.cases(*kinds, else_=categories.unmatched) if kinds else ibis.literal(
            categories.unmatched), ibis.null("string")),
        category_rule=ibis.cases(*names) if names else ibis.null("string"),
        units=table.quantity * _pack(table.description, categories.packs),
    ).drop("rule_number", "words")


def unmatched(ledger: ir.Table) -> ir.Table:
    """Return what no rule knows, dearest first: source, description, sku, lines, amount (minor units), currency."""
    rest = ledger.filter(ledger.kind == "sale", ledger.category_rule.isnull())
    keys = ("source", "description", "sku", "currency")
    grouped = rest.group_by(*keys).agg(lines=rest.count(), amount=rest.amount.sum())
    return grouped.mutate(amount=grouped.amount.cast("int64")).order_by(ibis.desc("amount"), "source", "description")


def _first_match(ledger: ir.Table, rules: tuple[Rule, ...]) -> ir.Value:
    cases = [(_holds(ledger, rule), ibis.literal(n, "int64")) for n, rule in enumerate(rules)]
    return ibis.cases(*cases) if cases else ibis.null("int64")


def _holds(ledger: ir.Table, rule: Rule) -> ir.Value:
    parts: list[ir.Value] = []
    if rule.words:
        parts.append(ledger.words.re_search(word_pattern(rule.words)))
    if rule.not_words:
        parts.append(~ledger.words.re_search(word_pattern(rule.not_words)))
    if rule.source:
        parts.append(ledger.source.isin(rule.source))
    if rule.sku:
        parts.append(ibis.or_(*(_is_sku(ledger.sku.fill_null(""), sku) for sku in rule.sku)))
    if rule.product:
        text = ledger.description.fill_null("").lower().strip()
        parts.append(text.isin([product.strip().lower() for product in rule.product]))
    return ibis.and_(*parts)


def _is_sku(sku: ir.Value, wanted: str) -> ir.Value:
    return sku.startswith(wanted[:-1]) if wanted.endswith("*") else sku == wanted


def _pack(description: ir.Value, packs: tuple[str, ...]) -> ir.Value:
    text = description.fill_null("").lower()
    sizes = [text.re_extract(pattern, 1).nullif("").try_cast("int64") for pattern in packs]
    return ibis.coalesce(*sizes, ibis.literal(1, "int64"))


def _rule(value: object, n: int) -> Rule:
    path: tuple[str | int, ...] = ("rules", n)
    if not isinstance(value, Mapping):
        raise DeclarationError(f"expected `name: value` lines, not {value!r}", path=path)
    data = {str(key): found for key, found in value.items()}
    _no_strangers(data, {"name", "category", *_LISTS}, path)
    for name in ("name", "category"):
        if not data.get(name):
            raise DeclarationError(f"a rule needs {name!r}", path=path)
    lists = {name: _texts(data.get(name, []), (*path, name)) for name in _LISTS}
    if not any(lists[name] for name in _LISTS if name != "not_words"):
        hint = "say `words`, `source`, `sku` or `product`"
        raise DeclarationError(f"rule {data['name']!r} would match everything", hint=hint, path=path)
    return Rule(name=str(data["name"]), category=str(data["category"]), **lists)


def _texts(value: object, path: tuple[str | int, ...]) -> tuple[str, ...]:
    if isinstance(value, str | int):
        return (str(value),)
    if not isinstance(value, list):
        raise DeclarationError(f"expected a list, not {value!r}", path=path)
    return tuple(str(item) for item in value)


def _no_strangers(data: Mapping[str, object], known: set[str], path: tuple[str | int, ...]) -> None:
    for name in data:
        if name not in known:
            raise DeclarationError(f"{name!r} means nothing here", hint=did_you_mean(name, known), path=(*path, name))
