"""The reference's paths for people and their phones over HTTP: forms, contacts, conversations, todos, reconciliation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from api_server import NOW, given_up, lost, made, opened, running

from regulars.pipeline.access import new_key
from regulars.pipeline.flow import run
from regulars.storage.book.messages import Attempt, Settled
from regulars.storage.book.replies import KeptReply
from regulars.web.reference import reference_routes


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A business behind the reference's paths, and a key of each scope."""

    folder: Path
    client: httpx.Client
    keys: dict[str, str]

    def says(self, method: str, path: str, body: Any = None, *, status: int = 200, scope: str = "write") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys[scope]}"}
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        assert told["success"] == (status < 400)
        return told

    def contact(self, number: int) -> str:
        """Return the contact of a row of the desk's list."""
        found: str = self.says("GET", f"/api/contacts/{number}/messages")["contact_id"]
        return found


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("texting")
    made(folder / "desk", name="Desk", stores=folder, book=request.getfixturevalue("new_database")() if request.param == "postgres" else "")
    workspace = opened(folder / "desk")
    assert run(workspace).exit_code == 0
    keys = {scope: new_key(workspace.book, uuid4().hex, scope=scope, by="test", at=NOW)[1] for scope in ("read", "write", "admin")}  # type: ignore[arg-type]  # a scope
    workspace.close()
    with running(lambda: opened(folder / "desk"), folder / "desk", more=reference_routes) as client:
        yield Desk(folder=folder / "desk", client=client, keys=keys)


def _ab(desk: Desk, *contacts: str) -> int:
    number = int(desk.says("POST", "/campaigns", {
        "name": f"Winter {uuid4().hex[:6]}", "campaign_type": "ab_test", "audience_type": "customer", "channel": "sms",
        "template_a": "Hi", "template_b": "Hello", "ab_config": {"purpose": "transactional"},
    }, status=201)["campaign_id"])
    if contacts:
        desk.says("POST", f"/api/campaigns/{number}/recipients", {"contact_ids": list(contacts)})
    return number


# --- forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "error"), [
    ({"campaign_type": "loud"}, "Invalid campaign type"), ({"audience_type": "all"}, "Invalid audience type"),
    ({"channel": "fax"}, "Invalid channel"), ({"campaign_type": "ab_test", "template_a": "Hi"}, "template_b is required"),
    ({"campaign_type": "blast", "name": "x"}, "name and template_a are required"),
])
def test_a_form_that_cannot_be_a_campaign_is_refused_in_the_references_words(desk: Desk, said: dict[str, Any], error: str) -> None:
    assert desk.says("POST", "/campaigns", said, status=400)["error"].startswith(error)


def test_a_blast_of_a_form_is_declared_with_its_hours_and_daily_limit_and_started_and_paused(desk: Desk) -> None:
    key = {"Authorization": f"Bearer {desk.keys['write']}"}
    made_ = desk.client.post("/campaigns", headers=key, data={
        "name": "Spring news", "campaign_type": "blast", "audience_type": "mixed", "channel": "sms",
        "template_a": "Hi {first_name|friend}. Reply STOP to opt out", "daily_limit": "90", "business_hours_only": "on",
    })
    name = made_.json()["campaign_id"]
    declared = (desk.folder / "campaigns" / f"{name}.yaml").read_text(encoding="utf-8")

    until = time.monotonic() + 10            # what was declared is known to every part of the server a second later
    while desk.client.get(f"/campaigns/{name}", headers=key).status_code == 404 and time.monotonic() < until:
        time.sleep(0.1)
    states = [desk.says("POST", f"/campaigns/{name}/{verb}")["status"] for verb in ("start", "pause", "start")]

    assert (made_.status_code, name) == (201, "spring_news")
    assert "weekdays: 09:00-18:00" in declared
    assert "limit: 90" in declared
    assert states == ["running", "paused", "running"]
    assert desk.says("GET", f"/campaigns/{name}")["stats"]["total"] > 3
    assert name in [one["id"] for one in desk.says("GET", "/campaigns")["campaigns"]]


def test_an_ab_campaign_is_started_paused_and_its_members_are_told_by_status_and_variant(desk: Desk) -> None:
    ann, ben = desk.contact(1), desk.contact(2)
    number = _ab(desk, ann, ben)
    early = desk.says("POST", f"/campaigns/{number}/pause", status=409)

    started = desk.says("POST", f"/campaigns/{number}/start")
    paused = desk.says("POST", f"/campaigns/{number}/pause")
    on = desk.says("POST", f"/campaigns/{number}/start")
    _sent(desk, f"ab_test.{number}")
    rows = {row["contact_id"]: row for row in desk.says("GET", f"/campaigns/{number}/members")["members"]}

    assert early["error_code"] == "INVALID_TRANSITION"
    assert (started["status"], paused["status"], on["status"]) == ("running", "paused", "running")
    assert {rows[ann]["variant"], rows[ben]["variant"]} == {"A", "B"}
    assert sorted(row["status"] for row in rows.values()) == ["replied_positive", "sent"]
    for variant in "AB":
        mine = desk.says("GET", f"/campaigns/{number}/recipients?variant={variant}")["recipients"]
        assert [row["variant"] for row in mine] == [variant]
    assert len(desk.says("GET", f"/campaigns/{number}/recipients?status=sent")["recipients"]) == 1


def _sent(desk: Desk, campaign: str) -> None:
    """Let both messages of a campaign go, and one be answered."""
    workspace = opened(desk.folder)
    book = workspace.book
    one = book.campaigns.occurrences(campaign)[0]
    claimed = book.messages.claim(one.campaign_id, "w", now=NOW, lasts=timedelta(minutes=5), limit=9)
    book.messages.begin(one.campaign_id, "w", [Attempt(
        customer_id=each.customer_id, n=1, provider="http", sender="+12545550100", text="Hi", attempted_at=NOW,
    ) for each in claimed], at=NOW)
    book.messages.settle(one.campaign_id, [Settled(
        customer_id=each.customer_id, n=1, state="sent", outcome="accepted", provider_id=f"{campaign}-{each.customer_id}",
    ) for each in claimed], worker="w", at=NOW)
    book.replies.keep(KeptReply(
        provider="http", provider_id=uuid4().hex, address=claimed[0].address, ours="+12545550100", text="yes please",
        at=NOW + timedelta(minutes=1), status="none", mood="positive", intent="interested", campaign_id=one.campaign_id,
        customer_id=claimed[0].customer_id,
    ), at=NOW)
    workspace.close()


def test_lists_are_files_and_segments_and_an_import_is_told_of_like_a_task(desk: Desk) -> None:
    key = {"Authorization": f"Bearer {desk.keys['write']}"}
    answer = desk.client.post("/campaigns/import-csv", headers=key, data={"list_name": "expo"}, files={
        "csv_file": ("expo.csv", "first_name,phone\nAnn,(254) 867-5301\nCy,254-867-5398\n", "text/csv"),
    })
    task = answer.json()["task_id"]

    lists = {one["id"]: one for one in desk.says("GET", "/campaigns/lists")["lists"]}
    told = [desk.says("GET", path) for path in (f"/api/task-status/{task}", f"/campaigns/import-progress/{task}",
                                                f"/campaigns/import-status/{task}")]

    assert (answer.status_code, answer.json()["successful"]) == (201, 2)
    assert (lists["expo"]["is_dynamic"], lists["regular"]["is_dynamic"]) == (False, True)
    assert desk.says("GET", "/campaigns/lists/expo")["member_count"] == 2
    assert desk.says("POST", "/campaigns/lists/regular/refresh")["member_count"] == lists["regular"]["member_count"]
    assert [(one["state"], one["current"], one["total"], one["percent"]) for one in told] == [("SUCCESS", 2, 2, 100)] * 3
    assert desk.says("GET", "/api/task-status/nothing")["state"] == "PENDING"
    assert desk.says("GET", "/campaigns/lists/nothing", status=404)["error_code"] == "LIST_NOT_FOUND"
    assert desk.says("POST", "/campaigns/lists/new", {}, status=400)["error"].startswith("Import a list")


# --- contacts and conversations ------------------------------------------------------------------------------------


def test_an_audience_is_previewed_by_all_filters_together_and_every_reason_is_counted(desk: Desk) -> None:
    everybody = desk.says("POST", "/api/campaigns/preview-audience", {})
    desk.says("POST", f"/contacts/{desk.contact(2)}/flag", {"flag_type": "do_not_contact", "flag_reason": "asked"})
    some = desk.says("POST", "/api/campaigns/preview-audience", {"filters": {"has_name_only": True, "exclude_do_not_contact": True}})
    desk.says("POST", f"/contacts/{desk.contact(2)}/unflag", {"flag_type": "do_not_contact"})
    back = desk.says("POST", "/api/campaigns/preview-audience", {"has_name_only": True, "exclude_do_not_contact": True})

    whole = everybody["total"] + everybody["excluded"]["no phone number"]
    assert [one["total"] + sum(one["excluded"].values()) for one in (everybody, some, back)] == [whole] * 3
    assert (set(everybody["excluded"]), everybody["audience_size"]) == ({"no phone number"}, everybody["total"])
    # Ben, by his flag; who has his number in the shop has no name there.
    assert {**some["excluded"], **everybody["excluded"]} == {**everybody["excluded"], "do not contact": 1, "no name": 1}
    assert set(back["excluded"]) == {"no phone number", "no name"}
    assert desk.says("POST", "/api/campaigns/preview-audience", {"min_days_since_contact": "x"}, status=400)["error"]


def test_contacts_are_listed_and_found_page_by_page(desk: Desk) -> None:
    first, second = (desk.says("GET", f"/api/contacts?per_page=20&page={page}") for page in (1, 2))
    found = desk.says("GET", "/api/contacts?search=ann lee")

    ids = [one["id"] for page in (first, second) for one in page["contacts"]]
    assert len(set(ids)) == len(ids) == 40
    assert (first["total_pages"], first["per_page"]) == (-(-first["total"] // 20), 20)
    assert [(one["first_name"], one["last_name"], one["phone"]) for one in found["contacts"]] == [("Ann", "Lee", "+12548675301")]
    assert desk.says("GET", "/api/contacts?page=0", status=400)["error_code"] == "INVALID_PAGE"


def test_a_text_from_the_desk_is_queued_once_told_in_its_conversation_and_kept_from_who_opted_out(desk: Desk) -> None:
    ann = desk.contact(1)
    path = f"/contacts/{ann}/send-message"
    for _ in range(2):
        desk.says("POST", path, {"message": "See you at six", "idempotency_key": "k1"})

    told = [one for one in desk.says("GET", f"/api/contacts/{ann}/messages")["messages"] if one["campaign_id"] == "answers to replies"]
    desk.says("POST", f"/contacts/{ann}/flag", {"flag_type": "opted_out", "flag_reason": "said so at the desk"})
    refused = desk.says("POST", path, {"message": "Hello"}, status=400)

    assert [(one["direction"], one["status"]) for one in told] == [("outgoing", "pending")]
    assert refused["error_code"] == "NOT_PERMITTED"
    assert desk.says("POST", f"/contacts/{ann}/unflag", {"flag_type": "opted_out"}, status=400)["error_code"] == "CONSENT_NEEDED"
    assert desk.says("POST", path, {"message": " "}, status=400)["error"].startswith("Message body is required")
    assert desk.says("POST", "/contacts/nobody/send-message", {"message": "x"}, status=404)["error_code"] == "CONTACT_NOT_FOUND"


def test_the_newest_conversations_come_first_with_what_was_said_last(desk: Desk) -> None:
    number = _ab(desk, desk.contact(2))
    desk.says("POST", f"/campaigns/{number}/start")
    _sent(desk, f"ab_test.{number}")

    told = desk.says("GET", "/api/messages/latest_conversations?limit=5")["conversations"]

    assert len({one["contact_id"] for one in told}) == len(told) > 0
    assert [one["last_activity_at"] for one in told] == sorted((one["last_activity_at"] for one in told), reverse=True)
    assert (told[0]["direction"], told[0]["last_message"]) == ("incoming", "yes please")


@pytest.mark.parametrize(("said", "code"), [
    ({"flag_type": "odd"}, "VALIDATION_ERROR"), ({"flag_type": "recently_texted"}, "INVALID_FLAG"),
    ({"flag_type": "do_not_contact", "applies_to": "fax"}, "VALIDATION_ERROR"),
])
def test_a_flag_that_cannot_be_meant_is_refused(desk: Desk, said: dict[str, Any], code: str) -> None:
    assert desk.says("POST", f"/contacts/{desk.contact(3)}/flag", said, status=400)["error_code"] == code


def test_many_contacts_are_flagged_exported_and_added_to_a_campaign_at_once(desk: Desk) -> None:
    ids = [desk.contact(number) for number in (4, 5)]
    number = _ab(desk)
    office = desk.says("POST", "/contacts/conversations/bulk-action", {"action": "flag_office", "conversation_ids": [*ids, "nobody"]})
    added = desk.says("POST", "/contacts/bulk-action", {"action": "add_to_campaign", "contact_ids": ids, "campaign_id": number})
    exported = desk.says("POST", "/contacts/conversations/bulk-action", {"action": "export", "conversation_ids": ids})
    read = desk.says("POST", "/contacts/conversations/bulk-action", {"action": "mark_read", "conversation_ids": ids})

    assert (office["processed"], office["failed"]) == (2, 1)
    assert added["recipients_added"] == 2
    assert sorted(one["id"] for one in exported["contacts"]) == sorted(ids)
    assert read["processed"] == 2
    assert desk.says("POST", "/contacts/bulk-action", {"action": "dance", "contact_ids": ids}, status=400)["error_code"] == "VALIDATION_ERROR"
    assert desk.says("POST", "/contacts/bulk-action", {"action": "export"}, status=400)["error_code"] == "MISSING_CONTACT_IDS"


# --- todos, health, reconciliation ---------------------------------------------------------------------------------


def test_a_todo_is_kept_changed_toggled_and_deleted(desk: Desk) -> None:
    todo = desk.says("POST", "/api/todos", {"title": "Call Ann", "priority": "high", "due_date": "2026-01-02"}, status=201)["todo"]
    path = f"/api/todos/{todo['id']}"
    later = desk.says("POST", "/api/todos", {"title": "Order chalk"}, status=201)["todo"]

    changed = desk.says("PUT", path, {"description": "before six"})["todo"]
    stats, board = desk.says("GET", "/api/todos/stats")["stats"], desk.says("GET", "/api/todos/dashboard")
    done = desk.says("POST", f"{path}/toggle")["todo"]

    assert (todo["priority"], todo["is_completed"], todo["due_date"]) == ("high", False, "2026-01-02")
    assert (changed["title"], changed["description"]) == ("Call Ann", "before six")
    assert (stats["total"], stats["overdue"], stats["by_priority"]) == (2, 1, {"high": 1, "medium": 1, "low": 0})
    assert [one["id"] for one in board["todos"]] == [todo["id"], later["id"]]
    assert (done["is_completed"], desk.says("GET", "/api/todos?completed=true")["total"]) == (True, 1)
    assert desk.says("DELETE", path)["todo_id"] == todo["id"]
    assert desk.says("GET", path, status=404)["error_code"] == "TODO_NOT_FOUND"
    assert desk.says("POST", "/api/todos", {"title": " "}, status=400)["error"] == "Title is required"
    assert desk.says("PUT", f"/api/todos/{later['id']}", {"priority": "huge"}, status=400)["error_code"] == "VALIDATION_ERROR"


def test_health_is_told_and_what_leaked_there_is_not_here(desk: Desk) -> None:
    assert desk.says("GET", "/api/health", scope="read")["status"] == "healthy"
    assert desk.says("GET", "/api/health/redis", scope="read")["redis"] == "not used"
    assert desk.client.get("/api/debug-session").status_code == 404


def test_reconciliation_hands_on_what_was_given_up_and_counts_what_nobody_knows_for_admins_alone(desk: Desk) -> None:
    workspace = opened(desk.folder)
    given_up(workspace, f"d-{uuid4().hex}")
    lost(workspace)
    workspace.close()
    before = desk.says("GET", "/admin/reconciliation/status", scope="admin")

    done = desk.says("POST", "/admin/reconciliation/run", {"hours_back": 48}, scope="admin")
    valid = desk.says("POST", "/admin/reconciliation/validate", scope="admin")

    assert before["webhooks_given_up"] == done["webhooks_replayed"] == done["webhooks_recovered"] == 1
    assert (done["messages_unknown"], done["messages_for_a_person"]) == (1, 1)
    assert (valid["is_valid"], valid["issues"]) == (True, [])
    assert desk.says("POST", "/admin/reconciliation/run", {"hours_back": 0}, status=400, scope="admin")["error_code"] == "VALIDATION_ERROR"
    assert desk.says("POST", "/admin/reconciliation/run", {}, status=403)["error"].startswith("This needs a key")


@pytest.mark.parametrize("path", ["/api/contacts", "/api/contacts/1/messages", "/api/messages/latest_conversations"])
def test_numbers_and_words_in_full_need_a_key_that_may_write(desk: Desk, path: str) -> None:
    desk.says("GET", path, status=403, scope="read")


def test_without_a_key_the_paths_of_pages_are_not_answered_here(desk: Desk) -> None:
    assert [desk.client.get(path).status_code for path in ("/campaigns", "/campaigns/1", "/campaigns/lists")] == [404] * 3
    assert desk.client.get("/api/todos").status_code == 401


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("GET", f"/api/todos/{'9' * 30}", None, 404), ("GET", "/api/todos/\u00b2", None, 404),
    ("GET", f"/api/contacts?page={'9' * 30}", None, 400), ("GET", "/api/contacts?per_page=\u00b2", None, 400),
    ("GET", "/api/messages/latest_conversations?limit=-1", None, 400),
    ("POST", "/api/campaigns/preview-audience", {"filters": {"min_days_since_contact": 10**9}}, 400),
    ("POST", "/api/campaigns/preview-audience", {"filters": {"has_email": ["odd"]}}, 200),
    ("POST", "/api/todos", {"title": "x" * 201}, 400), ("POST", "/api/todos", {"title": "x", "description": "y" * 5001}, 400),
])
def test_odd_numbers_and_long_texts_are_refused_and_nothing_is_cut_off(
    desk: Desk, method: str, path: str, body: Any, status: int
) -> None:
    before = desk.says("GET", "/api/todos")["total"]

    desk.says(method, path, body, status=status)

    assert desk.says("GET", "/api/todos")["total"] == before
