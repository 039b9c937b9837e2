"""Refusals before or instead of a turn, in the error shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Final

from zhengming.core.errors import ZhengmingError
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import Client, Headers
from zhengming.gateway.wire.errors import error_body

_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


def kind_of(status: int) -> str:
    """The `type` of an error with this status."""
    return _KINDS.get(status, "api_error")


async def refuse(gateway: Gateway, client: Client, error: ZhengmingError) -> None:
    """Answer with an error; count it by its code."""
    gateway.metrics.refused.labels(error.code).inc()
    body = error_body(str(error), kind_of(error.status), error.code, getattr(error, "param", None))
    await client.respond(error.status, body, retry_headers(getattr(error, "retry_after", None)))


def retry_headers(seconds: float | None) -> Headers:
    """The header that says when to come back; whole seconds, at least one."""
    return [] if seconds is None else [(b"retry-after", b"%d" % max(1, round(seconds)))]
