"""A turn of the playground through the gateway's own application, in this process: as a stream, or whole.

The gateway sees an ordinary request: the bytes that it sends go to the browser unchanged, and the browser's leaving
reaches it as the leaving of its client. Between two of its events a line of ours may stand, `event: held`, which a
client of the API never sees. An error keeps its body, while its status moves into the header `x-zhengming-status`: a
browser reports every failed request as a fault of the page, and an error that is shown to be seen is none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from starlette.responses import Response

from zhengming.console.playground.asking import Ask
from zhengming.gateway.asgi import ASGIApp
from zhengming.gateway.http import Message, Receive, Scope, Send
from zhengming.gateway.inside import SCOPE_KEY, Inside

PAUSE: Final = 0.025
"""Seconds between two events at reading pace: the rehearsal answers in no time, and nobody would see it happen."""
STATUS: Final = "x-zhengming-status"
_BLANK: Final = b"\n\n"
_ERRORS: Final = 400


class Player:
    """Plays what the gateway sends, and how much it holds, in their order and no faster than `pause` allows.

    The gateway waits in `take` until everything has gone out, as it waits for the socket of a slow client.
    """

    def __init__(self, send: Send, pause: float = 0.0) -> None:
        self._send = send
        self._pause = pause
        self._waiting: deque[Message | int] = deque()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._failure: BaseException | None = None
        self._held = 0
        self._between = False  # whether an event of ours may stand here: not before the head, nor inside an event

    def held(self, characters: int) -> None:
        """Note how many characters are held now."""
        if characters != self._held:
            self._held = characters
            self._waiting.append(characters)
            self._something.set()

    async def take(self, message: Message) -> None:
        """Send a message of the gateway; returns when it has gone out. Raises what sending raised."""
        self._waiting.append(message)
        self._idle.clear()
        self._something.set()
        await self._idle.wait()
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Play until cancelled."""
        try:
            while True:
                await self._something.wait()
                while self._waiting:
                    await self._play(self._waiting.popleft())
                self._something.clear()
                self._idle.set()
        except BaseException as error:
            self._failure = error
            self._idle.set()
            raise

    async def _play(self, item: Message | int) -> None:
        if isinstance(item, int):
            if not self._between:
                return
            item = {
                "type": "http.response.body",
                "body": b'event: held\ndata: {"held":%d}\n\n' % item,
                "more_body": True,
            }
        elif item["type"] == "http.response.start" and item["status"] >= _ERRORS:
            told = (STATUS.encode(), b"%d" % item["status"])
            item = {**item, "status": 200, "headers": [*item["headers"], told]}
        elif item["type"] == "http.response.body":
            body: bytes = item.get("body", b"")
            self._between = item.get("more_body", False) and (body.endswith(_BLANK) if body else self._between)
        await self._send(item)
        if self._pause and item["type"] == "http.response.body" and item.get("more_body", False):
            await asyncio.sleep(self._pause)


class Streamed(Response):
    """The answer of the gateway as it comes, byte for byte; see the module."""

    def __init__(self, app: ASGIApp, ask: Ask, user: str) -> None:
        super().__init__()
        self._app = app
        self._ask = ask
        self._user = user

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the turn; it is recorded as left by its client when the browser goes away."""
        player = Player(send, PAUSE if self._ask.reading_pace else 0.0)
        body = self._ask.body(stream=True)
        inner = self._ask.scope(len(body), self._user)
        inner[SCOPE_KEY] = Inside(self._ask.grant, player.held)
        playing = asyncio.get_running_loop().create_task(player.run())
        try:
            await self._app(inner, _said(body, receive), player.take)
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing


class Whole:
    """A whole answer: its status, its headers by lower-case name, its body."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        """Keep a message of the gateway; its answer is bounded by the gateway itself."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")


async def answered(app: ASGIApp, ask: Ask, user: str, receive: Receive) -> Whole:
    """Return the whole answer; `receive` tells when the browser leaves."""
    body = ask.body(stream=False)
    inner = ask.scope(len(body), user)
    inner[SCOPE_KEY] = Inside(ask.grant)
    whole = Whole()
    await app(inner, _said(body, receive), whole.take)
    return whole


def _said(body: bytes, receive: Receive) -> Receive:
    """The request as the gateway receives it; after the body, whatever the browser's connection says."""
    given = False

    async def said() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return said
