"""A real gateway for tests: its own thread and event loop, a real socket, a real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from openai import OpenAI

from zhengming.accounts import keys, service
from zhengming.accounts.profiles import ServiceProfile
from zhengming.app.compose import running_gateway
from zhengming.app.serve import Server, listen, server_config
from zhengming.app.settings import Settings
from zhengming.app.site import site
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway
from zhengming.store import Tx

Result = TypeVar("Result")


class Served:
    """A gateway that serves; `gateway` may be looked at and, between requests, given other parts."""

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop, url: str, data: Path) -> None:
        self.gateway, self.loop, self.url, self.data = gateway, loop, url, data
        self._clients: list[OpenAI] = []
        self.key = self.new_key()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    def write(self, unit: Callable[[Tx], Result]) -> Result:
        """Write through the gateway's store and let the directory take notice."""

        async def work() -> Result:
            result = await self.gateway.store.write(unit)
            await self.gateway.directory.refresh()
            return result

        return self.run(work())

    def settled(self) -> Gateway:
        """The gateway once no turn is under way: a client has its last byte a moment before the turn is counted."""

        async def work() -> None:
            while self.gateway.active:  # noqa: ASYNC110 - a counter of the gateway's own has no event
                await asyncio.sleep(0)

        self.run(work())
        return self.gateway

    def rows(self, sql: str, **values: object) -> list[Any]:
        """Read rows."""
        return self.run(_read(self.gateway, sql, values))

    def new_key(self, service_name: str = "default", **more: Any) -> str:
        """Make a key of a service."""
        secret = keys.new_secret()
        now = self.gateway.clock()
        self.write(
            lambda tx: keys.create(tx, service.by_name(tx, service_name).id, who="test", now=now, secret=secret, **more)
        )
        return secret

    def new_service(self, name: str, **fields: Any) -> str:
        """Make a service and return a key of it."""
        now = self.gateway.clock()
        profile = ServiceProfile(id="", name=name, **fields)
        self.write(lambda tx: service.create(tx, profile, who="test", why="test", now=now))
        return self.new_key(name)

    def client(self, key: str = "") -> OpenAI:
        """The official client, which does not retry, so that a test sees the first answer."""
        client = OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, max_retries=0, timeout=30)
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        """Close the sockets of every client made here."""
        for client in self._clients:
            client.close()

    def headers(self, key: str = "") -> dict[str, str]:
        """Headers for a plain HTTP client."""
        return {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}


async def _read(gateway: Gateway, sql: str, values: dict[str, object]) -> list[Any]:
    return await gateway.store.read(lambda tx: tx.rows(sql, values))


@contextmanager
def serving(settings: Settings, build: Callable[[Gateway, Settings], GatewayApp] = site) -> Iterator[Served]:
    """Serve what `build` makes until the block ends; what the server raises at its end is raised here."""
    ready: threading.Event = threading.Event()
    found: list[Served] = []
    failures: list[BaseException] = []
    stop: list[Callable[[], None]] = []

    async def main() -> None:
        listener = listen(settings)
        try:
            async with running_gateway(settings) as gateway:
                server = Server(server_config(build(gateway, settings), settings))
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                loop = asyncio.get_running_loop()
                stop.append(lambda: setattr(server, "should_exit", True))
                serve = asyncio.create_task(_serve_without_signals(server, [listener]))
                found.append(await asyncio.to_thread(Served, gateway, loop, url, settings.data))
                ready.set()
                await serve
        finally:
            listener.close()

    def body() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=body, name="gateway")
    thread.start()
    ready.wait(timeout=60)
    try:
        if not failures:
            yield found[0]
    finally:
        for one in found:
            one.close_clients()
        for act in stop:
            act()
        thread.join(timeout=60)
    if failures:
        raise failures[0]


async def _serve_without_signals(server: uvicorn.Server, sockets: list[Any]) -> None:
    """What `Server.serve` does, less its signal handlers, which only a main thread may set."""
    await server._serve(sockets=sockets)
