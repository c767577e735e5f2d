"""Membership contracts, the people on them, what they will bring, and how many there are today."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from regulars.compat.material import GYM, Material
from regulars.events.plan import frequency_of, has_feature, size_of

MEMBERSHIPS = f"records.{GYM}.memberships"
PEOPLE = f"records.{GYM}.membership_people"
CUSTOMERS = f"records.{GYM}.customers"

FLAGS = {
    "is_founder": "founder", "is_college": "college", "is_corporate": "corporate", "is_mid_day": "mid_day",
    "is_fitness_only": "fitness_only", "has_fitness_addon": "fitness_addon", "is_team_dues": "team_dues",
    "is_bcf": "staff", "is_90_for_90": "90_for_90",
}
"""The reference's column of each feature of a membership. `is_bcf` is what it calls staff and their families."""

DESCRIBED = ("frequency", "size", *FLAGS, "is_not_in_special")


def contracts(material: Material) -> ir.Table:
    """All contracts with what their names say. One row per contract.

    membership_id, membership_type_id, name, start_date, end_date, billing (minor units), upcoming_bill_dates (JSON),
    unfreeze_date, interval, status, owner_id, owner_email, owner_birthday, DESCRIBED, is_active (ACT, and begun).
    """
    rows = material.table(MEMBERSHIPS)
    columns = ("name", "start_date", "end_date", "upcoming_bill_dates", "unfreeze_date", "interval", "status",
               "owner_id", "owner_email", "owner_birthday")
    named = {name: has_feature(rows.name, feature, plans=material.plans) for name, feature in FLAGS.items()}
    return rows.select(
        *columns,
        membership_id=rows.id, membership_type_id=rows.type_id, billing=rows.billing_amount.fill_null(0),
        frequency=frequency_of(rows.name, rows.interval, plans=material.plans),
        size=size_of(rows.name, plans=material.plans), **named,
        is_not_in_special=~ibis.or_(*named.values()),
        is_active=(rows.status == "ACT") & (rows.start_date <= ibis.literal(material.today)),
    )


def roster(material: Material) -> ir.Table:
    """Everybody on a contract, owner or not, with the contract's own columns. One row per person and contract."""
    people = material.table(PEOPLE).select(
        "membership_id", "customer_id", "member_id", "first_name", "last_name",
        is_individually_frozen=lambda t: t.is_frozen.fill_null(False),
    )
    return people.inner_join(contracts(material), "membership_id")


def memberships(material: Material) -> ir.Table:
    """Return every membership contract there ever was. One row per contract.

    Columns:
        membership_id: Capitan's id of the contract, the instance.
        membership_type_id: Capitan's id of the kind of membership.
        name: as Capitan has it.
        start_date: first day.
        end_date: the day it ended; while status is ACT the day of the next bill, which is no end.
        billing_amount: of one billing period, major units, before tax.
        upcoming_bill_dates: JSON list of dates, as Capitan has it.
        projected_amount: what one coming bill brings: the billing amount; 0 when ended, or frozen without a known end.
        interval: Capitan's code: BWK, MON, 3MO, 6MO, 12MO, YRL.
        status: ACT, END or FRZ.
        owner_id: Capitan's id of who pays.
        owner_email: as Capitan has it.
        owner_age: whole years on the day of the export.
        frequency: from the name, else from the interval.
        size: solo, duo, family, corporate: from the name.
        is_founder: the name says so, as do the flags after it.
        is_college: flag.
        is_corporate: flag.
        is_mid_day: flag.
        is_fitness_only: flag.
        has_fitness_addon: flag.
        is_team_dues: flag.
        is_bcf: staff and their families.
        is_90_for_90: flag.
        is_not_in_special: none of the flags.

    Differs from the reference:
        Flags come from whole words that the project declares (plans.yaml), not from parts of words: a "Storyboard"
        membership is no board's. A frozen contract with a day it thaws is not worth 0 for ever.
    """
    rows = contracts(material)
    counts = (rows.status == "ACT") | ((rows.status == "FRZ") & rows.unfreeze_date.notnull())
    return rows.select(
        "membership_id", "membership_type_id", "name", "start_date", "end_date",
        billing_amount=material.amount(rows.billing),
        upcoming_bill_dates=rows.upcoming_bill_dates,
        projected_amount=material.amount(ibis.ifelse(counts, rows.billing, 0)),
        interval=rows.interval, status=rows.status, owner_id=rows.owner_id, owner_email=rows.owner_email,
        owner_age=material.age(rows.owner_birthday), **{name: rows[name] for name in DESCRIBED},
    )


def members(material: Material) -> ir.Table:
    """Return everybody on a membership, children and partners too. One row per person and contract.

    Columns:
        membership_id: Capitan's id of the contract, the instance.
        membership_type_id: Capitan's id of the kind of membership.
        member_id: Capitan's id of the place on the contract.
        customer_id: Capitan's id of the person.
        master_customer_id: our id of the person, which lasts and spans all systems.
        is_owner: the person pays for it.
        first_name: as Capitan has it.
        last_name: as Capitan has it.
        is_individually_frozen: this person alone is frozen.
        age: whole years on the day of the export.
        name: of the membership.
        start_date: first day.
        end_date: the day it ended; while status is ACT the day of the next bill, which is no end.
        billing_amount: of the whole contract, major units, before tax.
        interval: Capitan's code.
        status: ACT, END or FRZ.
        frequency: from the name, else from the interval.
        size: from the name.
        is_founder: the name says so, as do the flags after it.
        is_college: flag.
        is_corporate: flag.
        is_mid_day: flag.
        is_fitness_only: flag.
        has_fitness_addon: flag.
        is_team_dues: flag.
        is_bcf: staff and their families.
        is_90_for_90: flag.
        is_not_in_special: none of the flags.

    Differs from the reference:
        Its membership_id holds the id of the kind; here membership_id is the contract in both tables and the kind has
        its own column. billing_amount is the contract's: do not sum it over people.
    """
    born = material.optional(CUSTOMERS, {"id": "string", "birthday": "date"})
    rows = roster(material)
    rows = rows.left_join(born, rows.customer_id == born.id).drop("id")
    rows = material.with_master(rows)
    return rows.select(
        "membership_id", "membership_type_id", "member_id", "customer_id", "master_customer_id",
        is_owner=rows.customer_id == rows.owner_id, first_name=rows.first_name, last_name=rows.last_name,
        is_individually_frozen=rows.is_individually_frozen, age=material.age(rows.birthday), name=rows.name,
        start_date=rows.start_date, end_date=rows.end_date, billing_amount=material.amount(rows.billing),
        interval=rows.interval, status=rows.status, **{name: rows[name] for name in DESCRIBED},
    )


def membership_projection(material: Material) -> ir.Table:
    """Return what memberships will be billed each day, today to the end of the third month after. One row per day.

    Columns:
        date: business day; days without a bill are there too.
        projected_total: major units, before tax.

    Differs from the reference:
        A frozen membership counts 0 until the day it thaws and counts from then on; where Capitan lists no bill for it
        after that day, its first one is expected on the day itself. Only the bills that Capitan lists are counted:
        nobody is assumed to stay longer, and nobody to leave.
    """
    rows = contracts(material)
    listed = rows.select("membership_id", "billing", "status", "unfreeze_date", day=_listed_days(rows)).unnest("day")
    listed = listed.mutate(day=listed.day.try_cast("date"))
    counts = (listed.status == "ACT") | ((listed.status == "FRZ") & (listed.day >= listed.unfreeze_date))
    listed = listed.filter(listed.day.notnull() & counts)
    thawing = rows.filter(rows.status == "FRZ", rows.unfreeze_date.notnull()).anti_join(listed, "membership_id")
    bills = listed.select("day", "billing").union(thawing.select(day=thawing.unfreeze_date, billing=thawing.billing))
    totals = bills.group_by("day").agg(total=bills.billing.sum().cast("int64"))
    days = _days(material.today, _end_of_third_month(material.today))
    found = days.left_join(totals, days.date == totals.day)
    return found.select("date", projected_total=material.amount(found.total.fill_null(0)))


def membership_snapshot_counts(material: Material) -> ir.Table:
    """Return how many memberships are active today, by size, frequency and kind. One row per dimension and value.

    Columns:
        snapshot_date: the business day of the export.
        dimension: total, size, frequency or special.
        value: solo, monthly, is_founder and so on; "all" of the total.
        contracts: active ones: ACT and begun.
        owners: different people who pay for them.
        members: different people on them who are not frozen alone.
        contracts_without_staff: the same, staff left out.
        owners_without_staff: the same, staff left out.
        members_without_staff: the same, staff left out.

    Differs from the reference:
        Contracts and people are both counted: a family is one contract and several members. Future-dated ones wait.
        A membership with two features is in both rows of "special".
    """
    active = contracts(material).filter(lambda t: t.is_active)
    people = roster(material).filter(lambda t: t.is_active & ~t.is_individually_frozen)
    found = _tally(active, ("membership_id", "contracts"), ("owner_id", "owners")).outer_join(
        _tally(people, ("customer_id", "members")), ["dimension", "value"]
    )
    counts = ("contracts", "owners", "members")
    named = [name for count in counts for name in (count, f"{count}_without_staff")]
    return found.select(
        snapshot_date=ibis.literal(material.today),
        dimension=found.dimension.coalesce(found.dimension_right), value=found.value.coalesce(found.value_right),
        **{name: found[name].fill_null(0).cast("int64") for name in sorted(named, key=lambda n: "_" in n)},
    )


def _tally(rows: ir.Table, *counted: tuple[str, str]) -> ir.Table:
    """Count different values of columns in total, by size, by frequency and by feature, with and without staff."""
    def part(dimension: str, value: ir.Value, of: ir.Table) -> ir.Table:
        return of.select(
            *(column for column, _ in counted), "is_bcf", dimension=ibis.literal(dimension), value=value
        )

    parts = [part("total", ibis.literal("all"), rows), part("size", rows["size"], rows),
             part("frequency", rows.frequency, rows)]
    for name in (*FLAGS, "is_not_in_special"):
        some = rows.filter(rows[name])
        parts.append(part("special", ibis.literal(name), some))
    whole = ibis.union(*parts)
    counts = {}
    for column, label in counted:
        counts[label] = whole[column].nunique()
        counts[f"{label}_without_staff"] = whole[column].nunique(where=~whole.is_bcf)
    return whole.group_by("dimension", "value").agg(**counts)


def _listed_days(rows: ir.Table) -> ir.Value:
    """The dates of a JSON list as texts."""
    return rows.upcoming_bill_dates.fill_null("").re_replace(r"[^0-9,-]", "").split(",")


def _days(first: date, last: date) -> ir.Table:
    count = (last - first).days + 1
    numbers = ibis.range(count).unnest().name("n").as_table()
    return numbers.select(date=(ibis.literal(first) + numbers.n.as_interval("D")).cast("date"))


def _end_of_third_month(day: date) -> date:
    months = day.month + 3
    return date(day.year + months // 12, months % 12 + 1, 1) - timedelta(days=1)
