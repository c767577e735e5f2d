"""How replies are read, by language, and how many a second: `python benchmarks/replies.py`; seconds.

The held-out replies were never looked at while the rules were written. What is in doubt is suppressed until a person
has read it: right for an opt-out, wrong for any other reply.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import process_time

from regulars.consent.keyword import read_reply

FOLDER = Path(__file__).parents[1] / "tests" / "unit" / "consent"
FILES = ("replies_seen.tsv", "replies_held.tsv")
ROUNDS = 5


def main() -> None:
    print(f"{'replies':<22}{'opt-outs':>9}{'at once':>9}{'in doubt':>9}{'others':>9}{'at once':>9}{'in doubt':>9}")
    for name in FILES:
        rows = [line.split("\t") for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]
        for language in ("en", "es", "fr"):
            _line(name, language, [(meant, text) for meant, spoken, text in rows if spoken == language])
        texts = [text for _, _, text in rows]
        began = process_time()
        for _ in range(ROUNDS):
            for text in texts:
                read_reply(text)
        print(f"{name:<18}{ROUNDS * len(texts) / (process_time() - began):,.0f} a second of one core")


def _line(name: str, language: str, rows: list[tuple[str, str]]) -> None:
    counts = Counter((meant, read_reply(text).kind) for meant, text in rows)
    shown = f"{name:<18}{language:<4}"
    for meant in ("out", "none"):
        total = sum(number for (label, _), number in counts.items() if label == meant)
        shares = [counts[meant, kind] / total for kind in ("opt_out", "ambiguous")]
        shown += f"{total:>9}" + "".join(f"{share:>9.1%}" for share in shares)
    print(shown)


if __name__ == "__main__":
    main()
