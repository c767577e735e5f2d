"""The truth as Capitan tells it: customers, memberships with their people, check-ins and relations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import DAY, iso_days, iso_local, utc_seconds
from regulars.testing.gym.chance import Columns, Flags, Numbers
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import (
    NEVER,
    Hole,
    joined,
    kept,
    objects,
    rendered,
    write_versions,
    write_versions_of,
)
from regulars.testing.gym.membership_record import membership_versions
from regulars.testing.gym.memberships import Memberships
from regulars.testing.gym.people import People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.visits import Visits
from regulars.testing.gym.vocabulary import CAPITAN_LOCATION, PLANS

FIRST_CUSTOMER = 1_900_001
_API = "https://api.hellocapitan.com/api"
_CUSTOMER = {
    "id": Hole("id"), "email": Hole("email"), "telephone": Hole("phone"), "first_name": Hole("first_name"),
    "last_name": Hole("last_name"), "preferred_name": None, "birthday": Hole("birthday"),
    "has_opted_in_to_marketing": Hole("is_opted_in"), "has_active_membership": Hole("is_member"),
    "active_waiver_exists": Hole("has_waiver"), "latest_waiver_expiration_date": Hole("waiver_until"),
    "relations_url": Hole("relations_url"), "emergency_contacts_url": Hole("emergency_url"),
    "created_at": Hole("created_at"),
}
_MEMBERSHIP = {
    "id": Hole("id"), "membership_id": Hole("type_id"), "name": Hole("name"), "interval": Hole("interval"),
    "start_date": Hole("start_date"), "end_date": Hole("end_date"), "billing_amount": Hole("billing"),
    "upcoming_bill_dates": Hole("bills", is_json=True), "membership_unfreeze_date": Hole("unfreeze"),
    "status": Hole("status"), "owner_id": Hole("owner"), "owner_email": Hole("owner_email"),
    "owner_birthday": Hole("owner_birthday"), "all_customers": Hole("people", is_json=True),
}
_ON_MEMBERSHIP = {
    "id": Hole("id"), "member_id": Hole("member"), "first_name": Hole("first_name"), "last_name": Hole("last_name"),
    "is_individually_frozen": Hole("is_frozen"),
}
_CHECK_IN = {
    "id": Hole("id"), "customer_id": Hole("customer"), "customer_first_name": Hole("first_name"),
    "customer_last_name": Hole("last_name"), "customer_email": Hole("email"), "customer_birthday": Hole("birthday"),
    "check_in_datetime": Hole("local"), "entry_method": Hole("method"), "entry_method_description": Hole("text"),
    "location_id": CAPITAN_LOCATION["id"], "location_name": CAPITAN_LOCATION["name"],
    "free_entry_reason": Hole("free_reason"), "check_in_count": Hole("ordinal"), "created_at": Hole("created_at"),
}
_RELATION = {
    "customer_id": Hole("customer"), "related_customer_id": Hole("related"),
    "related_customer_first_name": Hole("first_name"), "related_customer_last_name": Hole("last_name"),
    "relation": Hole("relation"), "created_at": Hole("created_at"),
}


def capitan_ids(person: Numbers) -> Numbers:
    """Return Capitan's customer ids of persons with an account."""
    return person + FIRST_CUSTOMER


def write_customers(folder: Path, setting: Setting, people: People, contacts: Contacts, contracts: Memberships) -> None:
    """Write the customers: again when the e-mail changes, when they opt out, and when a membership begins or ends."""
    size = people.accounts
    opened = utc_seconds(contacts.created_day[:size], contacts.created_second[:size])
    person, since = _customer_changes(setting, contacts, contracts, opened)
    until = np.where(np.r_[person[1:] != person[:-1], True], NEVER, np.r_[since[1:], 0])
    waivers = setting.rng("waivers").random(size) < 0.9

    def rows_of(rows: Numbers) -> Columns:
        whose = person[rows]
        until_day = kept(iso_days(contacts.created_day[whose] + 365), waivers[whose])
        return {**_customers(people, contacts, contracts, whose, since[rows]), "has_waiver": waivers[whose],
                "waiver_until": until_day, "created_at": iso_local(opened[whose], rows * 0 + 125_000),
                "visible_until": until[rows]}

    write_versions_of(folder / "customers.ndjson", _CUSTOMER, since, rows_of)


def _customers(people: People, contacts: Contacts, contracts: Memberships, person: Numbers, since: Numbers) -> Columns:
    """Accounts as they stood at moments."""
    email = contacts.written_email[person].copy()
    early = since < utc_seconds(np.minimum(contacts.changed_day[person], 10**6), np.zeros(len(person), dtype=np.int64))
    old = (contacts.changed_day[person] != NEVER) & early
    email[old] = contacts.old_email[person][old]
    ids = capitan_ids(person).astype(str).astype(object)
    local_day = np.asarray((since - 6 * 3600) // DAY)
    return {
        "id": capitan_ids(person), "email": email, "phone": contacts.written_phone[person],
        "first_name": people.first_name[person], "last_name": people.last_name[person],
        "birthday": iso_days(people.birthday[person]),
        "is_opted_in": contacts.is_opted_in[person] & (local_day < contacts.opted_out_day[person]),
        "is_member": _is_member(contracts, person, since // DAY),
        "relations_url": f"{_API}/customers/" + ids + "/relations/",
        "emergency_url": f"{_API}/customers/" + ids + "/emergency-contacts/",
    }


def _customer_changes(
    setting: Setting, contacts: Contacts, contracts: Memberships, opened: Numbers
) -> tuple[Numbers, Numbers]:
    """Person and moment of every version of an account, sorted."""
    size = len(opened)
    roster, contract = contracts.roster_person, contracts.roster_contract
    person = np.r_[np.arange(size), np.arange(size), roster, roster]
    day = np.r_[contacts.changed_day[:size], contacts.opted_out_day[:size], contracts.start[contract],
                contracts.end[contract]]
    keep = day <= setting.last_day
    person, day = person[keep], day[keep]
    moment = utc_seconds(day, np.full(len(day), 4 * 3600))
    later = moment > opened[person]
    person, moment = np.r_[np.arange(size), person[later]], np.r_[opened, moment[later]]
    order = np.lexsort((moment, person))
    person, moment = person[order], moment[order]
    new = np.r_[True, (person[1:] != person[:-1]) | (moment[1:] != moment[:-1])]
    return person[new], moment[new]


def _is_member(contracts: Memberships, person: Numbers, day: Numbers) -> Flags:
    """Who is on a contract on a day, frozen or not: what the gym's own flag says."""
    contract = contracts.roster_contract
    order = np.lexsort((contracts.start[contract], contracts.roster_person))
    who, start = contracts.roster_person[order], contracts.start[contract][order]
    until = contracts.end[contract][order]
    at = np.searchsorted(who * 100_000 + start, person * 100_000 + day, side="right") - 1
    found = (at >= 0) & (who[np.maximum(at, 0)] == person)
    is_on: Flags = found & (day < until[np.maximum(at, 0)])
    return is_on


def write_memberships(
    folder: Path, setting: Setting, people: People, contacts: Contacts, contracts: Memberships
) -> Columns:
    """Write the memberships in all their versions and return the versions."""
    versions = membership_versions(setting, contracts)
    contract, plan = versions["contract"], contracts.plan[versions["contract"]]
    owner = contracts.owner[contract]
    started = np.searchsorted(contracts.roster_contract, contract)
    count = np.searchsorted(contracts.roster_contract, contract, side="right") - started
    version = np.repeat(np.arange(len(contract)), count)
    row = np.repeat(started, count) + np.arange(len(version)) - np.repeat(np.cumsum(count) - count, count)
    person = contracts.roster_person[row]
    texts = rendered(_ON_MEMBERSHIP, {
        "id": capitan_ids(person), "member": 700_001 + row, "first_name": people.first_name[person],
        "last_name": people.last_name[person],
        "is_frozen": contracts.roster_frozen[row] <= versions["day"][version],
    })
    thaws = versions["unfreeze_day"] != NEVER
    write_versions(folder / "memberships.ndjson", _MEMBERSHIP, {
        "id": contracts.ids[contract], "type_id": np.array([p.type_id for p in PLANS])[plan],
        "name": np.array([p.name for p in PLANS], dtype=object)[plan],
        "interval": np.array([p.interval for p in PLANS], dtype=object)[plan],
        "start_date": iso_days(contracts.start[contract]), "end_date": iso_days(versions["end_day"]),
        "billing": np.array([f"{p.amount // 100}.{p.amount % 100:02d}" for p in PLANS], dtype=object)[plan],
        "bills": versions["bills"],
        "unfreeze": kept(iso_days(np.where(thaws, versions["unfreeze_day"], 0)), thaws),
        "status": versions["status"], "owner": capitan_ids(owner), "owner_email": contacts.email[owner],
        "owner_birthday": iso_days(people.birthday[owner]), "people": objects(joined(texts, version, len(contract))),
        "visible_from": versions["visible_from"], "visible_until": versions["visible_until"],
    })
    return versions


def write_check_ins(folder: Path, people: People, contacts: Contacts, visits: Visits) -> None:
    """Write the check-ins; times are the gym's local time with microseconds."""
    def rows_of(rows: Numbers) -> Columns:
        person, at, micros = visits.person[rows], visits.at[rows], visits.micros[rows]
        return {
            "id": visits.ids[rows], "customer": capitan_ids(person), "first_name": people.first_name[person],
            "last_name": people.last_name[person], "email": contacts.written_email[person],
            "birthday": iso_days(people.birthday[person]), "local": iso_local(at, micros),
            "method": visits.method[rows], "text": visits.text[rows],
            "free_reason": kept("First time host", visits.method[rows] == "FRE"), "ordinal": visits.ordinal[rows],
            "created_at": iso_local(at + 1, micros), "visible_until": np.full(len(rows), NEVER),
        }

    write_versions_of(folder / "check_ins.ndjson", _CHECK_IN, visits.at + 1, rows_of)


def write_relations(folder: Path, people: People, contacts: Contacts) -> Columns:
    """Write the family links the gym knows, as child of the parent and half of them back; return guardian and child."""
    first, second = np.flatnonzero(people.is_linked), np.flatnonzero(people.is_second_linked)
    guardian, child = np.r_[people.guardian[first], people.second_guardian[second]], np.r_[first, second]
    back = np.arange(len(child)) % 2 == 0
    customer = np.r_[guardian, child[back]]
    related = np.r_[child, guardian[back]]
    since = utc_seconds(contacts.created_day[np.r_[child, child[back]]], np.full(len(customer), 22 * 3600))
    write_versions(folder / "relations.ndjson", _RELATION, {
        "customer": capitan_ids(customer), "related": capitan_ids(related), "first_name": people.first_name[related],
        "last_name": people.last_name[related],
        "relation": np.where(np.arange(len(customer)) < len(child), "CHI", "PRE").astype(object),
        "created_at": iso_local(since, customer * 0), "visible_from": since,
        "visible_until": np.full(len(customer), NEVER),
    })
    return {"guardian": guardian, "child": child}


