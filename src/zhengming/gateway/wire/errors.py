"""Errors as OpenAI's clients expect them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.gateway.upstreams.errors import UpstreamError
from zhengming.gateway.wire.splice import dump

INVALID_REQUEST: Final = "invalid_request_error"
UPSTREAM_ERROR: Final = "upstream_error"


class RequestError(InvalidInputError):
    """A request body that cannot be judged. `param` names the place, such as `messages[2].content`."""

    def __init__(self, message: str, *, param: str = "", code: str = "invalid_type", next_step: str = "") -> None:
        super().__init__(message, code=code, next_step=next_step)
        self.param = param


class UpstreamGarbageError(UpstreamError):
    """The upstream sent what cannot be judged; nothing of it may be shown."""

    code = "upstream_garbage"


def error_object(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, object]:
    """Return the inner error as a dict, members in the order of OpenAI."""
    return {"message": message, "type": kind, "param": param or None, "code": code or None}


def error_body(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    """Return a whole error body in JSON. `kind` is the `type`, such as `invalid_request_error`."""
    return dump({"error": error_object(message, kind, code, param)})


def error_event(message: str, code: str, kind: str = UPSTREAM_ERROR) -> bytes:
    """Return an error as one server-sent event; the official clients raise it."""
    return b"data: " + error_body(message, kind, code) + b"\n\n"
