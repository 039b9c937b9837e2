"""Errors as pages: what is wrong, where, and what to do next; never a stack trace."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from zhengming.console.asked import Asked
from zhengming.console.context import Console
from zhengming.core.errors import NotFoundError, ZhengmingError
from zhengming.web.language import language_for
from zhengming.web.view import View

log = structlog.get_logger(__name__)


class PageFailedError(ZhengmingError):
    """The console itself failed; the log says how."""

    code = "internal_error"


def answer_error(console: Console, request: Request, asked: Asked | None, error: Exception) -> Response:
    """Return the page of an error; one that is not ours is logged and stays inside."""
    if not isinstance(error, ZhengmingError):
        log.error("console.failed", path=request.url.path, exc_info=error)
        error = PageFailedError("The page could not be made.", next_step="Try again; the log of the server says more.")
    seen = asked or Asked(request, console, View(language=language_for(request), now=console.clock()), None, None)
    return seen.page("error.html", status=error.status, error=error)


def no_such_page(console: Console, request: Request) -> Response:
    """Return the page of an address that leads nowhere."""
    missing = NotFoundError(f"There is no page {request.url.path[:200]}.", next_step="Go back to the overview: /")
    return answer_error(console, request, None, missing)
