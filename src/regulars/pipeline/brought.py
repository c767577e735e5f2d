"""What a campaign brought: who converted, which part of it is put down to it, what it cost, and what it added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns import sms
from regulars.campaigns.added import Added, Drawn, added, drawn
from regulars.campaigns.attribution import Model, attributed, by_campaign, returns
from regulars.campaigns.campaign import Campaign
from regulars.campaigns.goal import CampaignGoal, conversions, reached, redeemed
from regulars.campaigns.results import Share, share
from regulars.metrics.metric import Metric
from regulars.pipeline.answer_back import ANSWERS
from regulars.pipeline.merged import as_they_are_now
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence

MODELS: tuple[Model, ...] = get_args(Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an occurrence cost so far; amounts in minor units."""

    messages: int                            # that a provider took
    pieces: int                              # segments of text, or e-mails
    total: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
    """What is put down to an occurrence by one model, beside all other messages that the same people got."""

    model: str
    currency: str
    value: int                               # minor units
    conversions: int                         # in which it has a part
    customers: int
    roi: float | None                        # share: 0.5 is 50 %; null where nothing was spent
    roas: float | None
    cost_per_conversion: float | None        # minor units


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """How many people of a variant converted, of those who were sent to, and what they are worth."""

    variant: str
    people: Share
    value: int                               # minor units; of the business's currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What came with the promo code of an offer since it was made, whoever used it."""

    code: str
    variants: list[str]                      # whose words say it
    conversions: int
    customers: int
    of_recipients: int                       # of these customers, who were sent to
    value: int                               # minor units; of the business's currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What came of one goal."""

    metric: str
    within_days: float
    variants: list[Converted]
    credit: list[Credited]
    codes: list[Redeemed]                    # none where no offer has a code, or the goal says no attribute
    added: list[Added]                       # against those held out; none: see not_added
    not_added: str | None                    # why nobody can tell what was added


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The people of an occurrence: message, customer (today's id), variant, sent_at, asked_at (when sent, else due)."""

    campaign: Campaign
    one: Occurrence
    people: pa.Table


def asked(workspace: Workspace, campaign: Campaign, one: Occurrence, ways: pa.Table) -> Asked:
    """Return the people of an occurrence with the ids that they have today; `ways`: `storage.book.ways.WAYS`."""
    start = pa.scalar(one.starts_at.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    return Asked(campaign=campaign, one=one, people=pa.table({
        "message": ways["customer"], "customer": as_they_are_now(workspace, ways["customer"]),
        "variant": ways["variant"], "sent_at": ways["sent_at"], "asked_at": pc.coalesce(ways["sent_at"], start),
    }))


def converted(workspace: Workspace, of: Asked) -> pa.Table | None:
    """Return who reached the first goal after their message: message, converted_at; None where nobody knows.

    That is where a campaign has no goal, or nothing was derived yet.
    """
    goal = next(iter(of.campaign.goals), None)
    found = None if goal is None else _conversions(workspace, goal, of.one)
    if goal is None or found is None:
        return None
    people = reached(workspace.stores.engine.arrow(of.people), found, within=goal.within)
    return workspace.fetch(people.select("message", "converted_at"))


def brought(workspace: Workspace, of: Asked, *, spent: Spent | None, held_out: str | None) -> list[Brought]:
    """Return what came of each goal, in their order; none before anything was derived.

    `held_out`: the variant that got nothing; None where nobody was held out, or its experiment is not to be trusted.
    """
    told = []
    for goal in of.campaign.goals:
        found = _conversions(workspace, goal, of.one)
        if found is None:
            return []
        more = added(_drawn(workspace, goal, found, of), held_out=held_out) if held_out is not None else []
        told.append(Brought(
            metric=goal.metric, within_days=goal.within.total_seconds() / 86_400,
            variants=[
                Converted(variant=each.variant, people=share(each.converted, of=each.people), value=int(each.value))
                for each in did_by_variant(workspace, goal, of) or ()
            ], codes=_codes(workspace, goal, of), credit=_credit(workspace, goal, found, of.one, spent),
            added=more, not_added=None if more else "nobody was held out, or the experiment is not to be trusted",
        ))
    return told


def did_by_variant(workspace: Workspace, goal: CampaignGoal, of: Asked) -> list[Drawn] | None:
    """Return what those who were sent to did afterwards, by variant; None before anything was derived."""
    found = _conversions(workspace, goal, of.one)
    if found is None:
        return None
    people = workspace.stores.engine.arrow(of.people)
    sent = reached(people.filter(people.sent_at.notnull()), _at_home(workspace, found), within=goal.within)
    return [Drawn(**row) for row in workspace.rows(drawn(sent))]


def spent_on(workspace: Workspace, campaign: Campaign, one: Occurrence) -> Spent | None:
    """Return what an occurrence cost so far; None where its campaign does not say."""
    if campaign.costs is None:
        return None
    messages = pieces = 0
    for text, times in workspace.book.touches.texts(one.campaign_id):
        messages += times
        pieces += times * (1 if text is None else sms.count(text).segments)
    return Spent(
        messages=messages, pieces=pieces, total=campaign.costs.of(pieces), currency=_currency(workspace),
    )


def _currency(workspace: Workspace) -> str:
    return workspace.project.config.business.currency


def _conversions(workspace: Workspace, goal: CampaignGoal, one: Occurrence) -> ir.Table | None:
    """Everything that counted since an occurrence began; None where nothing was derived yet."""
    rows = _rows(workspace, goal, one)
    if rows is None:
        return None
    return conversions(goal, _metric(workspace, goal), rows, currency=_currency(workspace))


def _metric(workspace: Workspace, goal: CampaignGoal) -> Metric:
    return next(each for each in workspace.project.metrics if each.name == goal.metric)


def _rows(workspace: Workspace, goal: CampaignGoal, one: Occurrence) -> ir.Table | None:
    """The rows a goal's metric is taken over since an occurrence began, with their customers."""
    name = "events" if getattr(_metric(workspace, goal).formula, "events", ()) else "money"
    if not workspace.lake.exists(name) or not workspace.lake.exists("identity"):
        return None
    rows = workspace.table(name)
    since, now = (_plain(moment) for moment in (one.starts_at, as_of_now(workspace).moment))
    return with_customer(workspace, rows.filter(rows.occurred_at >= since, rows.occurred_at <= now))


def _codes(workspace: Workspace, goal: CampaignGoal, of: Asked) -> list[Redeemed]:
    """What was redeemed of each code since the occurrence began."""
    rows = None if goal.code is None else _rows(workspace, goal, of.one)
    if rows is None:
        return []
    variants: dict[str, list[str]] = {}
    for offer in workspace.book.offers.of(of.one.campaign_id):
        if offer.offer_code is not None:
            variants.setdefault(offer.offer_code.upper(), []).append(offer.variant)
    people, told = workspace.stores.engine.arrow(of.people), []
    sent = people.filter(people.sent_at.notnull()).select(recipient="customer").distinct()
    for code, names in sorted(variants.items()):
        found = _at_home(workspace, conversions(
            goal, _metric(workspace, goal), redeemed(goal, rows, code), currency=_currency(workspace)
        ))
        known = found.left_join(sent, found.customer == sent.recipient)
        row = workspace.rows(known.aggregate(
            conversions=known.conversion_id.nunique(where=known["value"] >= 0), customers=known.customer.nunique(),
            of_recipients=known.recipient.nunique(), value=known["value"].sum(),
        ))[0]
        told.append(Redeemed(code=code, variants=names, **{**row, "value": int(row["value"] or 0)}))
    return told


def _at_home(workspace: Workspace, found: ir.Table) -> ir.Table:
    """Conversions of which only those in the currency of the business have a value: others do not add up with it."""
    is_ours = found.currency == _currency(workspace)
    return found.mutate(value=ibis.ifelse(is_ours, found["value"], ibis.literal(0, "int64")))


def _drawn(workspace: Workspace, goal: CampaignGoal, found: ir.Table, of: Asked) -> list[Drawn]:
    """What everybody did from the same moment on, by the variant they were drawn for."""
    start = ibis.literal(_plain(of.one.starts_at), "timestamp")
    people = workspace.stores.engine.arrow(of.people).mutate(asked_at=start)
    of_variant = people.filter(people.variant.isin(sorted(of.campaign.templates)))
    rows = drawn(reached(of_variant, _at_home(workspace, found), within=goal.within))
    return [Drawn(**row) for row in workspace.rows(rows)]


def _credit(
    workspace: Workspace, goal: CampaignGoal, found: ir.Table, one: Occurrence, spent: Spent | None
) -> list[Credited]:
    touches, parts = _touches(workspace, goal, one), []
    # With its costs, be they nothing, the campaign has a row whatever is put down to it.
    cost = pa.table({
        "campaign": [one.campaign_id], "currency": [_currency(workspace)],
        "cost": [0 if spent is None else spent.total],
    })
    for model in MODELS:
        earned = by_campaign(attributed(touches, found, model=model, window=goal.within))
        money = returns(earned, workspace.stores.engine.arrow(cost))
        who = earned.select("campaign", "currency", "customers")
        both = money.left_join(who, ["campaign", "currency"]).filter(lambda row: row.campaign == one.campaign_id)
        parts.append(both.select(
            "currency", "value", "conversions", "roi", "roas", "cost_per_conversion",
            model=ibis.literal(model), customers=both.customers.fill_null(0),
        ))
    rows: Sequence[Mapping[str, Any]] = workspace.rows(ibis.union(*parts))
    by_model = sorted(rows, key=lambda row: (MODELS.index(row["model"]), row["currency"]))
    return [Credited(**{**row, "value": int(row["value"])}) for row in by_model]


def _touches(workspace: Workspace, goal: CampaignGoal, one: Occurrence) -> ir.Table:
    """Every message of every campaign that a conversion since this one began may be put down to."""
    told = workspace.book.touches.since(one.starts_at - goal.within, leaving_out=ANSWERS)
    return workspace.stores.engine.arrow(pa.table({
        "touch_id": pc.binary_join_element_wise(told["campaign_id"], told["customer"], "."),
        "customer": as_they_are_now(workspace, told["customer"]), "campaign": told["campaign_id"], "at": told["at"],
    }))


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
