"""Every route of the API, in the order of the flow."""

from __future__ import annotations

from regulars.web.api import customers, experiments, health, metrics, privacy, review, runs, segments
from regulars.web.api.route import ApiRoute

ROUTES: tuple[ApiRoute, ...] = (
    *customers.ROUTES, *privacy.ROUTES, *review.ROUTES, *segments.ROUTES, *metrics.ROUTES, *experiments.ROUTES,
    *runs.ROUTES, *health.ROUTES,
)
