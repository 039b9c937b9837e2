"""Live parts of a page by server-sent events: one stream a tab, that ends when nobody needs it any more.

A stream ends when the client leaves, when `alive` says no (the session ended), and when the server shuts down. The
last needs help: uvicorn waits for open answers and tells nobody, so the server calls :func:`end_streams` first.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from zhengming.core.errors import UnavailableError

log = structlog.get_logger(__name__)

Parts = Mapping[str, Any]
"""Name of a `[data-live="name"]` element to its HTML; what is no text is handed to scripts as it is."""
Produce = Callable[[], Awaitable[Parts]]

MOST_STREAMS: Final = 200
"""Open streams of one process; a page whose stream is refused stays as it is and tries again later."""
MOST_OF_ONE: Final = 20
"""Open streams of one reader, so that nobody takes the places of all the others."""
RETRY_MS: Final = 3_000
HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class TooManyStreamsError(UnavailableError):
    """As many pages are followed live as one process serves."""

    code = "too_many_streams"


class _Streams:
    """The open streams of one event loop, which is one server."""

    def __init__(self) -> None:
        self.open: dict[asyncio.Event, str] = {}
        self.over = False

    def enter(self, reader: str) -> asyncio.Event:
        own = list(self.open.values()).count(reader) if reader else 0
        if len(self.open) >= MOST_STREAMS or own >= MOST_OF_ONE:
            raise TooManyStreamsError(
                f"{own if own >= MOST_OF_ONE else MOST_STREAMS} pages are followed live already.",
                next_step="Close a tab, or reload the page by hand.",
            )
        stop = asyncio.Event()
        if self.over:
            stop.set()
        self.open[stop] = reader
        return stop

    def leave(self, stop: asyncio.Event) -> None:
        self.open.pop(stop, None)


_by_loop: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Streams]] = WeakKeyDictionary()


def _here() -> _Streams:
    return _by_loop.setdefault(asyncio.get_running_loop(), _Streams())


def open_streams() -> int:
    """Return how many streams this server holds open; to be called on its event loop."""
    return len(_here().open)


def end_streams() -> None:
    """End every stream of this server, and each that comes later at once; to be called on its event loop."""
    streams = _here()
    streams.over = True
    for stop in streams.open:
        stop.set()


async def _always() -> bool:
    return True


def events(
    produce: Produce,
    *,
    every: float,
    request: Request,
    alive: Callable[[], Awaitable[bool]] = _always,
    reader: str = "",
) -> Response:
    """Answer with a stream: what `produce` gives at once, then every `every` seconds when it differs from before.

    `produce` returns the parts of the page by name. While it raises UnavailableError the page is told that it is stale.
    `id` is the moment in ms UTC; a browser that reconnects sends it as `Last-Event-ID`. Whoever asks with HEAD gets the
    headers alone, and takes no place. `reader` names whose stream it is: one reader may hold MOST_OF_ONE of them.
    Raises TooManyStreamsError.
    """
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=_HEADERS)
    streams = _here()
    stop = streams.enter(reader)

    async def frames() -> AsyncIterator[bytes]:
        try:
            yield f"retry: {RETRY_MS}\n\n".encode("ascii")
            async for frame in _frames(produce, alive, stop, every, request.url.path):
                yield frame
        finally:
            streams.leave(stop)

    response = _Stream(frames(), media_type="text/event-stream", headers=_HEADERS)
    response.stop, response.streams = stop, streams
    return response


class _Stream(StreamingResponse):
    """Gives its place back even when the client has left before the first byte."""

    stop: asyncio.Event
    streams: _Streams

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.streams.leave(self.stop)


async def _frames(
    produce: Produce, alive: Callable[[], Awaitable[bool]], stop: asyncio.Event, every: float, path: str
) -> AsyncIterator[bytes]:
    before, spoken = "", time.monotonic()
    while not stop.is_set():
        frame = b""
        try:
            if not await alive():
                yield b"event: over\ndata: session\n\n"
                return
            data = json.dumps(await produce(), ensure_ascii=False, separators=(",", ":"))
            if data != before:
                before, frame = data, _frame("parts", data)
        except UnavailableError as error:
            log.warning("live.stale", path=path, reason=str(error))
            if before != "stale":
                before, frame = "stale", _frame("stale", "")
        if not frame and time.monotonic() - spoken >= HEARTBEAT_SECONDS:
            frame = b": still here\n\n"
        if frame:
            spoken = time.monotonic()
            yield frame
        await _pause(stop, every)


def _frame(kind: str, data: str) -> bytes:
    return f"id: {time.time_ns() // 1_000_000}\nevent: {kind}\ndata: {data}\n\n".encode()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
