"""The little of HTTP that a raw ASGI application needs: read a bounded body, notice a client that left, send bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from zhengming.core.errors import ZhengmingError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")
EVENTS: Final[Headers] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class BodyTooLargeError(ZhengmingError):
    """The request's body is over the bound."""

    code = "body_too_large"
    status = 413


class ClientGoneError(Exception):
    """The client closed the connection; nobody is there to answer."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the whole body, at most `limit` bytes.

    Raises BodyTooLargeError before the excess is read into memory, ClientGoneError when the client leaves.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The request body is larger than {limit} bytes.",
        next_step="Send less at once, or raise ZHENGMING_MAX_BODY_BYTES.",
    )


class Client:
    """The client's side of one request: what was sent, and whether it is still there.

    uvicorn's `send` is silent after a disconnect, so one task waits for `http.disconnect` and cancels the task that
    serves the request; :meth:`settle` turns that cancellation back into ordinary control flow.
    """

    __slots__ = ("_receive", "_send", "_serving", "_watcher", "gone", "started")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._serving: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.gone = False
        self.started = False

    def watch(self) -> None:
        """From now on a client that leaves cancels the current task."""
        self._serving = asyncio.current_task()
        self._watcher = asyncio.get_running_loop().create_task(self._wait_for_leave())

    async def _wait_for_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._serving is not None:
            self._serving.cancel()

    def unwatch(self) -> None:
        """Stop watching; the client may leave now without any effect."""
        self._serving = None
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def settle(self) -> bool:
        """After a CancelledError: whether the client's leaving caused it; then the task counts as not cancelled."""
        task = asyncio.current_task()
        if self.gone and task is not None:
            self._serving = None
            task.uncancel()
            return True
        return False

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Hand bytes to the socket; waits when the client reads slowly."""
        if not more:
            self.unwatch()  # uvicorn reports a complete answer as a disconnect, which must cancel nobody
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def respond(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole JSON answer."""
        await self.start(status, [JSON, (b"content-length", b"%d" % len(body)), *(headers or [])])
        await self.write(body, more=False)


def header(scope: Scope, name: bytes) -> str:
    """Return the first header of that lower-case name, or an empty string; bytes that are no Latin-1 cannot occur."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""
