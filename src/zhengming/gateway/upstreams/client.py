"""An upstream over HTTP: aiohttp, one connection pool an upstream, nothing read ahead and nothing followed.

aiohttp stands here because every other client measured costs 4 to 13 times the CPU on this path (docs/explanation).
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from zhengming.gateway.upstreams.config import UpstreamConfig
from zhengming.gateway.upstreams.errors import (
    UpstreamBroken,
    UpstreamConfigError,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnstarted,
    UpstreamUnusable,
)
from zhengming.gateway.upstreams.request import Ended, UpstreamRequest
from zhengming.gateway.upstreams.watch import Watch

_READ_BUFFER: Final = 64 * 1024
_LARGE_BODY: Final = 512 * 1024  # aiohttp wants a file object above a megabyte
_KEEP_ALIVE: Final = 30.0
_PREFIX: Final = "/v1"
_REDIRECTS: Final = range(300, 400)
_BREAKS: Final = (aiohttp.ClientError, ConnectionError, OSError, asyncio.IncompleteReadError)


class _CleanConnector(aiohttp.TCPConnector):
    """Never lends a connection on which something lies unread.

    An upstream that sends more than it announced would otherwise have the rest taken for the answer to the next
    request on that connection, which is another person's. A test holds this against new versions of aiohttp.
    """

    async def _get(self, key: Any, traces: Any) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


class HttpAnswer:
    """An answer over HTTP; see :class:`zhengming.gateway.upstreams.request.Answer`."""

    __slots__ = (
        "_between",
        "_content",
        "_ended",
        "_first",
        "_left",
        "_loop",
        "_response",
        "_until",
        "_watch",
        "deadline",
        "expired",
        "headers",
        "model",
        "on_end",
        "status",
        "upstream",
    )

    def __init__(self, response: aiohttp.ClientResponse, config: UpstreamConfig, model: str, watch: Watch) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.upstream = config.name
        self.model = model
        self.on_end: Ended | None = None
        self.expired = False
        self._response = response
        self._content = response.content
        self._between = config.timeouts.between_bytes
        self._left = config.max_response_bytes
        self._loop = asyncio.get_running_loop()
        self._watch = watch
        self._first = b""
        self._ended = False
        self._until = self.deadline = self._loop.time() + config.timeouts.total

    async def begin(self) -> None:
        """Wait for the first bytes, so that whatever fails before them can still be asked for elsewhere."""
        if int(self.headers.get("content-length", "0") or 0) > self._left:
            raise self._stop(self._too_large())
        self._first = await self.read()
        if not self._ended and not self._content.at_eof():
            self._watch.add(self)

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        if self._first:
            first, self._first = self._first, b""
            return first
        if self._ended:
            return b""
        deadline = self._loop.time() + self._between
        if deadline < self._until:
            self.deadline = deadline
        try:
            data = await self._content.readany()
        except TimeoutError:
            raise self._stop(self._too_late()) from None
        except _BREAKS as error:
            raise self._stop(self._too_late() if self.expired else self._broken(error)) from error
        except BaseException:
            self._finish(None, complete=False)
            raise
        self.deadline = self._until
        if not data:
            self._finish(None, complete=True)
            return b""
        self._left -= len(data)
        if self._left < 0:
            raise self._stop(self._too_large())
        return data

    async def close(self) -> None:
        """Cut the connection unless the answer is complete."""
        self._first = b""
        self._finish(None, complete=self._content.is_eof())

    def expire(self) -> None:
        """End the answer because it was silent, or lasted, for too long."""
        self.expired = True
        self._content.set_exception(TimeoutError())
        self._cut()

    def _finish(self, error: UpstreamError | None, *, complete: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._watch.discard(self)
        if complete:
            self._response.release()
        else:
            self._cut()
        if self.on_end is not None:
            self.on_end(error, complete)

    def _stop(self, error: UpstreamError) -> UpstreamError:
        self._first = b""
        self._finish(error, complete=False)
        return error

    def _cut(self) -> None:
        """Reset the connection: `close` alone would first deliver a request body that nobody reads."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()

    def _too_large(self) -> UpstreamError:
        return UpstreamTooLarge(
            f"The answer of upstream {self.upstream!r} is larger than allowed.",
            upstream=self.upstream,
            next_step="Ask for less, or raise max_response_bytes of the upstream.",
        )

    def _too_late(self) -> UpstreamError:
        return UpstreamTimeout(
            f"Upstream {self.upstream!r} was silent, or took, for too long in the middle of an answer.",
            upstream=self.upstream,
            next_step="Try again; raise between_bytes or total of the upstream when its model is slow.",
        )

    def _broken(self, error: BaseException) -> UpstreamError:
        return UpstreamBroken(
            f"Upstream {self.upstream!r} broke off in the middle of an answer ({type(error).__name__}).",
            upstream=self.upstream,
            next_step="Try again; look at the upstream when it happens often.",
        )


class HttpUpstream:
    """One OpenAI-compatible endpoint. Make it inside a running event loop; close it there."""

    def __init__(self, config: UpstreamConfig) -> None:
        """Raise UpstreamConfigError when `ca_file` holds no certificate."""
        self.config = config
        times = config.timeouts
        self._watch = Watch(min(times.between_bytes, times.total))
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "zhengming"}
        if config.api_key:
            self._headers["Authorization"] = f"Bearer {config.api_key.reveal()}"
        self._urls: dict[str, URL] = {}
        connector = _CleanConnector(
            limit=config.max_connections, keepalive_timeout=_KEEP_ALIVE, ssl=_authority(config), force_close=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=times.connect),
        )

    async def open(self, request: UpstreamRequest, model: str) -> HttpAnswer:
        """Ask, and return when the first byte of the body is there."""
        patience = self.config.timeouts.first_byte
        try:
            async with asyncio.timeout(patience):
                response = await self._ask(request, model)
                return await self._begin(response, model)
        except TimeoutError as error:
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
            what = "did not accept a connection" if connecting else "sent no byte of an answer"
            seconds = self.config.timeouts.connect if connecting else patience
            raise UpstreamTimeout(
                f"Upstream {self.config.name!r} {what} within {seconds:g} seconds.",
                upstream=self.config.name,
                next_step="Try again; look at the upstream when it happens often.",
            ) from error

    async def close(self) -> None:
        """Release every connection."""
        self._watch.close()
        await self._session.close()

    async def _ask(self, request: UpstreamRequest, model: str) -> aiohttp.ClientResponse:
        body = request.body_for(model)
        headers = {**self._headers, **request.headers}
        if body:
            headers["Content-Type"] = "application/json"
        data: Any = (body if len(body) < _LARGE_BODY else io.BytesIO(body)) if body else None
        try:
            return await self._session.request(
                request.method, self._url(request.path), data=data, headers=headers, allow_redirects=False
            )
        except aiohttp.ClientConnectorError as error:
            raise self._refused(error) from error
        except aiohttp.ClientResponseError as error:
            raise self._not_http(error) from error
        except TimeoutError:
            raise
        except _BREAKS as error:
            raise UpstreamUnstarted(
                f"Upstream {self.config.name!r} broke off before the first byte of an answer ({type(error).__name__}).",
                upstream=self.config.name,
                next_step="Try again; look at the upstream when it happens often.",
            ) from error

    async def _begin(self, response: aiohttp.ClientResponse, model: str) -> HttpAnswer:
        answer = HttpAnswer(response, self.config, model, self._watch)
        try:
            self._refuse_unusable(answer)
            await answer.begin()
        except (UpstreamTooLarge, UpstreamUnusable):
            await answer.close()
            raise
        except UpstreamBroken as error:
            await answer.close()
            raise UpstreamUnstarted(error.message, upstream=error.upstream, next_step=error.next_step) from error
        except BaseException:
            await answer.close()
            raise
        return answer

    def _refuse_unusable(self, answer: HttpAnswer) -> None:
        name = self.config.name
        if answer.status in _REDIRECTS:
            raise UpstreamUnusable(
                f"Upstream {name!r} answered with a redirect ({answer.status}), which is not followed.",
                upstream=name,
                next_step="Configure the address to which it points.",
            )
        if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise UpstreamUnusable(
                f"Upstream {name!r} sent a compressed answer although it was asked not to.",
                upstream=name,
                next_step="Turn compression off in the upstream or the proxy before it.",
            )

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.config.url + path.removeprefix(_PREFIX), encoded=True)
        return url

    def _refused(self, error: aiohttp.ClientConnectorError) -> UpstreamError:
        why = getattr(getattr(error, "os_error", None), "strerror", None) or type(error).__name__
        return UpstreamRefused(
            f"Upstream {self.config.name!r} cannot be reached: {why}.",
            upstream=self.config.name,
            next_step="Check that it runs, its URL and its certificate.",
        )

    def _not_http(self, error: aiohttp.ClientResponseError) -> UpstreamError:
        return UpstreamUnusable(
            f"Upstream {self.config.name!r} sent what is no usable HTTP answer ({type(error).__name__}).",
            upstream=self.config.name,
            next_step="Check that its URL points to an OpenAI-compatible API.",
        )


def _authority(config: UpstreamConfig) -> ssl.SSLContext | bool:
    if not config.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise UpstreamConfigError(
            f"Upstream {config.name!r}: `ca_file` holds no usable certificate.", next_step="Give a PEM file."
        ) from error
