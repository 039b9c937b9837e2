"""Refusals before or instead of a turn, in the error shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Final

import structlog

from zhengming.core.errors import ZhengmingError
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import Client, Headers
from zhengming.gateway.wire.errors import error_body
from zhengming.store.errors import told_outside

log = structlog.get_logger(__name__)

_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


class InternalError(ZhengmingError):
    """The gateway itself failed; the log says how."""

    code = "internal_error"


def readable(error: Exception) -> ZhengmingError:
    """Return an error that a client may read: the error itself when it is ours, else it is logged and stays inside.

    So does what a database driver says of itself.
    """
    if isinstance(error, ZhengmingError):
        told = told_outside(error)
        if told is not error:
            log.warning("gateway.store_failed", reason=str(error))
        return told
    log.error("gateway.failed", exc_info=error)
    return InternalError("The gateway failed to answer.", next_step="Try again; the operator finds more in the log.")


def kind_of(status: int) -> str:
    """The `type` of an error with this status."""
    return _KINDS.get(status, "api_error")


async def refuse(gateway: Gateway, client: Client, error: ZhengmingError) -> None:
    """Answer with an error and count it by its code.

    Raises it where an answer has begun: uvicorn then cuts the connection, so that the answer does not look complete.
    """
    if client.gone:
        return
    if client.started:
        raise error
    gateway.metrics.refused.labels(error.code).inc()
    body = error_body(str(error), kind_of(error.status), error.code, getattr(error, "param", None))
    await client.respond(error.status, body, retry_headers(getattr(error, "retry_after", None)))


def retry_headers(seconds: float | None) -> Headers:
    """The header that says when to come back; whole seconds, at least one."""
    return [] if seconds is None else [(b"retry-after", b"%d" % max(1, round(seconds)))]
