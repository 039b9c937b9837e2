"""The console as an ASGI application: static files, then the table of pages behind one guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message

from zhengming.console.asked import Asked, Page
from zhengming.console.context import Console
from zhengming.console.errors import answer_error, no_such_page, refuse, wrong_method
from zhengming.console.guard import admit
from zhengming.console.pages import PAGES
from zhengming.core.errors import InvalidInputError
from zhengming.web import assets
from zhengming.web.forms import LARGEST, read_body
from zhengming.web.security import Secured
from zhengming.web.view import CURRENT

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

Endpoint = Callable[[Request], Awaitable[Response]]


def build(console: Console, mounted: Iterable[BaseRoute] = (), *, pages: Iterable[Page] = PAGES) -> ASGIApp:
    """Return the application that serves the pages, and beside them what is `mounted`."""
    routes: list[BaseRoute] = [Mount("/static", assets.serve), *mounted]
    routes += [Route(page.path, _endpoint(console, page), methods=[page.method]) for page in pages]
    missing = _missing(console)
    inner = Starlette(routes=routes, exception_handlers={404: missing, 405: missing})
    inner.router.redirect_slashes = False
    facts = console.facts
    return Secured(inner, partial(refuse, console), secure=facts.secure_cookies, names=facts.hosts, limit=LARGEST)


def _endpoint(console: Console, page: Page) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        began = perf_counter()
        answer = await _answer(console, page, request)
        log.info(  # the path of the table: real ones and queries may hold ids and secrets
            "console.request",
            method=request.method,
            page=page.path,
            status=answer.status_code,
            ms=round((perf_counter() - began) * 1000, 1),
        )
        return _without_body(answer) if request.method == "HEAD" else answer

    return endpoint


async def _answer(console: Console, page: Page, request: Request) -> Response:
    asked: Asked | None = None
    try:
        _refuse_nul(request)
        request = await _arrived(request)
        found = await admit(console, page, request)
        if isinstance(found, Response):
            return found
        asked = found
        CURRENT.set(
            asked.view
        )  # for the rest of this request's task: charts and texts that a handler or a stream makes
        return await page.handler(asked)
    except Exception as error:  # noqa: BLE001 - answered as a page; what is no error of ours is logged there
        return answer_error(console, request, asked, error)


async def _arrived(request: Request) -> Request:
    """Return the request once its body is here, so that who may act is asked after it: it may have taken a while.

    Raises what `read_body` raises.
    """
    if request.method in {"GET", "HEAD"}:
        return request
    receive, left = request.receive, [await read_body(request, LARGEST)]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()  # whoever answers for long hears here that the browser has left

    return Request(request.scope, again)


def _refuse_nul(request: Request) -> None:
    """Raise InvalidInputError for an address with the character NUL: PostgreSQL takes it in no text."""
    if any("\x00" in str(value) for value in (*request.path_params.values(), *request.query_params.values())):
        raise InvalidInputError("The address holds the character NUL.", next_step="Go back to the overview: /")


def _without_body(answer: Response) -> Response:
    """What HEAD gets: the same status and headers; a stream is not even begun."""
    bare = Response(status_code=answer.status_code, background=answer.background)
    bare.raw_headers = answer.raw_headers
    return bare


def _missing(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:  # noqa: PLR2004 - the number of the method
            return await wrong_method(console, request, (error.headers or {}).get("Allow", ""))
        return await no_such_page(console, request)

    return answer
