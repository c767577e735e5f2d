"""How sure it is who a profile is, in the reference system's four words."""

from __future__ import annotations

import ibis

from regulars.identity.matching import MATCHES
from regulars.identity.tier import tiers

ENGINE = ibis.duckdb.connect()
PEOPLE = {
    "gym/1": ("ann", "first profile"), "shop/1": ("ann", "email equal to gym/1"), "desk/1": ("ann", "likely the same as shop/1 (p 0.993)"),
    "gym/2": ("ben", "first profile"), "shop/2": ("ben", "likely the same as gym/2 (p 0.970)"),
    "gym/3": ("cal", "first profile"), "shop/3": ("cal", "ruled the same as gym/3"),
    "gym/4": ("dan", "only profile"), "shop/4": ("eve", "only profile"), "gym/5": ("fay", "only profile"),
}


def found(*, asked: tuple[str, str] | None) -> dict[str, str]:
    identity = ibis.memtable([
        {**dict(zip(("profile_source", "profile_id"), key.split("/"), strict=True)), "customer_id": customer, "evidence": evidence}
        for key, (customer, evidence) in PEOPLE.items()
    ])
    rows = MATCHES.empty_table()
    if asked:
        sides = [part for one in asked for part in one.split("/")]
        rows = rows.from_pylist([{**dict.fromkeys(MATCHES.names), **dict(zip(MATCHES.names[:4], sides, strict=True)), "tier": "low"}], MATCHES)
    told = ENGINE.to_pyarrow(tiers(identity, ibis.memtable(rows))).to_pylist()
    return {f"{row['profile_source']}/{row['profile_id']}": row["tier"] for row in told}


def test_a_contact_or_a_ruling_is_exact_likeness_medium_a_question_low_and_nothing_unmatched() -> None:
    assert found(asked=("gym/4", "shop/4")) == {
        "gym/1": "exact", "shop/1": "exact", "desk/1": "medium", "gym/2": "medium", "shop/2": "medium",
        "gym/3": "exact", "shop/3": "exact", "gym/4": "low", "shop/4": "low", "gym/5": "unmatched",
    }


def test_whom_nobody_asks_about_is_unmatched() -> None:
    assert {found(asked=None)[key] for key in ("gym/4", "shop/4", "gym/5")} == {"unmatched"}
