"""Every route of the API, in the order of the flow."""

from __future__ import annotations

from regulars.web.api import (
    campaigns,
    consent,
    customers,
    experiments,
    flags,
    flows,
    health,
    messages,
    metrics,
    privacy,
    quarantine,
    review,
    runs,
    segments,
    shops,
    webhooks,
)
from regulars.web.api.route import ApiRoute

ROUTES: tuple[ApiRoute, ...] = (
    *customers.ROUTES, *consent.ROUTES, *privacy.ROUTES, *review.ROUTES, *segments.ROUTES, *metrics.ROUTES,
    *experiments.ROUTES, *flags.ROUTES, *campaigns.ROUTES, *flows.ROUTES, *messages.ROUTES,
    *shops.ROUTES, *runs.ROUTES, *webhooks.ROUTES, *quarantine.ROUTES, *health.ROUTES,
)
