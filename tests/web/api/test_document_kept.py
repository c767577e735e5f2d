"""The document taken at its word by schemathesis: whatever it allows is answered, and as it says; nothing is our fault.

`REGULARS_API_FUZZ=200 pytest tests/web/api/test_document_kept.py` asks two hundred times of each operation.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import Served, made, opened, serving

from regulars.pipeline.flow import run
from regulars.web.api.openapi import document
from regulars.web.api.route import ROOT, ApiRoute
from regulars.web.api.table import ROUTES

EXAMPLES = os.environ.get("REGULARS_API_FUZZ", "2")


@pytest.mark.slow
def test_every_request_that_the_document_allows_is_answered_as_it_says(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is missing; type: scripts/setup dev")
    # A business of its own: its experiments are decided and its people are merged at random.
    workspace = opened(made(tmp_path / "desk", name="Desk", stores=tmp_path))
    run(workspace)
    workspace.close()
    with serving(tmp_path / "desk") as served:
        said = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{served.client.base_url}{ROOT}/openapi.json",
                "--header", f"Authorization: {served.headers()['Authorization']}", "--workers", "2", "--seed", "7",
                "--max-examples", EXAMPLES, "--exclude-checks", "positive_data_acceptance", "--no-color",
                "--request-timeout", "120",  # seconds: a report takes long where everything else runs, too
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("untold.py"))},
        )

    operations = sum(len(methods) for methods in document()["paths"].values())
    assert said.returncode == 0, said.stdout[-8000:] + said.stderr[-2000:]
    assert f"Tested: {operations}\n" in said.stdout


ODD_PLACES = [
    b"", b"null", b"[]", b"{}", b"true", b'"\\u0000"', b'["\\u0000","x"]', b"1e400", b"9223372036854775808", b"-1" + b"0" * 60,
    b'["0001-01-01T00:00:00+23:59","x"]', b'["9999-12-31T23:59:59-23:59","x"]', b'["2026-01-01T00:00:00","x"]',
    b'["a","b","c","d"]', b'["a","b","c","\\u0000"]', b"\xff\xfe",
]


@pytest.mark.parametrize("route", [route for route in ROUTES if hasattr(route.query, "cursor")], ids=lambda route: route.name)
def test_a_cursor_that_somebody_made_up_is_refused_or_means_a_place(served: Served, route: ApiRoute) -> None:
    cursors = [f"{route.name}.{base64.urlsafe_b64encode(place).decode()}" for place in ODD_PLACES]

    answers = [
        served.client.get(ROOT + served.path(route.path), headers=served.headers(), params={"cursor": each})
        for each in [*cursors, "nonsense", "é"]
    ]

    assert {answer.status_code for answer in answers} <= {200, 422}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 422} == {"urn:regulars:request-meaningless"}


@pytest.mark.parametrize("path", [
    "/customers/%00", "/customers?q=%00", "/metrics/visits/days?last=0001-01-01", "/runs/%00", "/customers?seen_since=9999-12-31",
])
def test_what_no_store_can_keep_is_refused(served: Served, path: str) -> None:
    answer = served.client.get(ROOT + path, headers=served.headers())

    assert answer.status_code in {404, 422}
