"""An application that is built when somebody asks for the first time: what nobody opens costs no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Deferred:
    """An ASGI application in place of the one that `build` returns.

    The first request has it built, in a thread, so that turns go on meanwhile; requests that come in that time wait for
    the same one. When `build` raises, so does the request, and the next one tries again.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._building = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            async with self._building:
                if self._app is None:
                    self._app = await asyncio.to_thread(self._build)
        await self._app(scope, receive, send)
