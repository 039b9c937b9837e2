"""Tokens of the management API: made, listed and revoked by the person they belong to."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from zhengming.accounts import tokens
from zhengming.accounts.tokens import Token
from zhengming.console.asked import Asked, Page
from zhengming.console.guard import NotAllowedError
from zhengming.console.staff.own import back_to, knows_password, signed_in
from zhengming.core.words import Permission
from zhengming.store import Tx
from zhengming.web.forms import Form, read_form

SPANS: Final = (7, 30, 90, 365)
_DAY: Final = 86_400_000
_NOTE, _WHY = 200, 300


async def list_own(asked: Asked) -> Response:
    """One's tokens, and the form for another."""
    return await _page(asked)


async def create(asked: Asked) -> Response:
    """Make a token and show its secret once: with the password, for a token outlives a session that was found."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    problem = _problem(form, member.permissions) or ("" if await knows_password(asked, form) else "own")
    if problem:
        return await _page(asked, form, problem=problem, status=400)
    secret, scopes = tokens.new_secret(), [Permission(one) for one in form.all("scope")]
    until = asked.now + int(form.text("days")) * _DAY
    made = await asked.console.gateway.store.write(
        lambda tx: tokens.create(
            tx,
            member.id,
            secret=secret,
            scopes=scopes,
            note=form.text("note"),
            expires_at=until,
            who=member.name,
            now=asked.now,
        )
    )
    return await _page(asked, made=made, secret=secret)


async def revoke(asked: Asked) -> Response:
    """Revoke a token of one's own, or of anybody for whoever manages staff."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    why = form.text("why", max=_WHY) or "revoked in the console"
    wanted = asked.request.path_params["token_id"]

    def unit(tx: Tx) -> Token:
        found = tokens.get(tx, wanted)
        if found.staff_id != member.id and not asked.can(Permission.MANAGE_STAFF):
            raise NotAllowedError(member.name, Permission.MANAGE_STAFF)
        return tokens.revoke(tx, wanted, who=member.name, why=why, now=asked.now)

    done = await asked.console.gateway.store.write(unit)
    return back_to("/tokens" if done.staff_id == member.id else f"/staff/{done.staff_id}#tokens")


def _problem(form: Form, permissions: frozenset[Permission]) -> str:
    scopes = form.all("scope")
    if not scopes or not set(scopes) <= permissions:
        return "scopes"
    if form.text("days", max=10) not in {str(days) for days in SPANS}:
        return "days"
    return "note" if not form.text("note", max=_WHY) or len(form.text("note")) > _NOTE else ""


async def _page(
    asked: Asked,
    form: Form | None = None,
    *,
    problem: str = "",
    status: int = 200,
    made: Token | None = None,
    secret: str = "",
) -> Response:
    member, _ = signed_in(asked)
    given = form or Form({})
    return asked.page(
        "staff/tokens.html",
        status=status,
        tokens=await asked.console.gateway.store.read(lambda tx: tokens.list_of(tx, member.id)),
        permissions=[one for one in Permission if one in member.permissions],
        chosen=given.all("scope"),
        days=given.text("days") or "90",
        note=given.text("note"),
        spans=SPANS,
        problem=problem,
        made=made,
        secret=secret,
    )


_MANAGE: Final = Permission.MANAGE_TOKENS
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/tokens", _MANAGE, list_own, "One's tokens of the management API."),
    Page("POST", "/tokens", _MANAGE, create, "Make a token; shows its secret once."),
    Page("POST", "/tokens/{token_id}/revoke", _MANAGE, revoke, "Revoke a token."),
)
