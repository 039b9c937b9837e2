"""Gateways that serve: one on each database, one on SQLite for what does not depend on it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.gateway.served import Served, serving
from tests.gateway.upstreams.hostile import HostileServer, Reply, hostile

from zhengming.app.settings import Settings

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start gateways with settings of the test's own; each has a data folder."""
    with ExitStack() as stack:
        count = 0

        def start(**settings: Any) -> Served:
            nonlocal count
            count += 1
            given = {
                "data": tmp_path / f"data{count}",
                "port": 0,
                "durability": "normal",
                "poll_seconds": 0.05,
                **settings,
            }
            return stack.enter_context(serving(Settings(**given)))

        yield start


@pytest.fixture
def served(store_url: str, serve: Serve, tmp_path: Path) -> Served:
    """A gateway with the rehearsal model, on each kind of database."""
    if store_url.startswith("sqlite"):
        return serve(data=tmp_path / "data")
    return serve(database=store_url)


@pytest.fixture
def embedded(sqlite_url: str, serve: Serve, tmp_path: Path) -> Served:
    """A gateway with the rehearsal model on SQLite."""
    assert sqlite_url
    return serve(data=tmp_path / "data")


def events_of(body: str) -> list[Any]:
    """The JSON of every `data:` line of a stream, `[DONE]` left out."""
    lines = [line[6:] for line in body.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.fixture
def upstream() -> Iterator[Callable[..., HostileServer]]:
    """Start upstreams whose every byte the test decides, on a loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="upstream")
    thread.start()
    closing: list[Coroutine[Any, Any, None]] = []

    async def start(*replies: Reply) -> HostileServer:
        manager = hostile(*replies)
        server = await manager.__aenter__()
        closing.append(_close(manager))
        return server

    yield lambda *replies: asyncio.run_coroutine_threadsafe(start(*replies), loop).result(timeout=10)
    for work in closing:
        asyncio.run_coroutine_threadsafe(work, loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


async def _close(manager: AbstractAsyncContextManager[HostileServer]) -> None:
    await manager.__aexit__(None, None, None)


def write_upstream(data: Path, url: str, **timeouts: float) -> None:
    """Describe one upstream with short time-outs in a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    record = {
        "name": "main",
        "url": url,
        "timeouts": {"connect": 2.0, "first_byte": 1.0, "between_bytes": 1.0, **timeouts},
    }
    (data / "upstreams.yaml").write_text(yaml.safe_dump({"upstreams": [record]}), encoding="utf-8")
