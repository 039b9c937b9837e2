"""What every answer of the console carries, and which requests it does not take.

A request that changes something must come from our own pages: `Sec-Fetch-Site`, which a page of another origin cannot
set, says so; for browsers that do not send it, `Origin` must be our host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zhengming.core.errors import ZhengmingError

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
ONLY_HTTPS: Final = {"strict-transport-security": "max-age=31536000"}
LARGEST_BODY: Final = 64_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Refuse = Callable[[Request, ZhengmingError], Response]


class ForeignRequestError(ZhengmingError):
    """Another site asked for a change."""

    code = "cross_site"
    status = 403


class BodyTooLargeError(ZhengmingError):
    """More was sent than any form of the console holds."""

    code = "too_large"
    status = 413


def comes_from_here(headers: Headers) -> bool:
    """Whether a request that changes something was made by our own page, or by no browser at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


class Secured:
    """Adds the headers and refuses changes that another site asks for, and bodies that are too large.

    `refuse` makes the answer to what is refused; `secure` says that people reach this site through HTTPS alone. A body
    that does not say its size is cut off where it grows too large: reading on raises BodyTooLargeError.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse, *, secure: bool = False, limit: int = LARGEST_BODY) -> None:
        self._app = app
        self._refuse = refuse
        self._headers = {**HEADERS, **(ONLY_HTTPS if secure else {})}
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, guarded)
            return
        error = self._refusal(scope)
        if error is not None:
            await self._refuse(Request(scope), error)(scope, receive, guarded)
            return
        await self._app(scope, self._bounded(receive), guarded)

    def _refusal(self, scope: Scope) -> ZhengmingError | None:
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not comes_from_here(headers):
            return ForeignRequestError(
                "This change was asked for by another site.", next_step="Open the console and do it there."
            )
        told = headers.get("content-length", "0")
        if not told.isdecimal() or int(told) > self._limit:
            return self._too_large()
        return None

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"The request holds more than {self._limit} bytes.", next_step="Send less, in several requests if need be."
        )

    def _bounded(self, receive: Receive) -> Receive:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._limit:
                    raise self._too_large()
            return message

        return counted
