"""How one stream of a REST source is asked for, as its `request:` declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.records.record import duration
from regulars.sources.declared import Path, as_mapping, no_strangers

TimeFormat = Literal["iso", "unix", "date", "local"]
PagingStyle = Literal["none", "page", "offset", "cursor", "last_id", "link", "next_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How the source parts a list into pages, and where it says that there are more."""

    style: PagingStyle = "none"
    param: str | None = None                 # query parameter of the page, offset, cursor or last id
    body: str | None = None                  # or the dotted path of it in the request's body
    first: int = 1                           # number of the first page
    size: int | None = None
    size_param: str | None = None
    size_body: str | None = None
    source: str | None = None                # cursor, next_url: dotted path in the answer
    field: str = "id"                        # last_id: dotted path in a record
    more: str | None = None                  # dotted path in the answer; false, null or "" there is the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """How the source is asked for what is new."""

    field: str                               # dotted path in a record: its moment
    overlap: timedelta                       # asked for again, for what changed late
    format: TimeFormat = "iso"               # unix: whole seconds; local: business time without an offset
    param: str | None = None                 # query parameter for the first moment
    body: str | None = None                  # or the dotted path of it in the request's body
    until: str | None = None                 # the same for the end, sent for a window only
    until_body: str | None = None
    start: str | None = None                 # what the first pull sends; None: nothing
    wrap: str | None = None                  # what stands around the first moment, which is `{}` in it
    wrap_until: str | None = None            # the same around the end


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """One list of records behind a path."""

    path: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    items: str | None = None                 # dotted path to the list; None: the answer is the list
    may_lack_items: bool = False             # the source leaves an empty list out
    total: str | None = None                 # dotted path to the count of the whole list
    paging: Paging = field(default_factory=Paging)
    since: Since | None = None
    timeout: timedelta | None = None         # None: the source's
    missing_is_empty: bool = False           # 404 means no records, not a wrong path
    for_each: ForEach | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """A list that is asked for once per record of another one, `${each}` being that record's id."""

    request: RestRequest                     # the other list
    id: str = "id"                           # dotted path of the id in its records
    mark: Mapping[str, str] = field(default_factory=dict)   # member put in front of each record -> path in the other
    when_any: tuple[Mapping[str, object], ...] = ()   # ask only where one of these holds: {path: value, ...}


def declare_request(data: Mapping[str, object], *, path: Path) -> RestRequest:
    """Return the request that a mapping from YAML declares. Raises DeclarationError."""
    known = {
        "path", "method", "params", "body", "headers", "items", "may_lack_items", "total", "paging", "since", "timeout",
        "missing_is_empty", "for_each",
    }
    no_strangers(data, known, path=path)
    if not isinstance(data.get("path"), str):
        raise DeclarationError("a request needs a path", hint="`path: customers/`, relative to the url", path=path)
    method = data.get("method", "GET")
    if method not in {"GET", "POST"}:
        raise DeclarationError(f"method {method!r} is unknown", hint="GET or POST", path=(*path, "method"))
    body, each = data.get("body"), data.get("for_each")
    headers = as_mapping(data.get("headers", {}), path=(*path, "headers"))
    if each is not None and data.get("since") is not None and _has_since(each):
        raise DeclarationError("only one of two lists can have `since`", path=(*path, "for_each"))
    return RestRequest(
        path=str(data["path"]),
        method="POST" if method == "POST" else "GET",
        params=as_mapping(data.get("params", {}), path=(*path, "params")),
        body=None if body is None else as_mapping(body, path=(*path, "body")),
        headers={name: str(value) for name, value in headers.items()},
        items=_text(data, "items"),
        may_lack_items=bool(data.get("may_lack_items", False)),
        total=_text(data, "total"),
        paging=_paging(as_mapping(data.get("paging", {}), path=(*path, "paging")), path=(*path, "paging")),
        since=None if data.get("since") is None else _since(data["since"], path=(*path, "since")),
        timeout=seconds(data["timeout"], path=(*path, "timeout")) if "timeout" in data else None,
        missing_is_empty=bool(data.get("missing_is_empty", False)),
        for_each=None if each is None else _for_each(each, path=(*path, "for_each")),
    )


def seconds(value: object, *, path: Path) -> timedelta:
    """Return the length that `30 seconds` or any longer unit means. Raises DeclarationError."""
    words = str(value).split()
    if len(words) == 2 and words[0].isdigit() and words[1] in {"second", "seconds"}:
        return timedelta(seconds=int(words[0]))
    return duration(value, path)


def _paging(data: Mapping[str, object], *, path: Path) -> Paging:
    texts = {"param", "body", "size_param", "size_body", "more"}
    no_strangers(data, texts | {"style", "first", "size", "from", "field"}, path=path)
    style = data.get("style", "none")
    if style not in get_args(PagingStyle):
        hint = did_you_mean(str(style), get_args(PagingStyle))
        raise DeclarationError(f"paging style {style!r} is unknown", hint=hint, path=(*path, "style"))
    if style in {"page", "offset", "cursor", "last_id"} and not ({"param", "body"} & set(data)):
        raise DeclarationError(f"paging by {style} needs `param:` or `body:`", path=path)
    if style in {"cursor", "next_url"} and "from" not in data:
        hint = "the dotted path of it in the answer: `from: meta.next`"
        raise DeclarationError(f"paging by {style} needs `from:`", hint=hint, path=path)
    return Paging(
        style=style,  # type: ignore[arg-type]  # checked against the literal above
        first=int(str(data.get("first", 1))),
        size=int(str(data["size"])) if "size" in data else None,
        source=_text(data, "from"),
        field=str(data.get("field", "id")),
        **{name: _text(data, name) for name in texts},
    )


def _since(value: object, *, path: Path) -> Since:
    data = as_mapping(value, path=path)
    texts = {"param", "body", "until", "until_body", "start", "wrap", "wrap_until"}
    no_strangers(data, texts | {"field", "overlap", "format"}, path=path)
    if "field" not in data or not ({"param", "body"} & set(data)):
        raise DeclarationError("`since` needs `field:` and `param:` or `body:`", path=path)
    form = data.get("format", "iso")
    if form not in get_args(TimeFormat):
        hint = did_you_mean(str(form), get_args(TimeFormat))
        raise DeclarationError(f"time format {form!r} is unknown", hint=hint, path=(*path, "format"))
    return Since(
        field=str(data["field"]),
        overlap=duration(data.get("overlap", "1 day"), (*path, "overlap")),
        format=form,  # type: ignore[arg-type]  # checked against the literal above
        **{name: _text(data, name) for name in texts},
    )


def _for_each(value: object, *, path: Path) -> ForEach:
    data = as_mapping(value, path=path)
    no_strangers(data, {"request", "id", "mark", "when_any"}, path=path)
    conditions = data.get("when_any", [])
    if not isinstance(conditions, list):
        raise DeclarationError(f"expected a list, not {conditions!r}", path=(*path, "when_any"))
    inner = declare_request(as_mapping(data.get("request"), path=(*path, "request")), path=(*path, "request"))
    if inner.for_each is not None:
        raise DeclarationError("`for_each` cannot nest", hint="name the list that has the ids", path=(*path, "request"))
    id_path, mark = str(data.get("id", "id")), data.get("mark", {})
    marks = as_mapping({mark: id_path} if isinstance(mark, str) else mark, path=(*path, "mark"))
    return ForEach(
        request=inner,
        id=id_path,
        mark={name: str(where) for name, where in marks.items()},
        when_any=tuple(as_mapping(c, path=(*path, "when_any", n)) for n, c in enumerate(conditions)),
    )


def _has_since(each: object) -> bool:
    inner = each.get("request") if isinstance(each, Mapping) else None
    return isinstance(inner, Mapping) and inner.get("since") is not None


def _text(data: Mapping[str, object], name: str) -> str | None:
    value = data.get(name)
    return None if value is None else str(value)
