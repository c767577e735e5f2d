"""Who came, who stopped coming, who is new, and how people came before they joined."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.compat.material import GYM, Material
from regulars.compat.memberships import CUSTOMERS, roster
from regulars.records.formula_functions import as_words, word_pattern

CHECK_INS = f"records.{GYM}.check_ins"
PROFILE_LINK = "https://app.hellocapitan.com/customers/{}/check-ins"
PASS_METHODS = ("ENT", "GUE")
PASSES = word_pattern(("pass", "passes", "punch"))
FORTNIGHT, TWO_MONTHS, HALF_YEAR, YEAR, NEW = 14, 60, 180, 365, 28


def visits(material: Material) -> ir.Table:
    """Check-ins until today. One row per check-in: id, customer_id, at (UTC), day, entry_method, description."""
    rows = material.table(CHECK_INS)
    found = rows.select("id", "customer_id", "entry_method", "description", at=rows.checked_in_at,
                        day=rows.checked_in_at_day)
    return found.filter(found.day <= ibis.literal(material.today))


def at_risk_members(material: Material) -> ir.Table:
    """Return active members who hardly come any more. One row per person.

    Columns:
        customer_id: Capitan's id of the person.
        master_customer_id: our id of the person.
        first_name: as Capitan has it.
        last_name: as Capitan has it.
        age: whole years on the day of the export.
        membership_type: name of the membership; of several the oldest.
        membership_start_date: first day of that one.
        last_checkin_date: business day; empty when the person never came.
        checkins_last_2_weeks: on days 0 to 14 before today.
        checkins_last_2_months: on days 0 to 60 before today.
        risk_category: Declining Activity (none in 2 weeks, some in 2 months) or Very Inactive (none in 2 months).
        risk_description: the same in a sentence.
        capitan_link: the person's page in Capitan.

    Differs from the reference:
        Everybody on the roster is looked at, not owners alone; who is frozen, staff, or joined less than 14 days ago is
        not. One name per category everywhere.
    """
    rows = _present(material, _counted(material, _joined(material)))
    rows = rows.filter(material.days_ago(rows.start_date) >= FORTNIGHT, rows.checkins_last_2_weeks == 0)
    is_quiet = rows.checkins_last_2_months == 0
    return rows.select(
        "customer_id", "master_customer_id", "first_name", "last_name", "age",
        membership_type=rows.name, membership_start_date=rows.start_date, last_checkin_date=rows.last_day,
        checkins_last_2_weeks=rows.checkins_last_2_weeks, checkins_last_2_months=rows.checkins_last_2_months,
        risk_category=ibis.ifelse(is_quiet, "Very Inactive", "Declining Activity"),
        risk_description=ibis.ifelse(
            is_quiet, "No check-in in the last 2 months", "Came in the last 2 months, but not in the last 2 weeks"
        ),
        capitan_link=_link(rows),
    )


def new_members(material: Material) -> ir.Table:
    """Return people whose first membership ever began in the last 28 days. One row per person.

    Columns:
        customer_id: Capitan's id of the person.
        master_customer_id: our id of the person.
        first_name: as Capitan has it.
        last_name: as Capitan has it.
        age: whole years on the day of the export.
        membership_type: name of the membership.
        start_date: first day of it.
        days_since_joining: 0 on the first day.
        total_checkins: ever.
        last_checkin_date: business day; empty when the person never came.
        capitan_link: the person's page in Capitan.

    Differs from the reference:
        New is who never had a membership before: renewals, switches and returns are not. Everybody on the roster is
        looked at; staff is left out, and who begins only later.
    """
    everybody = roster(material)
    before = everybody.group_by("customer_id").agg(first_start=everybody.start_date.min())
    joined = _joined(material)
    joined = joined.inner_join(before, "customer_id").filter(lambda t: t.start_date == t.first_start)
    rows = _present(material, _counted(material, joined))
    rows = rows.filter(material.days_ago(rows.start_date) <= NEW)
    return rows.select(
        "customer_id", "master_customer_id", "first_name", "last_name", "age",
        membership_type=rows.name, start_date=rows.start_date, days_since_joining=material.days_ago(rows.start_date),
        total_checkins=rows.total_checkins, last_checkin_date=rows.last_day, capitan_link=_link(rows),
    )


def day_pass_engagement(material: Material) -> ir.Table:
    """Return people who came on a pass without being members then, newest pass first known. One row per person.

    Columns:
        customer_id: Capitan's id of the person.
        master_customer_id: our id of the person.
        first_name: as Capitan has it.
        last_name: as Capitan has it.
        email: as Capitan has it.
        latest_day_pass_date: business day of the newest check-in on a pass.
        previous_visit_date: business day of the visit before that one, of any kind; empty when there is none.
        days_since_last_visit: days between the two.
        visits_last_2mo: visits of any kind in the 60 days up to that check-in, without it.
        visits_last_6mo: the same in 180 days.
        visits_last_12mo: the same in 365 days.
        total_day_pass_checkins: check-ins on a pass, ever.

    Differs from the reference:
        Being a member is looked up for everybody on the roster, on the day of the visit. A member's entry whose text
        reads like a pass is none.
    """
    passes = _on_passes(material)
    turn = ibis.row_number().over(group_by="customer_id", order_by=[passes.at.desc(), passes.id.desc()])
    latest = passes.mutate(turn=turn).filter(lambda t: t.turn == 0)
    totals = passes.group_by("customer_id").agg(total_day_pass_checkins=passes.count())
    every = visits(material).select(visitor="customer_id", other_at="at", other_day="day", other_id="id")
    pairs = latest.inner_join(every, latest.customer_id == every.visitor)
    pairs = pairs.filter((pairs.other_at < pairs.at) | ((pairs.other_at == pairs.at) & (pairs.other_id < pairs.id)))
    gap = pairs.day.delta(pairs.other_day, unit="day")
    before = pairs.group_by("customer_id").agg(
        visits_last_2mo=(gap <= TWO_MONTHS).sum(), visits_last_6mo=(gap <= HALF_YEAR).sum(),
        visits_last_12mo=(gap <= YEAR).sum(),
    )
    rows = latest.inner_join(totals, "customer_id").left_join(before, "customer_id").drop("customer_id_right")
    rows = _present(material, rows)
    return rows.select(
        "customer_id", "master_customer_id", "first_name", "last_name", "email", latest_day_pass_date=rows.day,
        previous_visit_date=rows.before, days_since_last_visit=rows.gap,
        **{name: rows[name].fill_null(0).cast("int64") for name in before.columns if name.startswith("visits")},
        total_day_pass_checkins=rows.total_day_pass_checkins,
    )


def day_pass_checkin_recency(material: Material) -> ir.Table:
    """Return how long ago the visit before each check-in on a pass was. One row per check-in on a pass.

    Columns:
        checkin_id: Capitan's id of the check-in.
        customer_id: Capitan's id of the person.
        checkin_datetime: business time.
        recency_category: New, 0-2 months (up to 60 days), 2-6 months (up to 180) or 6+ months.
        is_first_visit: the person was never here before.
        days_since_last_visit: days since the visit before, of any kind; empty on a first visit.

    Differs from the reference:
        As day_pass_engagement: membership on the day is looked up for everybody on the roster.
    """
    rows = _on_passes(material)
    category = ibis.cases(
        (rows.gap.isnull(), "New"), (rows.gap <= TWO_MONTHS, "0-2 months"), (rows.gap <= HALF_YEAR, "2-6 months"),
        else_="6+ months",
    )
    return rows.select(
        checkin_id=rows.id, customer_id=rows.customer_id, checkin_datetime=rows.at, recency_category=category,
        is_first_visit=rows.gap.isnull(), days_since_last_visit=rows.gap,
    )


def membership_conversion_metrics(material: Material) -> ir.Table:
    """Return how often people came before their first membership began. One row per person who ever joined.

    Columns:
        membership_id: Capitan's id of the person's first contract.
        customer_id: Capitan's id of the person.
        master_customer_id: our id of the person.
        is_owner: the person pays for it.
        membership_start_date: first day.
        membership_type: name of the membership.
        previous_checkins_count: check-ins on days before the first one.
        checkins_bucket: 0, 1, 2, 3, 4 or 5+.

    Differs from the reference:
        Everybody on the roster joins, not owners alone (filter on is_owner for its figures). Memberships that begin
        after today are not counted yet.
    """
    every = roster(material).filter(lambda t: t.start_date <= ibis.literal(material.today))
    turn = ibis.row_number().over(group_by="customer_id", order_by=[every.start_date, every.membership_id])
    first = every.mutate(turn=turn).filter(lambda t: t.turn == 0)
    came = visits(material).select(visitor="customer_id", visited="day")
    pairs = first.inner_join(came, (first.customer_id == came.visitor) & (came.visited < first.start_date))
    counts = pairs.group_by("customer_id").agg(visits=pairs.count())
    rows = first.left_join(counts, "customer_id").drop("customer_id_right")
    rows = material.with_master(rows.mutate(visits=rows.visits.fill_null(0)))
    return rows.select(
        "membership_id", "customer_id", "master_customer_id", is_owner=rows.customer_id == rows.owner_id,
        membership_start_date=rows.start_date, membership_type=rows.name, previous_checkins_count=rows.visits,
        checkins_bucket=ibis.ifelse(rows.visits >= 5, "5+", rows.visits.cast("string")),
    )


def _joined(material: Material) -> ir.Table:
    """Active members without staff: their oldest active contract. One row per person."""
    active = roster(material).filter(lambda t: t.is_active & ~t.is_individually_frozen & ~t.is_bcf)
    turn = ibis.row_number().over(group_by="customer_id", order_by=[active.start_date, active.membership_id])
    oldest = active.mutate(turn=turn).filter(lambda t: t.turn == 0)
    return oldest.select("customer_id", "name", "start_date")


def _counted(material: Material, people: ir.Table) -> ir.Table:
    """Add last_day, total_checkins, checkins_last_2_weeks and checkins_last_2_months."""
    came = visits(material)
    ago = material.days_ago(came.day)
    counts = came.group_by("customer_id").agg(
        last_day=came.day.max(), total_checkins=came.count(), checkins_last_2_weeks=(ago <= FORTNIGHT).sum(),
        checkins_last_2_months=(ago <= TWO_MONTHS).sum(),
    )
    rows = people.left_join(counts, "customer_id").drop("customer_id_right")
    numbers = ("total_checkins", "checkins_last_2_weeks", "checkins_last_2_months")
    return rows.mutate(**{name: rows[name].fill_null(0).cast("int64") for name in numbers})


def _present(material: Material, rows: ir.Table) -> ir.Table:
    """Add first_name, last_name, email and age as Capitan's customers have them, and master_customer_id."""
    who = material.optional(CUSTOMERS, {
        "id": "string", "first_name": "string", "last_name": "string", "email": "string", "birthday": "date",
    })
    who = who.select("first_name", "last_name", "email", gym_id="id", age=material.age(who.birthday))
    found = rows.left_join(who, rows.customer_id == who.gym_id).drop("gym_id")
    return material.with_master(found)


def _on_passes(material: Material) -> ir.Table:
    """Check-ins on a pass of people who were not members that day, with the visit before: `before` (day), `gap` (days).

    One row per check-in.
    """
    every = visits(material)
    own = ibis.window(group_by=every.customer_id, order_by=[every.at, every.id])
    every = every.mutate(before=every.day.lag().over(own))
    every = every.mutate(gap=every.day.delta(every.before, unit="day").cast("int64"))
    text = as_words(every.description.fill_null(""))
    passes = every.filter(every.entry_method.isin(PASS_METHODS), text.re_search(PASSES))
    stays = roster(material).select("start_date", "end_date", "status", member="customer_id")
    is_member = (passes.customer_id == stays.member) & (stays.start_date <= passes.day) & (
        (stays.status != "END") | (passes.day < stays.end_date)
    )
    return passes.anti_join(stays, is_member)


def _link(rows: ir.Table) -> ir.Value:
    before, after = PROFILE_LINK.split("{}")
    return ibis.literal(before) + rows.customer_id + after
