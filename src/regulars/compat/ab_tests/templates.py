"""Templates of text messages kept here by a program: versions, approval, previews, in the fields of the reference."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from regulars.campaigns.approval import Decision, Refused, Standing, standing, take, version
from regulars.campaigns.declare import OF_MESSAGES
from regulars.campaigns.list_columns import FIELDS
from regulars.campaigns.template import Template, Unfilled, from_braces, parse, render
from regulars.check import did_you_mean
from regulars.compat.ab_tests.ab_testing import ABTestingService
from regulars.compat.ab_tests.sending import customers_of
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.number import whole_number
from regulars.errors import DeclarationError
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.text_templates import TextTemplate

Said = Mapping[str, Any]
Told = dict[str, Any]

AT_MOST = 500
"""Templates of one page, whatever is asked for."""

CATEGORIES = ("promotional", "reminder", "follow_up", "notification", "custom")
EXTRA = ("company", "property_address", "property_type", "property_value")
"""What texts of the reference speak of, beside what is known of customers and stands in lists."""


def create(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """Keep a template {name, content, category, description}."""
    if refused := _refusal(workspace, said, number=0):
        return refused
    return success({"template": _told(workspace, _saved(workspace, said, number=0))})


def listed(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """List templates: page, per_page, category, status, search."""
    try:
        page, per_page = (max(int(said.get(name, usual)), 1) for name, usual in (("page", 1), ("per_page", 20)))
    except ValueError:
        return failure("page and per_page are whole numbers", code="INVALID_PAGE")
    per_page = min(per_page, AT_MOST)
    found = [_told(workspace, one) for one in workspace.book.text_templates.latest()]
    for name in ("category", "status"):
        found = [one for one in found if said.get(name) in {None, "", one[name]}]
    search = str(said.get("search") or "").lower()
    found = [one for one in found if search in f"{one['name']} {one['content']}".lower()]
    return success({
        "items": found[(page - 1) * per_page:page * per_page], "total": len(found), "page": page, "per_page": per_page,
        "total_pages": math.ceil(len(found) / per_page),
    })


def get(workspace: Workspace, _: ABTestingService, template: str, __: Said) -> Result[Told]:
    """Return a template as it stands."""
    one = _latest(workspace, template)
    return _missing(template) if one is None else success({"template": _told(workspace, one)})


def update(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Save the next version of a template; what is not said stays. Other words are a draft again."""
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    whole = {"name": one.name, "content": one.content, **json.loads(one.about), **said}
    if refused := _refusal(workspace, whole, number=one.number):
        return refused
    return success({"template": _told(workspace, _saved(workspace, whole, number=one.number))})


def remove(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Archive a template: its versions are kept."""
    return _decided(workspace, template, said, "archive")


def approve(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Approve the newest version."""
    return _decided(workspace, template, said, "approve")


def activate(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Put the newest version into use; only if it was approved."""
    return _decided(workspace, template, said, "activate")


def clone(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Keep a copy under another {name}."""
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    whole = {"content": one.content, **json.loads(one.about), **said, "name": said.get("name") or f"{one.name} (copy)"}
    if refused := _refusal(workspace, whole, number=0):
        return refused
    made = _saved(workspace, {**whole, "parent_id": one.number}, number=0)
    return success({"template": _told(workspace, made)})


def versions(workspace: Workspace, _: ABTestingService, template: str, __: Said) -> Result[Told]:
    """List every version of a template, the newest first."""
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    found = workspace.book.text_templates.versions(one.number)
    return success({"versions": [_told(workspace, each) for each in found]})


def statistics(workspace: Workspace, service: ABTestingService, template: str, _: Said) -> Result[Told]:
    """Return how many campaigns say what a template says, and the last of them."""
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    used = [each for each in service.store.campaigns() if one.content in {each.template_a, each.template_b}]
    last = max((each.created_at for each in used), default=None)
    return success({"statistics": {
        "template_id": one.number, "usage_count": len(used), "version": one.version,
        "last_used_at": None if last is None else last.isoformat(),
    }})


def preview(workspace: Workspace, _: ABTestingService, template: str, said: Said) -> Result[Told]:
    """Fill a template in for a contact, with custom values before what is known: {contact_id, custom_values}."""
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    values: Told = {"business_name": workspace.project.config.business.name}
    if said.get("contact_id") is not None:
        known = customers_of(workspace, [str(said["contact_id"])])
        if not known.num_rows:
            return failure("Contact not found", code="CONTACT_NOT_FOUND")
        people = workspace.table("customers")
        row = workspace.rows(people.filter(people.customer_id == known["customer_id"][0].as_py()))[0]
        values |= {name: row.get(name) for name in _names(workspace)}
    custom = said.get("custom_values") or {}
    values |= custom if isinstance(custom, Mapping) else {}
    parsed = parse(_template(one), known=_names(workspace), wording=workspace.project.wording)
    filled = render(parsed, values)
    lacking = [name for name in parsed.variables if not values.get(name)]
    return success({
        "preview": None if isinstance(filled, Unfilled) else filled.text, "variables_used": list(parsed.variables),
        "missing_variables": lacking,
    })


def _template(one: TextTemplate) -> Template:
    return Template(name=one.name, channel="sms", text=from_braces(one.content))


def _names(workspace: Workspace) -> frozenset[str]:
    return OF_MESSAGES | frozenset(FIELDS) | frozenset(EXTRA) | (workspace.project.vocabulary.traits or frozenset())


def _refusal(workspace: Workspace, said: Said, *, number: int) -> Result[Any] | None:
    """Return why a template cannot be kept; None where it can."""
    for name in ("name", "content"):
        if not isinstance(said.get(name), str) or not str(said[name]).strip():
            return failure(f"{name} is required", code="VALIDATION_ERROR")
    if said.get("category", "custom") not in CATEGORIES:
        hint = did_you_mean(str(said["category"]), CATEGORIES)
        return failure(f"Invalid category {said['category']!r}: {hint}", code="VALIDATION_ERROR")
    if any(one.name == said["name"] and one.number != number for one in workspace.book.text_templates.latest()):
        return failure(f"There is a template {said['name']!r} already", code="DUPLICATE_NAME")
    written = Template(name=said["name"], channel="sms", text=from_braces(said["content"]))
    try:
        parse(written, known=_names(workspace), wording=workspace.project.wording)
    except DeclarationError as error:
        return failure(f"{error.message} ({error.hint})" if error.hint else error.message, code="VALIDATION_ERROR")
    return None


def _saved(workspace: Workspace, said: Said, *, number: int) -> TextTemplate:
    about = {name: said[name] for name in ("description", "parent_id") if said.get(name) is not None}
    return workspace.book.text_templates.save(TextTemplate(
        number=number, version=0, name=str(said["name"]), content=str(said["content"]),
        about=json.dumps({"category": said.get("category", "custom"), **about}), saved_at=workspace.clock.now(),
        saved_by=str(said.get("_by", "")),
    ))


def _told(workspace: Workspace, one: TextTemplate) -> Told:
    now = _standing(workspace, one)
    parsed = parse(_template(one), known=_names(workspace), wording=workspace.project.wording)
    return {
        "id": one.number, "name": one.name, "content": one.content, "version": one.version, "status": now.status,
        "variables": list(parsed.variables), "is_active": now.status == "active", "approved_by": now.approved_by,
        "approved_at": None if now.approved_at is None else now.approved_at.isoformat(),
        "activated_at": None if now.activated_at is None else now.activated_at.isoformat(),
        "archived_at": None if now.archived_at is None else now.archived_at.isoformat(),
        "created_at": one.saved_at.isoformat(), "created_by": one.saved_by,
        "description": None, "parent_id": None, **json.loads(one.about),
    }


def _standing(workspace: Workspace, one: TextTemplate) -> Standing:
    of = _version(one)
    return standing(workspace.book.approvals.about([of]), of)


def _version(one: TextTemplate) -> str:
    """Name what is decided about: the words of one template, whatever others say the same."""
    return f"{one.number}/{version(_template(one))}"


def _decided(workspace: Workspace, template: str, said: Said, action: Any) -> Result[Told]:
    one = _latest(workspace, template)
    if one is None:
        return _missing(template)
    of, now = _version(one), workspace.clock.now()
    wanted = Decision(version=of, action=action, by=str(said.get("_by", "")), at=now, note=str(said.get("note", "")))
    found = take(workspace.book.approvals.about([of]), wanted)
    if isinstance(found, Refused):
        return failure(found.reason, code="INVALID_STATUS")
    workspace.book.approvals.add(found, template=one.name)
    return success({"template": _told(workspace, one)})


def _latest(workspace: Workspace, template: str) -> TextTemplate | None:
    number = whole_number(template)
    return None if number is None else next(iter(workspace.book.text_templates.versions(number)), None)


def _missing(template: str) -> Result[Told]:
    return failure(f"Template not found: {template}", code="TEMPLATE_NOT_FOUND")
