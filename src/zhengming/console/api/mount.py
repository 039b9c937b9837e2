"""The management API in a process that may never need it: FastAPI is loaded when somebody asks for the first time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from zhengming.web.deferred import Deferred

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from zhengming.console.context import Console

PREFIX: Final = "/api"


def routes(console: Console) -> tuple[BaseRoute, ...]:
    """Return what the console's application mounts."""
    return Route(PREFIX, _to_docs), Mount(PREFIX, Deferred(partial(_build, console)))


async def _to_docs(_request: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/docs", 303)


def _build(console: Console) -> ASGIApp:
    from zhengming.console.api.build import build_api  # noqa: PLC0415 - half a second that most processes need not pay

    return build_api(console)
