"""A campaign: what is said to whom, on which channel, when and how often; one file `campaigns/<name>.yaml` each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal

from regulars.campaigns.approval import version
from regulars.campaigns.goal import CampaignGoal, Costs
from regulars.campaigns.pace import Cap
from regulars.campaigns.recurrence import Recurrence
from regulars.campaigns.subset import SubsetTest
from regulars.campaigns.template import Template
from regulars.consent.channel import Channel, Purpose

OnePer = Literal["customer", "household"]

Whose = Literal["business", "recipient"]
"""Whose wall time a campaign starts at."""

State = Literal["draft", "scheduled", "sending", "paused", "stopped", "done"]
"""A draft is being planned; a stopped campaign never goes on, a paused one may."""

MOVES: Mapping[State, tuple[State, ...]] = {
    "draft": ("scheduled", "sending", "stopped"), "scheduled": ("sending", "paused", "stopped"),
    "sending": ("paused", "stopped", "done"), "paused": ("sending", "stopped"), "stopped": (), "done": ("sending",),
}
"""What may become of a campaign. One that is done goes on when somebody who was unknown turns out not to have it."""

DOT = "."
"""Between a flow and a step in the name of the campaign that a message is of; no declared campaign has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """From which share of messages on a campaign pauses itself; looked at once there are enough to tell."""

    bounced: Fraction = Fraction(2, 100)     # of those sent, by receipts
    complained: Fraction = Fraction(1, 1000)
    refused: Fraction = Fraction(1, 2)       # of the last attempts, by the provider's answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign as it is declared.

    With an experiment `templates` has one entry a variant, and None for a variant that gets nothing; with a test one
    entry a variant; without either its only key is the empty text.
    """

    name: str
    title: str
    audience: str | None                     # a segment; None: everybody
    channel: Channel
    purpose: Purpose
    destination: str                         # by which it goes: the name of a file in destinations/
    templates: Mapping[str, Template | None]
    list_file: str | None = None             # a CSV in the project instead of a segment
    experiment: str | None = None
    one_per: OnePer = "customer"             # household: only one of those who live together
    caps: tuple[Cap, ...] = ()
    hours: tuple[str, ...] = ()              # seven texts `09:00-18:00`, Monday first, in the business zone
    starts: datetime | None = None           # wall time, see `zone`; None: when it is sent
    zone: Whose = "business"                 # recipient: not before that wall time anywhere its reader may be
    repeat: Recurrence | None = None
    spread: timedelta | None = None          # over how long the messages are strewn
    expires: timedelta | None = None         # after which a message that waits is no longer worth sending
    brake: Brake = field(default_factory=Brake)
    further: frozenset[str] = frozenset()    # what its words may speak of beside customers, in a flow
    goals: tuple[CampaignGoal, ...] = ()     # the first is what `converted` means
    costs: Costs | None = None               # None: nobody said
    offer_again_after: timedelta | None = None       # who got the same offer since is left out; None: nobody is
    test: SubsetTest | None = None           # which chooses among the variants, where no experiment does

    @property
    def version(self) -> str:
        """Return the name of everything the campaign says: another word is another version."""
        said = {name: None if one is None else version(one) for name, one in self.templates.items()}
        text = json.dumps([self.channel, self.purpose, self.experiment, said, *self._tested()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _tested(self) -> list[str]:
        test = self.test
        return [] if test is None else [str(test.share), test.winner_by, str(test.after), test.unclear]

    def occurrence(self, day: date) -> str:
        """Return the name of one run: its local day when it repeats, `once` when it does not."""
        return "once" if self.repeat is None else day.isoformat()


def campaign_id(campaign: str, occurrence: str) -> str:
    """Return the id of one occurrence, the same for ever: 12 hexadecimal digits."""
    return hashlib.sha256(f"{campaign}\0{occurrence}".encode()).hexdigest()[:12]


def message_id(campaign: str, customer_id: str) -> str:
    """Return the id of the one message that a customer gets in an occurrence; `campaign` is its id."""
    return f"{campaign}.{customer_id}"


def read_message_id(text: str) -> tuple[str, str] | None:
    """Return the campaign's id and the customer's that a message id says; None for what is none of ours."""
    campaign, dot, customer = text.partition(".")
    return (campaign, customer) if dot and customer and len(campaign) == 12 else None


def may_move(now: State, to: State) -> bool:
    """Return whether a campaign in one state may go over to another."""
    return to in MOVES[now]
