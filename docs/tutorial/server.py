"""A shop of five orders on http://127.0.0.1:8765/, for the tutorial: pages of two, a key, a count, a next page."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "Bearer let-me-in"
ADA = {"id": "b-7", "email": "Ada@example.com", "name": "Ada Example"}
MARY = {"id": "b-8", "email": "mary@example.com", "name": "Mary Sample"}
ORDERS = [
    {"id": 101, "placed_at": "2026-01-06T10:00:00Z", "total": "24.00", "item": "Chalk bag", "buyer": ADA},
    {"id": 102, "placed_at": "2026-01-07T16:30:00Z", "total": "18.50", "item": "Day pass", "buyer": MARY},
    {"id": 103, "placed_at": "2026-01-12T11:15:00Z", "total": "90.00", "item": "Day Pass 5-Pack", "buyer": ADA},
    {"id": 104, "placed_at": "2026-01-14T09:05:00Z", "total": "18.50", "item": "Day pass", "buyer": MARY},
    {"id": 105, "placed_at": "2026-01-15T12:00:00Z", "total": "4.00", "item": "Tape", "buyer": ADA},
]


class Shop(BaseHTTPRequestHandler):
    """GET /orders?page=1&page_size=2&since=2026-01-10T00:00:00Z."""

    def do_GET(self) -> None:
        """Answer one page, or 401 without the key."""
        if self.headers["Authorization"] != KEY:
            self.answer({"error": "no key"}, status=401)
            return
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        page, size = int(asked.get("page", "1")), int(asked.get("page_size", "2"))
        orders = [order for order in ORDERS if order["placed_at"] >= asked.get("since", "")]
        rest = orders[(page - 1) * size :]
        self.answer({"count": len(orders), "results": rest[:size], "next": page + 1 if len(rest) > size else None})

    def answer(self, value: object, *, status: int = 200) -> None:
        """Send JSON."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
    print(f"The shop is open on http://127.0.0.1:{port}/", flush=True)
    HTTPServer(("127.0.0.1", port), Shop).serve_forever()
