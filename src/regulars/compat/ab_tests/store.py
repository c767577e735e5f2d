"""Where campaigns, recipients and their events are kept: the little that A/B tests ask of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from regulars.storage.book.ab_tests import ABCampaign, ABCount, ABEvent


class ABTestStore(Protocol):
    """What `storage.book.ab_tests.ABTestBook` keeps promises about; another engine of campaigns can take its place.

    Errors are `errors.StoreError`. Experiments are named by `campaign.experiment_of` and `campaign.rollout_of`.
    """

    def create(self, campaign: ABCampaign) -> ABCampaign:
        """Keep a new campaign and return it with its number."""
        ...

    def campaign(self, number: int) -> ABCampaign | None:
        """Return a campaign, or None."""
        ...

    def campaigns(self) -> list[ABCampaign]:
        """Return all campaigns, the oldest first."""
        ...

    def change(self, number: int, *, config: str | None = None, status: str | None = None) -> ABCampaign:
        """Change what is given of a campaign, and return it."""
        ...

    def add_recipients(self, number: int, units: Sequence[str], *, at: datetime) -> int:
        """Keep whom a campaign is for; returns how many were new."""
        ...

    def recipients(self, number: int) -> list[str]:
        """Return whom a campaign is for, sorted."""
        ...

    def record(self, experiment: str, events: Sequence[ABEvent]) -> int:
        """Add events, all or none; one whose activity was told before is left out. Returns how many were new."""
        ...

    def touches(self, experiment: str, *, unit: str | None = None) -> pa.Table:
        """Return the first event of each recipient and kind as `storage.book.ab_tests.EVENTS`."""
        ...

    def counts(self, experiment: str, *, without: str) -> list[ABCount]:
        """Return different recipients by epoch, variant and kind; as assigned without those of another experiment."""
        ...

    def forget_assignments(self, experiment: str, units: Collection[str]) -> int:
        """Delete the variants of units that are no customers any more; returns how many there were."""
        ...
