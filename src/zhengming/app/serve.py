"""`zhengming serve`: the gateway under uvicorn, and the lines that tell a newcomer where it is."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import socket
import sys
from typing import Final

import structlog
import uvicorn
import uvloop

from zhengming.accounts import keys, links
from zhengming.app.compose import running_gateway
from zhengming.app.settings import Settings
from zhengming.app.site import site
from zhengming.core.errors import ConflictError, UnavailableError
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway
from zhengming.gateway.through import model_names
from zhengming.store import Tx
from zhengming.store.migrate import upgrade_apart

TRIAL_NOTE = "made by `zhengming serve --print-key`"
_BACKLOG = 2048
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def run(settings: Settings, *, print_key: bool) -> int:
    """Serve until interrupted; return the exit status."""
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, print_key=print_key))


def configure_logs(level: str) -> None:
    """Log as one line of key=value pairs to standard error; no text of a turn is ever logged."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            one_line,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def one_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Spell out control characters in what is logged, so that nobody writes lines, or to a terminal, of their own.

    A line feed is left to the renderer, which writes it as two characters.
    """
    return {
        name: _CONTROL.sub(lambda one: f"\\u{ord(one[0]):04x}", value) if isinstance(value, str) else value
        for name, value in event.items()
    }


async def _serve(settings: Settings, *, print_key: bool) -> int:
    listener = listen(settings)
    try:
        await asyncio.to_thread(upgrade_apart, settings.database_url)
        async with running_gateway(settings) as gateway:
            server = Server(server_config(site(gateway, settings, after_build=settle), settings))
            root = f"http://{_shown_host(settings.host)}:{listener.getsockname()[1]}"
            print(f"Gateway:  {root}/v1", flush=True)  # noqa: T201 - this is the command's output
            if settings.console:
                print(f"Console:  {await console_address(gateway, settings, root)}", flush=True)  # noqa: T201 - as above
            if print_key:
                await _print_key(gateway, f"{root}/v1")
            gateway.rules.ruling.matcher.scan("x")  # builds its tables now, so that no turn has to wait for them
            settle()
            await server.serve(sockets=[listener])
    finally:
        listener.close()
    return 0


def settle() -> None:
    """Take what was loaded by now out of the garbage collector's rounds.

    Rules, tables and templates live as long as the process; looking through them again and again is waste.
    """
    gc.collect()
    gc.freeze()


class Server(uvicorn.Server):
    """uvicorn's server, which does not wait for pages that are followed live when it shuts down."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams, then let what is being answered come to its end."""
        live = sys.modules.get("zhengming.web.live")
        if live is not None:  # nobody opened the console otherwise
            live.end_streams()
        await super().shutdown(sockets)


def server_config(app: GatewayApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the gateway."""
    return uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        ws="none",
        access_log=False,
        log_level=settings.log_level,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
        backlog=_BACKLOG,
    )


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is opened, so that a taken one is told at once and nothing is half started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"Port {settings.port} on {settings.host} cannot be used: {error.strerror}.",
            next_step="Stop what listens there, or name another port: `--port 8601` (make run PORT=8601).",
        ) from error
    return listener


def _shown_host(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - shown


async def console_address(gateway: Gateway, settings: Settings, root: str) -> str:
    """Return where the console is; while nobody has an account, with the one-time link of the first owner.

    The link is another one at each start, and the earlier one opens nothing any more.
    """
    base, secret, now = settings.console_address.rstrip("/") or root, links.new_secret(), gateway.clock()
    made = await gateway.store.write(lambda tx: links.first_owner(tx, secret=secret, now=now))
    return base + (links.path_of(links.FIRST_OWNER, secret) if made else "/")


async def _print_key(gateway: Gateway, url: str) -> None:
    """Print a fresh key and a curl line that works as it stands."""
    try:
        secret = await _trial_key(gateway)
    except ConflictError as error:
        print(f"No API key was made: {error}", flush=True)  # noqa: T201 - this is the command's output
        return
    names = await model_names(gateway)
    model = names[0] if names else "MODEL"
    lines = (
        f"API key:  {secret}",
        "",
        f"curl -N {url}/chat/completions \\",
        f"  -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' \\",
        f'  -d \'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"春天有什么花？"}}]}}\'',
        "",
    )
    print("\n".join(lines), flush=True)  # noqa: T201 - this is the command's output


async def _trial_key(gateway: Gateway) -> str:
    """Make a key for trying out; the one of an earlier start is revoked, since nobody was asked to keep it."""
    now = gateway.clock()
    profile = gateway.directory.snapshot.named("default")
    if profile is None:
        raise UnavailableError("The service `default` is gone.", next_step="Make a key: `zhengming keys create`.")
    service_id, secret = profile.id, keys.new_secret()

    def unit(tx: Tx) -> None:
        for old in keys.list_all(tx, service_id):
            if old.note == TRIAL_NOTE and old.revoked_at is None:
                keys.revoke(tx, old.id, who="serve --print-key", why="replaced at the next start", now=now)
        keys.create(tx, service_id, who="serve --print-key", note=TRIAL_NOTE, now=now, secret=secret)

    await gateway.store.write(unit)
    await gateway.directory.refresh()
    return secret
