"""Pulling one stream from a REST source: page after page, countable, and able to go on at any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urljoin
from zoneinfo import ZoneInfo

import msgspec

from regulars.errors import SourceChanged, SourceRefused
from regulars.records.record import WHOLE, Stream
from regulars.sources.declared import resolve_environment
from regulars.sources.reference import replace_references
from regulars.sources.rest_answer import (
    Answer,
    applied,
    first_place,
    moment,
    next_place,
    read_answer,
    value_at,
    with_members,
    written_moment,
)
from regulars.sources.rest_call import Call, Caller, is_same_host
from regulars.sources.rest_request import ForEach, RestRequest
from regulars.sources.source import Page, State, Surroundings, Tally, Window, check_complete, count_page

GATHERED = 100                               # records of small lists that make a page


@dataclass(slots=True, kw_only=True)
class _Span:
    """The time that is asked for, and the latest moment seen in the answers."""

    since: datetime | None = None
    until: datetime | None = None
    newest: datetime | None = None

    def state(self) -> State:
        values = {"since": self.since, "until": self.until, "newest": self.newest}
        return {name: None if at is None else at.isoformat() for name, at in values.items()}

    @staticmethod
    def of(state: Mapping[str, object]) -> _Span:
        read = {name: datetime.fromisoformat(str(state[name])) if state.get(name) else None
                for name in ("since", "until", "newest")}
        return _Span(since=read["since"], until=read["until"], newest=read["newest"])


@dataclass(slots=True, kw_only=True)
class _List:
    """A list being read: where its next page is, and what has come of it. `place` is None at its end."""

    place: State | None
    tally: Tally = field(default_factory=Tally)

    def state(self) -> State:
        return {"place": self.place, "tally": self.tally.state()}

    @staticmethod
    def of(state: object) -> _List:
        found = state if isinstance(state, Mapping) else {}
        place = found.get("place")
        return _List(place=dict(place) if isinstance(place, Mapping) else None, tally=Tally.of(found.get("tally", {})))


@dataclass(slots=True, kw_only=True)
class RestPull:
    """One pull of one stream."""

    stream: Stream
    request: RestRequest
    url: str
    caller: Caller
    at: Surroundings
    now: datetime

    def pages(self, *, cursor: State | None, resume: State | None, window: Window | None) -> Iterator[Page]:
        """Yield the pages of the whole set, or those after the one that gave `resume`."""
        span = _Span.of(_part(resume, "span")) if resume else self._span(cursor, window)
        each = self.request.for_each
        pages = self._one_list(span, resume) if each is None else self._many_lists(each, span, resume)
        for page in pages:
            if not page.is_last:
                yield page
                continue
            newest = None if span.newest is None else min(span.newest, self.now).isoformat()
            after: State = {"newest": newest, "pulled_at": self.now.isoformat()}
            yield replace(page, resume=None, cursor=None if window is not None else after)

    def _span(self, cursor: State | None, window: Window | None) -> _Span:
        each = self.request.for_each
        since = self.request.since or (None if each is None else each.request.since)
        if since is None:
            return _Span()
        if window is not None:
            return _Span(since=window[0], until=window[1])
        newest = _Span.of(cursor or {}).newest
        return _Span(since=None if newest is None else newest - since.overlap, newest=newest)

    def _one_list(self, span: _Span, resume: State | None) -> Iterator[Page]:
        reading = _List.of(_part(resume, "list")) if resume else _List(place=first_place(self.request.paging))
        while reading.place is not None:
            answer = self._next_page(self.request, reading, span=span)
            yield Page(
                items=answer.items,
                total=reading.tally.total,
                resume={"list": reading.state(), "span": span.state()},
                is_last=reading.place is None,
            )

    def _many_lists(self, each: ForEach, span: _Span, resume: State | None) -> Iterator[Page]:
        """Read one list per record of another; small ones share a page."""
        outer = _List.of(_part(resume, "outer")) if resume else _List(place=first_place(each.request.paging))
        inner = _List.of(_part(resume, "inner")) if resume else _List(place=None)
        ids: list[Any] = list(_elements(resume, "ids"))
        gathered: list[bytes] = []
        while ids or outer.place is not None:
            if not ids:
                answer = self._next_page(each.request, outer, span=span)
                ids = [[value_at(item, each.id), _marks(item, each)] for item in answer.items if _is_wanted(item, each)]
                continue
            if inner.place is None:
                inner = _List(place=first_place(self.request.paging))
            id, marks = ids[0]  # noqa: A001  # that is what it is
            answer = self._next_page(self.request, inner, span=span, each=id)
            gathered += [_marked(item, marks) for item in answer.items]
            if inner.place is None:
                ids = ids[1:]
                # Only here is the list known to be whole; an empty one leaves nothing else.
                if self.stream.mode == "snapshot_each":
                    gathered.append(msgspec.json.encode({**marks, WHOLE: True}))
            if len(gathered) >= GATHERED:
                state: State = {"outer": outer.state(), "inner": inner.state(), "ids": list(ids), "span": span.state()}
                yield Page(items=tuple(gathered), resume=state)
                gathered = []
        yield Page(items=tuple(gathered), is_last=True)

    def _next_page(
        self, request: RestRequest, reading: _List, *, span: _Span | None = None, each: object = None
    ) -> Answer:
        """Read the page at the list's place, and move the list on."""
        assert reading.place is not None
        named = self.stream.full_name if each is None else f"{self.stream.full_name} of {each}"
        answer = self._ask(request, reading.place, span=span, each=each, named=named)
        reading.tally = count_page(reading.tally, answer.items, total=answer.total, stream=named)
        reading.place = next_place(
            request.paging, reading.place, answer, fetched=reading.tally.fetched, stream=named
        )
        if reading.place is None:
            check_complete(reading.tally, stream=named)
        if span is not None:
            self._note_newest(answer, span, request)
        return answer

    def _ask(self, request: RestRequest, place: State, *, span: _Span | None, each: object, named: str) -> Answer:
        base = self.url if self.url.endswith("/") else f"{self.url}/"
        following = place.get("url")
        if following is None:
            url = urljoin(base, str(self._filled(request.path, each, is_path=True)).lstrip("/"))
            params, members = applied(request.paging, place)
            params = {**self._filled_mapping(request.params, each), **params}
            self._add_span(params, members, span, request)
        else:
            # The link holds every filter already; sent twice, some vendors answer 400.
            url, params, members = urljoin(base, str(following)), {}, {}
            if not is_same_host(url, base):
                elsewhere = url.split("?", 1)[0]
                raise SourceRefused(f"{named}: the next page is on another host: {elsewhere}", hint="not followed")
        body = None
        if request.body is not None or members:
            body = with_members(self._filled_mapping(request.body or {}, each), members)
        call = Call(
            method=request.method, url=url, params=params, body=body, headers=request.headers, timeout=request.timeout
        )
        response = self.caller.call(call)
        if response.status_code == 404:
            if request.missing_is_empty:
                return Answer(items=(), total=None, body=b"{}")
            where = response.request.url.path
            raise SourceRefused(f"{named}: {where} is not there (404)", hint="check `path:` and `url:`")
        return read_answer(response.content, request, link=response.headers.get("link"), stream=named)

    def _add_span(
        self, params: dict[str, object], members: dict[str, object], span: _Span | None, request: RestRequest
    ) -> None:
        since = request.since
        if span is None or since is None:
            return
        zone = ZoneInfo(self.at.zone)
        first: object = None if span.since is None else written_moment(span.since, since.format, zone=zone)
        if first is None and since.start is not None and span.until is None:
            first = self._filled(since.start, None)
        end = None if span.until is None else written_moment(span.until, since.format, zone=zone)
        if first is not None and span.since is not None and since.wrap is not None:
            first = since.wrap.replace("{}", str(first))
        if end is not None and since.wrap_until is not None:
            end = since.wrap_until.replace("{}", str(end))
        for value, param, body in ((first, since.param, since.body), (end, since.until, since.until_body)):
            if value is not None and param is not None:
                # A vendor with a language of filters has one parameter for all of them.
                params[param] = f"{params[param]},{value}" if since.wrap is not None and param in params else value
            if value is not None and body is not None:
                members[body] = value

    def _note_newest(self, answer: Answer, span: _Span, request: RestRequest) -> None:
        if request.since is None or not answer.items:
            return
        zone = ZoneInfo(self.at.zone)
        seen = [moment(value_at(item, request.since.field), zone=zone) for item in answer.items]
        known = [at for at in seen if at is not None]
        if not known:
            raise SourceChanged(
                f"{self.stream.full_name}: no record has a moment at {request.since.field!r}",
                hint="correct `field:` of `since:`",
            )
        span.newest = max([*known, *([] if span.newest is None else [span.newest])])

    def _filled(self, value: object, each: object, *, is_path: bool = False) -> object:
        def look_up(name: str) -> object:
            if name != "each" or each is None:
                return None
            return quote(str(each), safe="") if is_path else each

        return resolve_environment(replace_references(value, look_up), self.at, source=self.stream.source)

    def _filled_mapping(self, value: Mapping[str, object], each: object) -> dict[str, object]:
        filled = self._filled(value, each)
        assert isinstance(filled, dict)
        return filled


def _is_wanted(item: bytes, each: ForEach) -> bool:
    """Return whether a record's list is worth asking for."""
    if not each.when_any:
        return True
    return any(all(value_at(item, path) == value for path, value in rule.items()) for rule in each.when_any)


def _marks(item: bytes, each: ForEach) -> dict[str, object]:
    return {name: value_at(item, path) for name, path in each.mark.items()}


def _marked(item: bytes, marks: Mapping[str, object]) -> bytes:
    """Return a record with what the other list's record lends it in front; the rest stays as it came."""
    if not marks:
        return item
    front = msgspec.json.encode(marks)[:-1]
    rest = item[1:].lstrip()
    return front + (rest if rest == b"}" else b"," + rest)


def _part(state: State | None, name: str) -> State:
    part = (state or {}).get(name)
    return dict(part) if isinstance(part, Mapping) else {}


def _elements(state: State | None, name: str) -> list[object]:
    found = (state or {}).get(name)
    return found if isinstance(found, list) else []
