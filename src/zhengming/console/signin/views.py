"""Signing in and out, and switching the language before that."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import sign_ins, staff
from zhengming.console.asked import Asked, Page
from zhengming.console.signin import cookies
from zhengming.console.signin.links import PAGES as LINK_PAGES
from zhengming.core.i18n import LANGUAGES
from zhengming.store import Tx
from zhengming.web import sessions
from zhengming.web.forms import read_form, safe_next
from zhengming.web.sessions import new_secret, origin_of

_NAME: Final = 200


async def show(asked: Asked) -> Response:
    """The form for name and password; who is signed in already goes on."""
    wanted = safe_next(asked.request.query_params.get("next", "/"))
    if asked.staff is not None:
        return _go(wanted)
    return await _form(asked, wanted)


async def sign_in(asked: Asked) -> Response:
    """Check name and password; with a second factor, the code is asked for next."""
    form = await read_form(asked.request)
    name, wanted = form.text("name", max=_NAME), safe_next(form.text("next", max=4_000))
    origin, gateway = origin_of(asked.request), asked.console.gateway
    checked = await sign_ins.check_password(
        gateway.store, gateway.limiter, name, form.exact("password"), origin=origin, now=asked.now
    )
    member = checked.member
    if checked.outcome == sign_ins.TOO_MANY:
        minutes = max(1, -(-checked.wait // 60_000))
        again = {"retry-after": str(max(1, -(-checked.wait // 1_000)))}
        return await _form(asked, wanted, name, problem="too_many", minutes=minutes, status=429, headers=again)
    if member is None:
        return await _form(asked, wanted, name, problem="wrong", status=401)
    secret = new_secret()
    if member.second_factor:
        begun = member
        await gateway.store.write(
            lambda tx: sign_ins.begin_half(tx, begun, secret=secret, origin=origin, now=asked.now)
        )
        response = _go(f"/sign-in/code{_query(wanted)}")
        cookies.set_half(response, asked.console, secret)
        return response

    def unit(tx: Tx) -> bool:
        _end_old(tx, asked)
        return sign_ins.open_session(tx, member, secret=secret, origin=origin, now=asked.now)

    if not await gateway.store.write(unit):
        return await _form(asked, wanted, name, problem="wrong", status=401)
    return _let_in(asked, secret, wanted)


async def show_code(asked: Asked) -> Response:
    """The form for the second factor."""
    half = asked.request.cookies.get(sign_ins.HALF_COOKIE, "")
    wanted = safe_next(asked.request.query_params.get("next", "/"))
    member = await asked.console.gateway.store.read(lambda tx: sign_ins.half_of(tx, half, asked.now))
    if member is None:
        return _go(f"/sign-in{_query(wanted)}")
    return asked.page("signin/code.html", next=wanted, problem="")


async def check_code(asked: Asked) -> Response:
    """Check the second factor; after a few wrong codes the name is asked for again."""
    form = await read_form(asked.request)
    wanted, code = safe_next(form.text("next", max=4_000)), form.text("code", max=100)
    half, secret = asked.request.cookies.get(sign_ins.HALF_COOKIE, ""), new_secret()
    gateway, origin = asked.console.gateway, origin_of(asked.request)

    def unit(tx: Tx) -> tuple[str, bool]:
        outcome, member = sign_ins.finish(tx, gateway.vault, half, code, secret=secret, origin=origin, now=asked.now)
        if outcome == sign_ins.SIGNED_IN:
            _end_old(tx, asked)
        return outcome, member is not None

    outcome, goes_on = await gateway.store.write(unit)
    if outcome == sign_ins.SIGNED_IN:
        return _let_in(asked, secret, wanted)
    if goes_on:
        return asked.page("signin/code.html", status=401, next=wanted, problem="code")
    return await _form(
        asked, wanted, problem="codes" if outcome == sign_ins.WRONG_CODE else "too_many_codes", status=401
    )


async def sign_out(asked: Asked) -> Response:
    """End the session of this browser."""
    session = asked.session
    if session is not None:
        await asked.console.gateway.store.write(
            lambda tx: sessions.end(tx, session.id, by=asked.who, now=asked.now, why="signed out")
        )
    response = _go("/sign-in?out=1")
    cookies.drop_session(response, asked.console)
    return response


async def switch_language(asked: Asked) -> Response:
    """Change the language, for an account or for this browser, and go back to where one was."""
    form = await read_form(asked.request)
    chosen = form.text("language", max=20)
    response = _go(safe_next(form.text("next", max=4_000)))
    if chosen in LANGUAGES:
        cookies.set_language(response, asked.console, chosen)
        if asked.staff is not None:
            await _keep(asked, chosen, asked.staff.theme)
    return response


async def switch_theme(asked: Asked) -> Response:
    """Change the theme of an account and go back to where one was."""
    form = await read_form(asked.request)
    if asked.staff is not None:
        await _keep(asked, asked.staff.language, form.text("theme", max=20))
    return _go(safe_next(form.text("next", max=4_000)))


async def _keep(asked: Asked, language: str, theme: str) -> None:
    member = asked.staff
    if member is not None:
        await asked.console.gateway.store.write(
            lambda tx: staff.set_preferences(tx, member.id, language=language, theme=theme, timezone=member.timezone)
        )


async def _form(
    asked: Asked,
    wanted: str,
    name: str = "",
    *,
    problem: str = "",
    minutes: int = 0,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    there = await asked.console.gateway.store.read(staff.any_there)
    return asked.page(
        "signin/sign_in.html",
        status=status,
        headers=headers,
        next=wanted,
        name=name,
        problem=problem,
        minutes=minutes,
        nobody=not there,
        done=next((one for one in ("out", "new") if one in asked.request.query_params), ""),
    )


def _let_in(asked: Asked, secret: str, wanted: str) -> Response:
    response = _go(wanted)
    cookies.set_session(response, asked.console, secret)
    return response


def _end_old(tx: Tx, asked: Asked) -> None:
    """The session that this browser had is over when another begins in its place."""
    if asked.session is not None:
        sessions.end(tx, asked.session.id, by=asked.who, now=asked.now, why="signed in again")


def _go(path: str) -> Response:
    return RedirectResponse(path, 303, headers={"cache-control": "no-store"})


def _query(wanted: str) -> str:
    return "" if wanted == "/" else f"?next={quote(wanted, safe='')}"


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/sign-in", None, show, "The sign-in page."),
    Page("POST", "/sign-in", None, sign_in, "Check name and password."),
    Page("GET", "/sign-in/code", None, show_code, "The page that asks for the second factor."),
    Page("POST", "/sign-in/code", None, check_code, "Check the second factor."),
    Page("POST", "/sign-out", None, sign_out, "End this browser's session."),
    Page("POST", "/language", None, switch_language, "Switch between Chinese and English."),
    Page("POST", "/theme", None, switch_theme, "Switch between light, dark and what the device says."),
    *LINK_PAGES,
)
