"""Health: whether the process answers, whether the project can, what the checks found, who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from regulars.check import Finding
from regulars.pipeline.inspect import last_findings
from regulars.storage.book.audit import AuditLine
from regulars.web.api.customers import Some
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.problem import NotReady
from regulars.web.api.route import ApiRoute, Ask, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The process answers."""

    version: str


def healthy() -> Health:
    """Return which version answers."""
    return Health(version=version("regulars"))


def ready(ask: Ask) -> Health:
    """Return which version answers, when it has something to answer with. Raises NotReady before the first run."""
    if not ask.workspace.lake.exists("customers"):
        raise NotReady("nothing was ever run", hint="regulars run")
    return healthy()


def checks(ask: Ask) -> Page[Finding]:
    """Return what the last run's checks found."""
    return Page(items=last_findings(ask.workspace))


def audit(ask: Ask) -> Page[AuditLine]:
    """Return who changed what, the newest first."""
    query: Some = ask.query
    found = ask.workspace.book.audit.lines(limit=query.limit + 1, before=place_in(query.cursor, int))
    by_number = {each.number: each for each in found}
    return page_of(
        [{"number": each.number} for each in found], limit=query.limit, row=lambda row: by_number[row["number"]],
        place=lambda row: row["number"],
    )


ROUTES = (
    ApiRoute(
        name="getReadiness", path="/ready", answer=ready, gives=Health, scope=None,
        sentence="Whether the project is open and was run; no key is needed.",
    ),
    ApiRoute(
        name="listChecks", path="/checks", answer=checks, gives=Page[Finding],
        sentence="What the checks after the last run found.",
    ),
    ApiRoute(
        name="listAudit", path="/audit", answer=audit, gives=Page[AuditLine], query=Some, scope="admin",
        sentence="Who changed what and when, the newest first.",
    ),
)
