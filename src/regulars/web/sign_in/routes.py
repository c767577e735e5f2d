"""The routes of the pages on which people sign in, follow a link, and look after their account."""

from __future__ import annotations

from starlette.routing import Route

from regulars.web.sign_in import elsewhere
from regulars.web.sign_in.accepting import AcceptPages
from regulars.web.sign_in.account import PATH, AccountPages
from regulars.web.sign_in.doorstep import telling
from regulars.web.sign_in.elsewhere import ElsewherePages
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.issuer import Issuer
from regulars.web.sign_in.signing import SigningPages


def sign_in_routes(entrance: Entrance, *, issuer: Issuer | None = None) -> list[Route]:
    """Return what is open to everybody, and the account, which is open to whoever is signed in.

    `issuer`: at whom people can sign in, too.
    """
    signing, accepting = SigningPages(entrance=entrance, has_issuer=issuer is not None), AcceptPages(entrance=entrance)
    account = AccountPages(entrance=entrance)
    return [
        *([] if issuer is None else _elsewhere(ElsewherePages(entrance=entrance, issuer=issuer))),
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


def _elsewhere(pages: ElsewherePages) -> list[Route]:
    return [
        Route(elsewhere.PATH, telling(pages.off), methods=["GET"]),
        Route(elsewhere.BACK, telling(pages.back), methods=["GET"]),
    ]
