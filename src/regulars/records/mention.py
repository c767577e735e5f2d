"""Where raw items speak of a person: at the paths a project declares, and as addresses and numbers in any text.

This is the border: SQL text for DuckDB in process. What is found here are texts; who they mean is decided elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.records.border import Bench, json_path, literal, path_parts, quoted
from regulars.records.reading import normal_id, trimmed

TOLD = ibis.schema({"place": "int64", "value": "string"})
"""A text that stands at a place: the number of a path, or ADDRESS or NUMBER for what stands anywhere."""

ROW = ibis.schema({
    "seq": "int64", "file": "string", "line": "int64", "recorded_at": "timestamp", "payload": "string",
    "is_owned": "boolean",
})
"""A landing row that speaks of somebody, and whether it is theirs: one of their texts stands at an owner's place."""

ADDRESS, NUMBER, PROFILE = -1, -2, -3
"""Places: an e-mail address, a phone number, a profile as `source/id`, wherever in the text."""

ID = r"[A-Za-z][A-Za-z0-9_-]*/[^\s,;()\"']+"
"""What a profile looks like where we name it ourselves."""

SHAPES: Mapping[int, str] = {
    ADDRESS: r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}",
    # A number at home in North America, or any with its country code; digits around it would make it another one.
    NUMBER: r"(?:^|[^0-9])((?:\+?1[ .-]*)?\(?[2-9][0-9]{2}\)?[ .-]*[2-9][0-9]{2}[ .-]*[0-9]{4}"
            r"|\+[0-9][0-9 ().-]{6,17}[0-9])(?:$|[^0-9])",
}
"""What an address and a number look like in running text."""

LEAST = 4
"""Characters of a text that are enough to look for alone: with fewer, too many payloads have them."""

BLANKS: Mapping[int, str] = {ADDRESS: "erased", NUMBER: "0"}
"""What stands in the place of an address or a number that was taken out: a JSON number has to stay one."""


def told(landing: ir.Table, paths: Sequence[str], *, bench: Bench) -> pa.Table:
    """Return every text at the paths and every address and number in the payloads, each once: TOLD.

    `paths`: dotted, as fields are declared. Those at paths are trimmed and in small letters, and "123.0" is 123.
    """
    found = [
        f"[{{'place': {place}, 'value': {_value(path)}}}]" for place, path in enumerate(paths)
    ] + [_extracted("payload", place, shape) for place, shape in SHAPES.items()]
    query = f"""
        select distinct said.place as place, said.value as value
        from (select unnest(list_concat({", ".join(found)})) as said from ({_OBJECTS} from landing))
        where said.value is not null"""
    return bench.fetch(bench.select(query, TOLD, landing=landing))


def rows_of(
    landing: ir.Table, paths: Sequence[str], *, owners: Mapping[int, Sequence[str]],
    meant: Mapping[int, Collection[str]], bench: Bench,
) -> pa.Table:
    """Return the rows in which one of the texts meant stands at its place, in the order they came: ROW.

    `owners`: places whose text says whose row it is, each with the paths at which nothing may stand for that.
    `meant`: as `told` gives them.
    """
    owned = [
        " and ".join([_is_at(paths[place], meant[place]), *(f"{_value(path)} is null" for path in owners[place])])
        for place in sorted(owners) if meant.get(place)
    ]
    other = [_is_at(path, meant[place]) for place, path in enumerate(paths) if meant.get(place)]
    other += [f"contains(payload, {literal(text)})" for place in SHAPES for text in sorted(meant.get(place, ()))]
    if not other:
        return pa.Table.from_batches([], ROW.to_pyarrow())      # `empty_table` would import pandas
    query = f"""
        select seq, file, line, recorded_at, payload, coalesce({" or ".join(owned) or "false"}, false) as is_owned
        from ({_OBJECTS} from landing where {_may_say(text for texts in meant.values() for text in texts)})
        where {" or ".join(f"coalesce({one}, false)" for one in other)}"""
    return bench.fetch(bench.select(query, ROW, landing=landing)).sort_by([
        ("seq", "ascending"), ("file", "ascending"), ("line", "ascending"),
    ])


def blanked(payload: str, paths: Sequence[str], *, meant: Mapping[int, Collection[str]]) -> str:
    """Return a payload without the texts meant: null where one stands at its path, `erased` or 0 elsewhere."""
    pointed = {place: meant[place] for place in range(len(paths)) if meant.get(place)}
    if pointed:
        payload = _without(payload, {paths[place]: texts for place, texts in pointed.items()})
    for place, blank in BLANKS.items():
        # The longest first: an address may be the end of another one.
        for text in sorted(meant.get(place, ()), key=len, reverse=True):
            payload = payload.replace(text, blank)
    return payload


def told_in(table: ir.Table, *, bench: Bench) -> pa.Table:
    """Return every address and number in the texts of a table, and every id beside its source, each once.

    Columns of `mention.TOLD`; an id stands at PROFILE as `source/id`, be it in two columns or in a text.
    """
    texts = [name for name, kind in table.schema().items() if not (kind.is_numeric() or kind.is_temporal())]
    pairs = [(name, f"{name.removesuffix('source')}id") for name in texts if name.endswith("source")]
    columns = [f"{quoted(name)}::varchar" for name in texts]
    columns += [f"{quoted(one)} || '/' || {quoted(other)}" for one, other in pairs if other in texts]
    found = [_extracted("said", place, shape) for place, shape in {**SHAPES, PROFILE: ID}.items()]
    lines = f"concat_ws(chr(10), {', '.join(columns)})" if columns else "null::varchar"
    query = f"""
        select distinct one.place as place, one.value as value
        from (select unnest(list_concat({", ".join(found)})) as one from (select {lines} as said from held))"""
    return bench.fetch(bench.select(query, TOLD, held=table))


def spoken(text: str) -> set[tuple[int, str]]:
    """Return the addresses, numbers and profiles in a text, each with its place."""
    return {(place, match) for place, shape in _COMPILED.items() for match in shape.findall(text)}


_OBJECTS = "select *, case when json_valid(payload) then payload else '{}' end as object"
_CASELESS = re.compile(r"[0-9@._+-]+")
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_COMPILED = {
    place: re.compile(shape.replace(r"\p{L}\p{N}", r"\w").replace(r"\p{L}", r"[^\W\d_]"))
    for place, shape in {**SHAPES, PROFILE: ID}.items()
}


def _extracted(text: str, place: int, shape: str) -> str:
    """Return SQL of all that looks so in a text. Asking first whether there is any is many times quicker."""
    group = 1 if place == NUMBER else 0
    found = f"regexp_extract_all({text}, {literal(shape)}, {group})"
    asked = f"contains({text}, '@')" if place == ADDRESS else f"regexp_matches({text}, {literal(shape)})"
    return f"case when {asked} then list_transform({found}, lambda x: {{'place': {place}, 'value': x}}) else [] end"


def _may_say(texts: Iterable[str]) -> str:
    """Return SQL that is false only of payloads that surely say none of the texts, without taking them apart."""
    every = sorted({text.lower() for text in texts})
    if any(_ESCAPED.search(text) for text in every):
        return "true"
    # What JSON may write otherwise it writes behind a backslash.
    return " or ".join([*map(_may_hold, every), "contains(payload, '\\u')", "contains(payload, '\\/')"])


def _may_hold(text: str) -> str:
    """Return SQL that is false only of payloads that do not say a text in small or large letters.

    Its longest part that has no case is looked for as it is: to write a payload in small letters takes twice as long
    as to read it.
    """
    part = max(_CASELESS.findall(text), key=len, default="")
    return f"contains(payload, {literal(part)})" if len(part) >= LEAST else f"contains(lower(payload), {literal(text)})"


def _value(path: str) -> str:
    return f"lower({normal_id(trimmed(_text(path)))})"


def _text(path: str) -> str:
    return f"json_extract_string(object, {literal(json_path(path_parts(path)))})"


def _is_at(path: str, texts: Collection[str]) -> str:
    return f"coalesce({_value(path)} in ({', '.join(map(literal, sorted(texts)))}), false)"


def _without(payload: str, pointed: Mapping[str, Collection[str]]) -> str:
    """Return a payload with null at the paths where one of the texts stands."""
    item = json.loads(payload)
    for path, texts in pointed.items():
        *above, last = path_parts(path)
        held = item
        for part in above:
            held = held.get(part) if isinstance(held, dict) else None
        if isinstance(held, dict) and str(held.get(last)).strip().removesuffix(".0").lower() in texts:
            held[last] = None
    return json.dumps(item, ensure_ascii=False)
