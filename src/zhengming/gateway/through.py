"""Routes that carry no turn: embeddings pass unchanged, and the list of models is made from the routes."""

from __future__ import annotations

import asyncio

import structlog

from zhengming.accounts.limits import ALLOWED, claims_of
from zhengming.accounts.snapshot import Grant
from zhengming.core.errors import InvalidInputError, ZhengmingError
from zhengming.core.words import SwitchKind
from zhengming.gateway.admit import ForbiddenError, authenticate, offered, receive_body
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import JSON, Client, Receive, Scope
from zhengming.gateway.survey import SwitchedOffError
from zhengming.gateway.upstreams.headers import forwarded, returned
from zhengming.gateway.upstreams.request import UpstreamRequest
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.splice import Splice, dump

log = structlog.get_logger(__name__)


class LimitedError(ZhengmingError):
    """A limit or quota of the key is used up; come back after `retry_after` seconds."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, wait: float) -> None:
        super().__init__(message, next_step="Wait as long as Retry-After says.")
        self.retry_after = wait


async def embeddings(gateway: Gateway, scope: Scope, receive: Receive, client: Client) -> None:
    """Pass a request for embeddings on; only the model's name may be replaced. No person reads the answer: no turn."""
    grant = authenticate(gateway, scope, "chat")
    if "embeddings" not in grant.service.functions:
        raise ForbiddenError(
            f"The service {grant.service.name!r} does not offer embeddings.",
            next_step="Add it to the functions of the service.",
        )
    stop = gateway.directory.switch(
        SwitchKind.STOP_GENERATION, gateway.clock(), service_id=grant.service.id, function="embeddings"
    )
    if stop is not None:
        raise SwitchedOffError(f"Embeddings are switched off: {stop.why}", next_step="Try again later.")
    raw = await receive_body(gateway, scope, receive)
    model = parse_object(raw).get("model")
    if not isinstance(model, str):
        raise InvalidInputError("model must be a string.", next_step="Name one of GET /v1/models.")
    await _within_limits(gateway, grant)
    request = UpstreamRequest(
        "POST",
        "/v1/embeddings",
        offered(grant.service, model),
        lambda name: _with_model(raw, model, name),
        forwarded(scope["headers"]),
    )
    client.watch()
    try:
        await _pass_on(gateway, request, client)
    except asyncio.CancelledError:
        if not client.settle():
            raise
    finally:
        client.unwatch()


async def _within_limits(gateway: Gateway, grant: Grant) -> None:
    """Count the request against the limits of its key. Nobody reads embeddings, so no help is due instead."""
    now = gateway.clock()
    who = gateway.pseudonyms.who(grant.service.id, "", grant.key_id)
    claims = claims_of(grant.service, grant.key_id, who, now)
    decision = await gateway.limiter.take(claims, now) if claims else ALLOWED
    if not decision.allowed:
        raise LimitedError("Too many requests for this key.", wait=decision.wait / 1000)


def _with_model(raw: bytes, asked: str, model: str) -> bytes:
    if model == asked:
        return raw
    splice = Splice(raw)
    splice.replace(("model",), dump(model))
    return splice.render()


async def _pass_on(gateway: Gateway, request: UpstreamRequest, client: Client) -> None:
    answer = await gateway.upstreams.open(request)
    try:
        await client.start(answer.status, [JSON, *(pair for pair in returned(answer.headers) if pair[0] != JSON[0])])
        while data := await answer.read():
            await client.write(data)
        await client.write(b"", more=False)
    finally:
        await answer.close()


async def models(gateway: Gateway, scope: Scope, _receive: Receive, client: Client) -> None:
    """List the models that this key's service may name."""
    grant = authenticate(gateway, scope, "chat")
    names = list(grant.service.models) or await model_names(gateway)
    owner = grant.service.producer
    body = {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name in names],
    }
    await client.respond(200, dump(body))


async def model_names(gateway: Gateway) -> list[str]:
    """The configured aliases, then what the upstreams that take every name offer."""
    return [entry["id"] for entry in await gateway.models.entries()]
