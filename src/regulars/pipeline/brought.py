"""What a campaign brought: who converted, which part of it is put down to it, what it cost, and what it added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns import sms
from regulars.campaigns.added import Added, Drawn, added, drawn
from regulars.campaigns.attribution import CONVERSION, Model, attributed, by_campaign, paths, returned
from regulars.campaigns.campaign import Campaign
from regulars.campaigns.conversion import conversions, reached, redeemed
from regulars.campaigns.goal import CampaignGoal
from regulars.campaigns.results import Share, share
from regulars.metrics.metric import Metric
from regulars.pipeline.answer_back import ANSWERS
from regulars.pipeline.merged import as_they_are_now
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.engines.question import given, given_table

MODELS: tuple[Model, ...] = get_args(Model)

_PEOPLE = ibis.schema({"customer": "string"})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the people of an occurrence did of one goal since it began."""

    goal: CampaignGoal
    conversions: pa.Table                    # campaigns.attribution.CONVERSION
    people: pa.Table                         # a row a message, as `Asked`, with converted_at and value since asked_at


def done(workspace: Workspace, of: Asked, goal: CampaignGoal) -> Done | None:
    """Return what people did of a goal; None before anything was derived."""
    found = _conversions(workspace, goal, of)
    if found is None:
        return None
    return Done(goal=goal, conversions=found, people=reached(
        of.people, found, within=goal.within, currency=_currency(workspace)
    ))


def brought(
    workspace: Workspace, of: Asked, every: list[Done], *, spent: Spent | None, held_out: str | None
) -> list[Brought]:
    """Return what came of each goal, in their order.

    `held_out`: the variant that got nothing; None where nobody was held out, or its experiment is not to be trusted.
    """
    told, touches = [], _touches(workspace, every, of)
    for each in every:
        goal = each.goal
        more = added(_drawn(workspace, each, of), held_out=held_out) if held_out is not None else []
        told.append(Brought(
            metric=goal.metric, within_days=goal.within.total_seconds() / 86_400,
            variants=[
                Converted(variant=one.variant, people=share(one.converted, of=one.people), value=int(one.value))
                for one in did_by_variant(each)
            ], codes=_codes(workspace, goal, of), credit=_credit(workspace, each, touches, of, spent),
            added=more, not_added=None if more else "nobody was held out, or the experiment is not to be trusted",
        ))
    return told


def did_by_variant(each: Done) -> list[Drawn]:
    """Return what those who were sent to did afterwards, by variant."""
    return drawn(each.people.filter(pc.is_valid(each.people["sent_at"])))


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


def _conversions(workspace: Workspace, goal: CampaignGoal, of: Asked) -> pa.Table | None:
    """Everything of the people of an occurrence that counted since it began; None where nothing was derived yet."""
    if not _is_derived(workspace, goal):
        return None
    return _rows_of(workspace.ask(
        _counting, goal, None, people=pa.table({"customer": pc.unique(of.people["customer"])}), **_span(workspace, of)
    ))


def _counting(workspace: Workspace, goal: CampaignGoal, code: str | None) -> ir.Table:
    """Return the question for conversions between two moments: of some people, or whoever's with a code."""
    rows = workspace.table(_table(workspace, goal))
    rows = rows.filter(
        rows.occurred_at >= given("since", "timestamp"), rows.occurred_at <= given("now", "timestamp")
    )
    found = with_customer(workspace, rows)
    if code is not None:
        found = redeemed(goal, found, code)
    else:
        people = given_table("people", _PEOPLE)
        found = found.semi_join(people, found.customer_id == people.customer)
    return conversions(goal, _metric(workspace, goal), found, currency=_currency(workspace))


def _rows_of(found: pa.Table) -> pa.Table:
    return found.cast(CONVERSION)


def _span(workspace: Workspace, of: Asked) -> dict[str, datetime]:
    return {"since": _plain(of.one.starts_at), "now": _plain(as_of_now(workspace).moment)}


def _metric(workspace: Workspace, goal: CampaignGoal) -> Metric:
    return next(each for each in workspace.project.metrics if each.name == goal.metric)


def _table(workspace: Workspace, goal: CampaignGoal) -> str:
    """Return the table whose rows a goal's metric is taken over."""
    return "events" if getattr(_metric(workspace, goal).formula, "events", ()) else "money"


def _is_derived(workspace: Workspace, goal: CampaignGoal) -> bool:
    return workspace.lake.exists(_table(workspace, goal)) and workspace.lake.exists("identity")


def _codes(workspace: Workspace, goal: CampaignGoal, of: Asked) -> list[Redeemed]:
    """What was redeemed of each code since the occurrence began."""
    if goal.code is None or not _is_derived(workspace, goal):
        return []
    variants: dict[str, list[str]] = {}
    for offer in workspace.book.offers.of(of.one.campaign_id):
        if offer.offer_code is not None:
            variants.setdefault(offer.offer_code.upper(), []).append(offer.variant)
    sent = pc.unique(of.people.filter(pc.is_valid(of.people["sent_at"]))["customer"])
    told = []
    for code, names in sorted(variants.items()):
        found = _rows_of(workspace.ask(_counting, goal, code, **_span(workspace, of)))
        customers = pc.unique(found["customer"])
        ours = found.filter(pc.equal(found["currency"], _currency(workspace)))
        told.append(Redeemed(
            code=code, variants=names, customers=len(customers),
            conversions=len(pc.unique(found.filter(pc.greater_equal(found["value"], 0))["conversion_id"])),
            of_recipients=int(pc.sum(pc.is_in(customers, sent)).as_py() or 0),
            value=int(pc.sum(ours["value"]).as_py() or 0),
        ))
    return told


def _drawn(workspace: Workspace, each: Done, of: Asked) -> list[Drawn]:
    """What everybody did from the same moment on, by the variant they were drawn for."""
    people = of.people.filter(pc.is_in(of.people["variant"], pa.array(sorted(of.campaign.templates))))
    start = pa.repeat(pa.scalar(_plain(of.one.starts_at), pa.timestamp("us")), people.num_rows)
    asked_alike = people.set_column(people.column_names.index("asked_at"), "asked_at", start)
    return drawn(reached(
        asked_alike, each.conversions, within=each.goal.within, currency=_currency(workspace)
    ))


def _credit(
    workspace: Workspace, each: Done, touches: pa.Table, of: Asked, spent: Spent | None
) -> list[Credited]:
    before, told = paths(touches, each.conversions, window=each.goal.within), []
    for model in MODELS:
        earned = by_campaign(attributed(before, model=model))
        mine = {row["currency"]: row for row in earned.to_pylist() if row["campaign"] == of.one.campaign_id}
        # In the currency of its costs, be they nothing, the campaign has a row whatever is put down to it.
        for currency in sorted({*mine, _currency(workspace)}):
            row = mine.get(currency, {"value": 0, "conversions": 0, "customers": 0})
            cost = spent.total if spent is not None and currency == spent.currency else 0
            back = returned(row["value"], cost=cost, conversions=row["conversions"])
            told.append(Credited(
                model=model, currency=currency, value=row["value"], conversions=row["conversions"],
                customers=row["customers"], **asdict(back),
            ))
    return told


def _touches(workspace: Workspace, every: list[Done], of: Asked) -> pa.Table:
    """Every message of every campaign that a conversion of these people may be put down to."""
    longest = max((each.goal.within for each in every), default=timedelta())
    told = workspace.book.touches.since(of.one.starts_at - longest, leaving_out=ANSWERS)
    return pa.table({
        "touch_id": pc.binary_join_element_wise(told["campaign_id"], told["customer"], "."),
        "customer": as_they_are_now(workspace, told["customer"]), "campaign": told["campaign_id"], "at": told["at"],
    })


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
