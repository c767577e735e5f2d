"""What it takes to read the offer of a message, and how often it is right: `python benchmarks/offers.py`, seconds.

The collection is `../shared/data/messages/offers`: promotional mails and texts with what they offer, and others that
offer nothing. Each is read several times and the quickest counts: what else the machine does only ever adds.
"""

from __future__ import annotations

import csv
from pathlib import Path
from time import process_time

from regulars.campaigns.offer import read_offer

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "messages" / "offers"
ROUNDS = 40                                  # over some seconds: a shared machine has quick and slow ones


def main() -> None:
    with (FOLDER / "labels.csv").open(encoding="utf-8") as file:
        labels = list(csv.DictReader(file))
    texts = [(FOLDER / label["file"]).read_text(encoding="utf-8", errors="replace") for label in labels]
    best, kinds, codes, right, invented = [float("inf")] * len(labels), 0, 0, 0, 0
    for _ in range(ROUNDS):
        for place, (label, text) in enumerate(zip(labels, texts, strict=True)):
            began = process_time()
            read_offer(text, subject=label["subject"])
            best[place] = min(best[place], process_time() - began)
    for label, text in zip(labels, texts, strict=True):
        offer = read_offer(text, subject=label["subject"]).offer
        kinds += ("none" if offer is None else offer.kind) == label["offer_type"]
        codes += offer is not None and offer.code is not None
        right += offer is not None and offer.code is not None and offer.code == label["code"]
        invented += offer is not None and label["has_offer"] == "0"
    took = [(seconds * 1000, label["file"]) for seconds, label in zip(best, labels, strict=True)]
    slowest, where = max(took)
    mean = sum(one for one, _ in took) / len(took)
    print(f"{len(labels)} messages: {kinds / len(labels):.1%} of kinds, {right} of {codes} codes, {invented} invented")
    print(f"processor, the best of {ROUNDS}: {mean:.2f} ms a message, the slowest {slowest:.2f} ms ({where}; 5 ms)")


if __name__ == "__main__":
    main()
