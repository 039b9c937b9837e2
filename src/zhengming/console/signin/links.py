"""What one-time links open: the first owner's account, an invitation, a new password; and the welcome after it."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import links, passwords, sign_ins, staff
from zhengming.accounts.links import FIRST_OWNER, INVITATION, NEW_PASSWORD, Link, LinkSpentError
from zhengming.accounts.staff import StaffMember
from zhengming.console.asked import Asked, Page
from zhengming.console.guard import lacks_second_factor
from zhengming.console.signin import cookies
from zhengming.core.errors import ConflictError, InvalidInputError
from zhengming.core.i18n import LANGUAGES
from zhengming.store import Tx
from zhengming.web.forms import Form, read_form
from zhengming.web.sessions import new_secret, origin_of


async def welcome(asked: Asked) -> Response:
    """The first owner's form; for somebody signed in, a short welcome that says where things are."""
    if asked.staff is not None:
        factor = "required" if lacks_second_factor(asked.console, asked.staff) else ""
        return asked.page("signin/ready.html", member=asked.staff, factor=factor)
    return await _show(asked, FIRST_OWNER)


async def make_first_owner(asked: Asked) -> Response:
    """Make the first account, in the role owner."""
    return await _make_account(asked, FIRST_OWNER)


async def invitation(asked: Asked) -> Response:
    """The form of somebody who was invited."""
    return await _show(asked, INVITATION)


async def accept(asked: Asked) -> Response:
    """Make the account that an invitation is for."""
    return await _make_account(asked, INVITATION)


async def new_password(asked: Asked) -> Response:
    """The form for a new password."""
    return await _show(asked, NEW_PASSWORD)


async def set_password(asked: Asked) -> Response:
    """Put a new password in force; the second factor is still asked for at the sign-in that follows."""
    form = await read_form(asked.request)
    token, now, store = form.exact("token", max=200), asked.now, asked.console.gateway.store

    def look(tx: Tx) -> tuple[Link, StaffMember] | None:
        found = links.look(tx, NEW_PASSWORD, token, now)
        member = None if found is None or found.staff_id is None else staff.find(tx, found.staff_id)
        return None if found is None or member is None else (found, member)

    known = await store.read(look)
    if known is None:
        return _spent(asked, NEW_PASSWORD)
    link, member = known
    errors = _password_errors(form, member.name)
    if errors:
        return _form(asked, link, token, member.name, errors=errors, status=400)
    encoded = await passwords.encode(form.exact("password"))

    def unit(tx: Tx) -> None:
        links.use(tx, NEW_PASSWORD, token, now)
        staff.set_password(tx, member.id, password=encoded, who=member.name, now=now)

    try:
        await store.write(unit)
    except LinkSpentError:
        return _spent(asked, NEW_PASSWORD)
    response = RedirectResponse("/sign-in?new=1", 303, headers={"cache-control": "no-store"})
    cookies.drop_session(response, asked.console)
    return response


async def _make_account(asked: Asked, purpose: str) -> Response:
    form = await read_form(asked.request)
    token, name, now, store = (
        form.exact("token", max=200),
        form.text("name", max=200),
        asked.now,
        asked.console.gateway.store,
    )
    link = await store.read(lambda tx: links.look(tx, purpose, token, now))
    if link is None:
        return _spent(asked, purpose)
    language = form.text("language", max=20)
    chosen = language if language in LANGUAGES else asked.view.language
    errors = _password_errors(form, name) | await _name_errors(asked, name)
    if errors:
        return _form(asked, link, token, name, errors=errors, status=400, language=chosen)
    encoded = await passwords.encode(form.exact("password"))
    secret, origin = new_secret(), origin_of(asked.request)

    def unit(tx: Tx) -> None:
        used = links.use(tx, purpose, token, now)
        by = name if purpose == FIRST_OWNER else used.created_by
        made = staff.create(tx, name, password=encoded, roles=used.roles, who=by, now=now, language=chosen)
        sign_ins.open_session(tx, made, secret=secret, origin=origin, now=now)

    try:
        await store.write(unit)
    except LinkSpentError:
        return _spent(asked, purpose)
    except ConflictError:
        return _form(asked, link, token, name, errors={"name": "taken"}, status=409, language=chosen)
    response = RedirectResponse("/welcome", 303, headers={"cache-control": "no-store"})
    cookies.set_session(response, asked.console, secret)
    cookies.set_language(response, asked.console, chosen)
    return response


async def _show(asked: Asked, purpose: str) -> Response:
    token = asked.request.query_params.get("token", "")[:200]

    def query(tx: Tx) -> tuple[Link, str] | None:
        found = links.look(tx, purpose, token, asked.now)
        if found is None:
            return None
        return found, "" if found.staff_id is None else staff.get(tx, found.staff_id).name

    known = await asked.console.gateway.store.read(query)
    return _spent(asked, purpose) if known is None else _form(asked, known[0], token, known[1])


def _form(
    asked: Asked,
    link: Link,
    token: str,
    name: str,
    *,
    errors: dict[str, str] | None = None,
    status: int = 200,
    language: str = "",
) -> Response:
    return asked.page(
        "signin/link.html",
        status=status,
        purpose=link.purpose,
        link=link,
        path=links.PATHS[link.purpose],
        token=token,
        name=name,
        errors=errors or {},
        shortest=passwords.SHORTEST,
        language=language or asked.view.language,
    )


def _spent(asked: Asked, purpose: str) -> Response:
    return asked.page("signin/spent.html", status=404, purpose=purpose)


def _password_errors(form: Form, name: str) -> dict[str, str]:
    """What is wrong with the two passwords of a form, by field; words of `signin:problem.<word>`."""
    password = form.exact("password")
    problem = passwords.problem_of(password, name)
    if problem:
        return {"password": problem}
    return {} if form.exact("again") == password else {"again": "differs"}


async def _name_errors(asked: Asked, name: str) -> dict[str, str]:
    try:
        await asked.console.gateway.store.read(lambda tx: staff.checked_name(tx, name))
    except InvalidInputError:
        return {"name": "name"}
    except ConflictError:
        return {"name": "taken"}
    return {}


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/welcome", None, welcome, "The first owner's account, and the welcome after signing in first."),
    Page("POST", "/welcome", None, make_first_owner, "Make the first account."),
    Page("GET", "/invitation", None, invitation, "What an invitation opens."),
    Page("POST", "/invitation", None, accept, "Make the account that an invitation is for."),
    Page("GET", "/new-password", None, new_password, "What a link for a new password opens."),
    Page("POST", "/new-password", None, set_password, "Put a new password in force."),
)
