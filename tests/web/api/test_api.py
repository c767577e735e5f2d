"""What single routes promise: pages, searches, changes made once, keys that end, logs that say nothing of anybody."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog
from api_server import ADDRESSES, PEOPLE, Served, opened, running, serving

from regulars.pipeline.find import months_of
from regulars.pipeline.own import profile_keys
from regulars.pipeline.timeline import timeline
from regulars.storage.book.tables import api_answers
from regulars.web.api.route import ROOT
from regulars.web.rate import Rates

RULING = {"left": "desk/7", "right": "desk/8", "verdict": "same", "reason": "they said so"}


def _get(served: Served, path: str, *, scope: str = "read", **query: object) -> dict[str, object]:
    answer = served.client.get(ROOT + path, headers=served.headers(scope), params={k: str(v) for k, v in query.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def _all(served: Served, path: str, *, limit: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    cursor: object = None
    while True:
        page = _get(served, path, limit=limit, **({} if cursor is None else {"cursor": cursor}))
        items = page["items"]
        assert isinstance(items, list)
        assert len(items) <= limit
        found += items
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("path", ["/customers", "/segments/regular/members", "/customers/{customer_id}/timeline"])
def test_pages_of_any_size_are_the_whole_list(served: Served, path: str) -> None:
    whole = _all(served, served.path(path), limit=500)

    assert len(whole) > 1
    for limit in (1, 7):
        assert _all(served, served.path(path), limit=limit) == whole


def test_a_cursor_of_another_list_is_refused(served: Served) -> None:
    """A customer's place reads like a run's: taken for one, it would answer that there are no more runs."""
    cursor = _get(served, "/customers", limit=1)["next"]

    answer = served.client.get(f"{ROOT}/runs", headers=served.headers(), params={"cursor": cursor})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:regulars:request-meaningless")


def test_every_customer_is_listed_once(served: Served) -> None:
    ids = [row["customer_id"] for row in _all(served, "/customers", limit=9)]

    assert ids == sorted(set(ids))
    assert len(ids) >= PEOPLE


def test_the_next_page_is_linked(served: Served) -> None:
    first = served.client.get(f"{ROOT}/customers.csv?limit=3", headers=served.headers())

    link = re.fullmatch(r'<(.+)>; rel="next"', first.headers["link"])
    assert link is not None
    second = served.client.get(link[1], headers=served.headers())
    assert second.status_code == 200
    assert set(first.text.splitlines()[1:]).isdisjoint(second.text.splitlines()[1:])


@pytest.mark.parametrize("text", ["Ann Lee", "ann lee", "desk/1", "(254) 867-5301"])
def test_a_customer_is_found_by_what_a_person_has_at_hand(served: Served, text: str) -> None:
    found = _get(served, "/customers", q=text)["items"]

    assert [row["customer_id"] for row in found] == [served.customer_id]  # type: ignore[attr-defined]  # a list


def test_filters_are_asked_at_once(served: Served) -> None:
    members = {row["customer_id"] for row in _all(served, "/segments/regular/members", limit=500)}

    found = _get(served, "/customers", segment="regular", seen_since="2026-01-04", limit=500)["items"]

    assert {row["customer_id"] for row in found} <= members  # type: ignore[attr-defined]
    assert _get(served, "/customers", segment="regular", seen_since="2030-01-01")["items"] == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "501"}, {"limit": "many"}, {"seen_since": "soon"}])
def test_a_parameter_that_cannot_be_meant_is_refused(served: Served, query: dict[str, str]) -> None:
    answer = served.client.get(f"{ROOT}/customers", headers=served.headers(), params=query)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:regulars:request-invalid")


def test_addresses_are_hidden_and_shown_only_to_an_admin_who_asks(served: Served) -> None:
    path = f"{ROOT}/customers/{served.customer_id}"

    hidden = served.client.get(path, headers=served.headers("admin"))
    refused = served.client.get(path, headers=served.headers("write"), params={"reveal": "true"})
    shown = served.client.get(path, headers=served.headers("admin"), params={"reveal": "true"})

    assert "ann@lee.example" not in hidden.text
    assert refused.status_code == 403
    assert shown.json()["customer"]["email"] == "ann@lee.example"


def test_a_ratio_by_day_is_its_two_metrics_divided(served: Served) -> None:
    days = {"first": "2025-12-28", "last": "2026-01-05"}
    visits, visitors, each = (
        {row["day"]: row["value"] for row in _get(served, f"/metrics/{name}/days", **days)["items"]}  # type: ignore[attr-defined]
        for name in ("visits", "visitors", "visits_each")
    )

    assert each == {day: visits[day] / visitors[day] for day in visitors}
    assert each


# --- changes -----------------------------------------------------------------------------------------------------


def _rule(served: Served, key: str | None, body: object = RULING) -> tuple[int, dict[str, str]]:
    headers = served.headers("write") | ({} if key is None else {"Idempotency-Key": key})
    answer = served.client.post(f"{ROOT}/review/rulings", json=body, headers=headers)
    return answer.status_code, answer.json()


def test_the_same_request_again_changes_nothing_and_hears_the_same(served: Served) -> None:
    key, before = uuid4().hex, len(_get(served, "/review/rulings")["items"])  # type: ignore[arg-type]

    first, second = _rule(served, key), _rule(served, key)

    assert first == second
    assert first[0] == 201
    assert len(_get(served, "/review/rulings")["items"]) == before + 1  # type: ignore[arg-type]


def test_the_same_key_with_another_body_is_refused(served: Served) -> None:
    key = uuid4().hex
    _rule(served, key)

    status, said = _rule(served, key, {**RULING, "verdict": "different"})

    assert (status, said["type"]) == (422, "urn:regulars:request-repeated")


def test_a_request_that_was_refused_may_be_sent_again(served: Served) -> None:
    key = uuid4().hex

    refused = _rule(served, key, {**RULING, "left": "desk/nobody"})

    assert refused[0] == 404
    assert _rule(served, key)[0] == 201


def test_a_ruling_on_one_profile_with_itself_is_refused(served: Served) -> None:
    status, said = _rule(served, None, {**RULING, "left": RULING["right"]})

    assert (status, "one profile, not two" in said["detail"]) == (422, True)


def test_a_request_that_was_cut_off_is_not_done_again(served: Served) -> None:
    key = uuid4().hex
    _rule(served, key)
    workspace = opened(served.folder)
    with workspace.book.database.writing() as connection:
        mine = api_answers.c.idempotency_key == key
        connection.execute(sa.update(api_answers).where(mine).values(status=None, body=None))
    workspace.close()
    before = len(_get(served, "/review/rulings")["items"])  # type: ignore[arg-type]

    status, said = _rule(served, key)

    assert (status, said["type"]) == (409, "urn:regulars:request-unfinished")
    assert len(_get(served, "/review/rulings")["items"]) == before  # type: ignore[arg-type]


def test_a_ruling_is_taken_back_and_stays_in_the_history(served: Served) -> None:
    ruling_id = _rule(served, None)[1]["ruling_id"]

    answer = served.client.post(f"{ROOT}/review/rulings/{ruling_id}/undo", headers=served.headers("write"))

    assert answer.status_code == 201
    assert answer.json()["revoked_at"] is not None
    assert ruling_id in [row["ruling_id"] for row in _get(served, "/review/rulings")["items"]]  # type: ignore[attr-defined]


def test_every_change_stands_in_the_audit(served: Served) -> None:
    ruling_id = _rule(served, None)[1]["ruling_id"]
    served.client.post(f"{ROOT}/review/rulings/{ruling_id}/undo", headers=served.headers("write"))

    lines = [row for row in _get(served, "/audit", scope="admin")["items"] if row["subject"] == ruling_id]  # type: ignore[attr-defined]

    assert [line["what"] for line in lines] == ["ruling.undo", "ruling.add"]
    assert lines[0]["before"] != lines[0]["after"]
    assert {line["by"].partition("-")[0] for line in lines} == {"key:write"}


def test_a_decision_needs_a_reason_and_keeps_who_took_it(served: Served) -> None:
    path = f"{ROOT}/experiments/greeting/decisions"

    refused = served.client.post(path, headers=served.headers("write"), json={"kind": "stopped", "reason": ""})
    taken = served.client.post(path, headers=served.headers("write"), json={"kind": "stopped", "reason": "rain"})

    assert refused.status_code == 422
    assert (taken.status_code, taken.json()["reason"]) == (201, "rain")
    assert taken.json()["by"].startswith("key:write-")


# --- the door ----------------------------------------------------------------------------------------------------


def test_a_key_may_ask_so_often_and_is_told_how_often(business: Path) -> None:
    with serving(business / "default", rates=Rates(rate=0.001, clock=time.monotonic)) as served:
        answers = [served.client.get(f"{ROOT}/runs", headers=served.headers("read")) for _ in range(2)]
        other = served.client.get(f"{ROOT}/runs", headers=served.headers("write"))

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["ratelimit-remaining"] == "0"
    assert int(answers[1].headers["retry-after"]) > 900
    assert other.status_code == 200


def test_a_request_has_the_id_it_came_with_or_one_of_ours(served: Served) -> None:
    mine = uuid4().hex

    answers = [served.client.get(f"{ROOT}/health", headers={"X-Request-Id": said}) for said in (mine, "ann@lee.example")]

    assert answers[0].headers["x-request-id"] == mine
    assert re.fullmatch(r"[0-9a-f]{32}", answers[1].headers["x-request-id"])


def test_the_counts_are_what_was_asked(served: Served) -> None:
    def counted() -> int:
        text = served.client.get("/metrics", headers=served.headers("read")).text
        found = re.search(r'regulars_api_requests_total\{route="listMetrics",status="200"\} (\d+)', text)
        return int(found[1]) if found else 0

    before = counted()
    for _ in range(3):
        _get(served, "/metrics")

    assert counted() == before + 3
    assert served.client.get("/metrics").status_code == 401


def test_logs_say_nothing_of_anybody(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with _logged() as lines:
        for path in ("/customers?q=ann@lee.example", "/customers?q=%2B12548675302", "/customers/ann@lee.example",
                     f"/customers/{served.customer_id}?reveal=true", "/customers?limit=ann@lee.example"):
            served.client.get(ROOT + path, headers=served.headers("admin") | {"X-Request-Id": "ann@lee.example"})
        served.client.post(
            f"{ROOT}/review/rulings", headers=served.headers("write") | {"Idempotency-Key": "ann@lee.example"},
            json={**RULING, "left": "ann@lee.example"},
        )
        time.sleep(0.05)                     # the line is written after the answer is
    printed = "\n".join([*map(str, lines), *capsys.readouterr()])

    assert len(lines) >= 6
    for secret in (*ADDRESSES, *served.keys.values(), served.customer_id):
        assert secret not in printed


@contextmanager
def _logged() -> Iterator[list[dict[str, object]]]:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # mappings


def test_a_project_that_cannot_be_opened_is_not_ready_but_alive(tmp_path: Path) -> None:
    (tmp_path / "regulars.toml").write_text("[business]\n", encoding="utf-8")

    with running(lambda: opened(tmp_path), tmp_path) as client:
        answers = [client.get(f"{ROOT}/{path}") for path in ("health", "ready", "customers")]

    assert [answer.status_code for answer in answers] == [200, 503, 503]
    assert answers[1].json()["is_retryable"] is True


def test_a_file_that_changes_is_read_again_and_a_mistake_changes_nothing(business: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(business / "default", tmp_path / "desk"))
    file = folder / "segments" / "late.yaml"
    good = (folder / "segments" / "regular.yaml").read_text(encoding="utf-8")

    with serving(folder) as served:
        found = []
        for text in (good, "when: nonsense\n"):
            file.write_text(text, encoding="utf-8")
            time.sleep(1.05)                 # files are looked at once a second
            found.append([row["segment"] for row in _get(served, "/segments")["items"]])  # type: ignore[attr-defined]

    assert found == [["late", "regular"], ["late", "regular"]]


# --- the timeline ------------------------------------------------------------------------------------------------


def test_a_timeline_looked_for_in_the_customers_months_is_the_whole_one(business: Path) -> None:
    workspace = opened(business / "default")
    try:
        for row in workspace.rows(workspace.table("customers").limit(12)):
            profiles = profile_keys(workspace, row["customer_id"])
            whole = timeline(workspace, row["customer_id"], profiles, limit=100)
            own = timeline(workspace, row["customer_id"], profiles, limit=100, months=months_of(row))
            assert own == whole
    finally:
        workspace.close()


# --- flags, exposures, consent, what was set aside ---------------------------------------------------------------


def test_a_flag_says_what_it_is_worth_and_which_experiments_decide_it(served: Served) -> None:
    flags = {row["flag"]: row for row in _get(served, "/flags")["items"]}  # type: ignore[attr-defined]

    assert flags["banner"]["experiments"] == ["banner_2026_01"]
    assert (flags["hours"]["type"], flags["hours"]["default"], flags["hours"]["experiments"]) == ("boolean", False, [])
    assert flags["hours"]["requires"] == ["banner"]


def test_exposures_are_listed_by_unit_on_pages_of_any_size(served: Served) -> None:
    workspace = opened(served.folder)
    kept = workspace.book.experiments.exposures("greeting").to_pylist()
    workspace.close()

    whole = _all(served, "/experiments/greeting/exposures", limit=500)

    assert len(kept) > 10
    assert [(row["unit"], row["variant"]) for row in whole] == [(row["unit"], row["variant"]) for row in kept]
    assert _all(served, "/experiments/greeting/exposures", limit=7) == whole


def _permitted(served: Served, purpose: str) -> dict[str, object]:
    rows = _get(served, f"/customers/{served.customer_id}/consent")["items"]
    return next(row for row in rows if (row["channel"], row["purpose"]) == ("email", purpose))  # type: ignore[attr-defined]


def test_consent_that_is_written_down_counts_at_once(served: Served) -> None:
    said = {"address": "Ann@Lee.example", "method": "web_form", "source": "web:/join"}
    granted = served.client.post(
        f"{ROOT}/consent", headers=served.headers("write"), json=said | {"action": "grant", "evidence": "form 7", "at": "2026-01-02T10:00:00Z"}
    )
    before = _permitted(served, "marketing")
    revoked = served.client.post(
        f"{ROOT}/consent", headers=served.headers("write"), json=said | {"action": "revoke", "purpose": "any"}
    )

    assert (granted.status_code, revoked.status_code) == (201, 201)
    assert before["allowed"] is True
    assert _permitted(served, "marketing")["allowed"] is False
    lines = {row["subject"]: row for row in _get(served, "/audit", scope="admin")["items"]}  # type: ignore[attr-defined]
    assert lines[revoked.json()["entry_id"]]["what"] == "consent.add"


def test_the_same_consent_twice_is_one_entry(served: Served) -> None:
    said = {"address": "ben@ray.example", "action": "grant", "evidence": "form 8", "at": "2026-01-02T10:00:00Z"}

    first, second = (served.client.post(f"{ROOT}/consent", headers=served.headers("write"), json=said).json() for _ in range(2))

    assert (first["is_new"], second["is_new"]) == (True, False)
    assert first["entry_id"] == second["entry_id"]


@pytest.mark.parametrize("said", [
    {"address": "nobody", "action": "revoke"}, {"address": "ann@lee.example", "action": "grant", "purpose": "any"},
    {"address": "ann@lee.example", "action": "grant", "at": "2026-01-05T22:00:01Z"},
    {"address": "ann@lee.example", "action": "grant", "channel": "sms"},
])
def test_consent_that_means_nothing_is_refused_without_saying_whose_it_is(served: Served, said: dict[str, str]) -> None:
    answer = served.client.post(f"{ROOT}/consent", headers=served.headers("write"), json=said)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:regulars:request-meaningless")
    assert said["address"] not in answer.json()["detail"]


def test_whoever_is_suppressed_is_left_alone_and_what_is_no_address_is_told_by_its_place(served: Served) -> None:
    said = {"addresses": ["p3@desk.example", "nobody", "+1 254 867 5303"], "reason": "do not contact"}

    first, second = (
        served.client.post(f"{ROOT}/consent/suppressions", headers=served.headers("write"), json=said).json() for _ in range(2)
    )

    assert (first, second) == ({"suppressed": 2, "rejected": [1]}, {"suppressed": 0, "rejected": [1]})
    third = _get(served, "/customers", q="desk/3")["items"][0]["customer_id"]  # type: ignore[index]
    rows = _get(served, f"/customers/{third}/consent")["items"]
    assert {row["allowed"] for row in rows if row["channel"] == "email"} == {False}  # type: ignore[attr-defined]


def test_records_set_aside_are_shown_with_their_reason_and_nobodys_address(served: Served) -> None:
    held = _get(served, "/quarantine/not_timestamp")["items"]
    unknown = served.client.get(f"{ROOT}/quarantine/nothing", headers=served.headers())

    assert [(row["record_key"], row["field"], row["value"], row["is_posted"]) for row in held] == [("bad", "at", "no time", False)]  # type: ignore[attr-defined]
    assert unknown.status_code == 404


def test_a_path_where_nothing_is_is_a_problem_like_any_other(served: Served) -> None:
    mine = uuid4().hex

    answer = served.client.get(f"{ROOT}/custommers", headers={**served.headers(), "X-Request-Id": mine})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "urn:regulars:not-found"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == mine


@pytest.mark.parametrize(("path", "taken"), [("/customers", {"GET", "HEAD"}), ("/review/rulings", {"GET", "HEAD", "POST"})])
def test_a_method_that_a_path_does_not_take_hears_which_it_takes(served: Served, path: str, taken: set[str]) -> None:
    answer = served.client.delete(ROOT + path, headers=served.headers("admin"))

    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert set(answer.headers["allow"].split(", ")) == taken
    assert answer.json()["type"] == "urn:regulars:method-unknown"
