"""Every page of the dashboard, in the order of the navigation."""

from __future__ import annotations

from regulars.web.pages import (
    customer_page,
    customers_page,
    experiments_page,
    health_page,
    held_page,
    overview_page,
    people_page,
    result_page,
    run_page,
    sign_ins_page,
    webhooks_page,
    why_page,
)
from regulars.web.pages.page import DashboardPage, PageForm

PAGES: tuple[DashboardPage, ...] = (
    overview_page.PAGE, customers_page.PAGE, why_page.PAGE, people_page.PAGE, customer_page.PAGE, experiments_page.PAGE,
    result_page.PAGE, health_page.PAGE, run_page.PAGE, held_page.PAGE, *webhooks_page.PAGES, sign_ins_page.PAGE,
)

FORMS: tuple[PageForm, ...] = (*customer_page.FORMS, *webhooks_page.FORMS, *sign_ins_page.FORMS)
"""What pages do when somebody sends a form of theirs."""
