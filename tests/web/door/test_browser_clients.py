"""Clients in a real browser, on a page of another origin, told nothing but which host: they ask it first, and send there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "pages"))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from browser import chromium
from flag_server import serving
from process import KEY, project, taken

CLIENTS = Path(__file__).parent / "clients" / "node_modules"
SCRIPTS = {
    "segment": "@segment/analytics-next/dist/umd/index.js",
    "rudder": "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
    "posthog": "posthog-js/dist/array.full.no-external.js",
}
FLAGS = {
    "flags/banner.yaml": "type: string\ndefault: old\nrules:\n  - {when: {plan: gold}, value: new}\n",
    "flags/open.yaml": "type: boolean\ndefault: true\n",
    "flags/price.yaml": "type: number\ndefault: 12.5\n",
}
# Each does the same: says who it is, tells one event, and waits until nothing is left to send.
SAYS = {
    "segment": """async ([host, key]) => {
        const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({writeKey: key, cdnURL: host});
        await analytics.identify('u1', {plan: 'gold'});
        await analytics.track('Looked', {price: 42.5});
    }""",
    "rudder": """([host, key]) => new Promise(done => {
        const analytics = new rudderanalytics.RudderAnalytics();
        analytics.load(key, host, {configUrl: host});
        analytics.identify('u1', {plan: 'gold'});
        analytics.track('Looked', {price: 42.5}, undefined, done);
    })""",
    "posthog": """([host, key]) => new Promise(done => {
        posthog.init(key, {api_host: host, autocapture: false, capture_pageview: false, request_batching: false,
                           opt_out_useragent_filter: true});
        posthog.setPersonPropertiesForFlags({plan: 'gold'}, false);
        posthog.identify('u1', {plan: 'gold'});
        posthog.onFeatureFlags(() => {
            const told = [posthog.getFeatureFlag('banner'), posthog.isFeatureEnabled('open'), posthog.getFeatureFlagPayload('price')];
            if (told[0] === 'new') { posthog.capture('Looked', {price: 42.5}); done(told); }
        });
    })""",
}
pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    not all((CLIENTS / script).exists() for script in SCRIPTS.values()), reason="the clients are missing; type: scripts/node-clients",
)]


class _Page(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/page":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Shop</title><h1>Shop</h1>")

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _shop() -> Iterator[str]:
    """A page of another origin, with the clients' own files beside it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, directory=str(CLIENTS)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("client", SCRIPTS)
def test_a_client_of_a_browser_that_knows_only_the_host_sends_there_and_nowhere_else(client: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    for name, text in FLAGS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with _shop() as shop, chromium() as browser, serving(folder, "--without-sign-in") as host:
        tab = browser.new_page()
        asked, refused = list[str](), list[str]()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
        tab.goto(f"{shop}/page")
        tab.add_script_tag(url=f"{shop}/{SCRIPTS[client]}")
        told = tab.evaluate(SAYS[client], [host, KEY])
        tab.wait_for_timeout(1500)           # what is sent beside an answer
        said = tab.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
        tab.close()

    elsewhere = {url for url in [*asked, *said] if not url.startswith((shop, host, "blob:", "data:"))}
    events = [json.loads(event) for event in taken(folder).events]
    assert (elsewhere, [url for url in refused if url.startswith(host)]) == (set(), [])
    assert {(one["door"]["type"], one["door"].get("name"), one["door"].get("user")) for one in events} >= {
        ("identify", None if client != "posthog" else "$identify", "u1"), ("track", "Looked", "u1"),
    }
    [looked] = [one for one in events if one["door"].get("name") == "Looked"]
    assert looked["properties"]["price"] == 42.5
    assert told == (["new", True, 12.5] if client == "posthog" else told)
