"""An OpenID Connect issuer over real HTTP: strict about codes, PKCE and clients, and false on demand."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from regulars.web.listen import listening

CLIENT, SECRET = "desk", "the secret of the desk"


@dataclass(slots=True)
class SandboxIssuer:
    """Who signs in at it, and in what it does not tell the truth."""

    url: str = ""
    email: str = ""
    lies: dict[str, Any] = field(default_factory=dict)       # claims that are others than they should be
    answer: dict[str, str] = field(default_factory=dict)     # what it says instead of a code
    is_down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def described(self, request: Request) -> Response:
        if self.is_down:
            return JSONResponse({}, status_code=503)
        return JSONResponse({
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        })

    def authorize(self, request: Request) -> Response:
        said = dict(request.query_params)
        assert said["response_type"] == "code"
        assert said["client_id"] == CLIENT
        assert said["code_challenge_method"] == "S256"
        code = uuid4().hex
        self.codes[code] = said
        answer = {"state": said["state"], **(self.answer or {"code": code})}
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode(answer)}", status_code=302)

    async def token(self, request: Request) -> Response:
        said = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(said.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(sha256(said.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_right = (
            asked is not None and asked["code_challenge"] == challenge and asked["redirect_uri"] == said["redirect_uri"]
            and said["grant_type"] == "authorization_code" and request.headers.get("authorization") == f"Basic {known}"
        )
        if not is_right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        claims = {
            "iss": self.url, "sub": "1", "aud": CLIENT, "exp": time.time() + 300, "iat": time.time(), "nonce": asked["nonce"],
            "email": self.email, "email_verified": True, **self.lies,
        }
        parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in ({"alg": "RS256"}, claims)]
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": ".".join([*parts, "signature"])})


@contextmanager
def issuing() -> Iterator[SandboxIssuer]:
    issuer = SandboxIssuer()
    app = Starlette(routes=[
        Route("/.well-known/openid-configuration", issuer.described), Route("/authorize", issuer.authorize),
        Route("/token", issuer.token, methods=["POST"]),
    ])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    with listening("127.0.0.1", 0) as socket:
        issuer.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            yield issuer
        finally:
            server.should_exit = True
            thread.join()
