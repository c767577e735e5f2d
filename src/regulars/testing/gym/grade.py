"""How right the product is: its tables held against the world's truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SHOWN = 20
_BOUGHT = ("sale", "tax", "tip", "discount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one side has and the other has not, of one kind of fact; the lists show the first twenty."""

    right: int                     # facts both sides have
    missing: int                   # in the truth alone
    extra: int                     # in the product alone
    missing_shown: tuple[tuple[Any, ...], ...] = ()
    extra_shown: tuple[tuple[Any, ...], ...] = ()

    @property
    def is_exact(self) -> bool:
        """Return whether both sides agree wholly."""
        return self.missing == 0 and self.extra == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyGrade:
    """Whether the ledger is exact to the cent."""

    lines: Difference              # source, payment, kind, amount, business day
    categories: Difference         # of sale lines: source, payment, amount, category, units
    refunds: Difference            # source, kind, payment given back, amount, business day
    refund_categories: Difference  # source, payment, category, amount
    payers: Difference             # of sale lines: source, payment, person (empty without identity)
    typing_errors: tuple[str, ...] # payments of impossible amounts that the ledger counted

    @property
    def is_exact(self) -> bool:
        """Return whether every line, link, category, unit, day and payer is right."""
        parts = (self.lines, self.categories, self.refunds, self.refund_categories, self.payers)
        return all(part.is_exact for part in parts) and not self.typing_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityGrade:
    """Whether every person is one customer."""

    profiles: int                  # of true persons, found in the identity table
    dropped: tuple[tuple[str, str], ...]           # (source, profile id) of true persons not in it
    merged: Mapping[str, tuple[str, ...]]          # customer -> the true persons it holds, when two or more
    merged_households: tuple[str, ...]             # such customers whose persons live together
    split: Mapping[str, tuple[str, ...]]           # person -> customers, when two or more
    customer_of: Mapping[str, str] = field(default_factory=dict)   # person -> customer, the one with most profiles

    @property
    def is_exact(self) -> bool:
        """Return whether nobody was dropped, merged or split."""
        return not (self.dropped or self.merged or self.split)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferGrade:
    """Whether passes that somebody else used are found, and who bought them."""

    read: Difference               # check-in, type, pass, purchaser's name, what remains
    right: int                     # transfers whose purchaser is the true one
    wrong: tuple[str, ...]         # check-ins whose purchaser is somebody else
    unresolved: tuple[str, ...]    # check-ins left without one

    @property
    def precision(self) -> float:
        """Return the share of right ones among purchasers that were named, 0 to 1."""
        return self.right / max(self.right + len(self.wrong), 1)

    @property
    def recall(self) -> float:
        """Return the share of all true transfers whose purchaser was named rightly, 0 to 1."""
        return self.right / max(self.read.right + self.read.missing, 1)


def grade_money(
    money: pa.Table, truth: Path, *, until: datetime | None = None, identity: pa.Table | None = None
) -> MoneyGrade:
    """Hold the money ledger against the truth. `until` (naive UTC): what was pulled; later facts are not expected.

    With `identity` the payers are graded too: the customer of a line must hold a profile of the true person.
    """
    told = [row for row in money.to_pylist() if until is None or row["occurred_at"] < until]
    bought = [row for row in told if row["kind"] in _BOUGHT]
    wrong = {row["payment_id"] for row in _truth(truth, "typing_errors")}
    true = [row for row in _truth(truth, "purchases") if until is None or row["at"] < until]
    counted = [row for row in bought if row["payment_id"] not in wrong]
    backs = [row for row in _truth(truth, "refunds") if until is None or row["at"] < until]
    given = [row for row in told if row["kind"] in ("refund", "dispute")]
    return MoneyGrade(
        lines=_difference(map(_line, true), map(_line, counted)),
        categories=_difference(
            (_kind(row, units=row["units"] or row["quantity"]) for row in true if row["kind"] == "sale"),
            (_kind(row, units=row["units"]) for row in counted if row["kind"] == "sale"),
        ),
        refunds=_difference(
            ((r["source"], r["kind"], r["payment_id"], r["amount"], r["business_day"]) for r in backs), _given(given),
        ),
        refund_categories=_difference(_true_parts(truth, backs), _told_parts(given)),
        payers=_payers(true, counted, truth, identity),
        typing_errors=tuple(sorted({row["payment_id"] for row in bought if row["payment_id"] in wrong})),
    )


def grade_identity(identity: pa.Table, truth: Path, *, until: datetime | None = None) -> IdentityGrade:
    """Hold the identity map against the true accounts of all persons seen before `until` (naive UTC)."""
    customer_of = {(r["profile_source"], r["profile_id"]): r["customer_id"] for r in identity.to_pylist()}
    homes = {row["person_id"]: row["household_id"] for row in _truth(truth, "people")}
    persons: dict[str, set[str]] = defaultdict(set)
    customers: dict[str, Counter[str]] = defaultdict(Counter)
    dropped = []
    for row in _truth(truth, "accounts"):
        if until is not None and row["since"] >= until:
            continue
        customer = customer_of.get((row["source"], row["profile_id"]))
        if customer is None:
            dropped.append((row["source"], row["profile_id"]))
            continue
        persons[customer].add(row["person_id"])
        customers[row["person_id"]][customer] += 1
    merged = {customer: tuple(sorted(held)) for customer, held in persons.items() if len(held) > 1}
    together = [customer for customer, held in merged.items() if len({homes[person] for person in held}) < len(held)]
    return IdentityGrade(
        profiles=sum(sum(counts.values()) for counts in customers.values()), dropped=tuple(dropped), merged=merged,
        merged_households=tuple(sorted(together)),
        split={person: tuple(sorted(held)) for person, held in customers.items() if len(held) > 1},
        customer_of={person: min(held, key=lambda c: (-held[c], c)) for person, held in customers.items()},
    )


def grade_segments(
    memberships: pa.Table, expected: Mapping[str, Iterable[str]], identity: IdentityGrade
) -> dict[str, Difference]:
    """Hold the segments' members against the oracle's persons, by segment; customers that are no true person are extra.

    `memberships` has the columns segment and customer_id.
    """
    person_of = {customer: person for person, customer in identity.customer_of.items()}
    told: dict[str, list[tuple[str]]] = defaultdict(list)
    for row in memberships.to_pylist():
        told[row["segment"]].append((person_of.get(row["customer_id"], row["customer_id"]),))
    return {segment: _difference(((person,) for person in persons), told[segment])
            for segment, persons in expected.items()}


def grade_transfers(
    transfers: pa.Table, truth: Path, identity: IdentityGrade, *, until: datetime | None = None
) -> TransferGrade:
    """Hold the transfers against the true purchasers. `until` (naive UTC): later check-ins are not expected."""
    names = {row["person_id"]: row["name"] for row in _truth(truth, "people")}
    true = {
        row["check_in_id"]: row for row in _truth(truth, "check_ins")
        if row["purchaser_id"] is not None and (until is None or row["at"] < until)
    }
    told = {row["checkin_id"]: row for row in transfers.to_pylist()}
    facts = ("checkin_id", "transfer_type", "pass_type", "purchaser_name", "remaining_count")
    bought = {key: told[key]["purchaser_customer_id"] for key in true if key in told}
    right = {key for key, who in bought.items() if who == identity.customer_of.get(true[key]["purchaser_id"], "")}
    return TransferGrade(
        read=_difference(
            (_transfer(row, names[row["purchaser_id"]]) for row in true.values()),
            (tuple(row[name] for name in facts) for row in told.values()),
        ),
        right=len(right), wrong=tuple(sorted(key for key, who in bought.items() if who and key not in right)),
        unresolved=tuple(sorted(key for key, who in bought.items() if who is None)),
    )


def _transfer(row: Mapping[str, Any], purchaser: str) -> tuple[Any, ...]:
    """What a true check-in's text says, cut apart by the name that is known to be in it."""
    pass_type, _, rest = row["description"].rpartition(f" from {purchaser}")
    kind = {"ENT": "entry_pass", "GUE": "guest_pass"}[row["entry_method"]]
    left = int(rest.strip(" ()").split()[0]) if rest else None
    return row["check_in_id"], kind, pass_type, purchaser, left


def _difference(true: Iterable[tuple[Any, ...]], told: Iterable[tuple[Any, ...]]) -> Difference:
    left, right = Counter(true), Counter(told)
    missing, extra = left - right, right - left
    return Difference(
        right=sum((left & right).values()), missing=sum(missing.values()), extra=sum(extra.values()),
        missing_shown=tuple(sorted(missing, key=repr)[:SHOWN]), extra_shown=tuple(sorted(extra, key=repr)[:SHOWN]),
    )


def _line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["source"], row["payment_id"], row["kind"], row["amount"], row["business_day"]


def _kind(row: Mapping[str, Any], *, units: int) -> tuple[Any, ...]:
    """The truth's units are day passes; of anything else a line has as many units as pieces were bought."""
    return row["source"], row["payment_id"], row["amount"], row["category"], units


def _given(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    """One fact per refund, though the ledger may divide it by category."""
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        sums[row["source"], row["kind"], row["refund_of"], row["business_day"], row["record_key"]] += row["amount"]
    return ((source, kind, payment, amount, day) for (source, kind, payment, day, _), amount in sums.items())


def _true_parts(truth: Path, backs: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    refunds = {row["refund_id"]: (row["source"], row["payment_id"]) for row in backs}
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in _truth(truth, "refund_lines"):
        if row["refund_id"] in refunds:
            sums[*refunds[row["refund_id"]], row["category"]] += row["amount"]
    return ((*key, amount) for key, amount in sums.items())


def _told_parts(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        sums[row["source"], row["refund_of"], row["category"]] += row["amount"]
    return ((*key, amount) for key, amount in sums.items())


def _payers(
    true: Iterable[Mapping[str, Any]], told: Iterable[Mapping[str, Any]], truth: Path, identity: pa.Table | None
) -> Difference:
    if identity is None:
        return _difference((), ())
    customer_of = {(r["profile_source"], r["profile_id"]): r["customer_id"] for r in identity.to_pylist()}
    person_of: dict[str, str] = {}
    for row in _truth(truth, "accounts"):
        customer = customer_of.get((row["source"], row["profile_id"]))
        if customer is not None:
            person_of.setdefault(customer, row["person_id"])
    return _difference(
        ((r["source"], r["payment_id"], r["person_id"]) for r in true if r["kind"] == "sale"),
        ((r["source"], r["payment_id"], person_of.get(customer_of.get((r["profile_source"], r["profile_id"]), "")))
         for r in told if r["kind"] == "sale"),
    )


def _truth(folder: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return rows
