"""The cookies of the console: out of reach of scripts and of other sites, and without a domain."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from zhengming.accounts.sign_ins import HALF_COOKIE, HALF_LIFETIME
from zhengming.console.context import Console
from zhengming.web import language, sessions

_YEAR: Final = 366 * 86_400


def set_session(response: Response, console: Console, secret: str) -> None:
    """Hand the browser the secret of its session; the store decides how long it opens anything."""
    _set(response, console, sessions.COOKIE, secret)
    _drop(response, console, HALF_COOKIE)


def drop_session(response: Response, console: Console) -> None:
    """Let the browser forget its session."""
    _drop(response, console, sessions.COOKIE)
    _drop(response, console, HALF_COOKIE)


def set_half(response: Response, console: Console, secret: str) -> None:
    """Hand the browser what it shows with the second factor."""
    _set(response, console, HALF_COOKIE, secret, seconds=HALF_LIFETIME // 1_000)


def set_language(response: Response, console: Console, chosen: str) -> None:
    """Remember a language for somebody who is not signed in."""
    _set(response, console, language.COOKIE, chosen, seconds=_YEAR)


def _set(response: Response, console: Console, name: str, value: str, *, seconds: int | None = None) -> None:
    secure = console.facts.secure_cookies
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def _drop(response: Response, console: Console, name: str) -> None:
    response.delete_cookie(name, path="/", secure=console.facts.secure_cookies, httponly=True, samesite="lax")
