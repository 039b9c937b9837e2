"""The API as an application: FastAPI reads and writes, the table says what there is, the guard who may."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from zhengming.console.api.document import BODY_STATUSES, document_of, in_bytes
from zhengming.console.api.guard import GuardedRoute
from zhengming.console.api.mount import PREFIX
from zhengming.console.api.operation import Operation
from zhengming.console.api.operations import OPERATIONS
from zhengming.console.api.pages import docs_page
from zhengming.console.api.problems import NoSuchOperationError, WrongMethodError, answer_any
from zhengming.console.api.telling import MEDIA_TYPE, tell
from zhengming.console.context import Console
from zhengming.console.errors import answer_error

_PLACE: Final = re.compile(r"\{[a-z_]+\}")


def build_api(console: Console) -> ASGIApp:
    """Return the application that serves everything under `/api`; it is mounted there."""
    app = application()
    app.state.console = console
    document = document_of(app, console.facts.version)
    body = in_bytes(document)

    async def openapi(_request: Request) -> Response:
        return Response(body, media_type="application/json", headers={"cache-control": "no-cache"})

    async def docs(request: Request) -> Response:
        try:
            return await docs_page(console, request, document)
        except Exception as error:  # noqa: BLE001 - answered as a page, as everywhere in the console
            return answer_error(console, request, None, error)

    app.add_route("/openapi.json", openapi)
    app.add_route("/docs", docs)
    return app


def application() -> FastAPI:
    """Return the operations as an application without the console that it asks: `app.state.console` is to be set."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPStatus.NOT_FOUND.value: _missing,
            HTTPStatus.METHOD_NOT_ALLOWED.value: _missing,
            HTTPException: _other,
        },
    )
    for path, methods in _shadowed():
        app.add_route(path, _missing_here, methods=methods, include_in_schema=False)
    for operation in OPERATIONS:
        _add(app, operation)
    return app


def _shadowed() -> Iterator[tuple[str, list[str]]]:
    """Paths without a place, such as /rules/try, with the methods that only a path with one takes, /rules/{rule_id}."""
    for path in dict.fromkeys(operation.path for operation in OPERATIONS if "{" not in operation.path):
        others = {method for shape, method in _SHAPES if shape.fullmatch(path)} - _methods_of(path)
        if others:
            yield path, sorted(others)


def _methods_of(path: str) -> set[str]:
    return {operation.method for operation in OPERATIONS if operation.path == path}


def _add(app: FastAPI, operation: Operation) -> None:
    class Route(GuardedRoute):
        """The route of one operation."""

    Route.operation = operation
    app.router.add_api_route(
        operation.path,
        operation.handler,
        methods=[operation.method],
        operation_id=operation.name,
        summary=operation.meaning,
        description=operation.more,
        status_code=operation.status,
        tags=[operation.area],
        responses=_responses(operation),
        openapi_extra={"x-permission": str(operation.needs)},
        route_class_override=Route,
    )


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """The statuses that an operation may answer beside its success."""
    statuses = {401, 403, 422, 429, 503, *operation.refusals}
    if "{" in operation.path:
        statuses.add(HTTPStatus.NOT_FOUND)
    if operation.method != "GET":
        statuses |= BODY_STATUSES
    found: dict[int | str, dict[str, Any]] = {int(one): _problem(HTTPStatus(one)) for one in sorted(statuses)}
    if operation.tagged:
        tag = {"schema": {"type": "string"}, "description": "The revision, for `If-Match`.", "required": True}
        found[operation.status] = {"headers": {"ETag": tag}}
    return found


def _problem(status: HTTPStatus) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    found: dict[str, Any] = {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    header = _HEADERS.get(status)
    if header is not None:
        found["headers"] = {header: {"schema": {"type": "string"}, "required": True}}
    return found


_HEADERS: Final[Mapping[int, str]] = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 429: "Retry-After"}
_SHAPES: Final = tuple((re.compile(_PLACE.sub("[^/]+", operation.path)), operation.method) for operation in OPERATIONS)


async def _missing(request: Request, _error: Exception) -> Response:
    """Answer a path that is none, or that takes other methods: all of them are named, not only the first."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    allowed = sorted(_methods_of(path) or {method for shape, method in _SHAPES if shape.fullmatch(path)})
    if not allowed and path in {"/openapi.json", "/docs"}:
        allowed = ["GET", "HEAD"]
    if allowed:
        names = ", ".join(allowed)
        wrong = WrongMethodError(
            f"{request.url.path[:200]} does not take {request.method[:16]}.",
            next_step=f"Use {names}.",
            headers={"allow": names},
        )
        return tell(request, wrong)
    missing = NoSuchOperationError(
        f"The API has no {request.url.path[:200]!r}.", next_step=f"See {PREFIX}/docs or {PREFIX}/openapi.json."
    )
    return tell(request, missing)


async def _missing_here(request: Request) -> Response:
    return await _missing(request, NoSuchOperationError(""))


async def _other(request: Request, error: Exception) -> Response:
    return answer_any(request, error)
