"""Who may open a page: a live session, and the permission that the page names. Without a permission, nothing."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from zhengming.accounts import staff
from zhengming.accounts.staff import StaffMember
from zhengming.console.asked import Asked, Page
from zhengming.console.context import Console
from zhengming.core.errors import NotFoundError, ZhengmingError
from zhengming.store import Tx
from zhengming.web import sessions
from zhengming.web.language import language_for
from zhengming.web.sessions import Session
from zhengming.web.view import View


class NotAllowedError(ZhengmingError):
    """The person is signed in and lacks the permission."""

    code = "not_allowed"
    status = 403


async def admit(console: Console, page: Page, request: Request) -> Asked | Response:
    """Return the request as the page sees it, or a redirect to the sign-in page. Raises NotAllowedError."""
    found = await signed_in(console, request)
    member, session = found if found is not None else (None, None)
    asked = Asked(request, console, view_of(console, request, member), member, session)
    if page.needs is None or asked.can(page.needs):
        return asked
    if member is None:
        if request.method != "GET":
            return RedirectResponse("/sign-in", 303)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", 303)
    raise NotAllowedError(
        f"The roles of {member.name} do not allow this ({page.needs}).",
        next_step="Ask an owner of this installation for a role that does.",
    )


async def signed_in(console: Console, request: Request) -> tuple[StaffMember, Session] | None:
    """Return who is signed in, None for nobody."""
    secret = request.cookies.get(sessions.COOKIE, "")
    if not secret:
        return None
    now = console.clock()

    def query(tx: Tx) -> tuple[StaffMember, Session] | None:
        session = sessions.find(tx, secret, now)
        if session is None:
            return None
        try:
            member = staff.get(tx, session.subject)
        except NotFoundError:
            return None
        return None if member.disabled_at is not None else (member, session)

    return await console.gateway.store.read(query)


def view_of(console: Console, request: Request, member: StaffMember | None) -> View:
    """How the page is to be read: as the account says, else as the browser asks."""
    now = console.clock()
    if member is None:
        return View(language=language_for(request), now=now)
    return View(member.language, member.theme, member.timezone, now)
