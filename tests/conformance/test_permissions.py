"""Who may be written to is the same on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import ibis
import pyarrow as pa

from regulars.consent.everybody import permissions
from regulars.consent.ledger import ENTRIES, METHODS
from regulars.consent.suppression import REASONS, SUPPRESSIONS
from regulars.storage.engines import Engine
from regulars.storage.engines.duckdb import DuckDBEngine

NOON = datetime(2026, 5, 4, 17, 0)  # noqa: DTZ001  as tables hold it


def answers(engine: Engine, seed: int = 5) -> list[dict[str, Any]]:
    """Ask of a hundred people about whom things were said by chance."""
    rng = Random(seed)

    def moment() -> datetime:
        return NOON + timedelta(days=rng.randrange(-9, 3))

    said = [{
        "seq": n, "address_hash": f"a{rng.randrange(90)}", "channel": rng.choice(["sms", "email"]),
        "purpose": rng.choice(["marketing", "transactional"]) if n % 3 else "any", "action": "grant" if n % 3 else "revoke",
        "method": rng.choice(METHODS), "evidence": rng.choice([None, "", "form"]), "at": moment(),
        "expires_at": rng.choice([None, moment()]),
    } for n in range(300)]
    stops = [{
        "channel": rng.choice(["sms", "email"]), "address_hash": f"a{n}", "reason": rng.choice(REASONS), "source": "x",
        "since": moment(), "lifted_at": rng.choice([None, moment()]),
    } for n in range(30)]
    people = [{"customer_id": f"c{n:03}", "address_hash": f"a{n}" if n % 9 else None, "address_reason": "own"} for n in range(100)]
    found = permissions(
        engine.arrow(pa.Table.from_pylist(people)),
        engine.arrow(pa.Table.from_pylist(
            [dict.fromkeys(ENTRIES) | row for row in said], ibis.schema(ENTRIES).to_pyarrow()
        )),
        engine.arrow(pa.Table.from_pylist(stops, ibis.schema(SUPPRESSIONS).to_pyarrow())),
        channel="sms", purpose="marketing", at=NOON.replace(tzinfo=UTC),
    )
    return list(engine.fetch(found).sort_by("customer_id").to_pylist())


def test_everybody_gets_the_same_answer_on_every_engine(engine: Engine, duck: DuckDBEngine) -> None:
    found, expected = answers(engine), answers(duck)

    assert found == expected
    assert len({row["reason"].split(" ")[0] for row in expected}) >= 4
