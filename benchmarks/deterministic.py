"""The tier without probabilities: `python benchmarks/deterministic.py [RECORDS]` (a million unless said).

Strong ids, equal addresses and numbers with their sharing counted, and the components these make, over noisy profiles
of five sources. The budget is 300,000 records a second. The baseline is Arrow counting equal addresses of the same
profiles.
"""

from __future__ import annotations

import sys
import time

import pyarrow.compute as pc

from regulars.identity.exact import exact_evidence
from regulars.identity.numbered import profile_keys
from regulars.identity.resolve import RULINGS
from regulars.testing.customers import noisy_customers


def main(records: int) -> None:
    """Measure, and print a line."""
    people = noisy_customers(records, seed=1).profiles.combine_chunks()
    keys = profile_keys(people["profile_source"], people["profile_id"])
    exact_evidence(people.slice(0, 1_000), keys=keys.slice(0, 1_000), rulings=RULINGS.empty_table())   # imports
    begun = time.perf_counter()
    pc.value_counts(people["email"])
    baseline = time.perf_counter() - begun
    begun, cpu = time.perf_counter(), time.process_time()
    found = exact_evidence(people, keys=keys, rulings=RULINGS.empty_table())
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(
        f"{len(people):,} records, {len(found.links.left):,} links: {wall:.2f} s, {cpu:.2f} s CPU, "
        f"{len(people) / wall:,.0f} records/s (budget 300,000), {wall / baseline:.1f} times the baseline"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
