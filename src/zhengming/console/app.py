"""The console as an ASGI application: static files, then the table of pages behind one guard."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from zhengming.console.asked import Asked, Page
from zhengming.console.context import Console
from zhengming.console.errors import answer_error, no_such_page
from zhengming.console.guard import admit
from zhengming.console.pages import PAGES
from zhengming.web import assets
from zhengming.web.security import Secured

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


def build(console: Console) -> ASGIApp:
    """Return the application that serves every page."""
    routes: list[Route | Mount] = [Mount("/static", assets.serve)]
    routes += [Route(page.path, _endpoint(console, page), methods=[page.method]) for page in PAGES]
    return Secured(Starlette(routes=routes, exception_handlers={404: _missing(console), 405: _missing(console)}))


def _endpoint(console: Console, page: Page) -> ASGIApp:
    async def endpoint(request: Request) -> Response:
        asked: Asked | None = None
        try:
            found = await admit(console, page, request)
            if isinstance(found, Response):
                return found
            asked = found
            return await page.handler(asked)
        except Exception as error:  # noqa: BLE001 - answered as a page; what is no error of ours is logged there
            return answer_error(console, request, asked, error)

    return endpoint  # type: ignore[return-value] # Starlette wraps a coroutine function into an application


def _missing(console: Console):  # type: ignore[no-untyped-def] # noqa: ANN202 - Starlette's own type of a handler
    async def answer(request: Request, _error: Exception) -> Response:
        return no_such_page(console, request)

    return answer
