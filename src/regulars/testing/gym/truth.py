"""The truth beside the world: what every stage of the product should find, as Parquet tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regulars.testing.gym.business_time import local_days, utc_seconds
from regulars.testing.gym.capitan_shape import capitan_ids
from regulars.testing.gym.chance import Columns, Numbers, Texts
from regulars.testing.gym.happenings import Happenings
from regulars.testing.gym.json_lines import NEVER, numbered, objects
from regulars.testing.gym.people import NOBODY
from regulars.testing.gym.square_shape import payment_ids, square_customer_ids
from regulars.testing.gym.stripe_shape import intent_ids, stripe_customer_ids
from regulars.testing.gym.trial import EXPERIMENT, JOINS, VARIANTS
from regulars.testing.gym.vocabulary import PLANS


def person_ids(person: Numbers) -> Texts:
    """Return `p0000042` for positions of people, None for NOBODY."""
    ids = objects(numbered("p", np.maximum(person, 0), width=7))
    ids[person == NOBODY] = None
    return ids


def household_ids(household: Numbers) -> Texts:
    """Return `h0000042` for numbers of households: the units of the experiment."""
    return objects(numbered("h", household, width=7))


def save(
    folder: Path, name: str, columns: Columns, *, days: tuple[str, ...] = (), moments: tuple[str, ...] = ()
) -> None:
    """Write one table of the truth; the named columns become dates (NEVER: null) or naive UTC timestamps."""
    arrays: dict[str, pa.Array] = {}
    for column, values in columns.items():
        if column in days:
            missing = values == NEVER
            arrays[column] = pa.array(np.where(missing, 0, values).astype("M8[D]"), mask=missing)
        elif column in moments:
            missing = values == NEVER
            seconds = pa.array(np.where(missing, 0, values).astype("M8[s]"), mask=missing)
            arrays[column] = seconds.cast(pa.timestamp("us"))
        else:
            arrays[column] = pa.array(values, from_pandas=True)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), folder / f"{name}.parquet")


def write_truth_of_people(folder: Path, world: Happenings) -> None:
    """Write people, households' guardians, and the trial."""
    people, contacts, trial = world.people, world.contacts, world.trial
    every = np.arange(people.size)
    save(folder, "people", {
        "person_id": person_ids(every), "household_id": household_ids(people.household), "name": people.full_name,
        "first_name": people.first_name, "last_name": people.last_name, "birthday": people.birthday,
        "is_minor": people.is_minor, "has_account": people.has_account, "email": contacts.email,
        "old_email": contacts.old_email, "phone": contacts.phone, "is_email_own": contacts.is_email_own,
        "is_phone_own": contacts.is_phone_own, "created_day": contacts.created_day,
        "opted_out_day": contacts.opted_out_day, "guardian_id": person_ids(people.guardian),
        "second_guardian_id": person_ids(people.second_guardian),
    }, days=("birthday", "created_day", "opted_out_day"))
    homes, first, sizes = np.unique(people.household, return_index=True, return_counts=True)
    save(folder, "households", {
        "household_id": household_ids(homes), "people": sizes, "last_name": people.last_name[first],
    })
    save(folder, "experiment", {
        "experiment": np.full(len(trial.person), EXPERIMENT, dtype=object), "unit": household_ids(trial.household),
        "person_id": person_ids(trial.person), "exposed_day": trial.day,
        "variant": np.array(VARIANTS, dtype=object)[trial.variant], "true_rate": np.array(JOINS)[trial.variant],
        "has_joined": trial.joins, "join_day": np.where(trial.joins, trial.join_day, NEVER),
    }, days=("exposed_day", "join_day"))


def write_truth_of_accounts(folder: Path, world: Happenings, more: list[Columns]) -> None:
    """Write which profile of which source is which person: source, profile_id, person_id, since (UTC).

    `more` are the accounts of the small sources, in these four columns with `person` for person_id.
    """
    size = world.people.accounts
    opened = utc_seconds(world.contacts.created_day[:size], world.contacts.created_second[:size])
    online, desk = world.online, world.desk
    customers = online.has_customer & (online.state != "test")
    guests = ~online.has_customer & online.is_paid
    known = (desk.payer != NOBODY) & ~desk.is_quick
    parts = [
        _accounts("capitan", capitan_ids(np.arange(size)).astype(str).astype(object), np.arange(size), opened),
        _accounts("stripe", stripe_customer_ids(online.payer[customers]), online.payer[customers],
                  online.created[customers]),
        _accounts("stripe", intent_ids(np.flatnonzero(guests)), online.payer[guests], online.paid_at[guests]),
        _accounts("square", square_customer_ids(desk.payer[known]), desk.payer[known], (desk.at - desk.lag)[known]),
        _accounts("square", payment_ids(np.flatnonzero(desk.is_quick)), desk.payer[desk.is_quick],
                  desk.at[desk.is_quick]),
        *more,
    ]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((rows["since"], rows["profile_id"].astype(str), rows["source"].astype(str)))
    rows = {name: values[order] for name, values in rows.items()}
    key = rows["source"] + "|" + rows["profile_id"]
    new = np.r_[True, key[1:] != key[:-1]].astype(bool)
    rows = {name: values[new] for name, values in rows.items()}
    rows["person_id"] = person_ids(rows.pop("person"))
    save(folder, "accounts", rows, moments=("since",))


def _accounts(source: str, profile_id: Texts, person: Numbers, since: Numbers) -> Columns:
    sources = np.full(len(person), source, dtype=object)
    return {"source": sources, "profile_id": profile_id, "person": person, "since": since}


def write_truth_of_memberships(folder: Path, world: Happenings, versions: Columns) -> None:
    """Write memberships, the people on them, and what was known of each from when."""
    contracts = world.contracts
    ids = contracts.ids.astype(str).astype(object)
    names = np.array([plan.name for plan in PLANS], dtype=object)[contracts.plan]
    save(folder, "memberships", {
        "membership_id": ids, "type_id": np.array([str(plan.type_id) for plan in PLANS], dtype=object)[contracts.plan],
        "name": names, "size": np.array([plan.size for plan in PLANS], dtype=object)[contracts.plan],
        "owner_id": person_ids(contracts.owner), "start_day": contracts.start, "end_day": contracts.end,
        "known_day": contracts.known, "freeze_from": contracts.freeze_from, "freeze_until": contracts.freeze_until,
    }, days=("start_day", "end_day", "known_day", "freeze_from", "freeze_until"))
    contract = contracts.roster_contract
    save(folder, "membership_people", {
        "membership_id": ids[contract], "person_id": person_ids(contracts.roster_person), "name": names[contract],
        "is_owner": contracts.roster_person == contracts.owner[contract], "frozen_day": contracts.roster_frozen,
    }, days=("frozen_day",))
    row = versions["contract"]
    save(folder, "membership_versions", {
        "membership_id": ids[row], "known_from": versions["visible_from"], "known_until": versions["visible_until"],
        "status": versions["status"], "start_day": contracts.start[row], "end_day": versions["end_day"],
    }, days=("start_day", "end_day"), moments=("known_from", "known_until"))


def write_truth_of_visits(folder: Path, world: Happenings) -> None:
    """Write check-ins with what each truly was and who bought the pass that somebody else used, and who are friends."""
    visits = world.visits
    save(folder, "check_ins", {
        "check_in_id": visits.ids.astype(str).astype(object), "person_id": person_ids(visits.person), "at": visits.at,
        "business_day": local_days(visits.at), "entry_method": visits.method, "kind": visits.kind,
        "description": visits.text,
        "purchaser_id": person_ids(visits.purchaser),
    }, days=("business_day",), moments=("at",))
    friends = visits.friendships
    save(folder, "companions", {
        "person_id": person_ids(friends.one), "companion_id": person_ids(friends.other), "visits": friends.visits,
    })


def write_truth_of_links(folder: Path, links: Columns) -> None:
    """Write the family links that the gym knows: guardian and child."""
    save(folder, "family_links", {
        "guardian_id": person_ids(links["guardian"]), "child_id": person_ids(links["child"]),
    })
