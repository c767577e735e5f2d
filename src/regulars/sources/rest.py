"""A REST source by declaration: what to ask for, how its pages go, how it knows us.

    kind: rest
    url: https://api.example.com/v1/
    auth: {type: bearer, token: "${EXAMPLE_KEY}"}
        # {type: header, name: X-Api-Key, value: "${KEY}"}       {type: basic, username: u, password: "${PASSWORD}"}
        # {type: api_key, name: key, value: "${KEY}", in: query}
        # {type: oauth2, token_url: …, client_id: …, client_secret: …, refresh_token: …, scope: …, in: basic}
    headers: {Accept-Language: en}
    rate: 10 per second            # none: as fast as it goes
    timeout: 30 seconds
    retries: 5                     # after 429, 5xx, broken connections, web pages instead of JSON; Retry-After is kept
    request: {items: results}      # what each stream's request begins with
    streams:
      orders:
        request:
          path: orders             # relative to url
          method: GET              # or POST, with `body:`
          params: {status: any}
          items: data.orders       # dotted path to the list; left out: the answer is the list
          may_lack_items: true     # when an empty list is left out of the answer
          total: count             # dotted path to the whole list's count: fewer records are an error
          paging: {style: page, param: page, first: 1, size_param: page_size, size: 100, more: next}
              # {style: offset, param: offset, size_param: limit, size: 100}
              # {style: cursor, from: meta.cursor, param: cursor}          or `body: cursor` (and `size_body:`)
              # {style: last_id, param: starting_after, field: id, more: has_more}
              # {style: link}      the Link header's rel="next"
              # {style: next_url, from: links.next}
          since: {param: updated_since, field: updated_at, overlap: 2 days, format: iso}
              # format: iso | unix | date | local; start: the first pull's value; until: parameter of a window's end;
              # `body:` and `until_body:` put them at dotted paths of the body instead
              # {param: filter, until: filter, wrap: "since(at,{})", wrap_until: "before(at,{})"}: moments inside a
              # language of filters; those of one parameter are joined by commas
          timeout: 10 seconds
          missing_is_empty: true   # 404: no records
          for_each: {request: {path: shops}, id: id, mark: shop_id, when_any: [{open: true}]}
              # the list is asked for once per record of another list: `${each}` in path, params and body is its id;
              # `mark: {shop_id: id, shop_name: settings.name}` lends the records more of it
              # with `mode: snapshot_each` and a key that begins with the mark, what an answer lacks is gone; a failed
              # answer withdraws nothing, and who is asked no more keeps what was told last
        fields: ...                # and key, mode, profile, money as for any stream

The cursor is `{newest, pulled_at}`: the latest moment seen, never later than now, whatever the vendor's clock says.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from regulars.clock import Clock
from regulars.errors import DeclarationError
from regulars.records.record import Stream
from regulars.sources.declared import Path, as_mapping, declare_within, no_strangers, resolve_environment
from regulars.sources.rest_auth import Auth, Credentials, declare_auth
from regulars.sources.rest_request import RestRequest, declare_request, seconds
from regulars.sources.source import Page, State, Surroundings, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSource:
    """An outside system behind HTTP, as declared."""

    name: str
    streams: tuple[Stream, ...]
    url: str
    requests: Mapping[str, RestRequest]      # stream name -> how it is asked for
    auth: Mapping[str, object] | None = None # as written: `${NAME}` is looked up when it is needed
    headers: Mapping[str, str] = field(default_factory=dict)
    per_second: float | None = None
    timeout: timedelta = timedelta(seconds=30)
    retries: int = 5
    at: Surroundings = field(repr=False)

    def pull(
        self, stream: Stream, *, cursor: State | None, resume: State | None, clock: Clock, window: Window | None = None
    ) -> Iterator[Page]:
        """Ask for what changed since the cursor; at least one page comes, the last one with the next cursor.

        Raises SourceUnavailable, SourceRefused, SourceChanged, SourceIncomplete.
        """
        import httpx  # noqa: PLC0415  who only reads the declaration need not wait for it

        from regulars.sources.rest_call import Caller, Pace  # noqa: PLC0415  the same
        from regulars.sources.rest_pull import RestPull  # noqa: PLC0415  the same

        resolved = {name: str(self._resolved(value)) for name, value in self.headers.items()}
        seconds_allowed = self.timeout.total_seconds()
        with httpx.Client(timeout=seconds_allowed, headers=resolved, verify=_trusted()) as client:
            caller = Caller(
                source=self.name,
                client=client,
                credentials=Credentials(auth=self._auth(), source=self.name, tokens=self.at.tokens),
                clock=clock,
                pace=Pace(self.per_second),
                retries=self.retries,
            )
            pull = RestPull(
                stream=stream,
                request=self.requests[stream.name],
                url=str(self._resolved(self.url)),
                caller=caller,
                at=self.at,
                now=clock.now(),
            )
            yield from pull.pages(cursor=cursor, resume=resume, window=window)

    def _auth(self) -> Auth | None:
        return None if self.auth is None else declare_auth(self._resolved(self.auth))

    def _resolved(self, value: object) -> object:
        return resolve_environment(value, self.at, source=self.name)


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> RestSource:
    """Return the REST source that a declaration means. Raises DeclarationError; asks nothing."""
    known = {"kind", "url", "auth", "headers", "rate", "timeout", "retries", "request", "streams"}
    no_strangers(data, known, path=())
    if not isinstance(data.get("url"), str):
        raise DeclarationError("a REST source needs a url", hint="`url: https://api.example.com/v1/`", path=("url",))
    declare_auth(data.get("auth"))
    shared = as_mapping(data.get("request", {}), path=("request",))
    streams = as_mapping(data.get("streams"), path=("streams",))
    declared: list[Stream] = []
    requests: dict[str, RestRequest] = {}
    for key, value in streams.items():
        spec = as_mapping(value, path=("streams", key))
        declared.append(declare_within(name, key, spec))
        if "parent" not in spec:
            requests[key] = _request(shared, spec.get("request"), path=("streams", key, "request"))
            _check_each(declared[-1], requests[key], path=("streams", key, "mode"))
    auth = data.get("auth")
    headers = as_mapping(data.get("headers", {}), path=("headers",))
    return RestSource(
        name=name,
        streams=tuple(declared),
        url=str(data["url"]),
        requests=requests,
        auth=None if auth is None else as_mapping(auth, path=("auth",)),
        headers={key: str(value) for key, value in headers.items()},
        per_second=rate(data.get("rate"), path=("rate",)),
        timeout=seconds(data.get("timeout", "30 seconds"), path=("timeout",)),
        retries=int(str(data.get("retries", 5))),
        at=at,
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted: reading them takes a tenth of a second, so it is done once."""
    import httpx  # noqa: PLC0415  see `pull`

    return httpx.create_ssl_context()


def rate(value: object, *, path: Path) -> float | None:
    """Return calls per second that `10 per second` or `100 per minute` means; None for `none`."""
    if value is None or value == "none":
        return None
    words = str(value).split()
    units = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
    if len(words) != 3 or words[1] != "per" or words[2] not in units or not words[0].isdigit() or words[0] == "0":
        raise DeclarationError(f"{value!r} is not a rate", hint="write `10 per second` or `none`", path=path)
    return int(words[0]) / units[words[2]]


def _check_each(stream: Stream, request: RestRequest, *, path: Path) -> None:
    """Raise DeclarationError where answers cannot be told to be the whole of whom they were asked for."""
    if stream.mode != "snapshot_each":
        return
    if request.for_each is None or request.since is not None:
        raise DeclarationError("`snapshot_each` needs a `for_each` that is asked without `since`", path=path)
    first = next((field.path for field in stream.fields if field.name == stream.key[0]), None)
    if first not in request.for_each.mark:
        hint = f"begin the key with the field of a `mark`, or mark with {first!r}"
        raise DeclarationError("`snapshot_each` must know whose an answer is", hint=hint, path=path)


def _request(shared: Mapping[str, object], value: object, *, path: Path) -> RestRequest:
    """Return a stream's request: the shared one with the stream's own words over it, in an inner list too."""
    own = as_mapping(value, path=path)
    each = own.get("for_each")
    if isinstance(each, Mapping) and isinstance(each.get("request"), Mapping):
        own = {**own, "for_each": {**each, "request": {**shared, **each["request"]}}}
    return declare_request({**shared, **own}, path=path)
