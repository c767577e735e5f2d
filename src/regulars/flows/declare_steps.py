"""The steps of a flow out of YAML: a list with waits and branches becomes steps with edges between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta

from regulars.campaigns.campaign import DOT
from regulars.campaigns.declare import EVERYBODY
from regulars.campaigns.declare import declare as declare_campaign
from regulars.campaigns.wording import Wording
from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary, no_strangers, rows
from regulars.flows.flow import (
    Await,
    Branch,
    Clock,
    DayOf,
    Delay,
    Edge,
    Happened,
    InSegment,
    Leave,
    Length,
    Mark,
    Message,
    Question,
    Split,
    Step,
)
from regulars.records.record import duration

Data = Mapping[str, object]
Path = tuple[str | int, ...]

WORDS = frozenset({"subject", "text", "html", "experiment", "variants"})
OF_CAMPAIGNS = ("channel", "purpose", "by", "one_per", "caps", "hours")
MESSAGE_KEYS = frozenset({"message", "at", "late", *OF_CAMPAIGNS, *WORDS})

AT = "10:00"
LATE = "2 days"
AT_ONCE, SEND, LEAVE = "at once", "send", "leave"

_KINDS = ("wait", "message", "branch", "split", "mark", LEAVE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads the steps of one flow."""

    flow: str
    known: Vocabulary                        # of messages: the occasion's words too
    wording: Wording
    defaults: Data                           # of messages that do not say
    _names: set[str] = field(default_factory=set)

    def read(self, data: object) -> tuple[Edge, tuple[Step, ...]]:
        """Return the way to the first step, and all steps in an order in which no way leads back."""
        if not data:
            raise DeclarationError("a flow has steps", hint="`steps: [{wait: 3 days}, {message: …}]`", path=("steps",))
        return self._list(data, ("steps",), Edge())

    def happened(self, data: object, path: Path) -> Happened:
        """Return what `{event: EVENT, where: {…}}` asks."""
        if not isinstance(data, Mapping) or "event" not in data:
            hint = "`{event: EVENT, where: {…}}`"
            raise DeclarationError(f"{data!r} is nothing that happens", hint=hint, path=path)
        no_strangers(data, {"event", "where"}, path)
        events, where = rows("event", data, path, self.known)
        return Happened(events=events, where=where)

    def _list(self, data: object, path: Path, after: Edge) -> tuple[Edge, tuple[Step, ...]]:
        """Return the way into a list of steps, and its steps; `after` is where the last one leads."""
        if not isinstance(data, list):
            raise DeclarationError(f"{data!r} is no list of steps", hint="one `- message: …` a line", path=path)
        # Names are given from the first to the last, ways are laid from the last to the first.
        read = [self._item(item, (*path, n)) for n, item in enumerate(data)]
        steps: tuple[Step, ...] = ()
        for n in range(len(data) - 1, -1, -1):
            item = read[n]
            if isinstance(item, tuple):
                after = replace(after, delays=(*item, *after.delays))
                continue
            own, inner = self._laid(item, data[n], (*path, n), after)
            steps, after = (own, *inner, *steps), Edge(to=own.name)
        return after, steps

    def _item(self, item: object, path: Path) -> Step | tuple[Delay, ...]:  # noqa: PLR0911  one case a kind
        """Return a wait, or a step that leads nowhere yet."""
        said: Data = {LEAVE: True} if item == LEAVE else item if isinstance(item, Mapping) else {}
        named = [kind for kind in _KINDS if kind in said]
        if len(named) != 1:
            hint = did_you_mean(str(next(iter(said), item)), _KINDS)
            raise DeclarationError(f"{item!r} is no step", hint=hint, path=path)
        match named[0]:
            case "wait" if isinstance(said["wait"], Mapping) and "for" in said["wait"]:
                return self._await(said, (*path, "wait"))
            case "wait":
                no_strangers(said, {"wait"}, path)
                return (_wait(said["wait"], (*path, "wait")),)
            case "message":
                return self._message(said, path)
            case "branch":
                no_strangers(said, {"branch", "name", "yes", "no"}, path)
                asked = question(said["branch"], (*path, "branch"), self.known)
                return Branch(name=self._named(said, "branch", path), question=asked, yes=Edge(), no=Edge())
            case "split":
                no_strangers(said, {"split", "name", "ways"}, path)
                name = self._named(said, "split", path)
                return Split(name=name, experiment=str(said["split"]), ways={}, then=Edge())
            case "mark":
                no_strangers(said, {"mark"}, path)
                return Mark(name=self._new(str(said["mark"]), (*path, "mark")), then=Edge())
        no_strangers(said, {LEAVE}, path)
        return Leave(name=self._free(LEAVE))

    def _laid(self, step: Step, item: object, path: Path, after: Edge) -> tuple[Step, tuple[Step, ...]]:
        """Return a step with its ways laid, and the steps on them."""
        said: Data = item if isinstance(item, Mapping) else {}
        match step:
            case Message() | Mark():
                return replace(step, then=after), ()
            case Branch():
                yes, yes_steps = self._list(said.get("yes") or [], (*path, "yes"), after)
                no, no_steps = self._list(said.get("no") or [], (*path, "no"), after)
                return replace(step, yes=yes, no=no), (*yes_steps, *no_steps)
            case Split():
                ways = said.get("ways")
                if not isinstance(ways, Mapping) or not ways:
                    hint = "`ways: {half_price: [{message: …}], no_offer: []}`"
                    raise DeclarationError("no variant has a way", hint=hint, path=path)
                laid = {
                    str(name): self._list(way or [], (*path, "ways", str(name)), after) for name, way in ways.items()
                }
                inner = tuple(one for _, steps in laid.values() for one in steps)
                return replace(step, ways={name: edge for name, (edge, _) in laid.items()}, then=after), inner
            case Await():
                wait = said["wait"]
                assert isinstance(wait, Mapping)
                other = wait.get("otherwise", [])
                other = [LEAVE] if other == LEAVE else other
                edge, steps = self._list(other, (*path, "wait", "otherwise"), after)
                return replace(step, then=after, otherwise=edge), steps
            case Leave():
                return step, ()

    def _await(self, said: Data, path: Path) -> Await:
        wait = said["wait"]
        assert isinstance(wait, Mapping)
        no_strangers(said, {"wait", "name"}, path[:-1])
        no_strangers(wait, {"for", "where", "at_most", "otherwise"}, path)
        if "at_most" not in wait:
            raise DeclarationError("nobody waits for ever", hint="`at_most: 7 days`", path=path)
        events, where = rows("for", wait, path, self.known)
        return Await(
            name=self._named(said, f"wait_for_{events[0]}", path), question=Happened(events=events, where=where),
            at_most=duration(wait["at_most"], (*path, "at_most")), then=Edge(), otherwise=Edge(),
        )

    def _message(self, said: Data, path: Path) -> Message:
        no_strangers(said, MESSAGE_KEYS, path)
        name = self._new(str(said["message"]), (*path, "message"))
        told = {"purpose": "marketing", **self.defaults, **said}
        of_campaign = {key: told[key] for key in (*OF_CAMPAIGNS, *sorted(WORDS)) if key in told}
        try:
            campaign = declare_campaign(
                f"{self.flow}{DOT}{name}", {"audience": EVERYBODY, **of_campaign}, known=self.known,
                wording=self.wording,
            )
        except DeclarationError as error:
            where = path if not error.path or error.path[0] in said else ()
            raise DeclarationError(error.message, hint=error.hint, path=(*where, *error.path)) from error
        further = frozenset(name for name in self.known.traits or () if "." in name)
        return Message(
            name=name, campaign=replace(campaign, further=further), at=_at(told.get("at", AT), (*path, "at")),
            late=_late(told.get("late", LATE), (*path, "late")), then=Edge(),
        )

    def _named(self, said: Data, kind: str, path: Path) -> str:
        return self._new(str(said["name"]), (*path, "name")) if "name" in said else self._free(kind)

    def _free(self, kind: str) -> str:
        number = 1
        while (name := kind if number == 1 else f"{kind}_{number}") in self._names:
            number += 1
        self._names.add(name)
        return name

    def _new(self, name: str, path: Path) -> str:
        if _NAME.fullmatch(name) is None:
            raise DeclarationError(f"{name!r} is no name", hint="letters, digits and underscores: day_3", path=path)
        if name in self._names:
            raise DeclarationError(f"there are two steps {name!r}", hint="steps are known by their names", path=path)
        self._names.add(name)
        return name


def question(data: object, path: Path, known: Vocabulary) -> Question:
    """Return what `{member_of: SEGMENT}`, `{not_member_of: SEGMENT}` or `{event: EVENT, where: {…}}` asks."""
    said: Data = data if isinstance(data, Mapping) else {}
    for key in ("member_of", "not_member_of"):
        if key in said:
            no_strangers(said, {key}, path)
            return InSegment(segment=known.segment(said[key], (*path, key)), is_in=key == "member_of")
    if "event" in said:
        no_strangers(said, {"event", "where"}, path)
        events, where = rows("event", said, path, known)
        return Happened(events=events, where=where)
    hint = "`{member_of: SEGMENT}`, `{not_member_of: SEGMENT}` or `{event: EVENT}`"
    raise DeclarationError(f"{data!r} asks nothing", hint=hint, path=path)


def _wait(value: object, path: Path) -> Delay:
    if not isinstance(value, Mapping):
        length = duration(value, path)
        if length <= timedelta(0):
            raise DeclarationError("a wait of nothing does nothing", hint="leave it out", path=path)
        return Length(length)
    no_strangers(value, {"until"}, path)
    until = " ".join(str(value.get("until")).split())
    if (found := _TIME.fullmatch(until)) is not None:
        return Clock(time(int(found[1]), int(found[2])))
    if (found := re.fullmatch(r"day (\d+)", until)) is not None:
        return DayOf(int(found[1]))
    if (found := re.fullmatch(r"(\d+) days? (before|after)", until)) is not None:
        return DayOf(-int(found[1]) if found[2] == "before" else int(found[1]))
    if until == "the day":
        return DayOf(0)
    hint = "`{until: day 7}`, `{until: 7 days before}`, `{until: the day}` or `{until: 18:00}`"
    raise DeclarationError(f"{until!r} does not say until when", hint=hint, path=(*path, "until"))


def _at(value: object, path: Path) -> time | None:
    if value == AT_ONCE:
        return None
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise DeclarationError(f"{value!r} is no time of the day", hint=f"`at: 10:00`, or `{AT_ONCE}`", path=path)
    return time(int(found[1]), int(found[2]))


def _late(value: object, path: Path) -> timedelta | None:
    return None if value == SEND else duration(value, path)
