"""Every page of the dashboard, in the order of the navigation."""

from __future__ import annotations

from regulars.web.pages import (
    campaign_page,
    campaign_people_page,
    campaigns_page,
    customer_page,
    customers_page,
    experiments_page,
    flow_page,
    flows_page,
    health_page,
    held_page,
    messages_page,
    overview_page,
    people_page,
    replies_page,
    result_page,
    run_page,
    sign_ins_page,
    webhooks_page,
    why_page,
)
from regulars.web.pages.page import DashboardPage, PageForm

PAGES: tuple[DashboardPage, ...] = (
    overview_page.PAGE, customers_page.PAGE, why_page.PAGE, people_page.PAGE, customer_page.PAGE, campaigns_page.PAGE,
    campaign_people_page.PAGE, campaign_page.PAGE, flows_page.PAGE, flow_page.PAGE, messages_page.PAGE,
    replies_page.PAGE, experiments_page.PAGE, result_page.PAGE, health_page.PAGE, run_page.PAGE, held_page.PAGE,
    *webhooks_page.PAGES, sign_ins_page.PAGE,
)

FORMS: tuple[PageForm, ...] = (
    *customer_page.FORMS, *campaign_page.FORMS, *flow_page.FORMS, *messages_page.FORMS, *replies_page.FORMS,
    *webhooks_page.FORMS, *sign_ins_page.FORMS,
)
"""What pages do when somebody sends a form of theirs."""
