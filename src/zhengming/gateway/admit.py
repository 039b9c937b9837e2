"""From bytes to a turn: who asks, for whom, in which conversation. Nothing here judges what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import structlog

from zhengming.accounts.conversations import Origin, Relation, Resolution
from zhengming.accounts.fingerprints import NO_INSTRUCTIONS, Point
from zhengming.accounts.people import audience_for
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.pseudonyms import Who
from zhengming.accounts.snapshot import Grant
from zhengming.core.errors import InvalidInputError, UnavailableError, ZhengmingError
from zhengming.core.i18n import language_of
from zhengming.core.ids import new_uuid
from zhengming.core.words import Audience
from zhengming.gateway.apis import Api
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import Receive, Scope, header, read_body
from zhengming.gateway.inside import inside_of, watch_of
from zhengming.gateway.rules import Ruling
from zhengming.gateway.turn import Turn
from zhengming.gateway.upstreams.errors import UnknownModelError
from zhengming.gateway.wire.base import TurnRequest
from zhengming.label.aigc import first_write
from zhengming.label.text import LabelStripper

log = structlog.get_logger(__name__)

USER_HEADER: Final = b"x-zhengming-user"
CONVERSATION_HEADER: Final = b"x-zhengming-conversation"
PERSONA_HEADER: Final = b"x-zhengming-persona"
_LONGEST_ID: Final = 512


class UnauthorizedError(ZhengmingError):
    """No key, an unknown key, or a revoked one."""

    code = "invalid_api_key"
    status = 401


class ForbiddenError(ZhengmingError):
    """The key is good, and does not open this."""

    code = "forbidden"
    status = 403


class OverloadedError(UnavailableError):
    """As many turns as this process may serve are under way."""

    code = "overloaded"


class BodySlowError(ZhengmingError):
    """The client did not send its body in time."""

    code = "body_timeout"
    status = 408


def authenticate(gateway: Gateway, scope: Scope, wanted: str) -> Grant:
    """Return what the request's key opens. Raises UnauthorizedError and ForbiddenError."""
    inside = inside_of(scope)
    if inside is not None:
        return inside.grant
    secret = header(scope, b"authorization")
    if secret[:7].lower() == "bearer ":
        secret = secret[7:].strip()
    else:
        secret = header(scope, b"api-key") or header(scope, b"x-api-key")
    if not secret:
        raise UnauthorizedError(
            "The request carries no API key.",
            next_step="Send `Authorization: Bearer zm-...`; see `zhengming keys create`.",
        )
    grant = gateway.directory.authenticate(secret)
    if grant is None:
        raise UnauthorizedError(
            f"The API key {secret[:6]}... is unknown or revoked.", next_step="Make another: `zhengming keys create`."
        )
    if wanted not in grant.scopes:
        raise ForbiddenError(
            f"The API key has no scope `{wanted}`.", next_step=f"Make one: `zhengming keys create --scope {wanted}`."
        )
    return grant


async def receive_body(gateway: Gateway, scope: Scope, receive: Receive) -> bytes:
    """Return the bounded body within the time allowed. Raises BodyTooLargeError, BodySlowError, ClientGoneError."""
    try:
        async with asyncio.timeout(gateway.bounds.body_seconds):
            return await read_body(scope, receive, gateway.bounds.max_body_bytes)
    except TimeoutError as error:
        raise BodySlowError(
            f"The request body did not arrive within {gateway.bounds.body_seconds:g} seconds.",
            next_step="Send it faster, or raise ZHENGMING_BODY_SECONDS.",
        ) from error


async def admit(gateway: Gateway, api: Api, scope: Scope, receive: Receive) -> Turn:
    """Return the turn that a request asks for. Raises a ZhengmingError with the status to answer."""
    grant = _entitled(gateway, api, scope)
    service = grant.service
    request = api.parse(await receive_body(gateway, scope, receive), stripper_for(service.label.wording))
    model = offered(service, _storable(request.model))
    user = _identifier(header(scope, USER_HEADER) or request.user, "end user")
    explicit = _identifier(header(scope, CONVERSATION_HEADER) or request.conversation, "conversation")
    who = gateway.pseudonyms.who(service.id, user, grant.key_id)
    turn_id = new_uuid()
    ruling = gateway.rules.ruling
    known = await _known(gateway, grant, who, request, explicit=explicit, ruling=ruling)
    return Turn(
        id=turn_id,
        api=api,
        request=request,
        grant=grant,
        who=who,
        conversation=known.conversation,
        attributed=known.attributed,
        audience=known.audience,
        language=_language(request),
        ruling=ruling,
        aigc=first_write(service.producer, turn_id),
        opened_at=gateway.clock(),
        persona=_identifier(header(scope, PERSONA_HEADER), "persona"),
        model=model,
        store_down=known.store_down,
        watch=watch_of(scope),
    )


def _entitled(gateway: Gateway, api: Api, scope: Scope) -> Grant:
    """Whether this key may have such a turn now."""
    grant = authenticate(gateway, scope, "chat")
    if api.function not in grant.service.functions:
        raise ForbiddenError(
            f"The service {grant.service.name!r} does not offer {api.function}.",
            next_step="Add it to the functions of the service.",
        )
    if gateway.active > gateway.bounds.max_active_turns:  # this one is counted already
        raise OverloadedError(
            f"{gateway.active} turns are under way in this process.", next_step="Try again in a moment."
        )
    return grant


def offered(service: ServiceProfile, name: str) -> str:
    """The model alias behind the name that the client used."""
    model = service.model(name)
    if model is None:
        raise UnknownModelError(
            f"The service {service.name!r} offers no model {name[:200]!r}.",
            next_step=f"Use one of: {', '.join(service.models)}.",
        )
    return model


@lru_cache(maxsize=256)
def stripper_for(own: str) -> Callable[[str], str]:
    """What takes our labels, and the service's own wording, out of messages that come back as history."""
    return LabelStripper((own,) if own else ()).strip


class _Known(NamedTuple):
    audience: Audience
    conversation: Resolution
    attributed: bool = False
    store_down: bool = False


async def _known(
    gateway: Gateway, grant: Grant, who: Who, request: TurnRequest, *, explicit: str, ruling: Ruling
) -> _Known:
    """Audience and conversation; while the store is down the strictest audience and a conversation of its own.

    That lets the examination go on: whether a person is in danger must be known even when nothing can be recorded.
    """
    service = grant.service
    try:
        person = None if who.stand_in else await gateway.directory.person(who.person_id, service.id)
        has_conversation = bool(explicit or request.previous_response or request.messages)
        audience = audience_for(service, person, has_conversation=has_conversation)
        conversation = await gateway.conversations.resolve(
            request.messages,
            request.roles,
            person_id=who.person_id,
            service_id=service.id,
            rules_version=f"{ruling.version}/{audience}",
            explicit=explicit,
            previous_response=request.previous_response,
            stand_in=who.stand_in,
        )
        return _Known(audience, conversation, attributed=has_conversation and not who.stand_in)
    except UnavailableError as error:
        log.error("store.down", reason=str(error))  # noqa: TRY400 - the text says it all
        gateway.metrics.store_errors.inc()
        audience = audience_for(service, None, has_conversation=False)
        nowhere = Point(b"", NO_INSTRUCTIONS, 0)
        conversation = Resolution(
            new_uuid(), 0, Relation.NEW, "", Origin.HISTORY, service.id, who.person_id, ruling.version, None, nowhere
        )
        return _Known(audience, conversation, store_down=True)


def _identifier(text: str, name: str) -> str:
    """An identifier of the client, bounded. Raises InvalidInputError."""
    if len(text) > _LONGEST_ID:
        raise InvalidInputError(
            f"The id of the {name} has {len(text)} characters.", next_step=f"Use at most {_LONGEST_ID}."
        )
    return text


def _storable(model: str) -> str:
    """A model name that rows and entries can hold. Raises InvalidInputError for control characters and surrogates."""
    if len(model) > _LONGEST_ID or not model.isprintable():
        raise InvalidInputError(
            "The name of the model is too long or holds characters that cannot be printed.",
            next_step="Name one of GET /v1/models.",
        )
    return model


def _language(request: TurnRequest) -> str:
    """The language of the person: that of the last user text, else of whatever the request says last."""
    spoken = [piece.text for piece in request.pieces if piece.role == "user"]
    return language_of(spoken[-1] if spoken else request.pieces[-1].text if request.pieces else "")
