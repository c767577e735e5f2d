"""The words of a campaign: its templates made ready, and filled in for one person out of the gaps that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from regulars.campaigns import sms
from regulars.campaigns.campaign import Campaign
from regulars.campaigns.template import Message, Parsed, Unfilled, parse, render
from regulars.campaigns.wording import Wording
from regulars.later import np, pa, pc

PLACEHOLDER = "https://example.invalid/u/0000"
"""Stands for the unsubscribe link of each message until it has an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A campaign's templates, checked."""

    parsed: Mapping[str, Parsed]             # by variant; variants that get nothing have none
    shared: Mapping[str, object]             # what is the same for everybody

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return the columns of customers that are needed, in order."""
        roots = {name.partition(".")[0] for one in self.parsed.values() for name in one.variables}
        return tuple(sorted(roots - {"unsubscribe_url", *self.shared}))

    def fill(self, variant: str, gaps: str, *, unsubscribe_url: str = PLACEHOLDER) -> Message | Unfilled:
        """Fill the words of a variant in for one person; `gaps` is a JSON object."""
        values = msgspec.json.decode(gaps, type=dict[str, object])
        return render(self.parsed[variant], {**self.shared, **values, "unsubscribe_url": unsubscribe_url})

    def tried(self, variants: pa.ChunkedArray, gaps: pa.ChunkedArray) -> pa.Table:
        """Fill the words in for everybody and keep what it comes to. One row per person, in order: reason, segments.

        reason says why a message cannot be filled in, null where it can; segments are how many of text it costs. Each
        distinct set of gaps is filled in once.
        """
        key = pc.binary_join_element_wise(variants, gaps, "\0").combine_chunks().dictionary_encode()
        done = [self._tried(*text.split("\0", 1)) for text in key.dictionary.to_pylist()]
        reasons = pa.array([reason for reason, _ in done], pa.string())
        segments = np.array([number for _, number in done], np.int64)
        which = key.indices.to_numpy(zero_copy_only=False)
        return pa.table({"reason": reasons.take(key.indices), "segments": segments[which]})

    def _tried(self, variant: str, gaps: str) -> tuple[str | None, int]:
        message = self.fill(variant, gaps)
        if isinstance(message, Unfilled):
            return message.reason, 0
        is_text = self.parsed[variant].template.channel == "sms"
        return None, sms.count(message.text).segments if is_text else 0


def words_of(campaign: Campaign, *, known: Iterable[str], wording: Wording, business: str) -> Words:
    """Return a campaign's words, made ready. Raises DeclarationError for a template that cannot be filled in."""
    names = tuple(known)
    return Words(
        parsed={
            variant: parse(template, known=names, wording=wording, must_leave=campaign.purpose == "marketing")
            for variant, template in campaign.templates.items() if template is not None
        },
        shared={"business_name": business},
    )
