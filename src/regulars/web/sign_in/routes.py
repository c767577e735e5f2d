"""The routes of the pages on which people sign in, follow a link, and look after their account."""

from __future__ import annotations

from starlette.routing import Route

from regulars.web.sign_in.accepting import AcceptPages
from regulars.web.sign_in.account import PATH, AccountPages
from regulars.web.sign_in.doorstep import telling
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.signing import SigningPages


def sign_in_routes(entrance: Entrance) -> list[Route]:
    """Return what is open to everybody, and the account, which is open to whoever is signed in."""
    signing, accepting = SigningPages(entrance=entrance), AcceptPages(entrance=entrance)
    account = AccountPages(entrance=entrance)
    return [
        Route("/sign-in", telling(signing.form), methods=["GET"]),
        Route("/sign-in", telling(signing.sent), methods=["POST"]),
        Route("/invite/{shown}", telling(accepting.form), methods=["GET"]),
        Route("/invite/{shown}", telling(accepting.sent), methods=["POST"]),
        *entrance.guarded([
            Route("/sign-out", signing.out, methods=["POST"]),
            Route(PATH, account.page, methods=["GET"]),
            Route(f"{PATH}/password", account.password, methods=["POST"]),
            Route(f"{PATH}/sessions/end-others", account.end_others, methods=["POST"]),
            Route(f"{PATH}/sessions/{{session_id}}/end", account.end, methods=["POST"]),
        ], may="account"),
    ]
