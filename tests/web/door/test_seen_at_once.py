"""`regulars serve`: what is posted at its door is what its API shows a moment later."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))

from process import KEY
from test_timeline import ANN, business, post, ran


def test_an_order_is_on_the_timeline_and_in_the_segment_without_a_run(tmp_path: Path) -> None:
    folder = business(tmp_path / "project")
    (folder / "segments").mkdir()
    (folder / "segments" / "buyer.yaml").write_text("title: Buyers\nwhen: {count: order, within: 1 days, at_least: 1}\n")
    post(folder, *ANN[:2])
    for _ in ran(folder):
        pass
    made = subprocess.run(
        [sys.executable, "-m", "regulars", "key", "new", "test", "-p", str(folder), "--json"],
        check=True, capture_output=True, text=True,
    )
    headers = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    serve = [sys.executable, "-m", "regulars", "serve", "-p", str(folder), "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+:\d+", server.stdout.readline())
            assert found
            api = httpx.Client(base_url=f"{found[0]}/api/v1", headers=headers, timeout=30)
            ann = api.get("/customers", params={"q": "ann@example.com"}).json()["items"][0]["customer_id"]
            before = api.get(f"/customers/{ann}").json()["segments"]
            order = {"userId": "u1", "event": "Order Completed", "messageId": "o1", "properties": {"total": 7}}

            httpx.post(f"{found[0]}/v1/track", json=order, auth=(KEY, "")).raise_for_status()

            until, after, newest = time.monotonic() + 30, before, {}
            while not after and time.monotonic() < until:
                time.sleep(0.1)
                after = api.get(f"/customers/{ann}").json()["segments"]
                newest = api.get(f"/customers/{ann}/timeline").json()["items"][0]
            assert (before, [stay["segment"] for stay in after]) == ([], ["buyer"])
            assert (newest["event_type"], newest["attributes"]["total"]) == ("order", 700)
            assert api.get("/segments").json()["items"][0]["members"] == 1
            counts = httpx.get(f"{found[0]}/metrics", headers=headers, timeout=30).text
            lags = re.findall(r'regulars_fresh_lag_seconds\{what="(timeline|segments)"\} (\d+\.\d+)', counts)
            assert [what for what, _ in lags] == ["timeline", "segments"]
            assert max(float(seconds) for _, seconds in lags) < 30
        finally:
            server.terminate()
