"""Pixels of shops at the door: what they say is taken as durably as any message, and answered in words they know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from regulars.errors import StoreError
from regulars.shops.pixel import Fault, PixelEvent, is_pixels, read_pixel
from regulars.shops.rotation import Showing, case_of
from regulars.shops.shop import Shop, Shops
from regulars.sources.tracking.judge import Judge
from regulars.storage.door.arrival_store import Arrivals, Receipt
from regulars.storage.door.generation import prefix_of
from regulars.web.ingest.body import TooLarge, Unreadable, opened
from regulars.web.ingest.envelope import Envelope
from regulars.web.ingest.event_time import SenderClock
from regulars.web.ingest.group_commit import Busy
from regulars.web.ingest.judging import Request, judged
from regulars.web.ingest.set_aside import Refusal, answered_line, blocked_line, reject_line
from regulars.web.ingest.write_keys import WriteKeys

Shown = Callable[[Shop, str, datetime], Showing | None]
"""Says what a product of a shop shows at a moment."""

_KEPT = 64 << 10                             # bytes that quarantine keeps of what a pixel may not say


def nothing_shown(shop: Shop, product: str, at: datetime) -> None:
    """Say that nothing is shown: where nobody knows of experiments."""
    del shop, product, at


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a pixel hears."""

    status: int
    told: Mapping[str, object]
    is_later: bool = False                   # it should come again


class Said(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a pixel said, ready to be written, and what it hears of it."""

    arrivals: Arrivals
    stored: Heard
    known: Heard                             # when it was said before

    def heard(self, written: Receipt | Exception) -> Heard:
        """Return what is heard once it is known what became of it."""
        if isinstance(written, Receipt):
            return self.known if written.duplicate and not written.stored else self.stored
        if isinstance(written, Busy):
            return Heard(status=429, told={"success": False, "error": "Too many requests"}, is_later=True)
        if isinstance(written, StoreError):
            return Heard(status=503, told={"success": False, "error": "Not kept: come again"}, is_later=True)
        return Heard(status=500, told={"success": False, "error": "Something went wrong here"})


class PixelDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Takes what pixels say."""

    shops: Shops
    keys: WriteKeys
    judges: Mapping[str, Judge]
    shown: Shown
    mint: Callable[[], str]

    def text_of(self, envelope: Envelope, body: bytes) -> bytes | None:
        """Return what a pixel says, as JSON or what should be; None for another client's request to the same path."""
        try:
            text = opened(body)
        except (TooLarge, Unreadable):
            # Nobody can tell who sent it; clients of the tracking API show a key, pixels as a rule do not.
            return body if envelope.source is None else None
        return text if is_pixels(text) or (envelope.source is None and not _is_json(text)) else None

    def said(self, envelope: Envelope, text: bytes, *, now: datetime) -> Said | Heard:
        """Return what is to be written of it; what nothing is to be written of is answered at once."""
        found = read_pixel(text, shops=self.shops, mint=self.mint)
        meant = self.shops.every if found.shop is None else (found.shop,)
        key = self._source(envelope, text)
        if all(shop.needs_key and shop.source != key for shop in meant):
            return Heard(status=401, told={"success": False, "error": "Unknown key"})
        return self._refused(found, text, now) if isinstance(found, Fault) else self._taken(found, envelope, text, now)

    def _taken(self, event: PixelEvent, envelope: Envelope, text: bytes, now: datetime) -> Said:
        source = event.shop.source
        request = Request(
            prefix=prefix_of(source), received=now, mint=self.mint, clock=SenderClock.of(None, received=now),
            is_robot=envelope.is_robot, is_on_one_line=True, limit=max(map(len, event.messages)),
            judge=self.judges.get(source),
        )
        found = judged(event.messages, request=request)
        rejects = [
            reject_line(replace(one, raw=text), received=now, number=n, source=source)
            for n, one in enumerate(found.refused)
        ]
        answers = [answered_line(envelope.repairs)] if envelope.repairs and found.hashes else []
        arrivals = Arrivals(
            source=source, hashes=found.hashes, text=found.text, rejects=rejects, answers=answers,
            blocked=[blocked_line(one) for one in found.blocked], may_deliver=False,
        )
        showing = None if event.product is None else self.shown(event.shop, event.product, now)
        told = {"success": True, "eventId": event.event_id, **_test(showing), "message": "Event tracked"}
        if found.refused:
            return _both(arrivals, 422, {"success": False, "error": "Off plan", "message": found.refused[0].message})
        if found.blocked:
            return _both(arrivals, 200, {**told, "message": "Not kept: the tracking plan keeps it out"})
        known = {"success": True, "deduplicated": True, "eventId": event.event_id}
        return Said(arrivals=arrivals, stored=Heard(status=200, told=told), known=Heard(status=200, told=known))

    def _refused(self, fault: Fault, text: bytes, now: datetime) -> Said:
        """What is not taken is kept all the same; of a shop that nobody knows with the source of the first one."""
        shop = fault.shop or min(self.shops.every, key=lambda one: (one.needs_key, one.name))
        message = "; ".join(f"{name} {value}" for name, value in fault.told.items())[:500]
        refusal = Refusal(reason=fault.reason, message=message, raw=text[:_KEPT])
        line = reject_line(refusal, received=now, number=0, source=shop.source)
        arrivals = Arrivals(source=shop.source, hashes=(), text=b"", rejects=[line])
        return _both(arrivals, fault.status, {"success": False, **fault.told})

    def _source(self, envelope: Envelope, text: bytes) -> str | None:
        """Return the source of the key that is shown, in the head or in what is said."""
        try:
            inside = msgspec.json.decode(text, type=_Keyed).write_key
        except (msgspec.DecodeError, RecursionError):
            inside = None
        return envelope.source or self.keys.first([inside])


def _test(showing: Showing | None) -> dict[str, str | None]:
    if showing is None:
        return {"testId": None, "activeCase": None}
    experiment = showing.rotated.experiment
    return {"testId": experiment.name, "activeCase": case_of(experiment, showing.variant)}


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: object = None


def _both(arrivals: Arrivals, status: int, told: Mapping[str, object]) -> Said:
    heard = Heard(status=status, told=told)
    return Said(arrivals=arrivals, stored=heard, known=heard)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
