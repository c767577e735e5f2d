"""The paths of the reference system over HTTP: when campaigns go, copies, templates, lists, who opted out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from api_server import NOW, made, opened, running

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.scheduling import run_due
from regulars.consent.ledger import Entry
from regulars.pipeline.access import new_key
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.storage.book.message_list import Wanted
from regulars.web.reference import reference_routes


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A business behind the reference's paths."""

    folder: Path
    client: httpx.Client

    def says(self, method: str, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        assert told["success"] == (status < 400)
        return told

    def campaign(self, *contacts: int, text: str = "Hi {first_name}") -> int:
        """Make a campaign, give it contacts, and return its number."""
        made = self.says("POST", "/api/campaigns/ab-test", {
            "name": f"Winter {uuid4().hex[:6]}", "template_a": text, "template_b": "Hello {first_name|friend}",
            "ab_config": {"split_ratio": 50, "purpose": "transactional"},
        }, status=201)
        number = int(made["campaign_id"])
        if contacts:
            self.says("POST", f"/api/campaigns/{number}/recipients", {"contact_ids": list(contacts)})
        return number

    def due(self, *, hours: float) -> int:
        """Let whatever is due at a moment be sent; return how many campaigns that were."""
        workspace = open_workspace(self.folder, clock=FixedClock(NOW + timedelta(hours=hours)))
        done = run_due(workspace, ABTestingService.of(workspace.book, clock=workspace.clock))
        workspace.close()
        return done


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, business: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = business / "default"
    if request.param == "postgres":
        stores = tmp_path_factory.mktemp("postgres")
        folder = made(stores / "default", name="Desk", stores=stores, book=request.getfixturevalue("new_database")())
        workspace = opened(folder)
        assert run(workspace).exit_code == 0
        workspace.close()
    workspace = opened(folder)
    key = new_key(workspace.book, uuid4().hex, scope="write", by="test", at=NOW)[1]
    workspace.close()
    with running(lambda: opened(folder), folder, more=reference_routes) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield Desk(folder=folder, client=client)


def test_a_campaign_is_scheduled_told_and_cancelled(desk: Desk) -> None:
    number = desk.campaign()
    path = f"/api/campaigns/{number}/schedule"
    said = {"scheduled_at": "2026-01-06T14:00:00", "timezone": "America/New_York"}

    made = desk.says("POST", path, said)
    told = desk.says("GET", path)
    listed = [one["id"] for one in desk.says("GET", "/api/campaigns/scheduled")["campaigns"]]
    days = desk.says("GET", "/api/campaigns/calendar?start_date=2026-01-06&end_date=2026-01-06&timezone=UTC")["calendar"]
    cancelled = desk.says("POST", f"/api/campaigns/{number}/cancel-schedule")

    assert (made["campaign_id"], made["timezone"], made["scheduled_at"]) == (
        number, "America/New_York", "2026-01-06T19:00:00+00:00"
    )
    assert (told["is_scheduled"], told["is_recurring"], told["status"]) == (True, False, "scheduled")
    assert number in listed
    assert [one["id"] for one in days["2026-01-06"] if one["id"] == number] == [number]
    assert (cancelled["status"], desk.says("GET", path)["is_scheduled"]) == ("draft", False)


@pytest.mark.parametrize(("path", "said", "status", "error"), [
    ("schedule", {"scheduled_at": "2020-01-01T10:00", "timezone": "UTC"}, 400, "Cannot schedule campaign in the past"),
    ("schedule", {"scheduled_at": "2026-02-01T10:00", "timezone": "Mars/One"}, 400, "Invalid timezone"),
    ("schedule", {"scheduled_at": "9999-12-31T23:59", "timezone": "America/New_York"}, 400, "date value out of range"),
    ("schedule", {"scheduled_at": "0001-01-01T00:00+14:00", "timezone": "UTC"}, 400, "date value out of range"),
    ("schedule", {"scheduled_at": "soon"}, 400, "scheduled_at is required"),
    ("recurring", {"start_at": "2026-02-01T10:00", "recurrence_pattern": {}}, 400, "Recurrence pattern must include 'type'"),
    ("recurring", {"start_at": "2026-02-01T10:00", "recurrence_pattern": {"type": "yearly"}}, 400, "Recurrence type"),
    ("recurring", {"start_at": "2026-02-01T10:00", "recurrence_pattern": {"type": "daily", "end_date": "2020-01-01"}},
     400, "Recurrence end date cannot be in the past"),
    ("recurring", {"start_at": "2026-02-01T10:00", "recurrence_pattern": {"type": "daily", "interval": "2"}}, 400,
     "Recurrence interval is a whole number"),
    ("cancel-schedule", {}, 400, "Campaign is draft, not scheduled"),
])
def test_what_cannot_be_scheduled_is_refused_in_the_references_words(
    desk: Desk, path: str, said: dict[str, Any], status: int, error: str
) -> None:
    answer = desk.says("POST", f"/api/campaigns/{desk.campaign()}/{path}", said, status=status)

    assert answer["error"].startswith(error)


def test_an_unknown_campaign_is_not_found_whatever_is_asked(desk: Desk) -> None:
    for path in ("schedule", "recurring", "duplicate", "archive", "unarchive", "cancel-schedule"):
        said = {"recurrence_pattern": {"type": "daily"}} if path == "recurring" else {}
        assert desk.says("POST", f"/api/campaigns/99999/{path}", said, status=404)["error_code"] == "CAMPAIGN_NOT_FOUND"


def test_a_scheduled_campaign_is_sent_when_its_time_comes_and_once(desk: Desk) -> None:
    number = desk.campaign(1, 2)
    desk.says("PUT", f"/api/campaigns/{number}/schedule", {"scheduled_at": "2026-01-06T00:00:00", "timezone": "UTC"})

    assert [desk.due(hours=1), desk.due(hours=3), desk.due(hours=4)] == [0, 1, 0]

    workspace = opened(desk.folder)
    rows = workspace.book.message_list.page(Wanted(campaign=f"ab_test.{number}"), limit=9)
    workspace.close()
    assert [row.state for row in rows] == ["planned", "planned"]
    assert desk.says("GET", f"/api/campaigns/{number}/schedule-info")["status"] == "running"


def test_what_recurs_sends_a_copy_of_its_own_each_time_at_the_same_wall_time(desk: Desk) -> None:
    number = desk.campaign(1)
    made = desk.says("POST", f"/api/campaigns/{number}/recurring", {
        "start_at": "2026-01-06T10:00:00", "timezone": "America/Chicago", "recurrence_pattern": {"type": "daily", "interval": 1},
    })

    assert desk.due(hours=19) == 1                  # 11:00 in Chicago on the 6th
    assert desk.due(hours=19) == 0
    told = desk.says("GET", f"/api/campaigns/{number}/schedule")

    workspace = opened(desk.folder)
    copies = [one for one in workspace.book.ab_schedules.all() if one.parent == number]
    rows = workspace.book.message_list.page(Wanted(campaign=f"ab_test.{copies[0].number}"), limit=9)
    workspace.close()
    assert made["next_run_at"] == "2026-01-06T16:00:00+00:00"
    assert (told["is_recurring"], told["next_run_at"]) == (True, "2026-01-07T16:00:00+00:00")
    assert [one.starts_at for one in copies] == [datetime(2026, 1, 6, 16, tzinfo=UTC)]
    assert len(rows) == 1


def test_words_that_cannot_be_filled_in_keep_no_other_campaign_from_going(desk: Desk) -> None:
    wrong, right = desk.campaign(1, text="Hi {nosuchthing}"), desk.campaign(2)
    for number, hour in ((wrong, 1), (right, 2)):
        desk.says("POST", f"/api/campaigns/{number}/schedule", {"scheduled_at": f"2026-01-06T0{hour}:00", "timezone": "UTC"})

    desk.due(hours=6)

    status = {number: desk.says("GET", f"/api/campaigns/{number}/schedule-info")["status"] for number in (wrong, right)}
    refused = desk.says("POST", f"/api/campaigns/{wrong}/send", status=400)
    assert status == {wrong: "draft", right: "running"}
    assert (refused["error_code"], "nosuchthing" in refused["error"]) == ("INVALID_TEMPLATE", True)


def test_contacts_that_there_are_not_are_counted_among_those_who_get_nothing(desk: Desk) -> None:
    number = desk.campaign(1, 99999)

    told = desk.says("POST", f"/api/campaigns/{number}/send")

    assert (told["messages_queued"], told["messages_skipped"]) == (1, 1)
    assert told["skipped"] == [{"reason": "no such contact, or one person twice", "contacts": 1}]


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000])
def test_a_number_that_no_campaign_can_have_is_not_found(desk: Desk, number: str) -> None:
    assert desk.says("GET", f"/api/campaigns/{number}/ab-results", status=404)["error_code"] == "CAMPAIGN_NOT_FOUND"
    assert desk.says("GET", f"/api/templates/{number}", status=404)["error_code"] == "TEMPLATE_NOT_FOUND"
    assert desk.says("POST", f"/api/campaigns/{desk.campaign()}/recipients", {"contact_ids": [number]})["recipients_added"] == 1


def test_a_body_that_is_too_large_is_refused_however_it_comes(desk: Desk) -> None:
    said = ('{"name": "' + "x" * 1_000_000 + '"}').encode()
    whole, pieces = said, iter([said[:600_000], said[600_000:]])

    for body in (whole, pieces):
        answer = desk.client.post("/api/campaigns/ab-test", content=body, headers={"Content-Type": "application/json"})

        assert (answer.status_code, answer.json()["error"]) == (400, "The body is larger than 1,000,000 bytes")


def test_what_ends_before_it_begins_is_never_scheduled(desk: Desk) -> None:
    number = desk.campaign(1)
    said = {"start_at": "2026-01-08T23:30:00", "timezone": "America/Chicago"}

    refused = desk.says("POST", f"/api/campaigns/{number}/recurring", {
        **said, "recurrence_pattern": {"type": "daily", "end_date": "2026-01-07"},
    }, status=400)
    taken = desk.says("POST", f"/api/campaigns/{number}/recurring", {
        **said, "recurrence_pattern": {"type": "daily", "end_date": "2026-01-08"},
    })

    assert refused["error"] == "Recurrence end date cannot be before the start"
    assert taken["next_run_at"] == "2026-01-09T05:30:00+00:00"


@pytest.mark.parametrize("body", ['{"name":' * 9_000, '{"name":' + "[" * 100 + "]" * 100 + "}"])
@pytest.mark.parametrize("path", ["/api/campaigns/ab-test", "/api/contacts/import"])
def test_a_body_that_is_nested_too_deep_is_refused(desk: Desk, path: str, body: str) -> None:
    answer = desk.client.post(path, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"][:14]) == (400, "The body is no")


def test_a_list_that_is_too_large_is_refused_however_it_comes(desk: Desk) -> None:
    pieces = (b"x" * 1_000_000 for _ in range(17))

    answer = desk.client.post("/api/contacts/import", content=pieces, headers={"Content-Type": "text/csv"})

    assert (answer.status_code, answer.json()["error"]) == (400, "The list is larger than 16 MB")


def test_of_all_runs_that_were_missed_one_is_made_up_for(desk: Desk) -> None:
    number = desk.campaign(1)
    desk.says("POST", f"/api/campaigns/{number}/recurring", {
        "start_at": "2026-01-06T10:00:00", "timezone": "UTC", "recurrence_pattern": {"type": "daily"},
    })

    for _ in range(3):
        desk.due(hours=24 * 5)

    workspace = opened(desk.folder)
    copies = [one.starts_at for one in workspace.book.ab_schedules.all() if one.parent == number]
    workspace.close()
    assert copies == [datetime(2026, 1, 6, 10, tzinfo=UTC)]
    assert desk.says("GET", f"/api/campaigns/{number}/schedule")["next_run_at"] == "2026-01-11T10:00:00+00:00"


def test_a_copy_has_its_parent_and_what_is_archived_comes_back(desk: Desk) -> None:
    number = desk.campaign()
    copy = desk.says("POST", f"/api/campaigns/{number}/duplicate", {
        "name": "Winter again", "scheduled_at": "2026-02-01T10:00:00", "timezone": "UTC",
    }, status=201)["campaign_id"]

    put_away = desk.says("POST", f"/api/campaigns/{number}/archive", {"reason": "over"})
    listed = {one["id"]: one for one in desk.says("GET", "/api/campaigns/archived?start_date=2026-01-01")["campaigns"]}
    back = desk.says("POST", f"/api/campaigns/{number}/unarchive")
    bulk = desk.says("POST", "/api/campaigns/bulk-schedule", {
        "campaign_ids": [number, 99999], "scheduled_at": "2026-02-02T10:00:00", "timezone": "UTC",
    })

    assert copy != number
    scheduled = {one["id"]: one for one in desk.says("GET", "/api/campaigns/scheduled")["campaigns"]}
    assert (scheduled[copy]["parent_campaign_id"], scheduled[copy]["name"]) == (number, "Winter again")
    assert (put_away["archived"], listed[number]["archive_reason"], back["archived"]) == (True, "over", False)
    assert (bulk["campaigns_scheduled"], [one["campaign_id"] for one in bulk["failed_campaigns"]]) == (1, ["99999"])
    assert len(desk.says("GET", "/api/timezones")["timezones"]) == 8


def test_nothing_is_left_of_a_copy_that_cannot_go_when_it_should(desk: Desk) -> None:
    number = desk.campaign()

    desk.says("POST", f"/api/campaigns/{number}/duplicate", {"scheduled_at": "2020-01-01T10:00", "timezone": "UTC"}, status=400)
    desk.says("POST", f"/api/campaigns/{number}/duplicate", {"scheduled_at": "2026-02-01T10:00", "timezone": "Mars/One"}, status=400)

    workspace = opened(desk.folder)
    assert [one for one in workspace.book.ab_schedules.all() if one.parent == number] == []
    workspace.close()


def test_a_template_is_approved_before_it_is_used_and_anew_after_a_change(desk: Desk) -> None:
    made = desk.says("POST", "/api/templates", {
        "name": "Spring", "content": "Hi {first_name|friend}, come to {city}", "category": "promotional",
    }, status=201)["template"]
    path = f"/api/templates/{made['id']}"
    too_soon = desk.says("POST", f"{path}/activate", status=400)

    approved = desk.says("POST", f"{path}/approve")["template"]
    active = desk.says("POST", f"{path}/activate")["template"]
    shown = desk.says("POST", f"{path}/preview", {"contact_id": 1, "custom_values": {"city": "Waco"}})
    lacking = desk.says("POST", f"{path}/preview", {"contact_id": 1})
    changed = desk.says("PUT", path, {"content": "Hello again {first_name|friend}"})["template"]
    copy = desk.says("POST", f"{path}/clone", {"name": "Spring two"}, status=201)["template"]

    assert (made["status"], made["version"], made["variables"]) == ("draft", 1, ["city", "first_name"])
    assert "has to be approved" in too_soon["error"]
    assert (approved["status"], approved["approved_by"].startswith("key:"), active["is_active"]) == ("approved", True, True)
    assert (shown["preview"], shown["missing_variables"]) == ("Hi Ann, come to Waco", [])
    assert (lacking["preview"], lacking["missing_variables"]) == (None, ["city"])
    assert (changed["status"], changed["version"]) == ("draft", 2)
    assert [one["version"] for one in desk.says("GET", f"{path}/versions")["versions"]] == [2, 1]
    assert (copy["parent_id"], copy["status"]) == (made["id"], "draft")
    listed = desk.says("GET", "/api/templates?search=spring&per_page=1")
    assert (listed["total"], listed["total_pages"], len(listed["items"])) == (2, 2, 1)
    assert desk.says("GET", "/api/templates?per_page=1000000")["per_page"] == 500
    assert desk.says("DELETE", path)["template"]["status"] == "archived"
    assert desk.says("GET", f"/api/templates/{copy['id']}")["template"]["status"] == "draft"
    assert desk.says("GET", f"{path}/statistics")["statistics"]["usage_count"] == 0


@pytest.mark.parametrize("said", [
    {"content": "Hi"}, {"name": "x", "content": " "}, {"name": "x", "content": "Hi {frist_name}"},
    {"name": "x", "content": "Hi", "category": "loud"}, {"name": "x", "content": "{% if %}"},
])
def test_a_template_that_could_not_be_filled_in_is_refused(desk: Desk, said: dict[str, Any]) -> None:
    assert desk.says("POST", "/api/templates", said, status=400)["error_code"] == "VALIDATION_ERROR"


def test_a_list_is_imported_once_with_what_became_of_every_row(desk: Desk) -> None:
    text = "first_name,phone\nAnn,(254) 867-5301\nCy,254-867-5399\nCy,254-867-5399\nDi,nothing\n"
    said = {"csv_data": text, "list_name": "fair"}

    first = desk.says("POST", "/api/contacts/import", said, status=201)
    again = desk.says("POST", "/api/contacts/import", said, status=201)
    other = desk.says("POST", "/api/contacts/import", {**said, "csv_data": "phone\n2548675303\n"}, status=400)

    assert (first["total_rows"], first["successful"], first["failed"], first["duplicates"]) == (4, 2, 1, 1)
    assert (len(first["contacts_created"]), len(first["errors"])) == (1, 1)
    assert (again["successful"], again["contacts_created"], again["import_id"]) == (0, [], first["import_id"])
    assert other["error_code"] == "DUPLICATE_NAME"
    assert (desk.folder / "lists/fair.csv").is_file()


def test_who_opted_out_is_told_with_the_word_and_nothing_runs_in_a_spreadsheet(desk: Desk) -> None:
    workspace = opened(desk.folder)
    address = address_of(workspace, "+12548675388")
    record(workspace, address, Entry(
        address_hash=address.hashed or "", channel="sms", purpose="any", action="revoke", method="reply",
        at=NOW - timedelta(days=2), source="texts", wording="=STOP", evidence="m1",
    ))
    workspace.close()

    told = desk.says("GET", "/opt-out-report")
    exported = desk.client.get("/opt-out-report/export")

    rows = list(csv.DictReader(io.StringIO(exported.text)))
    mine = next(row for row in rows if row["Phone Number"] == "+12548675388")
    assert exported.headers["content-type"].startswith("text/csv")
    assert list(mine) == ["Date/Time", "Contact ID", "Contact Name", "Phone Number", "Keyword Used", "Source"]
    assert (mine["Keyword Used"], mine["Source"], mine["Date/Time"]) == ("'=STOP", "texts", "2026-01-03 22:00:00")
    assert told["statistics"]["opt_outs_last_30_days"] >= 1
    assert httpx.get(f"{desk.client.base_url}/opt-out-report").status_code == 401
