"""What every answer of the console carries, and which requests it does not take.

A request that changes something must come from our own pages: `Sec-Fetch-Site`, which a page of another origin cannot
set, says so; for browsers that do not send it, `Origin` must be our host.

A page must be asked for by a name of ours. A page of another site may lead its own name to this machine once it is
open (DNS rebinding): then the browser takes the two for one origin, and only the name in `Host` gives it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

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
_ANY_NAME: Final = ("/api/", "/static/")
"""What any name may ask for: the one wants a token, which no browser sends by itself, the other holds no secret."""

Refuse = Callable[[Request, ZhengmingError], Response]


class ForeignRequestError(ZhengmingError):
    """Another site asked for a change."""

    code = "cross_site"
    status = 403


class UnknownHostError(ZhengmingError):
    """The site was asked for by a name that is none of its own."""

    code = "unknown_host"
    status = 421


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


def host_of(text: str) -> str:
    """Return the bare name in an address or in a `Host` header, in small letters; empty when there is none."""
    try:
        return (urlsplit(text if "://" in text else f"//{text}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def is_own_name(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a `Host` header names this site.

    An IP address does, and `localhost`, for nobody can lead those elsewhere and back; any other name must be one of
    `names`. No header at all is of no browser.
    """
    if not host:
        return True
    name = host_of(host)
    if name == "localhost" or name.endswith(".localhost") or (name and name in names):
        return True
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


class Secured:
    """Adds the headers and refuses changes that another site asks for, names that are not ours, and large bodies.

    `refuse` makes the answer to what is refused; `secure` says that people reach this site through HTTPS alone; `names`
    are its host names in small letters. A body that does not say its size is cut off where it grows beyond `limit`:
    reading on raises BodyTooLargeError.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuse: Refuse,
        *,
        secure: bool = False,
        names: Iterable[str] = (),
        limit: int = LARGEST_BODY,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._names = frozenset(names)
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
        if not scope["path"].startswith(_ANY_NAME) and not is_own_name(headers.get("host", ""), self._names):
            return UnknownHostError(
                f"The console does not go by the name {host_of(headers['host'])[:100]!r}.",
                next_step="Whoever runs the server names it: ZHENGMING_CONSOLE_ADDRESS or ZHENGMING_CONSOLE_HOSTS.",
            )
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
