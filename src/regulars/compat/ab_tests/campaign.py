"""An A/B campaign as the reference describes it: what is refused, how it is split, how ids are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import md5
from typing import Any
from zoneinfo import ZoneInfo

from regulars.compat.result import Result, failure, success
from regulars.compat.texting.number import whole_number
from regulars.experiments.experiment import Allocation, Experiment, Goal, Variant
from regulars.storage.book.ab_tests import ABCampaign

VARIANTS = ("A", "B")
STATUSES = ("draft", "scheduled", "running", "paused", "complete", "archived")
ALLOCATIONS = ("quota", "hash")
HELD_BACK = "holdout"
POSITIVE_REPLY = "positive reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What `ab_config` says of a test; everything else in it is kept and told back."""

    split_ratio: int = 50                    # percent that get A
    allocation: Allocation = "quota"         # exact shares of a list; or hash: each contact by itself, as they come
    min_sample_size: int = 100               # recipients of each variant before there is a winner
    winner_threshold: float = 0.95           # one minus the p-value that a winner needs
    min_duration_days: float = 1.0           # from the creation on, before there is a winner
    horizon_days: float | None = None        # the one day on which the test is looked at; None: any time
    holdout_percent: int = 0                 # of the remaining, who get no variant
    conversion_event: str | None = None      # what is wanted, such as booking; None: a positive reply
    conversion_within_days: float = 14.0     # of the message being sent


LIMITS: Mapping[str, tuple[float, float]] = {
    "min_sample_size": (1, 10**9), "winner_threshold": (0.5, 0.9999), "min_duration_days": (0, 3650),
    "horizon_days": (0, 3650), "holdout_percent": (0, 99), "conversion_within_days": (0, 3650),
}
_WHOLE = {"min_sample_size", "holdout_percent"}


def experiment_of(number: int) -> str:
    """Return the name under which a campaign's test stands in the book."""
    return f"ab_test.{number}"


def rollout_of(number: int) -> str:
    """Return the name under which the sending of its winner to the remaining stands."""
    return f"ab_test.{number}.rollout"


def refusal(data: Mapping[str, Any]) -> Result[Any] | None:
    """Return why a campaign cannot be created, in the reference's order; None where it can."""
    for name, letter in (("template_a", "A"), ("template_b", "B")):
        if name not in data:
            return failure(f"{name} is required for an A/B test campaign", code=f"MISSING_VARIANT_{letter}")
    for name, letter in (("template_a", "A"), ("template_b", "B")):
        template = data[name]
        if not isinstance(template, str) or not template.strip():
            return failure(f"Variant {letter} cannot be empty", code=f"EMPTY_VARIANT_{letter}")
    config = data.get("ab_config")
    if not isinstance(config, Mapping):
        return failure("ab_config is required for an A/B test campaign", code="MISSING_AB_CONFIG")
    return config_refusal(config) or _zone_refusal(data.get("timezone", "UTC"))


def config_refusal(config: Mapping[str, Any]) -> Result[Any] | None:
    """Return what is wrong with an `ab_config`; None where nothing is.

    The ratio is a whole number: not its text, no fraction, no flag, and not None.
    """
    ratio = config.get("split_ratio", Rules().split_ratio)
    if not isinstance(ratio, int) or isinstance(ratio, bool) or not 1 <= ratio <= 99:
        return failure(
            f"split_ratio must be between 1 and 99, a whole number; it is {ratio!r}", code="INVALID_SPLIT_RATIO"
        )
    for name, (low, high) in LIMITS.items():
        value = config.get(name)
        kinds = int if name in _WHOLE else int | float
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high):
            return failure(f"{name} must be between {low:g} and {high:g}; it is {value!r}", code="INVALID_AB_CONFIG")
    if config.get("allocation", "quota") not in ALLOCATIONS:
        return failure(f"allocation must be quota or hash; it is {config['allocation']!r}", code="INVALID_AB_CONFIG")
    event = config.get("conversion_event")
    if event is not None and (not isinstance(event, str) or not event.strip()):
        return failure(f"conversion_event must be the name of an event; it is {event!r}", code="INVALID_AB_CONFIG")
    return None


def rules_of(campaign: ABCampaign) -> Rules:
    """Return a campaign's rules; what its config leaves out, or says is None, is as usual."""
    config = json.loads(campaign.config)
    known = {field.name for field in fields(Rules)}
    return Rules(**{name: value for name, value in config.items() if name in known and value is not None})


def split(campaign: ABCampaign, *, epoch: int) -> Experiment:
    """Return the experiment that a campaign is, in one of its epochs."""
    ratio = rules_of(campaign).split_ratio
    whole = _experiment(campaign, experiment_of(campaign.number), {"A": ratio, "B": 100 - ratio}, epoch=epoch)
    return replace(whole, allocation=rules_of(campaign).allocation)


def rollout(campaign: ABCampaign, winner: str, *, epoch: int) -> Experiment:
    """Return the experiment in which the remaining get the winner, but for those who are held back."""
    held = rules_of(campaign).holdout_percent
    weights = {**dict.fromkeys(VARIANTS, 0), winner: 100 - held, HELD_BACK: held}
    return _experiment(campaign, rollout_of(campaign.number), weights, epoch=epoch)


def setup_of(experiment: Experiment) -> str:
    """Return JSON of what the assignment depends on; another one is another epoch."""
    return json.dumps({variant.name: str(variant.weight) for variant in experiment.variants})


def deterministic_variant(campaign_id: object, contact_id: object, split_ratio: int) -> str:
    """Return the variant that the reference would compute: md5 of both ids, modulo 100, below the ratio is A.

    No campaign is split by it: a hash splits a list of 20 only about evenly. It is here to compare with the reference.
    """
    digest = md5(f"{campaign_id}:{contact_id}".encode(), usedforsecurity=False).hexdigest()
    return "A" if int(digest, 16) % 100 < split_ratio else "B"


def told_id(unit: str) -> int | str:
    """Return an id as the reference has it: a number where it is written like one, else text."""
    number = whole_number(unit)
    return number if number is not None and str(number) == unit else unit


def numbered(campaign_id: object) -> int | None:
    """Return a campaign's number from a number or its text; None where it is neither."""
    return whole_number(campaign_id) if isinstance(campaign_id, int | str) else None


def described(campaign: ABCampaign) -> dict[str, Any]:
    """Return a campaign in the reference's fields, without what was decided about it."""
    return {
        "id": campaign.number, "name": campaign.name, "status": campaign.status, "campaign_type": "ab_test",
        "channel": "sms", "template_a": campaign.template_a, "template_b": campaign.template_b,
        "ab_config": json.loads(campaign.config), "timezone": campaign.zone,
        "created_at": campaign.created_at.isoformat(),
    }


def drafted(data: Mapping[str, Any], *, salt: str, at: datetime) -> ABCampaign:
    """Return the campaign that checked data describes, without a number yet."""
    return ABCampaign(
        number=0, name=str(data.get("name") or "A/B test"), status="draft", template_a=data["template_a"],
        template_b=data["template_b"], config=json.dumps(dict(data["ab_config"]), default=str),
        zone=str(data.get("timezone", "UTC")), salt=salt, created_at=at,
    )


def invalid_variant(variant: object) -> Result[Any] | None:
    """Return the refusal of a variant that is neither A nor B."""
    if variant in VARIANTS:
        return None
    return failure(f"Invalid variant {variant!r}: must be 'A' or 'B'", code="INVALID_VARIANT")


def conversion_refusal(
    campaign: ABCampaign | None, event: str, *, sent_at: datetime | None, at: datetime
) -> Result[Any] | None:
    """Return why an event at a moment is no conversion: not the one that is wanted, or not soon after the message."""
    rules = Rules() if campaign is None else rules_of(campaign)
    wanted = rules.conversion_event
    if event != wanted:
        return failure(f"{event!r} is not what the campaign wants: {wanted!r}", code="INVALID_CONVERSION")
    if sent_at is None or not sent_at <= at <= sent_at + timedelta(days=rules.conversion_within_days):
        return failure(
            f"{event!r} was not within {rules.conversion_within_days:g} days of the message", code="OUTSIDE_WINDOW"
        )
    return None


def status_of(status: object) -> Result[str]:
    """Return a status in our spelling; `completed` is read as `complete`."""
    spelled = "complete" if status == "completed" else status
    if spelled in STATUSES:
        return success(str(spelled))
    return failure(f"Invalid status {status!r}: one of {', '.join(STATUSES)}", code="INVALID_STATUS")


def _experiment(campaign: ABCampaign, name: str, weights: Mapping[str, int], *, epoch: int) -> Experiment:
    variants = tuple(Variant(name=each, weight=Fraction(weight)) for each, weight in weights.items())
    metric = rules_of(campaign).conversion_event or POSITIVE_REPLY
    return Experiment(
        name=name, variants=variants, control="A", primary=(Goal(metric=metric),), allocation="quota",
        epoch=epoch, salt=campaign.salt,
    )


def _zone_refusal(zone: object) -> Result[Any] | None:
    try:
        ZoneInfo(str(zone))
    except (KeyError, ValueError, OSError):
        return failure(f"timezone {zone!r} is not known: one such as America/Chicago", code="INVALID_TIMEZONE")
    return None
