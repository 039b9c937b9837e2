"""One port: the gateway on `/v1`, the management API on `/api`, the console on everything else."""

from __future__ import annotations

from zhengming import __version__
from zhengming.app.settings import Settings
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway


def site(gateway: Gateway, settings: Settings) -> GatewayApp:
    """Return the application that one process serves."""
    app = GatewayApp(gateway)
    if settings.console:
        from zhengming.console.api.mount import routes as api_routes  # noqa: PLC0415 - as below
        from zhengming.console.app import TEMPLATES, build  # noqa: PLC0415 - a replica without a console saves it
        from zhengming.console.context import Console, Facts  # noqa: PLC0415 - as above
        from zhengming.web.rendering import Renderer  # noqa: PLC0415 - as above
        from zhengming.web.security import host_of  # noqa: PLC0415 - as above

        facts = Facts(
            version=__version__,
            data=settings.data,
            database="SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL",
            shared_limits=bool(settings.redis),
            started_at=gateway.clock(),
            second_factor=settings.second_factor,
            secure_cookies=settings.console_address.startswith("https://"),
            address=settings.console_address,
            hosts=frozenset(map(host_of, (settings.console_address, *settings.console_hosts))) - {""},
            api_requests_per_minute=settings.api_requests_per_minute,
        )
        console = Console(gateway, app, Renderer([TEMPLATES]), facts, gateway.clock)
        app.rest = build(console, api_routes(console))
    return app
