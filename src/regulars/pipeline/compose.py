"""Compose: who gets which message of a campaign, who not and why, as a table; then the same table as messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.audience import candidates, doubles
from regulars.campaigns.campaign import Campaign, campaign_id, message_id
from regulars.campaigns.filled import Words
from regulars.campaigns.offered import Offered, offered
from regulars.campaigns.pace import free_before, spread
from regulars.campaigns.remarks import remarks
from regulars.campaigns.subset import REST, FirstTest, dealt, first_test
from regulars.check import Finding
from regulars.pipeline.approve import check_approved, unapproved
from regulars.pipeline.assign import assigned, enrol_audience, is_running
from regulars.pipeline.campaign import campaign_of, check_version, destination_of, occurrence_at, words
from regulars.pipeline.listed_people import Listed, listed_people
from regulars.pipeline.local_start import expires_of, first_of, starts_of
from regulars.pipeline.offer_readings import offers_read
from regulars.pipeline.permitted import in_order, permitted_of, reached
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.sources.json_text import rows_as_json
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.planned import PLANNED

AT_ONCE = 50_000
"""Messages written down in one transaction: others who write to the book wait no longer than for these."""

MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
"""From where offsets within a window are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One occurrence of a campaign, before anything is sent."""

    campaign: Campaign
    occurrence: str
    starts_at: datetime                      # aware
    rows: pa.Table                           # storage.book.messages.PLANNED, sorted by customer
    waits: pa.Table                          # cap, subjects: who is written to later, because a cap is full now
    segments: int                            # of all text messages together; 0 for e-mail
    rejected: int = 0                        # rows of a list that tell of nobody who can be written to
    offers: tuple[Offered, ...] = ()         # of each variant that says something
    unapproved: tuple[str, ...] = ()         # variants whose words nobody has approved yet, where that is needed

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Return why people get nothing, and how many; the most first. Names of others are left out."""
        skipped = self.rows.filter(pc.equal(self.rows["state"], "skipped"))
        named = pc.replace_substring_regex(skipped["reason"], r"\bc_\w+", "…")
        found = [(one["values"], one["counts"]) for one in pc.value_counts(named.combine_chunks()).to_pylist()]
        return sorted(found, key=lambda one: (-one[1], one[0]))

    @property
    def remarks(self) -> list[Finding]:
        """Return what a careful reader would change in the words before they go out."""
        return remarks(self.campaign)

    @property
    def test(self) -> FirstTest | None:
        """Return how it is tested first; None where it is not."""
        return first_test(self.campaign.test, starts_at=self.starts_at)

    @property
    def sendable(self) -> int:
        """Return how many people get a message."""
        return int(pc.sum(pc.equal(self.rows["state"], "planned")).as_py() or 0)

    @property
    def variants(self) -> dict[str, int]:
        """Return how many messages there are of each variant."""
        planned = self.rows.filter(pc.equal(self.rows["state"], "planned"))
        counted = pc.value_counts(planned["variant"].combine_chunks()).to_pylist()
        return dict(sorted((one["values"], one["counts"]) for one in counted))


def plan_campaign(
    workspace: Workspace, name: str, *, enrols: bool = False, chosen: pa.Table | None = None
) -> Plan:
    """Return who gets which message, who not and why; nothing is written down.

    With `enrols` whoever has newly come into the experiment's audience is given a variant first: that is kept.
    `chosen` names those it is for by hand, with their variants: customer_id, variant; None: the campaign says who.
    Raises NotFound before the first run, DeclarationError for an experiment that takes nobody.
    """
    project, now = workspace.project, workspace.clock.now()
    campaign = campaign_of(project, name)
    occurrence, starts_at = occurrence_at(campaign, now=now, zone=workspace.zone)
    begins = max(starts_at, now)
    ready = words(project, campaign)
    listed = listed_people(workspace, campaign) if campaign.list_file is not None else None
    found = _candidates(workspace, campaign, ready, listed, at=begins, enrols=enrols, chosen=chosen)
    tried = _tried(ready, found) if campaign.test is None else _tried_all(ready, found)
    reason = pc.coalesce(found["reason"], tried["reason"])
    found = found.set_column(found.column_names.index("reason"), "reason", reason)
    key = campaign_id(name, occurrence)
    offers = [
        offered(one.variant, one.reading) for one in offers_read(
            project.config, workspace.book, campaign, sent=starts_at.astimezone(ZoneInfo(workspace.zone)).date()
        )
    ]
    if campaign.offer_again_after is not None:
        from regulars.pipeline.offers import without_repeated  # noqa: PLC0415  flows compose too, and wait for no mathematics

        found = without_repeated(workspace, found, offers, since=begins - campaign.offer_again_after, besides=key)
    found = _without_doubles(workspace, found, campaign)
    is_in = pc.is_null(found["reason"])
    if campaign.test is not None:
        found = _dealt(found, campaign, key=key)
    starts = starts_of(workspace, campaign, found, run=starts_at, at=now)
    due = _due(found, campaign, key=key, starts=starts)
    rows = pa.table({
        **{column: found[column] for column in ("customer_id", "address", "variant", "household_id", "region", "gaps")},
        "state": pc.if_else(is_in, "planned", "skipped"), "reason": found["reason"], "due_at": due,
        "expires_at": expires_of(campaign, starts),
    }, schema=PLANNED)
    if campaign.zone == "recipient":
        starts_at = first_of(starts.filter(is_in), run=starts_at)
    return Plan(
        campaign=campaign, occurrence=occurrence, starts_at=starts_at, rows=rows,
        waits=_full_caps(workspace, campaign, at=begins),
        segments=int(pc.sum(pc.if_else(is_in, tried["segments"], 0)).as_py() or 0),
        rejected=0 if listed is None else listed.rejected,
        offers=tuple(offers), unapproved=tuple(unapproved(project, workspace.book, campaign)),
    )


def write_plan(workspace: Workspace, plan: Plan) -> Occurrence:
    """Write a plan down as messages that are due; killed in between, it is a draft and is written anew.

    An occurrence that was planned before stays as it was planned.
    Raises DeclarationError when the campaign says something else by now, GuardError when its words have to be approved
    and are not.
    """
    book, campaign, now = workspace.book, plan.campaign, workspace.clock.now()
    check_approved(workspace.project, book, campaign)
    one = book.campaigns.begin(
        campaign.name, plan.occurrence, channel=campaign.channel, purpose=campaign.purpose,
        destination=campaign.destination, version=campaign.version, starts_at=plan.starts_at, at=now,
    )
    if one.state != "draft":
        check_version(campaign, one)
        return one
    book.offers.keep(one.campaign_id, plan.offers)
    book.messages.forget_plan(one.campaign_id)
    for start in range(0, plan.rows.num_rows, AT_ONCE):
        book.messages.plan(one.campaign_id, plan.rows.slice(start, AT_ONCE), at=now)
    book.campaigns.move(one.campaign_id, "scheduled" if plan.starts_at > now else "sending", at=now)
    found = book.campaigns.get(one.campaign_id)
    assert found is not None
    return found


def _candidates(
    workspace: Workspace, campaign: Campaign, ready: Words, listed: Listed | None, *, at: datetime, enrols: bool,
    chosen: pa.Table | None,
) -> pa.Table:
    """Everybody of the audience with what is known of them, sorted by id; gaps as JSON."""
    engine = workspace.stores.engine
    if listed is None:
        people, places = people_of(workspace, campaign), reached(workspace, campaign.channel)
    else:
        people, places = engine.arrow(listed.people), engine.arrow(listed.places)
    if campaign.audience is not None:
        places = places.semi_join(people, "customer_id")
    permitted = permitted_of(workspace, places, channel=campaign.channel, purpose=campaign.purpose, at=at)
    gaps = {f"gap_{name}": people[name] for name in ready.gaps}
    if chosen is not None:
        people = people.semi_join(engine.arrow(chosen), "customer_id")
    assignment = chosen if chosen is not None else variants_of(workspace, campaign, enrols=enrols)
    silent = [name for name, template in campaign.templates.items() if template is None]
    found = in_order(workspace.fetch(candidates(
        people.select("customer_id", "household_id", "region", **gaps), engine.arrow(permitted),
        None if assignment is None else engine.arrow(assignment), silent=silent,
    )), "customer_id")
    values = found.select(list(gaps)).rename_columns(list(ready.gaps))
    return found.drop_columns(list(gaps)).append_column("gaps", rows_as_json(values))


def people_of(workspace: Workspace, campaign: Campaign, *, only: ir.Table | None = None) -> ir.Table:
    """Return the customers of a segment, or all, with household_id and region; `only` has the ids of those wanted."""
    people, contacts = workspace.table("customers"), workspace.table("contacts")
    if only is not None:
        people = people.semi_join(only, "customer_id")
    if campaign.audience is not None:
        memberships = workspace.table("memberships")
        people = people.semi_join(memberships.filter(memberships.segment == campaign.audience), "customer_id")
    region = people.region.cast("string") if "region" in people.columns else ibis.null("string")
    homes = contacts.select("customer_id", home=contacts.household_id)
    found = people.mutate(region=region).left_join(homes, "customer_id").drop("customer_id_right")
    return found.mutate(household_id=found.home).drop("home")


def variants_of(workspace: Workspace, campaign: Campaign, *, enrols: bool) -> pa.Table | None:
    """Return customer_id, variant of everybody who has one; None for a campaign without an experiment."""
    if campaign.experiment is None:
        return None
    experiment = next(one for one in workspace.project.experiments if one.name == campaign.experiment)
    if enrols and is_running(workspace, experiment):
        enrol_audience(workspace, experiment)
    rows = assigned(workspace, experiment).rows.select(["unit", "variant"])
    if experiment.unit == "customer":
        return rows.rename_columns(["customer_id", "variant"])
    members, units = workspace.table(HOUSEHOLD_MEMBERS), workspace.stores.engine.arrow(rows)
    found = members.inner_join(units, members.household_id == units.unit).select("customer_id", "variant")
    return workspace.fetch(found)


def _tried(ready: Words, found: pa.Table) -> pa.Table:
    """Fill the words in for those who would get them; the others need none."""
    is_in = pc.is_null(found["reason"])
    some = found.filter(is_in)
    tried = ready.tried(some["variant"], some["gaps"])
    place = pc.if_else(is_in, pc.subtract(pc.cumulative_sum(is_in.cast(pa.int64())), 1), None)
    return tried.take(place)


def _tried_all(ready: Words, found: pa.Table) -> pa.Table:
    """Fill the words of every variant in for those who would get any: who lacks a word of one gets none.

    The segments are those of the longest.
    """
    told = [
        _tried(ready, found.set_column(
            found.column_names.index("variant"), "variant", pa.array([variant]).take(pa.repeat(0, found.num_rows))
        )) for variant in ready.parsed
    ]
    return pa.table({
        "reason": pc.coalesce(*(each["reason"] for each in told)),
        "segments": pc.max_element_wise(*(each["segments"] for each in told)),
    })


def _dealt(found: pa.Table, campaign: Campaign, *, key: str) -> pa.Table:
    """Give the people of the test their variants; all others who get a message wait for the winner."""
    assert campaign.test is not None
    is_in = pc.is_null(found["reason"])
    ids = found["customer_id"].filter(is_in)
    names = dealt(ids.to_pylist(), list(campaign.templates), share=campaign.test.share, key=key)
    place = pc.index_in(found["customer_id"], ids.combine_chunks())
    variant = pc.if_else(is_in, names.take(place.combine_chunks()), found["variant"])
    return found.set_column(found.column_names.index("variant"), "variant", variant)


def _without_doubles(workspace: Workspace, found: pa.Table, campaign: Campaign) -> pa.Table:
    would = found.filter(pc.is_null(found["reason"])).select(["customer_id", "address", "is_own", "household_id"])
    told = workspace.fetch(doubles(workspace.stores.engine.arrow(would), one_per=campaign.one_per))
    place = pc.index_in(found["customer_id"], told["customer_id"].combine_chunks())
    reason = pc.coalesce(found["reason"], told["reason"].combine_chunks().take(place.combine_chunks()))
    return found.set_column(found.column_names.index("reason"), "reason", reason)


def _due(found: pa.Table, campaign: Campaign, *, key: str, starts: pa.ChunkedArray) -> pa.ChunkedArray:
    """When each message goes: strewn over the window behind its start, and not before somebody's hours begin."""
    moment = pa.timestamp("us")
    if campaign.spread is not None:
        ids = [message_id(key, customer) for customer in found["customer_id"].to_pylist()]
        strewn = spread(ids, start=MIDNIGHT, end=MIDNIGHT + campaign.spread, salt=key)
        starts = pc.add(starts, pa.array(strewn - np.datetime64(MIDNIGHT.replace(tzinfo=None), "us")))
    until = found["until"].combine_chunks().cast(moment)
    due = pc.max_element_wise(starts, until)
    # Who waits for a winner is due when there is one.
    return pc.if_else(pc.equal(found["variant"].combine_chunks(), REST), None, due)


def _full_caps(workspace: Workspace, campaign: Campaign, *, at: datetime) -> pa.Table:
    """How many people, households, addresses or senders have no seat left under each cap."""
    caps = [*campaign.caps, *destination_of(workspace.project, campaign).caps]
    found = [
        workspace.book.seats.full(
            cap.name, of=cap.of, limit=cap.limit, free_before=free_before(cap, at=at, zone=workspace.zone)
        )
        for cap in caps
    ]
    return pa.table({"cap": [cap.name for cap in caps], "subjects": found}, schema=pa.schema([
        ("cap", pa.string()), ("subjects", pa.int64())
    ]))
