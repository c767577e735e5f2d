"""A message with gaps: Liquid that is checked before anybody gets it, and filled in for everybody or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from regulars.campaigns.mail import finished, plain_twin
from regulars.campaigns.sms import plain
from regulars.campaigns.wording import Wording
from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import np, pa, pc

if TYPE_CHECKING:
    from liquid import BoundTemplate
    from liquid.exceptions import LiquidError

Channel = Literal["sms", "email"]

SOURCE_LIMIT = 200_000                       # characters of one part of a template
VALUE_LIMIT = 500                            # characters of one value of one person
TEXT_LIMIT = {"sms": 1_600, "email": 400_000}
"""Characters of a filled-in text: ten segments are all that providers take, and mail programs cut longer pages."""

_missing: ContextVar[list[str]] = ContextVar("missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A message as somebody wrote it."""

    name: str
    channel: Channel
    text: str = ""                           # of a text message; of an e-mail, made from its HTML when empty
    html: str = ""                           # of an e-mail: HTML or MJML
    subject: str = ""                        # of an e-mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A template that was checked."""

    template: Template
    parts: Mapping[str, BoundTemplate]       # by name: subject, text, html
    variables: tuple[str, ...]               # what it speaks of, in order of the alphabet


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A template filled in for one person."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """Why a person gets no message of this template."""

    reason: str
    missing: tuple[str, ...] = ()            # variables that have no value and no fallback


def parse(template: Template, *, known: Iterable[str], wording: Wording, must_leave: bool = False) -> Parsed:
    """Check a template and make it ready.

    Args:
        template: As written.
        known: The variables there are; dots lead into values that have parts.
        wording: How money, days and numbers are written.
        must_leave: Whether an e-mail has to offer `unsubscribe_url`, as marketing does.

    Raises DeclarationError with the part and line: broken Liquid, a variable or filter that does not exist, MJML that
    cannot be read, a part that is too long or missing.

    """
    from liquid.exceptions import LiquidError  # noqa: PLC0415  a tenth of a second that only a message should pay

    from regulars.campaigns.liquid_rules import environment  # noqa: PLC0415

    sources = _sources(template)
    names = frozenset(known) | {"unsubscribe_url"}
    parts: dict[str, BoundTemplate] = {}
    used: set[str] = set()
    for part, source in sources.items():
        rules = environment(wording, is_escaped=part == "html", missing=_missing)
        try:
            parts[part] = rules.from_string(source)
            seen = parts[part].analyze()
        except LiquidError as error:
            raise DeclarationError(f"{_place(part, source, error)}: {error.message}", path=(part,)) from error
        for name, spans in seen.filters.items():
            if name not in rules.filters:
                line = source.count("\n", 0, spans[0].index) + 1
                raise DeclarationError(
                    f"{part}, line {line}: no filter {name!r}", hint=did_you_mean(name, rules.filters), path=(part,)
                )
        for path, start in ((str(v), v.span.index) for found in seen.globals.values() for v in found):
            used.add(_known(path, names, where=f"{part}, line {source.count(chr(10), 0, start) + 1}"))
    if must_leave and template.channel == "email" and "unsubscribe_url" not in used:
        raise DeclarationError(
            "an e-mail that sells must say how to leave", hint='<a href="{{ unsubscribe_url }}">unsubscribe</a>'
        )
    return Parsed(template=template, parts=MappingProxyType(parts), variables=tuple(sorted(used)))


def render(parsed: Parsed, values: Mapping[str, object]) -> Message | Unfilled:
    """Fill a template in for one person, or say why that cannot be.

    A value that is None, blank, or a number where a name belongs is missing: a fallback stands in for it, or the
    person is refused. Nobody ever gets a gap or a placeholder.
    """
    from liquid.exceptions import LiquidError, OutputStreamLimitError  # noqa: PLC0415  as in `parse`

    told = {name: _told(name, value) for name, value in values.items()}
    for name in parsed.variables:
        size = len(value) if isinstance(value := told.get(name.partition(".")[0]), str) else 0
        if size > VALUE_LIMIT:
            return Unfilled(reason=f"{name} has {size:,} characters, more than {VALUE_LIMIT}")
    context = {name: value for name, value in told.items() if value is not None}
    lacking: list[str] = []
    token = _missing.set(lacking)
    try:
        texts = {part: template.render(context) for part, template in parsed.parts.items()}
    except OutputStreamLimitError:
        return Unfilled(reason="the text is too long")
    except LiquidError as error:
        return Unfilled(reason=f"cannot be filled in: {error.message}")
    finally:
        _missing.reset(token)
    if lacking:
        names = tuple(sorted(set(lacking)))
        return Unfilled(reason=f"no {', '.join(names)}, and no fallback", missing=names)
    return _message(parsed.template.channel, texts)


def rendered(parsed: Parsed, people: pa.Table, *, shared: Mapping[str, object] = MappingProxyType({})) -> pa.Table:
    """Fill a template in for a table of people. One row per person, in order.

    Columns: subject, text, html; or reason and missing (names), which are null exactly when it may be sent. Each
    distinct combination of the values it uses is filled in once.

    Args:
        parsed: The template.
        people: One row per person; a column per variable, a struct where a variable has parts.
        shared: Values that are the same for everybody; a column of that name goes before.

    Raises DeclarationError for a variable that neither names.

    """
    roots = sorted({name.partition(".")[0] for name in parsed.variables})
    for name in roots:
        if name not in people.column_names and name not in shared:
            raise DeclarationError(f"nothing says {name!r}", hint=did_you_mean(name, people.column_names))
    columns = [name for name in roots if name in people.column_names]
    if not people.num_rows:
        return _part().empty_table()
    first, which = _distinct(people.select(columns), people.num_rows)
    firsts = people.select(columns).take(pa.array(first)) if columns else None
    values = firsts.to_pylist() if firsts is not None else [{}]
    done = [render(parsed, {**shared, **row}) for row in values]
    return pa.Table.from_pylist([_row(one) for one in done], schema=_part()).take(pa.array(which))


def _part() -> pa.Schema:
    texts = ("subject", "text", "html", "reason")
    return pa.schema([*((name, pa.string()) for name in texts), ("missing", pa.list_(pa.string()))])


def missing(filled: pa.Table, recipients: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Report what people lack. One row per reason: reason, recipients (how many), example (the least id)."""
    table = pa.table({"reason": filled["reason"], "recipient": recipients}).filter(pc.is_valid(filled["reason"]))
    found = table.group_by("reason").aggregate([("recipient", "count"), ("recipient", "min")])
    named = found.rename_columns(["reason", "recipients", "example"])
    return named.sort_by([("recipients", "descending"), ("reason", "ascending")])


def from_braces(text: str) -> str:
    """Rewrite `{name}` and `{name|fallback}` as Liquid; what is Liquid already stays."""
    def liquid(found: re.Match[str]) -> str:
        name, bar, fallback = found[1].partition("|")
        quoted = fallback.strip().replace('"', "'")
        return "{{ " + name.strip() + (f' | default: "{quoted}"' if bar else "") + " }}"

    return re.sub(r"(?<![{%])\{\s*([A-Za-z_]\w*\s*(?:\|[^{}]*)?)\}(?!\})", liquid, text)


def _sources(template: Template) -> dict[str, str]:
    written = {"subject": template.subject, "text": template.text, "html": template.html}
    for part, source in written.items():
        if len(source) > SOURCE_LIMIT:
            raise DeclarationError(f"{part} has {len(source):,} characters, more than {SOURCE_LIMIT:,}", path=(part,))
    if template.channel == "sms":
        if template.html or template.subject:
            raise DeclarationError("a text message has neither subject nor HTML", hint="write `text`")
        if not template.text.strip():
            raise DeclarationError("the text is empty", path=("text",))
        return {"text": template.text}
    if not template.subject.strip() or not (template.html or template.text).strip():
        raise DeclarationError("an e-mail needs a subject, and HTML or text", path=("subject",))
    if not template.html:
        return {"subject": template.subject, "text": template.text}
    page = finished(template.html)
    return {"subject": template.subject, "text": template.text or plain_twin(page), "html": page}


def _known(path: str, names: frozenset[str], *, where: str) -> str:
    """Return the declared variable that a path leads to, or raise."""
    parts = path.replace("[", ".[").split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in names:
            return ".".join(parts[:length])
    raise DeclarationError(f"{where}: no variable {path!r}", hint=did_you_mean(path, names))


def _place(part: str, source: str, error: LiquidError) -> str:
    start = getattr(error.token, "start_index", None)
    return part if start is None else f"{part}, line {source.count(chr(10), 0, start) + 1}"


def _told(name: str, value: object) -> object:
    """Return a value, or None where it says nothing. A number that stands for a name was filled in by a telephone."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.replace("(from OpenPhone)", "").split()) if name.endswith("name") else value.strip()
    is_number = name.endswith("name") and re.fullmatch(r"\+?[\d\s().\-]{7,}", text) is not None
    return None if is_number or not text else text


def _message(channel: Channel, texts: Mapping[str, str]) -> Message | Unfilled:
    text = plain(texts["text"]) if channel == "sms" else texts["text"]
    if max(len(text), len(texts.get("html", ""))) > TEXT_LIMIT[channel]:
        return Unfilled(reason="the text is too long")
    if not text.strip():
        return Unfilled(reason="nothing is left to say")
    # A line break in a subject would begin a header of its own.
    return Message(subject=" ".join(texts.get("subject", "").split()), text=text, html=texts.get("html", ""))


def _distinct(table: pa.Table, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a row of each distinct combination of values, and which combination each row has."""
    key = np.zeros(rows, dtype=np.int64)
    for column in table.columns:
        # A struct is told apart by what it holds; Arrow has no dictionary of structs.
        flat = [column] if not pa.types.is_struct(column.type) else column.combine_chunks().flatten()
        for values in flat:
            codes = pc.rank(_comparable(values), tiebreaker="dense")
            _, key = np.unique(key * (rows + 1) + codes.to_numpy(zero_copy_only=False), return_inverse=True)
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which


def _comparable(values: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return values that Arrow can rank: lists and structs in structs are told apart by how they are written."""
    if pa.types.is_nested(values.type):
        return pa.array([None if one is None else repr(one) for one in values.to_pylist()], pa.string())
    return values.cast(pa.string()) if pa.types.is_null(values.type) else values


def _row(one: Message | Unfilled) -> dict[str, object]:
    if isinstance(one, Unfilled):
        return {"reason": one.reason, "missing": list(one.missing)}
    return {"subject": one.subject, "text": one.text, "html": one.html}
