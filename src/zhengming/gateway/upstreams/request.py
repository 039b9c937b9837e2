"""The seam between a turn and any upstream: a request goes in, an answer comes out piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from zhengming.gateway.upstreams.config import UpstreamConfig
from zhengming.gateway.upstreams.errors import UpstreamError, UpstreamTooLarge

SUCCESS: Final = range(200, 300)


def _no_body(model: str) -> bytes:  # noqa: ARG001 - the signature of `body_for`
    return b""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request before it is known which upstream answers it.

    `path` is the gateway's own, such as `/v1/chat/completions`; `model` is the client's alias, "" where none is
    needed; `body_for` gives the body with an upstream's own model name, and may be called once for each attempt;
    `headers` are those that :func:`zhengming.gateway.upstreams.headers.forwarded` let through.
    """

    method: str
    path: str
    model: str = ""
    body_for: Callable[[str], bytes] = _no_body
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False


Ended = Callable[[UpstreamError | None, bool], None]


class Answer(Protocol):
    """An answer whose status and headers are known and whose first body bytes have come.

    Nothing is read ahead beyond a small fixed buffer: bytes are taken from the network only as `read` asks for them.
    Headers have names in lower case. `upstream` and `model` say who answers.
    """

    status: int
    headers: Mapping[str, str]
    upstream: str
    model: str
    on_end: Ended | None  # called once: the error that ended it or None, and whether the end of the body was reached

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end. Raises UpstreamBroken, UpstreamTimeout or UpstreamTooLarge.

        Cancelling the task that reads closes the connection.
        """

    async def close(self) -> None:
        """Let go. An unfinished answer's connection is cut at once, so that the upstream stops; may be called twice."""


class Upstream(Protocol):
    """Anything that answers requests: an HTTP endpoint, or the rehearsal."""

    config: UpstreamConfig

    async def open(self, request: UpstreamRequest, model: str) -> Answer:
        """Ask, and return when the first byte of the body is there. Raises an UpstreamError."""

    async def close(self) -> None:
        """Release every connection."""


async def read_whole(answer: Answer, limit: int) -> bytes:
    """Return the whole body and close the answer. Raises UpstreamTooLarge above `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await answer.read():
            size += len(piece)
            if size > limit:
                raise UpstreamTooLarge(
                    f"The answer of upstream {answer.upstream!r} is larger than {limit} bytes.",
                    upstream=answer.upstream,
                    next_step="Ask for less, or raise max_response_bytes of the upstream.",
                )
            pieces.append(piece)
    finally:
        await answer.close()
    return b"".join(pieces)
