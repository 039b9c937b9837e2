"""One's own account: how it reads, its password, its sessions, who signed in."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from zhengming.accounts import passwords, second_factor, sign_ins, staff
from zhengming.console.asked import Asked, Page
from zhengming.console.guard import lacks_second_factor
from zhengming.console.staff.agents import shortened
from zhengming.console.staff.own import back_to, knows_password, signed_in
from zhengming.console.staff.zones import offered
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Permission
from zhengming.store import Tx
from zhengming.web import sessions
from zhengming.web.forms import read_form

_DONE: Final = frozenset({"preferences", "password", "session", "sessions"})


async def show(asked: Asked) -> Response:
    """The page of one's own account."""
    return await _page(asked, {})


async def set_preferences(asked: Asked) -> Response:
    """Change language, theme and time zone."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    wanted = {name: form.text(name, max=60) for name in ("language", "theme", "timezone")}
    try:
        await asked.console.gateway.store.write(lambda tx: staff.set_preferences(tx, member.id, **wanted))
    except InvalidInputError:
        return await _page(asked, {"preferences": "preferences"}, status=400)
    return back_to("/account?done=preferences")


async def set_password(asked: Asked) -> Response:
    """Put a new password in force and end the other sessions."""
    form, (member, session) = await read_form(asked.request), signed_in(asked)
    wanted = form.exact("new")
    problem = passwords.problem_of(wanted, member.name)
    errors = {"new": problem} if problem else {} if wanted == form.exact("again") else {"again": "differs"}
    if not errors and not await knows_password(asked, form):
        errors = {"password": "own"}
    if errors:
        return await _page(asked, errors, status=400)
    encoded = await passwords.encode(wanted)
    await asked.console.gateway.store.write(
        lambda tx: staff.set_password(tx, member.id, password=encoded, who=member.name, now=asked.now, keep=session.id)
    )
    return back_to("/account?done=password")


async def end_session(asked: Asked) -> Response:
    """End one of one's own sessions; a session of somebody else is none."""
    member, _ = signed_in(asked)
    wanted = asked.request.path_params["session_id"]
    await asked.console.gateway.store.write(
        lambda tx: sessions.end(tx, wanted, by=member.name, now=asked.now, why="ended by its owner", subject=member.id)
    )
    return back_to("/account?done=session#sessions")


async def end_others(asked: Asked) -> Response:
    """End every session of one's own but this one."""
    member, session = signed_in(asked)
    await asked.console.gateway.store.write(
        lambda tx: staff.end_sessions(
            tx, member.id, who=member.name, why="ended by its owner", now=asked.now, keep=session.id
        )
    )
    return back_to("/account?done=sessions#sessions")


async def _page(asked: Asked, errors: dict[str, str], *, status: int = 200) -> Response:
    member, session = signed_in(asked)

    def query(tx: Tx) -> dict[str, Any]:
        return {
            "open_sessions": sessions.live_of(tx, member.id, asked.now),
            "attempts": sign_ins.latest_of(tx, member.id, 10),
            "codes_left": second_factor.codes_left(tx, member.id),
        }

    done = asked.request.query_params.get("done", "")
    return asked.page(
        "staff/account.html",
        status=status,
        browser=shortened,
        member=member,
        own_session=session.id,
        zones=offered(member.timezone),
        errors=errors,
        done=done if done in _DONE and not errors else "",
        shortest=passwords.SHORTEST,
        lacks=lacks_second_factor(asked.console, member),
        **await asked.console.gateway.store.read(query),
    )


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/account", Permission.OWN_ACCOUNT, show, "One's own account."),
    Page("POST", "/account/preferences", Permission.OWN_ACCOUNT, set_preferences, "Change how one reads the console."),
    Page("POST", "/account/password", Permission.OWN_ACCOUNT, set_password, "Change one's password."),
    Page("POST", "/account/sessions/end-others", Permission.OWN_ACCOUNT, end_others, "End one's other sessions."),
    Page(
        "POST", "/account/sessions/{session_id}/end", Permission.OWN_ACCOUNT, end_session, "End a session of one's own."
    ),
)
