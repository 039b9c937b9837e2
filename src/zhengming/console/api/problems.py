"""Errors of the API as RFC 9457 problem documents: what is wrong, where, and what to do next; never a stack trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from zhengming.console.api.telling import tell
from zhengming.console.api.values import Answer
from zhengming.core.errors import ZhengmingError
from zhengming.store.errors import told_outside

log = structlog.get_logger(__name__)

_FIELDS_SHOWN: Final = 20


class Misfit(Answer):
    """One part of a request that does not fit."""

    pointer: str = Field(description="Where it stands: `/body/why`, `/query/limit`, `/path/service_id`.")
    detail: str = Field(description="What is wrong with it.")


class Problem(Answer):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Where the kind of problem is described.", examples=["/api/docs#problem-not_found"])
    title: str = Field(description="The HTTP status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong, and where.", examples=["There is no service 'x'."])
    instance: str = Field(description="The path that was asked for.", examples=["/api/services/x"])
    code: str = Field(description="A stable id for programs.", examples=["not_found"])
    next_step: str = Field(description="What to do about it; may be empty.")
    errors: list[Misfit] = Field(default=[], description="With code `unprocessable`: every part that does not fit.")


class ApiError(ZhengmingError):
    """An error that carries headers of its own."""

    def __init__(self, message: str, *, next_step: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.headers = dict(headers or {})


class NoTokenError(ApiError):
    """No token was sent, or one that opens nothing: unknown, expired, revoked, or of a disabled account."""

    code = "not_authenticated"
    status = 401


class MissingPermissionError(ApiError):
    """The token is good, and does not hold the permission that the operation names."""

    code = "missing_permission"
    status = 403


class TooManyRequestsError(ApiError):
    """This token asked too often; `Retry-After` says when to go on."""

    code = "rate_limited"
    status = 429


class MediaTypeError(ZhengmingError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"
    status = 415


class RevisionError(ZhengmingError):
    """The thing was changed by somebody else since it was read; nothing was changed."""

    code = "precondition_failed"
    status = 412


class UnprocessableError(ZhengmingError):
    """A field, a parameter or a header does not fit the document of the API."""

    code = "unprocessable"
    status = 422


class NoSuchOperationError(ZhengmingError):
    """The path is no operation of the API."""

    code = "no_such_operation"
    status = 404


class WrongMethodError(ApiError):
    """The path takes other methods; `Allow` names them."""

    code = "method_not_allowed"
    status = 405


class ApiFailedError(ZhengmingError):
    """The API itself failed; the log of the server says how."""

    code = "internal_error"


def answer_any(request: Request, error: Exception) -> Response:
    """Return any error as a problem document; one that is not ours, or a driver's, is logged and stays inside."""
    if isinstance(error, ZhengmingError):
        told = told_outside(error)
        if told is not error:
            log.warning("api.store_failed", reason=str(error))
        return tell(request, told)
    if isinstance(error, RequestValidationError):
        return answer_misfits(request, error)
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        unread = UnprocessableError("The body cannot be read.", next_step="Send one JSON object in UTF-8.")
        return tell(request, unread)
    log.error("api.failed", path=request.url.path, exc_info=error)
    failed = ApiFailedError("The operation failed.", next_step="Try again; the log of the server says more.")
    return tell(request, failed)


def answer_misfits(request: Request, error: RequestValidationError) -> Response:
    """Return every part of a request that does not fit."""
    found = list(_misfits(error.errors()))[:_FIELDS_SHOWN]
    first = found[0]
    summary = UnprocessableError(
        f"The request does not fit at {first.pointer}: {first.detail}.", next_step="See /api/openapi.json."
    )
    return tell(request, summary, [one.model_dump() for one in found])


def _misfits(errors: Sequence[Any]) -> Iterator[Misfit]:
    for one in errors:
        place = "".join("/" + str(step)[:64].replace("~", "~0").replace("/", "~1") for step in one["loc"])
        yield Misfit(pointer=place, detail=str(one["msg"]))
