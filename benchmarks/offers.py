"""What it takes to read the offer of a message, and how often it is right: `python benchmarks/offers.py`, seconds.

The collection is `../shared/data/messages/offers`: promotional mails and texts with what they offer, and others that
offer nothing. Each is read several times and the quickest counts: what else the machine does only ever adds.
"""

from __future__ import annotations

import csv
from pathlib import Path
from time import process_time

from regulars.campaigns.offer import Reading, read_offer

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "messages" / "offers"
ROUNDS = 7


def main() -> None:
    with (FOLDER / "labels.csv").open(encoding="utf-8") as file:
        labels = list(csv.DictReader(file))
    took, kinds, codes, right, invented = [], 0, 0, 0, 0
    for label in labels:
        text = (FOLDER / label["file"]).read_text(encoding="utf-8", errors="replace")
        reading, seconds = _read(text, label["subject"])
        offer = reading.offer
        took.append((seconds * 1000, label["file"]))
        kinds += ("none" if offer is None else offer.kind) == label["offer_type"]
        codes += offer is not None and offer.code is not None
        right += offer is not None and offer.code is not None and offer.code == label["code"]
        invented += offer is not None and label["has_offer"] == "0"
    slowest, where = max(took)
    mean = sum(one for one, _ in took) / len(took)
    print(f"{len(labels)} messages: {kinds / len(labels):.1%} of kinds, {right} of {codes} codes, {invented} invented")
    print(f"processor, the best of {ROUNDS}: {mean:.2f} ms a message, the slowest {slowest:.2f} ms ({where}; 5 ms)")


def _read(text: str, subject: str) -> tuple[Reading, float]:
    best = float("inf")
    for _ in range(ROUNDS):
        began = process_time()
        reading = read_offer(text, subject=subject)
        best = min(best, process_time() - began)
    return reading, best


if __name__ == "__main__":
    main()
