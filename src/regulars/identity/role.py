"""E-mail addresses and phone numbers that are a desk's or nobody's, known by the many different people who use them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.identifier import IdentifierRules, normalise_emails, normalise_phones
from regulars.identity.name import first_word, last_word, stripped
from regulars.identity.numbered import value_numbers
from regulars.identity.portrait import person_counts

REASON = "used by many people"

CONTACTS, REFUSED = ["email", "phone"], ["email_refused", "phone_refused"]

ASKED = ["profile_source", "profile_id", "name", *CONTACTS, "raw_email", "raw_phone", *REFUSED]
"""The columns of a profile that its contacts are judged by."""


def without_roles(profiles: pa.Table, *, rules: IdentifierRules) -> pa.Table:
    """Return normalised profiles in which contacts of so many people are nobody's; `email_refused` and such say why."""
    name = stripped(profiles["name"].combine_chunks())
    names = [value_numbers(first_word(name)), value_numbers(last_word(name))]
    for contact in CONTACTS:
        values = profiles[contact].combine_chunks()
        numbers = value_numbers(values)
        count = int(numbers.max(initial=-1)) + 1
        people = np.min([person_counts(np.where(each < 0, -1, numbers), each, values=count) for each in names], axis=0)
        is_role = pa.array(np.append(people >= rules.desk_from, False)[numbers])
        kept = pc.if_else(is_role, pa.scalar(None, pa.string()), values)
        reason = pc.if_else(is_role, pa.scalar(REASON), profiles[f"{contact}_refused"].combine_chunks())
        profiles = profiles.set_column(profiles.column_names.index(contact), contact, kept)
        refused = f"{contact}_refused"
        profiles = profiles.set_column(profiles.column_names.index(refused), refused, reason)
    return profiles


def with_roles(profiles: pa.Table, *, rules: IdentifierRules) -> pa.Table:
    """Return profiles with the contacts that `without_roles` took: what was a desk's need not be one any more."""
    for contact, normalise in (("email", normalise_emails), ("phone", normalise_phones)):
        refused = profiles[f"{contact}_refused"].combine_chunks()
        is_role = pc.equal(refused, REASON).fill_null(False)
        read = normalise(profiles[f"raw_{contact}"].combine_chunks().filter(is_role), rules=rules).values
        kept = pc.replace_with_mask(profiles[contact].combine_chunks(), is_role, read)
        freed = pc.replace_with_mask(refused, is_role, pa.nulls(len(read), pa.string()))
        for name, values in ((contact, kept), (f"{contact}_refused", freed)):
            profiles = profiles.set_column(profiles.column_names.index(name), name, values)
    return profiles


def judged(found: pa.Table, near: pa.Table, *, rules: IdentifierRules) -> tuple[pa.Table, pa.Table]:
    """Judge the contacts of profiles that were told of; return ASKED of everybody here, and of who comes out otherwise.

    Args:
        found: ASKED as told, before anything was taken.
        near: ASKED as judged before, of all others who have a desk's contact, or one that somebody in `found` has or
            had. So of each of these contacts all users are here, and of any other contact fewer than there are: what
            was nobody's desk stays so.
        rules: What counts as a desk.

    """
    now = without_roles(pa.concat_tables([with_roles(near, rules=rules), found]), rules=rules)
    is_other = pa.repeat(pa.scalar(False), len(near))
    for contact in CONTACTS:
        one, other = (pc.fill_null(t[contact].combine_chunks(), "") for t in (now.slice(0, len(near)), near))
        is_other = pc.or_(is_other, pc.not_equal(one, other))
    return now, near.filter(is_other)
