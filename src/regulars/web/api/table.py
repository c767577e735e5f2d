"""Every route of the API, in the order of the flow."""

from __future__ import annotations

from regulars.web.api import (
    campaigns,
    customers,
    experiments,
    health,
    messages,
    metrics,
    review,
    runs,
    segments,
    webhooks,
)
from regulars.web.api.route import ApiRoute

ROUTES: tuple[ApiRoute, ...] = (
    *customers.ROUTES, *review.ROUTES, *segments.ROUTES, *metrics.ROUTES, *experiments.ROUTES,
    *campaigns.ROUTES, *messages.ROUTES, *runs.ROUTES, *webhooks.ROUTES, *health.ROUTES,
)
