"""The sheets of the small sources, written as their systems export them, and the truth of e-mails and parties."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.announcements import mail, send_rows
from regulars.testing.gym.business_time import local_days
from regulars.testing.gym.chance import Columns, Texts, taken
from regulars.testing.gym.front_desk import lead_rows
from regulars.testing.gym.happenings import Happenings
from regulars.testing.gym.json_lines import NEVER, Hole, write_versions
from regulars.testing.gym.parties import celebrate, host_ids, party_ids, party_rows, rsvp_ids, rsvp_rows
from regulars.testing.gym.people import NOBODY
from regulars.testing.gym.setting import World
from regulars.testing.gym.truth import person_ids, save

_NOT_WRITTEN = frozenset({"visible_from", "visible_until", "person"})


def tell_small_sources(world: World, happened: Happenings) -> list[Columns]:
    """Write mailchimp, parties and front_desk, and their truth; return whose profiles they hold.

    Each table returned has source (`mail`, `parties`, `front_desk`), profile_id, person and since.
    """
    return [*_tell_mail(world, happened), *_tell_parties(world, happened), _tell_desk(world, happened)]


def _write(path: Path, rows: Columns) -> None:
    write_versions(path, {name: Hole(name) for name in rows if name not in _NOT_WRITTEN}, rows)


def _tell_mail(world: World, happened: Happenings) -> list[Columns]:
    people, contacts = happened.people, happened.contacts
    mailings = mail(world.setting, people, contacts)
    rows = send_rows(world.setting, people, contacts, mailings)
    until = np.full(len(mailings.at), NEVER)
    _write(world.sandbox / "mailchimp" / "sends.ndjson", {**rows, "visible_from": mailings.at, "visible_until": until})
    save(world.truth, "emails", {
        "person_id": person_ids(mailings.person), "campaign_id": rows["campaign_id"], "at": mailings.at,
        "business_day": local_days(mailings.at), "offer_amount": rows["offer_amount"], "subject": rows["subject"],
    }, days=("business_day",), moments=("at",))
    return [{"source": _all("mail", len(until)), "profile_id": rows["email"], "person": mailings.person,
             "since": mailings.at}]


def _tell_parties(world: World, happened: Happenings) -> list[Columns]:
    people, contacts = happened.people, happened.contacts
    parties = celebrate(world.setting, people, contacts)
    hosted = party_rows(world.setting, people, contacts, parties)
    answers = rsvp_rows(world.setting, people, contacts, parties)
    _write(world.sandbox / "parties" / "parties.ndjson", hosted)
    _write(world.sandbox / "parties" / "rsvps.ndjson", answers)
    count, guests = np.arange(len(parties.host)), np.arange(len(parties.guest))
    save(world.truth, "parties", {
        "party_id": party_ids(count), "host_id": person_ids(parties.host), "child_id": person_ids(parties.child),
        "party_day": parties.day, "booked_at": parties.booked, "business_day": local_days(parties.booked),
    }, days=("party_day", "business_day"), moments=("booked_at",))
    save(world.truth, "party_answers", {
        "rsvp_id": answers["rsvp_id"], "party_id": answers["party_id"],
        "person_id": person_ids(parties.guest[_position(answers["rsvp_id"])]), "attending": answers["attending"],
        "known_from": answers["visible_from"], "known_until": answers["visible_until"],
    }, moments=("known_from", "known_until"))
    return [
        {"source": _all("parties", len(count)), "profile_id": host_ids(parties.host), "person": parties.host,
         "since": parties.booked},
        {"source": _all("parties", len(guests)), "profile_id": rsvp_ids(guests), "person": parties.guest,
         "since": parties.guest_at},
    ]


def _tell_desk(world: World, happened: Happenings) -> Columns:
    rows = lead_rows(world.setting, happened.people, happened.contacts)
    _write(world.sandbox / "front_desk" / "leads.ndjson", rows)
    known = taken(rows, rows["person"] != NOBODY)
    return {"source": _all("front_desk", len(known["person"])), "profile_id": known["lead_id"],
            "person": known["person"], "since": known["visible_from"]}


def _position(ids: Texts) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The number at the end of ids such as `rsvp-000012`."""
    return np.array([int(name.rsplit("-", 1)[1]) for name in ids], dtype=np.int64)


def _all(value: str, size: int) -> Texts:
    return np.full(size, value, dtype=object)
