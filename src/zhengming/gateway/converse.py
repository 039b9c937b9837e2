"""A turn from the request to its end: the one place where its steps stand in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

from zhengming.care.precedence import Circumstances, OutcomeKind, decide
from zhengming.core.errors import ZhengmingError
from zhengming.gateway.admit import admit, stripper_for
from zhengming.gateway.apis import Api
from zhengming.gateway.context import Gateway
from zhengming.gateway.examine import examine
from zhengming.gateway.http import Client, ClientGoneError, Receive, Scope, Send
from zhengming.gateway.metrics import KNOWN_KINDS
from zhengming.gateway.records import Ending
from zhengming.gateway.refusals import readable, refuse
from zhengming.gateway.relay import Relay, relay_whole
from zhengming.gateway.survey import emergency, spend_tokens, survey
from zhengming.gateway.turn import Turn, close_turn, open_turn
from zhengming.gateway.unmodelled import answer_without_model, close_quietly, opened, pass_error_on, rescue
from zhengming.gateway.upstreams.errors import UpstreamError
from zhengming.gateway.upstreams.headers import forwarded
from zhengming.gateway.upstreams.request import SUCCESS, Answer, UpstreamRequest
from zhengming.gateway.wire.request import rewrite


async def serve_turn(gateway: Gateway, api: Api, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a turn API, whatever happens. It counts from its first byte, so that no flood slips by."""
    client = Client(receive, send)
    gateway.active += 1
    try:
        headers = forwarded(scope["headers"])
        turn = await admit(gateway, api, scope, receive)
    except ClientGoneError:
        gateway.active -= 1
        return
    except Exception as error:  # noqa: BLE001 - `readable` logs what is no error of ours
        gateway.active -= 1
        await refuse(gateway, client, readable(error))
        return
    except BaseException:
        gateway.active -= 1
        raise
    client.watch()
    ending = Ending.FAILED
    try:
        ending = await _attended(gateway, turn, client, headers)
    except asyncio.CancelledError:
        if not client.settle():
            raise
        ending = Ending.CLIENT_GONE
        if turn.recorded:
            await close_quietly(gateway, turn, ending)
    finally:
        client.unwatch()
        _count(gateway, turn, ending)
        gateway.active -= 1


async def _attended(gateway: Gateway, turn: Turn, client: Client, headers: Mapping[str, str]) -> Ending:
    """Converse; whatever fails on the way is answered too."""
    try:
        ending = await _converse(gateway, turn, client, headers)
        await spend_tokens(gateway, turn)
    except Exception as error:  # noqa: BLE001 - `rescue` logs it and answers
        return await rescue(gateway, turn, client, error)
    return ending


async def _converse(gateway: Gateway, turn: Turn, client: Client, headers: Mapping[str, str]) -> Ending:
    """Examine, decide who wins, open, ask, answer, close."""
    await examine(gateway, turn)
    now = await survey(gateway, turn)
    outcome = decide(now)
    if outcome.kind is not OutcomeKind.SERVE:
        return await answer_without_model(gateway, turn, client, outcome)
    request = UpstreamRequest(
        "POST",
        turn.api.path,
        turn.model,
        lambda model: rewrite(
            turn.request,
            model=model,
            drop_labels=stripper_for(turn.grant.service.label.wording),
            redact=turn.redactions,
        ),
        headers,
        turn.request.stream,
    )
    opening = asyncio.ensure_future(open_turn(gateway, turn))
    try:
        answer = await turn.wait_for(gateway.upstreams.open(request))
    except ZhengmingError as error:  # an upstream that fails, or a model that no upstream serves
        if not await opened(gateway, opening):
            return await _without_store(gateway, turn, client, now)
        return await _upstream_failed(gateway, turn, client, now, error)
    except BaseException:
        await asyncio.gather(opening, return_exceptions=True)
        raise
    try:
        if not await opened(gateway, opening):
            return await _without_store(gateway, turn, client, now)
        turn.upstream, turn.renamed = answer.upstream, answer.model != turn.request.model
        return await _answer(gateway, turn, client, answer, now)
    finally:
        await answer.close()


async def _answer(gateway: Gateway, turn: Turn, client: Client, answer: Answer, now: Circumstances) -> Ending:
    """Hand on what the upstream says: a stream, a whole answer, or its error."""
    try:
        return await _hand_on(gateway, turn, client, answer, now)
    except UpstreamError as error:  # it broke off before anything of it was shown
        return await _upstream_failed(gateway, turn, client, now, error)


async def _hand_on(gateway: Gateway, turn: Turn, client: Client, answer: Answer, now: Circumstances) -> Ending:
    if answer.status not in SUCCESS:
        outcome = decide(replace(now, upstream_ok=False))
        if outcome.kind is OutcomeKind.PREPARED_HELP:
            return await answer_without_model(gateway, turn, client, outcome)
        return await pass_error_on(gateway, turn, client, answer)
    if turn.request.stream and "event-stream" in answer.headers.get("content-type", "event-stream"):
        return await Relay(gateway, turn, client, answer).run()
    return await relay_whole(gateway, turn, client, answer)


async def _upstream_failed(
    gateway: Gateway, turn: Turn, client: Client, now: Circumstances, error: ZhengmingError
) -> Ending:
    outcome = decide(replace(now, upstream_ok=False))
    if outcome.kind is OutcomeKind.PREPARED_HELP:
        return await answer_without_model(gateway, turn, client, outcome)
    await close_turn(gateway, turn, Ending.FAILED)
    await refuse(gateway, client, error)
    return Ending.FAILED


async def _without_store(gateway: Gateway, turn: Turn, client: Client, now: Circumstances) -> Ending:
    """No evidence, no service: nothing of the model is shown; a person in danger still meets help."""
    outcome = decide(replace(now, store_ok=False, emergency_cue=now.emergency_cue or emergency(turn)))
    return await answer_without_model(gateway, turn, client, outcome)


def _count(gateway: Gateway, turn: Turn, ending: Ending) -> None:
    metrics = gateway.metrics
    metrics.count_turn(turn.api.function, ending)
    metrics.duration.observe(time.perf_counter() - turn.began)
    if turn.first_byte_ms is not None:
        metrics.first_byte.observe(turn.first_byte_ms / 1000)
    if turn.added_ms is not None:
        metrics.added.observe(turn.added_ms / 1000)
    if turn.unscreened:
        metrics.unscreened.inc()
    if not turn.attributed:
        metrics.unattributed.inc()
    for part in turn.request.unjudged:
        metrics.unjudged.labels(part.kind if part.kind in KNOWN_KINDS else "other").inc()
    for _, reason in turn.found:
        metrics.verdicts.labels("input", reason.signal.category, reason.verdict).inc()
    for _, reason in turn.answer_found:
        metrics.verdicts.labels("output", reason.signal.category, reason.verdict).inc()
