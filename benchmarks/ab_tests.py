"""What the A/B service costs for a campaign of 10,000 recipients on disk: `python benchmarks/ab_tests.py`, a table."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.campaign import experiment_of
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import ABEvent

RECIPIENTS = 10_000
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds, the best of several")
    print(f"{'scenario':<44}{'wall':>10}{'CPU':>10}{'budget':>10}")
    with TemporaryDirectory() as folder:
        book = Book.open(f"sqlite:///{Path(folder)}/book.db", environment={})
        service = ABTestingService.of(book, clock=FixedClock(NOW))
        _line("10,000 contacts assigned", 1_000, lambda: _assigned(service), repeats=3)
        campaign = _replied(service)
        _line("summary of 10,000 recipients", 50, lambda: service.get_campaign_ab_summary(campaign), repeats=20)
        _line("winner identified", 50, lambda: service.identify_winner(campaign), repeats=20)
        _line("report", 500, lambda: service.generate_ab_test_report(campaign), repeats=5)
        variant = service.get_contact_variant(campaign, 1).unwrap()
        _line("one event tracked", 20, lambda: service.track_message_opened(campaign, 1, variant), repeats=20)
        sends = lambda: service.send_winner_to_remaining(campaign, "B")  # noqa: E731  the same thing, timed twice
        _line("winner scheduled for 10,000 more", 2_000, sends, repeats=1)
        _line("winner scheduled again", 1_000, sends, repeats=3)
        book.close()


def _assigned(service: ABTestingService) -> int:
    data = {"template_a": "Hi", "template_b": "Hello", "ab_config": {"split_ratio": 50}}
    campaign = int(service.create_ab_campaign(data).unwrap()["id"])
    service.assign_recipients_to_variants(campaign, range(RECIPIENTS)).unwrap()
    return campaign


def _replied(service: ABTestingService) -> int:
    """A campaign sent to all, with clicks of a third and replies of a tenth; 10,000 more wait for the winner."""
    campaign, at = _assigned(service), NOW - timedelta(days=2)
    rows = service.assign_recipients_to_variants(campaign, range(RECIPIENTS)).unwrap()
    service.store.record(experiment_of(campaign), [
        ABEvent(
            unit=str(row["contact_id"]), epoch=1, variant=row["variant"], kind=kind, at=at,
            reply=("positive", "negative")[n % 20 > 9] if kind == "replied" else None,
        )
        for kind, every in (("sent", 1), ("clicked", 3), ("replied", 10))
        for n, row in enumerate(rows) if n % every == 0
    ])
    service.add_recipients(campaign, range(RECIPIENTS, 2 * RECIPIENTS)).unwrap()
    return campaign


def _line(name: str, budget: float, act: Callable[[], object], *, repeats: int) -> None:
    found = [_milliseconds(act) for _ in range(repeats)]
    wall, cpu = min(each[0] for each in found), min(each[1] for each in found)
    print(f"{name:<44}{wall:>10.1f}{cpu:>10.1f}{budget:>10.0f}{'' if wall <= budget else '  over'}", flush=True)


def _milliseconds(act: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    act()
    return (perf_counter() - wall) * 1_000, (process_time() - cpu) * 1_000


if __name__ == "__main__":
    main()
