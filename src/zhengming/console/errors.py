"""Errors as pages: what is wrong, where, and what to do next; never a stack trace."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from zhengming.console.api.telling import tell
from zhengming.console.asked import Asked
from zhengming.console.context import Console
from zhengming.console.guard import signed_in, view_of
from zhengming.core.errors import NotFoundError, ZhengmingError
from zhengming.store.errors import told_outside
from zhengming.web.language import language_for
from zhengming.web.security import ForeignRequestError, UnknownHostError
from zhengming.web.view import View

log = structlog.get_logger(__name__)

_TITLES: Final = frozenset({400, 403, 404, 405, 408, 409, 413, 429, 500, 503})
_API: Final = "/api/"


class PageFailedError(ZhengmingError):
    """The console itself failed; the log says how."""

    code = "internal_error"


class MethodNotAllowedError(ZhengmingError):
    """The page exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


def answer_error(console: Console, request: Request, asked: Asked | None, error: Exception) -> Response:
    """Return the page of an error; one that is not ours, or a database driver's, is logged and stays inside."""
    if isinstance(error, ZhengmingError) and told_outside(error) is not error:
        log.warning("console.store_failed", reason=str(error))
        error = told_outside(error)
    if not isinstance(error, ZhengmingError):
        log.error("console.failed", path=request.url.path[:200], exc_info=error)
        error = PageFailedError("The page could not be made.", next_step="Try again; the log of the server says more.")
    seen = asked or _stranger(console, request)
    key = _key(error)
    return seen.page(
        "error.html",
        status=error.status,
        error=error,
        key=key,
        needs=getattr(error, "needs", None),
    )


def refuse(console: Console, request: Request, error: ZhengmingError) -> Response:
    """Answer a request that was refused before any page saw it: a page for people, problem+json for programs."""
    if request.url.path.startswith(_API):
        return tell(request, error)
    return answer_error(console, request, None, error)


async def no_such_page(console: Console, request: Request) -> Response:
    """Return the page of an address that leads nowhere, with the menu of whoever asks."""
    missing = NotFoundError(f"There is no page {request.url.path[:200]}.", next_step="Go back to the overview: /")
    return answer_error(console, request, await _known(console, request), missing)


async def wrong_method(console: Console, request: Request, allowed: str) -> Response:
    """Return the page of an address that is opened another way."""
    error = MethodNotAllowedError(
        f"{request.url.path[:200]} takes {allowed}, not {request.method[:16]}.",
        next_step="Go back to the page with the form.",
    )
    answer = answer_error(console, request, await _known(console, request), error)
    answer.headers["allow"] = allowed
    return answer


async def _known(console: Console, request: Request) -> Asked | None:
    """Who asks; nobody while the store cannot say."""
    try:
        found = await signed_in(console, request)
    except ZhengmingError as error:
        log.warning("console.asker_unknown", reason=str(error))
        return None
    if found is None:
        return None
    member, session = found
    return Asked(request, console, view_of(console, request, member), member, session)


def _stranger(console: Console, request: Request) -> Asked:
    return Asked(request, console, View(language=language_for(request), now=console.clock()), None, None)


def _key(error: ZhengmingError) -> str:
    """Which title of the catalogue fits."""
    if isinstance(error, ForeignRequestError):
        return "cross_site"
    if isinstance(error, UnknownHostError):
        return "unknown_host"
    if error.status in _TITLES:
        return str(error.status)
    return "500" if error.status >= 500 else "400"  # noqa: PLR2004 - the border of HTTP
