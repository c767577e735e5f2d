"""Checks of the data: claims that must hold after every run, each with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir

from regulars.check import Finding, Status

ENOUGH_COVERAGE = 0.5
"""Share of customers with at least one event below which something is probably not joined."""

MISSING_DATES = 0.01
"""Share of records held back for their dates above which the reading is wrong, not the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Numbers the checks judge, as `facts_of` counts them."""

    customers: int
    distinct_customers: int
    identity_rows: int  # profiles that point at a customer
    orphan_identities: int  # ... at one that does not exist
    events: int
    future_events: int
    early_events: int  # before the business opened
    customers_with_events: int
    held_back_for_dates: int  # records in quarantine for a date or time
    customers_with_email: int
    distinct_emails: int
    members: int  # customers in a segment, counted once each
    members_with_contact: int
    single_profiles: int  # profiles that nothing joined to an older one


def facts_of(tables: Mapping[str, ir.Table], *, now: datetime, opened_on: date | None) -> ir.Table:
    """One row with the columns of Facts, counted over customers, identity, events, memberships, quarantine."""
    customers, identity, events = tables["customers"], tables["identity"], tables["events"]
    memberships, quarantine = tables["memberships"], tables["quarantine"]
    # By profile first: a table of events is several times as long as all its profiles.
    known = events.filter(events.profile_id.notnull()).select("profile_source", "profile_id").distinct()
    seen = identity.semi_join(known, ["profile_source", "profile_id"])
    moment = ibis.literal(now.replace(tzinfo=None) + timedelta(days=1), type="timestamp(6)")
    early = events.filter(events.business_day < opened_on) if opened_on else events.limit(0)
    flagged = customers.semi_join(memberships, "customer_id")
    reachable = flagged.filter(flagged.email.notnull() | flagged.phone.notnull())
    dates = quarantine.filter(
        quarantine.reason.isin(["not_timestamp", "not_date", "no_time", "impossible_time", "no_such_time"])
    )
    single = identity.filter(identity.evidence.isin(["only profile", "first profile"]))
    return _counted(
        {
            "customers": customers.count(),
            "distinct_customers": customers.customer_id.nunique(),
            "identity_rows": identity.count(),
            "orphan_identities": identity.anti_join(customers, "customer_id").count(),
            "events": events.count(),
            "future_events": events.filter(~events.is_interval, events.occurred_at > moment).count(),
            "early_events": early.count(),
            "customers_with_events": seen.customer_id.nunique(),
            "held_back_for_dates": dates.record_key.nunique(),
            "customers_with_email": customers.email.notnull().sum().fill_null(0),
            "distinct_emails": customers.email.nunique(),
            "members": flagged.count(),
            "members_with_contact": reachable.count(),
            "single_profiles": single.count(),
        }
    )


def judge(facts: Facts) -> list[Finding]:
    """Return the findings over the numbers: what must never be fails, what should not be warns."""
    return [*_what_must_hold(facts), *_what_should_hold(facts)]


def _what_must_hold(facts: Facts) -> list[Finding]:
    return [
        _never(
            "unique-customer-ids",
            facts.customers - facts.distinct_customers,
            "customer ids are there twice",
            f"{facts.customers:,} customers, each id once",
        ),
        _never(
            "identity-refers-to-customers",
            facts.orphan_identities,
            "profiles point at customers that do not exist",
            f"{facts.identity_rows:,} profiles, each at a customer",
        ),
        _never("no-future-events", facts.future_events, "events lie in the future", "no event lies in the future"),
    ]


def _what_should_hold(facts: Facts) -> list[Finding]:
    joined = facts.identity_rows - facts.single_profiles
    contactless = facts.members - facts.members_with_contact
    doubled = facts.customers_with_email - facts.distinct_emails
    held, dated = facts.held_back_for_dates, "records are held back for their dates"
    shared, families = "customers share an address", "families do, and are kept apart: regulars customer ADDRESS"
    reached = f"customers in a segment have an address or number ({contactless:,} do not)"
    return [
        _rather("dates-in-range", facts.early_events, facts.events, 0.05, "events lie before the business opened"),
        _rather("missing-dates", held, facts.events, MISSING_DATES, dated, hint="regulars quarantine"),
        _at_least("coverage", facts.customers_with_events, facts.customers, ENOUGH_COVERAGE, "customers have events"),
        _rather("duplicate-emails", doubled, facts.customers_with_email, 0.5, shared, hint=families),
        _at_least("members-can-be-reached", facts.members_with_contact, facts.members, 0.5, reached),
        Finding(
            name="match-mix",
            status="ok",
            numbers={"joined": joined, "profiles": facts.identity_rows},
            message=f"{joined:,} of {facts.identity_rows:,} profiles joined to an older one by evidence",
        ),
    ]


def fresh(
    last: datetime | None, *, stream: str, expect_every: timedelta, now: datetime, verb: str = "pulled",
    hint: str = "regulars pull",
) -> Finding:
    """Return whether a stream was pulled (or came) as often as it should; late after twice its expected interval."""
    if last is None:
        return Finding(name="freshness", status="warning", where=stream, message=f"never {verb}", hint=hint)
    age = now - last
    status: Status = "ok" if age <= 2 * expect_every else "warning"
    return Finding(
        name="freshness",
        status=status,
        where=stream,
        hint="" if status == "ok" else hint,
        message=f"last {verb} {_age(age)} ago, expected every {_age(expect_every)}",
        numbers={"age_seconds": int(age.total_seconds())},
    )


def usual_volume(rows: int, *, before: Sequence[int], stream: str) -> Finding:
    """Return whether today's rows lie within what earlier pulls brought; silent below five of them.

    Unusual is more than three times the median absolute deviation (at least a fifth of the median) off the median.
    """
    if len(before) < 5:
        return Finding(
            name="volume", status="skipped", where=stream, message=f"{rows:,} rows; too few pulls to compare"
        )
    middle = sorted(before)[len(before) // 2]
    spread = sorted(abs(count - middle) for count in before)[len(before) // 2]
    band = max(3 * spread, middle // 5, 10)
    status: Status = "ok" if abs(rows - middle) <= band else "warning"
    return Finding(
        name="volume",
        status=status,
        where=stream,
        numbers={"rows": rows, "usual": middle, "band": band},
        message=f"{rows:,} rows, usually {max(middle - band, 0):,} to {middle + band:,}",
        hint="" if status == "ok" else "look at the source, or at its latest page set",
    )


def _counted(counts: Mapping[str, ir.Value]) -> ir.Table:
    """One row of several aggregates over different tables, each worked out once."""
    tables = [value.name(name).as_table() for name, value in counts.items()]
    whole = tables[0]
    for table in tables[1:]:
        whole = whole.cross_join(table)
    return whole


def _never(name: str, count: int, wrong: str, right: str) -> Finding:
    if count:
        return Finding(
            name=name, status="failed", message=f"{count:,} {wrong}", hint="regulars rebuild", numbers={"count": count}
        )
    return Finding(name=name, status="ok", message=right, numbers={"count": 0})


def _rather(name: str, count: int, of: int, limit: float, wrong: str, *, hint: str = "") -> Finding:
    share = count / of if of else 0.0
    status: Status = "warning" if share > limit else "ok"
    return Finding(
        name=name,
        status=status,
        message=f"{count:,} of {of:,} ({share:.1%}) {wrong}",
        hint=hint if status != "ok" else "",
        numbers={"count": count, "of": of},
    )


def _at_least(name: str, count: int, of: int, limit: float, right: str) -> Finding:
    share = count / of if of else 1.0
    status: Status = "ok" if share >= limit else "warning"
    return Finding(
        name=name,
        status=status,
        message=f"{count:,} of {of:,} ({share:.1%}) {right}",
        numbers={"count": count, "of": of},
    )


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return (
        f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
    )
