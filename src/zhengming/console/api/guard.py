"""What stands between a request and its operation: the token, its rate, the permission, and the bounds of what is sent.

All of it is asked before a body or a parameter is looked at, so that nobody learns anything here without a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from email.message import Message as MimeMessage
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from zhengming.accounts import tokens
from zhengming.accounts.limits import Rate
from zhengming.accounts.tokens import Token
from zhengming.console.api.operation import Call, Operation
from zhengming.console.api.problems import (
    MediaTypeError,
    MissingPermissionError,
    NoTokenError,
    TooManyRequestsError,
    UnprocessableError,
    answer_any,
)
from zhengming.console.context import Console
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.splice import is_deeper_than
from zhengming.web.forms import read_body
from zhengming.web.security import LARGEST_BODY

MOST_DEPTH: Final = 16
REALM: Final = 'Bearer realm="zhengming"'
_SECRET: Final = re.compile(re.escape(tokens.PREFIX) + r"[A-Za-z0-9_-]{43}")
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that admits a request before FastAPI reads it, and answers every error as a problem."""

    operation: Operation

    def get_route_handler(self) -> Handler:
        """Return what serves one request."""
        serve = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                request.state.call = await admit(request.app.state.console, self.operation, request)
                _check_texts(request, self)
                answer = await serve(await _bounded(request, takes_body=self.body_field is not None))
            except Exception as error:  # noqa: BLE001 - what is no error of ours is logged there
                return answer_any(request, error)
            answer.headers["cache-control"] = "no-store"
            return answer

        return guarded


async def admit(console: Console, operation: Operation, request: Request) -> Call:
    """Return the call of whoever sent a good token; NoTokenError, TooManyRequestsError, MissingPermissionError."""
    secret, now = _secret_of(request), console.clock()
    token = await console.gateway.store.read(lambda tx: tokens.find(tx, secret, now))
    if token is None:
        raise NoTokenError(
            "This token opens nothing: it is unknown, expired or revoked, or its account is disabled.",
            next_step="Make another one on the page /tokens of the console.",
            headers={"www-authenticate": f'{REALM}, error="invalid_token"'},
        )
    await _take_rate(console, token, now)
    if operation.needs not in token.permissions:
        raise MissingPermissionError(
            f"This token does not hold the permission {operation.needs}.",
            next_step="Make a token with this scope; the roles of your account must give it, too.",
            headers={"www-authenticate": f'{REALM}, error="insufficient_scope", scope="{operation.needs}"'},
        )
    if tokens.is_use_stale(token, now):
        await console.gateway.store.write(lambda tx: tokens.note_use(tx, token.id, now))
    return Call(console, token.staff_id, f"{token.maker} (token {token.prefix})", token.permissions, now)


def _secret_of(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _SECRET.fullmatch(secret.strip()):
        raise NoTokenError(
            "This needs a token of the management API.",
            next_step=f"Send `Authorization: Bearer {tokens.PREFIX}...`; the page /tokens of the console makes tokens.",
            headers={"www-authenticate": REALM},
        )
    return secret.strip()


async def _take_rate(console: Console, token: Token, now: int) -> None:
    if not console.facts.api_requests_per_minute:
        return
    rate = Rate("token_requests_per_minute", f"zm:api:{token.id}", console.facts.api_requests_per_minute)
    decision = await console.gateway.limiter.take([rate], now)
    if not decision.allowed:
        seconds = max(1, -(-decision.wait // 1000))
        raise TooManyRequestsError(
            f"This token may make {rate.limit} requests a minute.",
            next_step=f"Wait {seconds} s.",
            headers={"retry-after": str(seconds)},
        )


def _check_texts(request: Request, route: GuardedRoute) -> None:
    """Refuse NUL, which no database keeps, and parameters that the operation does not have or takes once."""
    known = _query_names(route)
    given = request.query_params
    for name in given:
        if name not in known:
            raise UnprocessableError(
                f"There is no query parameter {name[:80]!r} here.",
                next_step=f"Use {', '.join(sorted(known))}." if known else "Send none.",
            )
        if not known[name] and len(given.getlist(name)) > 1:
            raise UnprocessableError(f"The query parameter {name!r} stands more than once.", next_step="Send it once.")
    sent = [*request.path_params.values(), *(value for _, value in given.multi_items())]
    if any("\x00" in value for value in sent):
        raise UnprocessableError("A parameter holds the character NUL.", next_step="Leave it out.")


def _query_names(route: GuardedRoute) -> Mapping[str, bool]:
    """The parameters of an operation: name -> whether it may be repeated."""
    names: dict[str, bool] = {}
    for field in route.dependant.query_params:
        model = getattr(field.field_info.annotation, "model_fields", None)
        found = model.items() if model is not None else [(field.alias, field.field_info)]
        names |= {info.alias or name: "list" in str(info.annotation) for name, info in found}
    return names


async def _bounded(request: Request, *, takes_body: bool) -> Request:
    """Return the request with its whole body read: small, shallow, and only where one belongs."""
    if request.method not in _METHODS_WITH_BODY:
        return request
    body = await read_body(request, LARGEST_BODY)
    if body and not takes_body:
        raise UnprocessableError("This operation takes no body.", next_step="Send none.")
    if body:
        _check_body(request, body)
    return Request(request.scope, _again(body))


def _check_body(request: Request, body: bytes) -> None:
    declared = MimeMessage()
    declared["content-type"] = request.headers.get("content-type", "")
    if declared.get_content_type() != "application/json":
        raise MediaTypeError(
            "The body is not declared as JSON.", next_step="Send it with `Content-Type: application/json`."
        )
    if is_deeper_than(body, MOST_DEPTH):
        raise UnprocessableError(f"The body nests deeper than {MOST_DEPTH}.", next_step="Flatten it.")
    if any("\x00" in text or not _whole(text) for text in _texts(parse_object(body))):
        raise UnprocessableError("A text holds NUL or half a character.", next_step="Send whole characters in UTF-8.")


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _again(body: bytes) -> Receive:
    """A `receive` that gives a body which was read already."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return left.pop() if left else {"type": "http.disconnect"}

    return receive
