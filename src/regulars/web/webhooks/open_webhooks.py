"""A project's webhooks, opened: which sources are posted to, with their secrets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from regulars.clock import Clock
from regulars.errors import RegularsError
from regulars.pipeline.workspace import open_workspace
from regulars.project import Project
from regulars.sources.webhook.declare import WebhookSource
from regulars.web.ingest.asgi import App
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.courier import Courier
from regulars.web.webhooks.webhook_door import Hook, WebhookDoor

log = structlog.get_logger()


def with_webhooks(
    folder: Path, sources: Sequence[WebhookSource], *, commits: GroupCommit, counts: DeliveryCounts, clock: Clock,
    behind: App,
) -> WebhookDoor:
    """Return the webhook door of a project in front of an app.

    Args:
        folder: The project's.
        sources: Those that are posted to.
        commits: What takes arrivals durably.
        counts: Where it is counted what came of them.
        clock: By which deliveries are judged and dated.
        behind: The app that answers everything else.

    """
    # Whatever else in the project is wrong: who wants no messages is heard.
    courier = Courier(partial(open_workspace, folder, bears_problems=True))
    return WebhookDoor(
        hooks=hooks_of(sources), commits=commits, courier=courier, counts=counts, clock=clock, behind=behind
    )


def webhooks_of(project: Project) -> list[WebhookSource]:
    """Return the sources of a project that are posted to."""
    return [source for source in project.sources if isinstance(source, WebhookSource)]


def hooks_of(sources: Sequence[WebhookSource]) -> dict[str, Hook]:
    """Return what judges each source; one whose secrets are not there believes nothing, and says so in the log."""
    return {source.name: Hook(source=source, secrets=_secrets(source)) for source in sources}


def _secrets(source: WebhookSource) -> tuple[str, ...]:
    try:
        found = source.secrets()
    except RegularsError as error:
        log.error("webhook without secrets", source=source.name, error=error.message)  # noqa: TRY400  said in full
        return ()
    if not found:
        log.error("webhook without secrets", source=source.name, error="they are empty")
    return found
