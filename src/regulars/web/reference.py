"""The paths of the reference text-message system: campaigns, when they go, templates, imported contacts, opt-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from regulars.compat.ab_tests import ABTestingService, scheduling, templates
from regulars.compat.ab_tests.campaign import numbered
from regulars.compat.ab_tests.sending import send, take_events
from regulars.compat.result import Result, failure
from regulars.pipeline.workspace import Workspace
from regulars.web.api.workers import Workers
from regulars.web.reference_contacts import contact_routes
from regulars.web.reference_route import reference_route
from regulars.web.reference_shops import shop_routes
from regulars.web.reference_texting import texting_routes

Said = Mapping[str, Any]


def reference_routes(workers: Workers) -> list[Route]:
    """Return every route of the reference that is answered here."""
    paths = [
        ("POST", "/ab-test", _created, 201), ("GET", "/scheduled", scheduling.scheduled, 200),
        ("GET", "/archived", scheduling.archived, 200), ("GET", "/calendar", scheduling.calendar, 200),
        ("POST", "/bulk-schedule", scheduling.bulk_schedule, 200), ("POST", f"{_ONE}/recipients", _recipients, 200),
        ("POST", f"{_ONE}/send", _sent, 200), ("GET", f"{_ONE}/ab-results", _results, 200),
        ("POST", f"{_ONE}/identify-winner", _winner, 200), ("GET", f"{_ONE}/stats", _stats, 200),
        ("GET", f"{_ONE}/analytics", _analytics, 200), ("POST", f"{_ONE}/schedule", scheduling.set_schedule, 200),
        ("PUT", f"{_ONE}/schedule", scheduling.set_schedule, 200),
        ("GET", f"{_ONE}/schedule", scheduling.told_schedule, 200),
        ("DELETE", f"{_ONE}/schedule", scheduling.cancel, 200),
        ("GET", f"{_ONE}/schedule-info", scheduling.told_schedule, 200),
        ("POST", f"{_ONE}/recurring", scheduling.set_recurring, 200),
        ("POST", f"{_ONE}/cancel-schedule", scheduling.cancel, 200),
        ("POST", f"{_ONE}/duplicate", scheduling.duplicate, 201), ("POST", f"{_ONE}/archive", scheduling.archive, 200),
        ("POST", f"{_ONE}/unarchive", scheduling.unarchive, 200),
    ]
    one = "/api/templates/{template_id}"
    kept = [
        ("POST", "/api/templates", templates.create, 201), ("GET", "/api/templates", templates.listed, 200),
        ("GET", one, templates.get, 200), ("PUT", one, templates.update, 200), ("DELETE", one, templates.remove, 200),
        ("POST", f"{one}/preview", templates.preview, 200), ("POST", f"{one}/approve", templates.approve, 200),
        ("POST", f"{one}/activate", templates.activate, 200), ("POST", f"{one}/clone", templates.clone, 201),
        ("GET", f"{one}/versions", templates.versions, 200), ("GET", f"{one}/statistics", templates.statistics, 200),
    ]
    return [
        *(reference_route(workers, how, f"/api/campaigns{path}", act, status=code) for how, path, act, code in paths),
        *(reference_route(workers, how, path, act, status=code) for how, path, act, code in kept),
        reference_route(workers, "GET", "/api/timezones", scheduling.timezones), *contact_routes(workers),
        *texting_routes(workers), *shop_routes(workers),
    ]


_ONE = "/{campaign_id}"


def _created(_: Workspace, service: ABTestingService, __: str, said: Said) -> Result[dict[str, Any]]:
    made = service.create_ab_campaign(said)
    return made.map(lambda told: {"campaign_id": told["id"], "id": told["id"], "campaign": told})


def _recipients(_: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[dict[str, Any]]:
    contacts = said.get("contact_ids")
    if not isinstance(contacts, list) or not contacts:
        return failure("contact_ids is required", code="MISSING_CONTACT_IDS")
    return service.add_recipients(campaign, contacts)


def _sent(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    return send(workspace, service, campaign)


def _results(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.get_campaign_ab_summary(campaign).map(lambda told: {"campaign_id": campaign, "results": told})


def _winner(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    threshold = said.get("confidence_threshold")
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        return failure("confidence_threshold must be a number between 0.5 and 1", code="INVALID_THRESHOLD")
    return service.identify_winner(campaign, threshold)


def _stats(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.get_campaign_ab_summary(campaign).map(lambda told: {"campaign_id": campaign, "stats": told})


def _analytics(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.generate_ab_test_report(campaign).map(lambda told: {"analytics": told})


def _take(workspace: Workspace, service: ABTestingService, campaign: str) -> None:
    """Take the newest events in, so that results are as of now."""
    number = numbered(campaign)
    if number is not None and service.store.campaign(number) is not None:
        take_events(workspace, service, number)
