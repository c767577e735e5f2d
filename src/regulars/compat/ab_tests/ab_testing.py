"""The service itself: every question and command of the reference's A/B testing, answered with a Result."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from regulars.clock import Clock, SystemClock
from regulars.compat.ab_tests import campaign as campaigns
from regulars.compat.ab_tests import report as reports
from regulars.compat.ab_tests import significance, summary
from regulars.compat.ab_tests.assignment import Known, assign, id_of, stored, units_with
from regulars.compat.ab_tests.campaign import HELD_BACK, experiment_of, invalid_variant, rollout_of, told_id
from regulars.compat.ab_tests.state import aware, state
from regulars.compat.ab_tests.store import ABTestStore
from regulars.compat.ab_tests.summary import Standing
from regulars.compat.ab_tests.winner import Judgement, judge
from regulars.compat.result import Result, answering, failure, success
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import ABCampaign, ABEvent
from regulars.storage.book.experiments import Assignment, ExperimentBook

# The standard library's, which is silent until somebody listens: this is called from other people's programs.
log = logging.getLogger("ABTesting")

Told = dict[str, Any]
RESPONSES = ("positive", "negative", "neutral")
ITSELF = "ab_testing"


def _salt() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class ABTestingService:
    """A/B tests of text messages under the reference's names; every answer is a Result, bad input is a failure."""

    store: ABTestStore                       # campaigns, recipients, events
    experiments: ExperimentBook              # variants and decisions
    clock: Clock = field(default_factory=SystemClock)
    known: Known | None = None               # which contact ids there are; None: all that are given
    salt: Callable[[], str] = _salt          # chance, of each new campaign

    @classmethod
    def of(cls, book: Book, *, clock: Clock | None = None, known: Known | None = None) -> ABTestingService:
        """Return the service over a book."""
        return cls(
            store=book.ab_tests, experiments=book.experiments, clock=clock or SystemClock(), known=known
        )

    # --- campaigns ---------------------------------------------------------------------------------------------------

    @answering("DB_ERROR")
    def create_ab_campaign(self, data: Mapping[str, Any]) -> Result[Told]:
        """Keep a campaign of {name, template_a, template_b, ab_config, timezone} and return it with its id."""
        if refusal := campaigns.refusal(data):
            return refusal
        at = self.clock.now()
        kept = self.store.create(campaigns.drafted(data, salt=self.salt(), at=at))
        self._epoch(kept, at=at)
        return success(campaigns.described(kept))

    @answering("DB_ERROR")
    def get_campaign(self, campaign_id: object) -> Result[Told]:
        """Return a campaign with what was decided about it: in `ab_config`, and as `ab_winner` and `ab_winner_data`."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        told, winner = campaigns.described(kept), self._standing(kept).winner
        told |= {"ab_winner": winner and winner["winner"], "ab_winner_data": winner}
        told["ab_config"] |= winner or {}
        return success(told)

    @answering("DB_ERROR")
    def add_recipients(self, campaign_id: object, contacts: Sequence[object]) -> Result[Told]:
        """Keep whom a campaign is for; who of them gets no variant in the test may get the winner afterwards."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        units = [str(each) for contact in contacts if (each := id_of(contact)) is not None]
        added = self.store.add_recipients(kept.number, units, at=self.clock.now())
        return success({"campaign_id": kept.number, "recipients_added": added})

    @answering("DB_ERROR")
    def change_split_ratio(self, campaign_id: object, split_ratio: object, *, reason: str, by: str) -> Result[Told]:
        """Split whoever comes from now on by another ratio; who has a variant keeps it, epochs are analysed apart."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        config = json.loads(kept.config) | {"split_ratio": split_ratio}
        if refusal := campaigns.config_refusal(config):
            return refusal
        at = self.clock.now()
        changed = self.store.change(kept.number, config=json.dumps(config))
        epoch = self._epoch(changed, at=at)
        detail = {"split_ratio": split_ratio, "epoch": epoch}
        self._decide(changed, kind="ramped", by=by, reason=reason, detail=detail, at=at)
        return success(campaigns.described(changed))

    @answering("DB_ERROR")
    def change_status(self, campaign_id: object, status: object) -> Result[Told]:
        """Say where a campaign is: draft, scheduled, running, paused, complete, archived."""
        kept, spelled = self._campaign(campaign_id), campaigns.status_of(status)
        if kept is None:
            return _no_campaign(campaign_id)
        return spelled.map(lambda known: campaigns.described(self.store.change(kept.number, status=known)))

    # --- variants ----------------------------------------------------------------------------------------------------

    @answering("DB_ERROR")
    def assign_recipients_to_variants(self, campaign_id: object, contacts: Sequence[object]) -> Result[list[Told]]:
        """Give each contact its variant, by quota and once; {contact_id, variant, campaign_id} in the order given.

        Contacts are ids, or have one. Who cannot be assigned stands in `metadata["errors"]`, and the others go on.
        """
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        if not contacts:
            return success([])
        at = self.clock.now()
        experiment = campaigns.split(kept, epoch=self._epoch(kept, at=at))
        found = assign(self.experiments, experiment, contacts, at=at, known=self.known)
        log.info("variant_assigned campaign=%s rows=%s new=%s", kept.number, len(found.rows), found.new)
        errors = [{"contact_id": each, "error": why, "error_code": "CONTACT_NOT_FOUND"} for each, why in found.refused]
        if not found.rows:
            return failure(f"Contact not found: {errors[0]['error']}", code="CONTACT_NOT_FOUND", errors=errors)
        rows = [{"contact_id": each, "variant": variant, "campaign_id": kept.number} for each, variant in found.rows]
        return success(rows, errors=errors, new=found.new)

    @answering("DB_ERROR")
    def get_contact_variant(self, campaign_id: object, contact_id: object) -> Result[str]:
        """Return 'A' or 'B': what the contact was given in the test."""
        found = self._assigned(experiment_of, campaign_id, contact_id)
        if found is None:
            return failure(
                f"No variant assigned to contact {contact_id} in campaign {campaign_id}", code="VARIANT_NOT_ASSIGNED"
            )
        return success(found.variant)

    @staticmethod
    def _get_deterministic_variant(campaign_id: object, contact_id: object, split_ratio: int = 50) -> str:
        """Return what the reference would compute; no campaign is split by it."""
        return campaigns.deterministic_variant(campaign_id, contact_id, split_ratio)

    # --- tracking ----------------------------------------------------------------------------------------------------

    def track_message_sent(
        self, campaign_id: object, contact_id: object, variant: str, activity_id: object = None,
        *, at: datetime | None = None,
    ) -> Result[Told]:
        """Keep that a contact was sent its variant; the same activity told again changes nothing."""
        return self._track(campaign_id, contact_id, variant, "sent", at=at, activity=activity_id)

    def track_message_opened(
        self, campaign_id: object, contact_id: object, variant: str, *, at: datetime | None = None
    ) -> Result[Told]:
        """Keep that a contact opened the message."""
        return self._track(campaign_id, contact_id, variant, "opened", at=at)

    def track_link_clicked(
        self, campaign_id: object, contact_id: object, variant: str, link_url: str | None = None,
        *, at: datetime | None = None,
    ) -> Result[Told]:
        """Keep that a contact opened a link."""
        return self._track(campaign_id, contact_id, variant, "clicked", at=at, link=link_url)

    def track_response_received(
        self, campaign_id: object, contact_id: object, variant: str, response_type: str, activity_id: object = None,
        *, at: datetime | None = None,
    ) -> Result[Told]:
        """Keep a contact's reply and its tone; the first reply of a contact is the one that counts."""
        if response_type not in RESPONSES:
            return failure(
                f"Invalid response type {response_type!r}: one of {', '.join(RESPONSES)}", code="INVALID_RESPONSE_TYPE"
            )
        return self._track(
            campaign_id, contact_id, variant, "replied", at=at, activity=activity_id, reply=response_type
        )

    def track_conversion(
        self, campaign_id: object, contact_id: object, variant: str, event: str, activity_id: object = None,
        *, at: datetime | None = None,
    ) -> Result[Told]:
        """Keep that a contact did what the campaign's `conversion_event` names, soon enough after the message."""
        return self._track(campaign_id, contact_id, variant, "converted", at=at, activity=activity_id, event=event)

    @answering("DB_ERROR")
    def _track(
        self, campaign_id: object, contact_id: object, variant: str, kind: str, *, at: datetime | None,
        activity: object = None, link: str | None = None, reply: str | None = None, event: str | None = None,
    ) -> Result[Told]:
        if refusal := invalid_variant(variant):
            return refusal
        # Who got the winner after the test is followed there, so that the test's numbers stay its own.
        for name in (rollout_of, experiment_of):
            if found := self._assigned(name, campaign_id, contact_id):
                break
        else:
            return failure(
                f"Assignment not found for contact {contact_id} in campaign {campaign_id}", code="ASSIGNMENT_NOT_FOUND"
            )
        if found.variant != variant:
            return failure(
                f"Contact {contact_id} has variant {found.variant!r}, not {variant!r}", code="VARIANT_MISMATCH"
            )
        number, when = campaigns.numbered(campaign_id) or 0, aware(at or self.clock.now())
        if event is not None and (refusal := self._no_conversion(name, number, found, event, at=when)):
            return refusal
        self.store.record(name(number), [ABEvent(
            unit=found.unit, epoch=found.epoch, variant=variant, kind=kind, at=when,
            activity=None if activity is None else str(activity), link=link, reply=reply,
        )])
        return success(state(number, found, self.store.touches(name(number), unit=found.unit)))

    # --- results -----------------------------------------------------------------------------------------------------

    @answering("DB_ERROR")
    def get_variant_metrics(self, campaign_id: object, variant: str) -> Result[Told]:
        """Return counts of different contacts and shares from 0 to 1 of those sent to; all are 0 before the first."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        return invalid_variant(variant) or success(summary.metrics(self._standing(kept), variant))

    @staticmethod
    def calculate_statistical_significance(variant_a: Told, variant_b: Told) -> Result[Told]:
        """Compare two variants of {messages_sent, conversions} at one look."""
        try:
            return success(significance.significance(variant_a, variant_b))
        except (KeyError, TypeError, ValueError) as error:
            return failure(f"Counts cannot be compared: {error}", code="INVALID_COUNTS")

    @answering("SUMMARY_ERROR")
    def get_campaign_ab_summary(self, campaign_id: object) -> Result[Told]:
        """Return both variants, who leads, and the winner where there is one: decided, or sure enough by now."""
        kept = self._campaign(campaign_id)
        return _no_campaign(campaign_id) if kept is None else success(self._summed(kept)[1])

    @answering("UPDATE_FAILED")
    def identify_winner(self, campaign_id: object, confidence_threshold: float | None = None) -> Result[Told]:
        """Name the winner and keep it in the log, once; or say why there is none.

        Without a threshold that of the campaign's `ab_config.winner_threshold` holds. A winner that stands in the log
        is told as it was decided.
        """
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        standing, told, judgement = self._summed(kept, threshold=confidence_threshold)
        if standing.winner is not None:
            return success({"reason": "decided", **standing.winner})
        log.info("significance campaign=%s winner=%s reason=%s", kept.number, judgement.winner, judgement.reason)
        said = {
            "winner": judgement.winner, "reason": judgement.reason, "confidence_level": told["confidence_level"],
            "leading_variant": told["leading_variant"], "decision": judgement.decision, "sentence": judgement.sentence,
            "p_value_any_time": told["p_value_any_time"],
        }
        if judgement.winner is None:
            return success(said)
        said |= {
            "automatic": True, "variant_a_conversion": told["variant_a"]["conversion_rate"],
            "variant_b_conversion": told["variant_b"]["conversion_rate"],
        }
        detail = {**said, "evidence": told}
        self._decide(kept, kind="winner", by=ITSELF, reason=judgement.reason, detail=detail, at=standing.at)
        return success(said)

    @answering("UPDATE_FAILED")
    def set_manual_winner(
        self, campaign_id: object, winner: str, override_reason: str, *, by: str = "unknown"
    ) -> Result[Told]:
        """Keep the winner that a person chose, with the reason and what the numbers said at that moment."""
        if winner not in campaigns.VARIANTS:
            return failure(f"Invalid winner {winner!r}: must be 'A' or 'B'", code="INVALID_WINNER")
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        if not isinstance(override_reason, str) or not override_reason.strip():
            return failure("override_reason is required: say why a person decides", code="MISSING_REASON")
        standing, told, _ = self._summed(kept)
        said = {"winner": winner, "automatic": False, "override_reason": override_reason, "manual_override": True}
        detail = {**said, "evidence": told}
        self._decide(kept, kind="winner", by=by, reason=override_reason, detail=detail, at=standing.at)
        return success(said)

    @answering("UPDATE_FAILED")
    def acknowledge_sample_ratio(self, campaign_id: object, *, reason: str, by: str) -> Result[Told]:
        """Keep that a person looked into a broken sample ratio; results are shown again."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        self._decide(kept, kind="acknowledged", by=by, reason=reason, detail={}, at=self.clock.now())
        return success({"campaign_id": kept.number, "acknowledged": True, "reason": reason})

    @answering("UPDATE_FAILED")
    def send_winner_to_remaining(self, campaign_id: object, variant: str) -> Result[Told]:
        """Give the variant to every recipient who was sent none yet, but for those held back.

        Done twice it is done once. `scheduled_sends` are all who get it, for the sender to send; their events are kept
        apart from the test's.
        """
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        if refusal := invalid_variant(variant):
            return refusal
        name, at = rollout_of(kept.number), self.clock.now()
        remaining = self._remaining(kept)
        experiment = campaigns.rollout(kept, variant, epoch=1)
        epoch = self.experiments.begin_epoch(name, campaigns.setup_of(experiment), at=at)
        experiment = campaigns.rollout(kept, variant, epoch=epoch.number)
        new = assign(self.experiments, experiment, remaining, at=at, how="rollout").new if remaining else 0
        sends = [
            {"campaign_id": kept.number, "contact_id": told_id(row["unit"]), "variant": variant,
             "scheduled_at": row["assigned_at"].replace(tzinfo=at.tzinfo)}
            for row in units_with(self.experiments, name, variant=variant).to_pylist()
        ]
        return success({
            "variant_sent": variant, "recipients_count": len(sends), "scheduled_sends": sends, "newly_scheduled": new,
            "held_back": len(units_with(self.experiments, name, variant=HELD_BACK)),
        })

    @answering("DB_ERROR")
    def generate_ab_test_report(self, campaign_id: object) -> Result[Told]:
        """Return everything there is to say of a campaign, with recommendations."""
        kept = self._campaign(campaign_id)
        if kept is None:
            return _no_campaign(campaign_id)
        return success(reports.report(*self._summed(kept)))

    # --- what they rest on -------------------------------------------------------------------------------------------

    def _campaign(self, campaign_id: object) -> ABCampaign | None:
        number = campaigns.numbered(campaign_id)
        return None if number is None else self.store.campaign(number)

    def _epoch(self, campaign: ABCampaign, *, at: datetime) -> int:
        setup = campaigns.setup_of(campaigns.split(campaign, epoch=1))
        return self.experiments.begin_epoch(experiment_of(campaign.number), setup, at=at).number

    def _assigned(self, name: Callable[[int], str], campaign_id: object, contact_id: object) -> Assignment | None:
        number = campaigns.numbered(campaign_id)
        return None if number is None else self.experiments.assigned(name(number), str(contact_id))

    def _no_conversion(
        self, name: Callable[[int], str], number: int, found: Assignment, event: str, *, at: datetime
    ) -> Result[Any] | None:
        told = state(number, found, self.store.touches(name(number), unit=found.unit))
        return campaigns.conversion_refusal(self.store.campaign(number), event, sent_at=told["sent_at"], at=at)

    def _remaining(self, campaign: ABCampaign) -> list[str]:
        """Return all recipients who were sent nothing in the test, sorted."""
        name = experiment_of(campaign.number)
        touches = self.store.touches(name).to_pylist()
        sent = {touch["unit"] for touch in touches if touch["kind"] == "sent"}
        everybody = {*self.store.recipients(campaign.number), *stored(self.experiments, name)["unit"].to_pylist()}
        return sorted(everybody - sent)

    def _standing(self, campaign: ABCampaign) -> Standing:
        name = experiment_of(campaign.number)
        return Standing(
            campaign=campaign, counts=self.store.counts(name, without=rollout_of(campaign.number)),
            epochs=self.experiments.epochs(name), decisions=self.experiments.decisions(name), at=self.clock.now(),
        )

    def _summed(self, campaign: ABCampaign, *, threshold: float | None = None) -> tuple[Standing, Told, Judgement]:
        standing = self._standing(campaign)
        found = summary.analyse(standing)
        judgement = judge(standing, found, threshold=threshold or standing.rules.winner_threshold)
        winner = standing.winner["winner"] if standing.winner else judgement.winner
        told = summary.summary(
            standing, found, winner=winner, reason=judgement.reason, decision=judgement.decision
        )
        return standing, told, judgement

    def _decide(
        self, campaign: ABCampaign, *, kind: str, by: str, reason: str, detail: Told, at: datetime
    ) -> None:
        self.experiments.decide(
            experiment_of(campaign.number), kind=kind, by=by, reason=reason, detail=json.dumps(detail), at=at
        )


def _no_campaign(campaign_id: object) -> Result[Any]:
    return failure(f"Campaign not found: {campaign_id}", code="CAMPAIGN_NOT_FOUND")
