"""The management API in a process that may never need it: FastAPI is loaded when somebody asks for the first time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from zhengming.console.context import Console

PREFIX: Final = "/api"


def routes(console: Console) -> tuple[BaseRoute, ...]:
    """Return what the console's application mounts."""
    return Route(PREFIX, _to_docs), Mount(PREFIX, LazyApi(console))


class LazyApi:
    """An ASGI application that builds the real one in a thread at its first request; turns go on meanwhile."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._building = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            async with self._building:
                if self._app is None:
                    self._app = await asyncio.to_thread(_build, self._console)
        await self._app(scope, receive, send)


async def _to_docs(_request: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/docs", 303)


def _build(console: Console) -> ASGIApp:
    from zhengming.console.api.build import build_api  # noqa: PLC0415 - half a second that most starts need not pay

    return build_api(console)
