"""What the pages of one's own account share: who it is, and the password asked again before something weighty."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import sign_ins
from zhengming.accounts.staff import StaffMember
from zhengming.console.asked import Asked
from zhengming.console.guard import NotAllowedError
from zhengming.core.words import Permission
from zhengming.web.forms import Form
from zhengming.web.sessions import Session


def signed_in(asked: Asked) -> tuple[StaffMember, Session]:
    """Return the person and the session of a request; pages that need a permission always have both."""
    if asked.staff is None or asked.session is None:
        raise NotAllowedError("nobody", Permission.OWN_ACCOUNT)
    return asked.staff, asked.session


async def knows_password(asked: Asked, form: Form) -> bool:
    """Whether the form's `password` is the person's own; attempts are limited."""
    member, _ = signed_in(asked)
    gateway = asked.console.gateway
    return await sign_ins.confirm_password(gateway.store, gateway.limiter, member, form.exact("password"), asked.now)


def back_to(path: str) -> Response:
    """Answer an act with the page that shows what came of it."""
    return RedirectResponse(path, 303, headers={"cache-control": "no-store"})
