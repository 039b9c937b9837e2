"""The gateway as a raw ASGI application: one table of routes, and nothing between the socket and the turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog

from zhengming.core.errors import NotFoundError, ZhengmingError
from zhengming.gateway import probes, reports, through
from zhengming.gateway.apis import TURNS, Api
from zhengming.gateway.context import Gateway
from zhengming.gateway.converse import serve_turn
from zhengming.gateway.http import Client, ClientGoneError, Receive, Scope, Send
from zhengming.gateway.refusals import readable, refuse

log = structlog.get_logger(__name__)

Handler = Callable[[Gateway, Scope, Receive, Client], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
_OWN = "/v1/"


class Route(NamedTuple):
    """One route for the table and for the generated reference page."""

    method: str
    path: str
    meaning: str
    handler: Handler | None = None  # None: a turn


ROUTES: Final = (
    Route("POST", "/v1/chat/completions", "A chat turn, streamed or not. Scope `chat`."),
    Route("POST", "/v1/responses", "A turn of the Responses API, streamed or not. Scope `chat`."),
    Route("POST", "/v1/completions", "A legacy completion, streamed or not. Scope `chat`."),
    Route("POST", "/v1/embeddings", "Passed to the upstream unchanged. Scope `chat`.", through.embeddings),
    Route("GET", "/v1/models", "The models that clients may name, a chat model first.", through.models),
    Route(
        "POST",
        "/api/reports",
        "The operator reports registrations, ages, log-ins and publications. Scope `report`.",
        reports.take,
    ),
    Route("GET", "/healthz", "200 while the process runs.", probes.healthz),
    Route("GET", "/readyz", "200 while turns can be served; else 503 and what is missing.", probes.readyz),
    Route("GET", "/metrics", "Prometheus metrics.", probes.metrics),
)


class MethodNotAllowedError(ZhengmingError):
    """The path exists under another method."""

    code = "method_not_allowed"
    status = 405


class GatewayApp:
    """The ASGI callable; `gateway` is there between start-up and shutdown. Paths of nobody go to `rest`, if given."""

    def __init__(self, gateway: Gateway, rest: ASGIApp | None = None) -> None:
        self.gateway = gateway
        self.rest = rest  # serves every path that is not the gateway's own: the console and the management API
        self._handlers = {(route.method, route.path): route.handler for route in ROUTES if route.handler}
        self._methods: dict[str, str] = {route.path: route.method for route in ROUTES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        path, method = scope["path"], scope["method"]
        api = TURNS.get(path)
        try:
            if api is not None and method == "POST":
                await serve_turn(self.gateway, api, scope, receive, send)
                return
            if self.rest is not None and path not in self._methods and not path.startswith(_OWN):
                await self.rest(scope, receive, send)
                return
            await self._other(scope, receive, Client(receive, send))
        except ClientGoneError:
            return

    async def _other(self, scope: Scope, receive: Receive, client: Client) -> None:
        method, path = scope["method"], scope["path"]
        handler = self._handlers.get((method, path))
        if handler is None:
            await refuse(self.gateway, client, self._nothing_here(method, path))
            return
        try:
            await handler(self.gateway, scope, receive, client)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - `readable` logs what is no error of ours
            await refuse(self.gateway, client, readable(error))

    def _nothing_here(self, method: str, path: str) -> ZhengmingError:
        allowed = self._methods.get(path)
        if allowed is None:
            return NotFoundError(f"There is no {path[:80]!r} here.", next_step="See docs/reference/routes.md.")
        return MethodNotAllowedError(f"{path} takes {allowed}, not {method[:16]}.", next_step=f"Use {allowed}.")


__all__ = ["ROUTES", "Api", "GatewayApp", "Route"]
