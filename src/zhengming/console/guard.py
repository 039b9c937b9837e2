"""Who may open a page: a live session, and the permission that the page names. Without a permission, nothing.

Session, account and roles are read anew for every request, so that a session that was ended, an account that was
disabled and a role that was taken away count from the next request on, on every replica.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from zhengming.accounts import staff
from zhengming.accounts.staff import StaffMember
from zhengming.console.asked import Asked, Page
from zhengming.console.context import Console
from zhengming.core.errors import ZhengmingError
from zhengming.core.words import Permission
from zhengming.store import Tx
from zhengming.web import sessions
from zhengming.web.language import language_for
from zhengming.web.sessions import Session
from zhengming.web.view import View

log = structlog.get_logger(__name__)

ENROLMENT: Final = "/account/second-factor"
_READING: Final = frozenset({"GET", "HEAD"})


class NotAllowedError(ZhengmingError):
    """The person is signed in and lacks the permission `needs`."""

    code = "not_allowed"
    status = 403

    def __init__(self, name: str, needs: Permission) -> None:
        super().__init__(
            f"The roles of {name} do not allow this ({needs}).",
            next_step="Ask an owner of this installation for a role that does.",
        )
        self.needs = needs


async def admit(console: Console, page: Page, request: Request) -> Asked | Response:
    """Return the request as the page sees it, else the answer that it gets in the page's place.

    That is the sign-in page for whoever is not signed in, the page of the second factor for whoever must have one and
    does not, and an error page for whoever lacks the permission.
    """
    found = await signed_in(console, request)
    member, session = found if found is not None else (None, None)
    if session is not None and sessions.is_stale(session, console.clock()) and not _is_stream(request):
        await _note_seen(console, session, console.clock())
    asked = Asked(request, console, view_of(console, request, member), member, session)
    if page.needs is None:
        return asked
    if member is None:
        return RedirectResponse(_sign_in_page(request), 303, headers={"cache-control": "no-store"})
    if lacks_second_factor(console, member) and not page.path.startswith(ENROLMENT):
        return RedirectResponse(ENROLMENT, 303, headers={"cache-control": "no-store"})
    if asked.can(page.needs):
        return asked
    from zhengming.console.errors import answer_error  # noqa: PLC0415 - that module knows the errors of this one

    return answer_error(console, request, asked, NotAllowedError(member.name, page.needs))


async def signed_in(console: Console, request: Request) -> tuple[StaffMember, Session] | None:
    """Return who is signed in, None for nobody. Looking does not keep a session from lying idle."""
    secret = request.cookies.get(sessions.COOKIE, "")
    if not secret:
        return None
    now = console.clock()

    def query(tx: Tx) -> tuple[StaffMember, Session] | None:
        session = sessions.find(tx, secret, now)
        member = None if session is None else staff.find(tx, session.subject)
        if session is None or member is None or member.disabled_at is not None:
            return None
        return member, session

    return await console.gateway.store.read(query)


def lacks_second_factor(console: Console, member: StaffMember) -> bool:
    """Whether this installation wants a second factor that the person does not have yet."""
    return console.facts.second_factor == "required" and not member.second_factor


def view_of(console: Console, request: Request, member: StaffMember | None) -> View:
    """How the page is to be read: as the account says, else as the browser asks."""
    now = console.clock()
    if member is None:
        return View(language=language_for(request), now=now)
    return View(member.language, member.theme, member.timezone, now)


def _sign_in_page(request: Request) -> str:
    if request.method not in _READING:
        return "/sign-in"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"


def _is_stream(request: Request) -> bool:
    """Whether a page only follows something live: a tab left open is nobody at work."""
    return "text/event-stream" in request.headers.get("accept", "")


async def _note_seen(console: Console, session: Session, now: int) -> None:
    """Keep the session from lying idle; while the store takes no writes, pages that only read still open."""
    try:
        await console.gateway.store.write(lambda tx: sessions.note_seen(tx, session.id, now))
    except ZhengmingError as error:
        log.warning("session.not_noted", reason=str(error))
