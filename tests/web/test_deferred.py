"""What is built at the first request is built once, and not at all while nobody asks."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zhengming.web.deferred import Deferred


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _drop(_message: Message) -> None:
    return


class _Built:
    """Counts how often it is built, in which threads, and what it served."""

    def __init__(self, *, failures: int = 0) -> None:
        self.threads: list[int] = []
        self.served: list[str] = []
        self._failures = failures

    def build(self) -> ASGIApp:
        self.threads.append(threading.get_ident())
        if len(self.threads) <= self._failures:
            raise RuntimeError("not yet")

        async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
            self.served.append(scope["path"])

        return app


async def test_requests_that_come_together_have_it_built_once_and_beside_the_event_loop() -> None:
    built = _Built()
    app = Deferred(built.build)
    assert built.threads == []

    await asyncio.gather(*(app({"type": "http", "path": f"/{number}"}, _nothing, _drop) for number in range(5)))
    await app({"type": "http", "path": "/5"}, _nothing, _drop)

    assert len(built.threads) == 1
    assert built.threads[0] != threading.get_ident()
    assert sorted(built.served) == [f"/{number}" for number in range(6)]


async def test_what_could_not_be_built_is_tried_again_at_the_next_request() -> None:
    built = _Built(failures=1)
    app = Deferred(built.build)

    with pytest.raises(RuntimeError, match="not yet"):
        await app({"type": "http", "path": "/first"}, _nothing, _drop)
    await app({"type": "http", "path": "/second"}, _nothing, _drop)

    assert built.served == ["/second"]
