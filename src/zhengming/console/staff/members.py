"""Staff accounts: who works here, in which roles, and what an owner can do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from zhengming.accounts import links, second_factor, sign_ins, staff, tokens
from zhengming.accounts.roles import ROLES
from zhengming.accounts.staff import LastOwnerError, StaffMember
from zhengming.console.asked import Asked, Page
from zhengming.console.staff.agents import shortened
from zhengming.console.staff.own import back_to
from zhengming.core.errors import ConflictError
from zhengming.core.words import Permission, Role
from zhengming.store import Tx
from zhengming.web import sessions
from zhengming.web.forms import Form, read_form

_DONE: Final = frozenset({"roles", "disabled", "enabled", "sessions", "factor"})
_WHY: Final = 300


async def list_members(asked: Asked) -> Response:
    """Everybody, the open invitations, and the table of roles."""

    def query(tx: Tx) -> dict[str, Any]:
        return {
            "members": staff.list_all(tx),
            "seen": sign_ins.last_of_all(tx),
            "invitations": links.open_invitations(tx, asked.now),
        }

    found = await asked.console.gateway.store.read(query)
    return asked.page("staff/list.html", roles=ROLES, permissions=list(Permission), **found)


async def ask_invitation(asked: Asked) -> Response:
    """The form of an invitation."""
    return asked.page("staff/new.html", chosen=[], problem="", roles=ROLES)


async def invite(asked: Asked) -> Response:
    """Make an invitation and show its link once."""
    form = await read_form(asked.request)
    roles = _roles(form)
    if not roles:
        return asked.page("staff/new.html", status=400, chosen=[], problem="roles", roles=ROLES)
    secret = links.new_secret()
    made = await asked.console.gateway.store.write(
        lambda tx: links.invite(tx, roles, secret=secret, who=asked.who, now=asked.now)
    )
    return _link_page(asked, made, secret, "")


async def withdraw(asked: Asked) -> Response:
    """Take an open invitation back."""
    form, wanted = await read_form(asked.request), asked.request.path_params["link_id"]
    why = form.text("why", max=_WHY) or "withdrawn in the console"
    await asked.console.gateway.store.write(
        lambda tx: links.withdraw(tx, wanted, who=asked.who, why=why, now=asked.now)
    )
    return back_to("/staff")


async def show(asked: Asked) -> Response:
    """One account."""
    return await _page(asked)


async def change_roles(asked: Asked) -> Response:
    """Give an account other roles."""
    form = await read_form(asked.request)
    roles = _roles(form)
    if not roles:
        return await _page(asked, problem="roles", status=400)
    return await _act(
        asked,
        form,
        "roles",
        lambda tx, who, why: staff.change_roles(tx, _id(asked), roles, who=who, why=why, now=asked.now),
    )


async def disable(asked: Asked) -> Response:
    """Close an account and end its sessions."""
    form = await read_form(asked.request)
    return await _act(
        asked, form, "disabled", lambda tx, who, why: staff.disable(tx, _id(asked), who=who, why=why, now=asked.now)
    )


async def enable(asked: Asked) -> Response:
    """Open a disabled account again."""
    form = await read_form(asked.request)
    return await _act(
        asked, form, "enabled", lambda tx, who, why: staff.enable(tx, _id(asked), who=who, why=why, now=asked.now)
    )


async def end_sessions(asked: Asked) -> Response:
    """End every session of an account."""
    form = await read_form(asked.request)

    def unit(tx: Tx, who: str, why: str) -> None:
        staff.end_sessions(tx, staff.get(tx, _id(asked)).id, who=who, why=why, now=asked.now)

    return await _act(asked, form, "sessions", unit)


async def remove_factor(asked: Asked) -> Response:
    """Take a second factor away from somebody who lost it, and end their sessions."""
    form = await read_form(asked.request)

    def unit(tx: Tx, who: str, why: str) -> None:
        member = staff.get(tx, _id(asked))
        if not member.second_factor:
            raise ConflictError(f"{member.name} has no second factor.", next_step="Nothing is left to do.")
        second_factor.remove(tx, member.id, who=who, why=why, now=asked.now)
        staff.end_sessions(tx, member.id, who=who, why=why, now=asked.now)

    return await _act(asked, form, "factor", unit)


async def make_link(asked: Asked) -> Response:
    """Make a link with which the person chooses a new password, and show it once."""
    form = await read_form(asked.request)
    why, secret = form.text("why", max=_WHY), links.new_secret()
    if not why:
        return await _page(asked, problem="why", status=400)

    def unit(tx: Tx) -> tuple[links.Link, StaffMember]:
        made = links.new_password(tx, _id(asked), secret=secret, who=asked.who, why=why, now=asked.now)
        return made, staff.get(tx, _id(asked))

    made, member = await asked.console.gateway.store.write(unit)
    return _link_page(asked, made, secret, member.name)


async def _act(asked: Asked, form: Form, done: str, unit: Callable[[Tx, str, str], object]) -> Response:
    """Do something to an account, with a reason; what cannot be done is said on its page."""
    why = form.text("why", max=_WHY)
    if not why:
        return await _page(asked, problem="why", status=400)
    try:
        await asked.console.gateway.store.write(lambda tx: unit(tx, asked.who, why))
    except LastOwnerError:
        return await _page(asked, problem="last_owner", status=409)
    except ConflictError:
        return await _page(asked, problem="already", status=409)
    return back_to(f"/staff/{_id(asked)}?done={done}")


async def _page(asked: Asked, *, problem: str = "", status: int = 200) -> Response:
    def query(tx: Tx) -> dict[str, Any]:
        member = staff.get(tx, _id(asked))
        return {
            "member": member,
            "open_sessions": sessions.live_of(tx, member.id, asked.now),
            "attempts": sign_ins.latest_of(tx, member.id),
            "tokens": tokens.list_of(tx, member.id),
        }

    found = await asked.console.gateway.store.read(query)
    done = asked.request.query_params.get("done", "")
    return asked.page(
        "staff/member.html",
        status=status,
        browser=shortened,
        problem=problem,
        done=done if done in _DONE and not problem else "",
        roles=ROLES,
        own=asked.staff is not None and found["member"].id == asked.staff.id,
        **found,
    )


def _link_page(asked: Asked, made: links.Link, secret: str, name: str) -> Response:
    """Show a link, this once. The address is the one that is set, else the one that this page was asked at."""
    base = asked.console.facts.address.rstrip("/") or str(asked.request.base_url).rstrip("/")
    shown = base + links.path_of(made.purpose, secret)
    return asked.page("staff/link.html", link=made, shown=shown, name=name)


def _roles(form: Form) -> list[Role]:
    return [Role(one) for one in form.all("role") if one in set(Role)]


def _id(asked: Asked) -> str:
    return str(asked.request.path_params["staff_id"])


_SEE, _MANAGE = Permission.SEE_STAFF, Permission.MANAGE_STAFF
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/staff", _SEE, list_members, "Staff accounts, invitations, and what each role may do."),
    Page("GET", "/staff/new", _MANAGE, ask_invitation, "The form of an invitation."),
    Page("POST", "/staff/new", _MANAGE, invite, "Make an invitation; shows its link once."),
    Page("POST", "/staff/invitations/{link_id}/withdraw", _MANAGE, withdraw, "Take an invitation back."),
    Page("GET", "/staff/{staff_id}", _SEE, show, "One staff account."),
    Page("POST", "/staff/{staff_id}/roles", _MANAGE, change_roles, "Change roles."),
    Page("POST", "/staff/{staff_id}/disable", _MANAGE, disable, "Disable an account and end its sessions."),
    Page("POST", "/staff/{staff_id}/enable", _MANAGE, enable, "Enable an account again."),
    Page("POST", "/staff/{staff_id}/sessions/end", _MANAGE, end_sessions, "End the sessions of an account."),
    Page("POST", "/staff/{staff_id}/second-factor/remove", _MANAGE, remove_factor, "Remove a lost second factor."),
    Page("POST", "/staff/{staff_id}/link", _MANAGE, make_link, "Make a link for a new password; shows it once."),
)
