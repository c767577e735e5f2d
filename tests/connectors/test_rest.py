"""The declared REST source against a real server: every way to page, to know us, to refuse us."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from regulars.clock import FixedClock
from regulars.errors import DeclarationError, SourceChanged, SourceIncomplete, SourceRefused, SourceUnavailable
from regulars.plugins import declare_source
from regulars.records.record import WHOLE
from regulars.sources.rest_call import Pace, SourceBusy, is_same_host, retry_after, wait_before_retry
from regulars.sources.source import MemoryTokens, Surroundings, Tally, check_complete, count_page

NOW = datetime(2025, 3, 1, tzinfo=UTC)
ROWS = [{"id": n, "at": f"2025-01-{n % 28 + 1:02}T00:00:00Z"} for n in range(1, 26)]


class Asked:
    """One request as the server got it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.path = urlsplit(handler.path).path
        self.query = {name: values[-1] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.headers = handler.headers
        self.text = body.decode()
        self.body = json.loads(body) if body.startswith(b"{") else None


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, list[Asked]]]]:
    """Serve `answer(asked) -> (status, value, headers)` or just a value; return the url and what was asked."""
    servers = []

    def start(answer: Callable[[Asked], object]) -> tuple[str, list[Asked]]:
        asked: list[Asked] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                one = Asked(self, self.rfile.read(int(self.headers.get("content-length", 0))))
                asked.append(one)
                told = answer(one)
                status, value, headers = told if isinstance(told, tuple) else (200, told, {})
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, text in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the library's name

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1/", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def rest(tmp_path: Path):
    def make(url: str, request: dict[str, object], *, at: Surroundings | None = None, **words: object):
        stream = {"fields": {"id": "id"}, "key": "id", "request": {"path": "rows", **request}}
        data = {"kind": "rest", "url": url, "streams": {"rows": stream}, **words}
        return declare_source("api", data, at=at or Surroundings(folder=tmp_path))

    return make


def _page(items: list[dict[str, object]], start: int, size: int = 10) -> list[dict[str, object]]:
    return items[start : start + size]


def _by_number(asked: Asked) -> object:
    number = int(asked.query.get("page", 1))
    return {"results": _page(ROWS, (number - 1) * 10), "count": 25}


def _by_offset(asked: Asked) -> object:
    return {"results": _page(ROWS, int(asked.query["offset"]), int(asked.query["limit"]))}


def _by_cursor(asked: Asked) -> object:
    start = int((asked.query.get("cursor") or (asked.body or {}).get("page", {}).get("cursor") or "c0")[1:])
    return {"results": _page(ROWS, start), "meta": {"next": f"c{start + 10}" if start < 20 else ""}}


def _by_last_id(asked: Asked) -> object:
    start = int(asked.query.get("starting_after", 0))
    return {"results": _page(ROWS, start), "has_more": start + 10 < 25}


def _by_link(asked: Asked) -> object:
    start = int(asked.query.get("page_info", 0))
    if start and "status" in asked.query:
        return 400, {"errors": "page_info and other filters"}, {}
    headers = {"Link": f'</v1/rows?page_info=0>; rel="previous", </v1/rows?page_info={start + 10}>; rel="next"'}
    return 200, {"results": _page(ROWS, start)}, headers if start < 20 else {}


def _by_next_url(asked: Asked) -> object:
    start = int(asked.query.get("from", 0))
    host = asked.headers["host"]
    return {"results": _page(ROWS, start), "next": f"http://{host}/v1/rows?from={start + 10}" if start < 20 else None}


PAGING = {
    "page": (_by_number, {"total": "count", "paging": {"style": "page", "param": "page"}}),
    "page without count": (_by_number, {"paging": {"style": "page", "param": "page"}}),
    "offset": (_by_offset, {"paging": {"style": "offset", "param": "offset", "size_param": "limit", "size": 10}}),
    "cursor": (_by_cursor, {"paging": {"style": "cursor", "from": "meta.next", "param": "cursor"}}),
    "cursor in body": (_by_cursor, {"method": "POST", "body": {"page": {"size": 10}},
                                    "paging": {"style": "cursor", "from": "meta.next", "body": "page.cursor"}}),
    "last id": (_by_last_id, {"paging": {"style": "last_id", "param": "starting_after", "more": "has_more"}}),
    "link": (_by_link, {"params": {"status": "any"}, "paging": {"style": "link"}}),
    "next url": (_by_next_url, {"paging": {"style": "next_url", "from": "next"}}),
}


@pytest.mark.parametrize("style", PAGING)
def test_every_way_to_page_gives_every_record_once_and_goes_on_anywhere(serve, rest, pull, ids, style) -> None:
    answer, request = PAGING[style]
    url, _ = serve(answer)
    api = rest(url, {"items": "results", **request})

    whole = pull(api, "rows")

    assert ids(whole) == list(range(1, 26))
    for n, page in enumerate(whole[:-1]):
        assert ids(pull(api, "rows", resume=json.loads(json.dumps(page.resume)))) == ids(whole[n + 1:])


def test_a_list_without_pages_or_envelope_is_the_answer_itself(serve, rest, pull, ids) -> None:
    url, _ = serve(lambda _: ROWS[:3])

    assert ids(pull(rest(url, {}), "rows")) == [1, 2, 3]


def test_records_come_as_they_were_written(serve, rest, pull) -> None:
    url, _ = serve(lambda _: b'[{"id":1,"price":1.10,\n "big": 12345678901234567890123}]')

    items = pull(rest(url, {}), "rows")[0].items

    assert items == (b'{"id":1,"price":1.10,"big":12345678901234567890123}',)


@pytest.mark.parametrize(("auth", "seen"), [
    ({"type": "header", "name": "X-Key", "value": "${KEY}"}, ("X-Key", "s3cret")),
    ({"type": "bearer", "token": "${KEY}"}, ("Authorization", "Bearer s3cret")),
    ({"type": "basic", "username": "u", "password": "${KEY}"}, ("Authorization", "Basic " + base64.b64encode(b"u:s3cret").decode())),
    ({"type": "api_key", "name": "X-Api-Key", "value": "${KEY}", "in": "header"}, ("X-Api-Key", "s3cret")),
])
def test_every_way_to_be_known_is_sent(serve, rest, pull, tmp_path, auth, seen) -> None:  # noqa: PLR0917  # fixtures
    url, asked = serve(lambda _: [])

    pull(rest(url, {}, auth=auth, at=Surroundings(folder=tmp_path, environment={"KEY": "s3cret"})), "rows")

    assert asked[0].headers[seen[0]] == seen[1]


def test_an_api_key_can_go_into_the_query_and_never_into_an_error(serve, rest, pull, tmp_path) -> None:
    url, asked = serve(lambda _: (403, {"message": "no"}, {}))
    auth = {"type": "api_key", "name": "key", "value": "s3cret", "in": "query"}

    with pytest.raises(SourceRefused) as caught:
        pull(rest(url, {"params": {"a": 1}}, auth=auth), "rows")

    assert asked[0].query == {"a": "1", "key": "s3cret"}
    assert "s3cret" not in str(caught.value)


def test_a_key_with_a_line_break_is_refused_without_being_told(serve, rest, pull) -> None:
    url, _ = serve(lambda _: [])

    with pytest.raises(SourceRefused, match="blanks or line breaks") as caught:
        pull(rest(url, {}, auth={"type": "bearer", "token": "s3cret\n"}), "rows")

    assert "s3cret" not in str(caught.value)


def test_a_secret_that_is_not_set_says_what_to_export(serve, rest, pull) -> None:
    url, _ = serve(lambda _: [])

    with pytest.raises(SourceRefused, match="export API_KEY"):
        pull(rest(url, {}, auth={"type": "bearer", "token": "${API_KEY}"}), "rows")


def test_a_rotated_refresh_token_is_saved_and_used_the_next_time(serve, rest, pull, tmp_path) -> None:
    valid = {"refresh": "r1", "access": ""}

    def answer(asked: Asked) -> object:
        if asked.path == "/v1/token":
            sent = parse_qs(asked.text)["refresh_token"][0]
            if sent != valid["refresh"]:
                return 400, {"error": "invalid_grant"}, {}
            valid["access"], valid["refresh"] = f"a-{sent}", sent + "+"
            return {"access_token": valid["access"], "refresh_token": valid["refresh"]}
        return ROWS[:1] if asked.headers["Authorization"] == f"Bearer {valid['access']}" else (401, {}, {})

    url, _ = serve(answer)
    tokens = MemoryTokens()
    auth = {"type": "oauth2", "token_url": f"{url}token", "client_id": "c", "client_secret": "s", "refresh_token": "r1"}
    api = rest(url, {}, auth=auth, at=Surroundings(folder=tmp_path, tokens=tokens))

    pull(api, "rows")
    pull(api, "rows")

    assert tokens.load("api.refresh_token") == "r1++"


def test_an_expired_access_token_is_replaced_in_the_middle_of_a_list(serve, rest, pull, ids, tmp_path) -> None:
    granted: list[str] = []

    def answer(asked: Asked) -> object:
        if asked.path == "/v1/token":
            granted.append(f"a{len(granted)}")
            return {"access_token": granted[-1]}
        if asked.query["page"] == "2" and asked.headers["Authorization"] == "Bearer a0":
            return 401, {}, {}
        return _by_number(asked)

    url, _ = serve(answer)
    auth = {"type": "oauth2", "token_url": f"{url}token", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    api = rest(url, {"items": "results", "total": "count", "paging": {"style": "page", "param": "page"}}, auth=auth)

    assert ids(pull(api, "rows")) == list(range(1, 26))
    assert granted == ["a0", "a1"]


def test_a_dead_refresh_token_says_to_connect_again(serve, rest, pull) -> None:
    url, _ = serve(lambda _: (400, {"error": "invalid_grant"}, {}))
    auth = {"type": "oauth2", "token_url": f"{url}token", "client_id": "c", "client_secret": "s", "refresh_token": "r"}

    with pytest.raises(SourceRefused, match="connect the account again"):
        pull(rest(url, {}, auth=auth), "rows")


@pytest.mark.parametrize(("form", "written"), [
    ("iso", "2025-01-24T00:00:00.000Z"), ("unix", "1737676800"), ("date", "2025-01-23"), ("local", "2025-01-23T18:00:00.000000"),
])
def test_the_cursor_is_sent_back_with_its_overlap_as_the_source_wants_it(serve, rest, pull, tmp_path, form, written) -> None:  # noqa: PLR0917  # fixtures
    url, asked = serve(lambda _: ROWS)
    since = {"param": "since", "field": "at", "overlap": "2 days", "format": form}
    api = rest(url, {"since": since}, at=Surroundings(folder=tmp_path, zone="America/Chicago"))

    cursor = pull(api, "rows")[-1].cursor
    pull(api, "rows", cursor=cursor)

    assert datetime.fromisoformat(cursor["newest"]) == datetime(2025, 1, 26, tzinfo=UTC)
    assert "since" not in asked[0].query
    assert asked[1].query["since"] == written


def test_the_cursor_stays_when_nothing_new_came(serve, rest, pull) -> None:
    url, _ = serve(lambda _: [])
    since = {"param": "since", "field": "at", "overlap": "1 day"}

    pages = pull(rest(url, {"since": since}), "rows", cursor={"newest": "2025-01-25T00:00:00+00:00"})

    assert pages[-1].cursor["newest"] == "2025-01-25T00:00:00+00:00"


def test_a_moment_that_is_in_no_record_means_the_source_changed(serve, rest, pull) -> None:
    url, _ = serve(lambda _: ROWS)

    with pytest.raises(SourceChanged, match="no record has a moment at 'updated'"):
        pull(rest(url, {"since": {"param": "since", "field": "updated"}}), "rows")


def test_a_redirect_on_the_same_host_is_followed_and_one_elsewhere_is_not(serve, rest, pull, ids) -> None:
    url, asked = serve(lambda one: ROWS[:1] if one.path == "/v1/new" else (302, b"", {"Location": "/v1/new"}))
    elsewhere, _ = serve(lambda _: (302, b"", {"Location": "https://attacker.example/rows"}))
    auth = {"type": "bearer", "token": "k"}

    assert ids(pull(rest(url, {}, auth=auth), "rows")) == [1]
    assert asked[1].headers["Authorization"] == "Bearer k"
    with pytest.raises(SourceRefused, match=r"redirects to attacker\.example, which was not followed"):
        pull(rest(elsewhere, {}, auth=auth), "rows")


def test_a_next_page_on_another_host_is_not_followed(serve, rest, pull) -> None:
    url, _ = serve(lambda _: {"results": ROWS[:1], "next": "https://attacker.example/rows?page=2"})

    with pytest.raises(SourceRefused, match="another host"):
        pull(rest(url, {"items": "results", "paging": {"style": "next_url", "from": "next"}}), "rows")


@pytest.mark.parametrize(("answer", "error", "message"), [
    ({"data": []}, SourceChanged, "no list at 'results'; it has data"),
    ({"results": [1]}, SourceChanged, "a record is 1, not an object"),
    ({"results": [], "count": "many"}, SourceChanged, "the count at 'count' is 'many'"),
    ((404, {}, {}), SourceRefused, r"/v1/rows is not there \(404\)"),
    ((422, {"error": {"message": "bad page"}}, {}), SourceRefused, "answered 422: bad page"),
])
def test_an_answer_that_is_not_what_was_declared_says_what_it_is(serve, rest, pull, answer, error, message) -> None:  # noqa: PLR0917  # fixtures
    url, _ = serve(lambda _: answer)

    with pytest.raises(error, match=message):
        pull(rest(url, {"items": "results", "total": "count"}), "rows")


def test_nobody_at_home_is_told_with_the_host(rest, pull) -> None:
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1"):
        pull(rest("http://127.0.0.1:9/", {}), "rows")


def test_a_list_that_shrinks_while_it_is_read_is_refused() -> None:
    tally = count_page(Tally(), (b"{}",), total=200, stream="a.b")

    with pytest.raises(SourceIncomplete, match="from 200 to 199"):
        count_page(tally, (b'{"a":1}',), total=199, stream="a.b")


def test_fewer_records_than_promised_are_refused() -> None:
    with pytest.raises(SourceIncomplete, match="1 of 2 records"):
        check_complete(Tally(fetched=1, total=2), stream="a.b")


@pytest.mark.parametrize(("header", "wait"), [
    ("7", timedelta(seconds=7)), ("Sat, 01 Mar 2025 00:00:30 GMT", timedelta(seconds=30)),
    ("Sat, 01 Feb 2025 00:00:00 GMT", timedelta(0)), ("soon", None), (None, None),
])
def test_retry_after_is_read_as_seconds_or_as_a_date(header, wait) -> None:
    assert retry_after(header, now=NOW) == wait


def test_what_is_tried_again_is_decided_by_the_class_of_error() -> None:
    assert wait_before_retry(SourceBusy("x", wait=timedelta(seconds=3))) == timedelta(seconds=3)
    assert wait_before_retry(SourceBusy("x", wait=timedelta(hours=1))) is False
    assert wait_before_retry(SourceUnavailable("x")) is True
    assert wait_before_retry(SourceRefused("x")) is False
    assert wait_before_retry(ValueError("x")) is False


def test_calls_are_kept_apart_by_the_rate() -> None:
    now, slept = [100.0], []
    pace = Pace(4, monotonic=lambda: now[0], sleep=lambda seconds: (slept.append(seconds), now.__setitem__(0, now[0] + seconds)))

    for _ in range(3):
        pace.wait()

    assert slept == [0.25, 0.25]


@pytest.mark.parametrize(("one", "other", "same"), [
    ("https://a.example/x", "https://a.example/y", True), ("https://a.example", "http://a.example", True),
    ("http://a.example", "https://a.example", False), ("https://a.example", "https://b.a.example", False),
    ("http://a.example:1", "http://a.example:2", False),
])
def test_the_same_host_is_scheme_host_and_port(one, other, same) -> None:
    assert is_same_host(one, other) is same


def test_of_each_who_was_asked_the_pages_say_once_where_the_answer_ends_also_of_a_pull_that_went_on(serve, tmp_path) -> None:
    def answer(asked: Asked) -> object:
        return [{"id": n} for n in range(150)] if asked.path == "/v1/shops" else [{"id": 1}] if asked.path == "/v1/shops/7" else (404, {}, {})

    url, _ = serve(answer)
    each = {"request": {"path": "shops"}, "mark": "shop"}
    stream = {"key": ["shop", "id"], "mode": "snapshot_each", "fields": {"shop": "id", "id": "id"},
              "request": {"path": "shops/${each}", "missing_is_empty": True, "for_each": each}}
    source = declare_source("api", {"kind": "rest", "url": url, "streams": {"rows": stream}}, at=Surroundings(folder=tmp_path))
    pull = partial(source.pull, source.streams[0], cursor=None, clock=FixedClock(NOW))

    first = next(iter(pull(resume=None)))
    items = [json.loads(item) for page in [first, *pull(resume=first.resume)] for item in page.items]

    assert [item["shop"] for item in items if WHOLE in item] == list(range(150))
    assert [n for n, item in enumerate(items) if WHOLE not in item] == [7]
    assert items[8] == {"shop": 7, WHOLE: True}


@pytest.mark.parametrize(("words", "message"), [
    ({"request": {"path": "rows"}}, "needs a `for_each`"),
    ({"request": {"path": "rows", "since": {"field": "at", "param": "s"}, "for_each": {"request": {"path": "shops"}, "mark": "shop"}}}, "without `since`"),
    ({"request": {"path": "rows", "for_each": {"request": {"path": "shops"}, "mark": "store"}}}, "whose an answer is"),
    ({"key": ["line", "id"], "request": {"path": "rows"}}, "begins with a field"),
])
def test_answers_that_cannot_be_told_to_be_the_whole_of_somebody_are_refused_in_the_declaration(tmp_path, words, message) -> None:
    stream = {"key": ["shop", "id"], "mode": "snapshot_each", "fields": {"shop": "id", "id": "id"}, **words}

    with pytest.raises(DeclarationError, match=message):
        declare_source("api", {"kind": "rest", "url": "http://127.0.0.1:9/", "streams": {"rows": stream}}, at=Surroundings(folder=tmp_path))


@pytest.mark.parametrize(("request_", "words", "message"), [
    ({"paging": {"style": "pages"}}, {}, "did you mean 'page'"),
    ({"paging": {"style": "cursor", "param": "c"}}, {}, "needs `from:`"),
    ({"paging": {"style": "offset"}}, {}, "needs `param:`"),
    ({"since": {"field": "at"}}, {}, "needs `field:` and `param:`"),
    ({"pagging": {}}, {}, "did you mean 'paging'"),
    ({"method": "PUT"}, {}, "GET or POST"),
    ({}, {"rate": "fast"}, "10 per second"),
    ({}, {"auth": {"type": "bearr", "token": "x"}}, "did you mean 'bearer'"),
    ({}, {"auth": {"type": "basic", "username": "x"}}, "needs 'password'"),
    ({}, {"timeout": "soon"}, "not a length of time"),
])
def test_a_typo_in_a_declaration_is_told_before_anything_is_asked(rest, request_, words, message) -> None:
    with pytest.raises(DeclarationError, match=message):
        rest("http://127.0.0.1:9/", request_, **words)
