"""One port: the gateway on `/v1`, the management API on `/api`, the console on everything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from zhengming import __version__
from zhengming.app.settings import Settings
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway
from zhengming.web.deferred import Deferred

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def _nothing() -> None:
    return


def site(gateway: Gateway, settings: Settings, *, after_build: Callable[[], None] = _nothing) -> GatewayApp:
    """Return the application that one process serves.

    The console is built when somebody opens it for the first time; `after_build` is called then, in that thread.
    """
    app = GatewayApp(gateway)
    if settings.console:
        app.rest = Deferred(partial(_console, app, settings, gateway.clock(), after_build))
    return app


def _console(app: GatewayApp, settings: Settings, started_at: int, after_build: Callable[[], None]) -> ASGIApp:
    from zhengming.console.api.mount import routes as api_routes  # noqa: PLC0415 - as below
    from zhengming.console.app import TEMPLATES, build  # noqa: PLC0415 - a process whose console is not opened saves it
    from zhengming.console.context import Console, Facts  # noqa: PLC0415 - as above
    from zhengming.web.rendering import Renderer  # noqa: PLC0415 - as above
    from zhengming.web.security import host_of  # noqa: PLC0415 - as above

    facts = Facts(
        version=__version__,
        data=settings.data,
        database="SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL",
        shared_limits=bool(settings.redis),
        started_at=started_at,
        second_factor=settings.second_factor,
        secure_cookies=settings.console_address.startswith("https://"),
        address=settings.console_address,
        hosts=frozenset(map(host_of, (settings.console_address, *settings.console_hosts))) - {""},
        api_requests_per_minute=settings.api_requests_per_minute,
    )
    console = Console(app.gateway, app, Renderer([TEMPLATES]), facts, app.gateway.clock)
    built = build(console, api_routes(console))
    after_build()
    return built
