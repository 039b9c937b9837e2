"""Answers without a model: prepared help, notices, refusals, and the errors of an upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final

import structlog

from zhengming.care.precedence import Circumstances, Outcome, OutcomeKind, decide
from zhengming.core.errors import UnavailableError, ZhengmingError
from zhengming.core.words import ServiceKind, Surface
from zhengming.gateway import answers
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import EVENTS, JSON, Client
from zhengming.gateway.records import Ending
from zhengming.gateway.refusals import kind_of, readable, refuse
from zhengming.gateway.relay import hand_over_whole, settle, split_last_event
from zhengming.gateway.survey import emergency
from zhengming.gateway.turn import Turn, close_turn, open_turn
from zhengming.gateway.upstreams.request import Answer, read_whole
from zhengming.gateway.wire.errors import error_body
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.screen.judge import judge
from zhengming.screen.policy import ACTING

log = structlog.get_logger(__name__)

_BEIJING: Final = timezone(timedelta(hours=8))
_STOPS: Final = " .。!！"

_LARGEST_ERROR = 1_000_000


class OutcomeError(ZhengmingError):
    """A refusal that the table of who wins decided on."""

    def __init__(
        self, message: str, outcome: Outcome, *, next_step: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, next_step=next_step, code=outcome.code)
        self.status = outcome.status
        self.retry_after = retry_after


async def answer_without_model(gateway: Gateway, turn: Turn, client: Client, outcome: Outcome) -> Ending:
    """Answer as the table decided. A refusal opens no turn; help and notices do, where the store allows it."""
    if outcome.kind is OutcomeKind.REFUSE:
        if turn.recorded:
            await close_turn(gateway, turn, Ending.REFUSED)
        await refuse(gateway, client, _refusal(turn, outcome))
        return Ending.REFUSED
    helping = outcome.kind is OutcomeKind.PREPARED_HELP
    if helping:
        gateway.metrics.help_shown.inc()
    text = answers.help_text(gateway, turn, outcome.situation) if helping else _notice(turn, outcome)
    if not turn.recorded and not await _recorded(gateway, turn, needed=not helping):
        raise UnavailableError("The turn could not be recorded.", next_step="Try again when the database is back.")
    ending = Ending.HELP if helping else Ending.NOTICE
    finish = "stop" if helping or turn.switch is not None else "content_filter"
    if turn.request.stream:
        return await _send_events(gateway, turn, client, text, ending, finish=finish)
    result = answers.composed_whole(gateway, turn, text, finish=finish, label=not helping)
    return await hand_over_whole(gateway, turn, client, result, ending=ending)


async def _recorded(gateway: Gateway, turn: Turn, *, needed: bool) -> bool:
    """Open the turn; help is given even when that fails, since it needs no evidence."""
    try:
        return await opened(gateway, asyncio.ensure_future(open_turn(gateway, turn))) or not needed
    except Exception:
        if needed:
            raise
        log.exception("turn.unopened", turn=turn.id)
        return True


async def opened(gateway: Gateway, opening: asyncio.Future[None]) -> bool:
    """Whether the opening entry is durable. It is waited for even when the client leaves: a turn is never half open."""
    try:
        await asyncio.shield(opening)
    except UnavailableError as error:
        log.error("turn.unopened", reason=str(error))  # noqa: TRY400 - the text says it all
        gateway.metrics.store_errors.inc()
        return False
    except asyncio.CancelledError:
        await asyncio.gather(opening, return_exceptions=True)
        raise
    return True


async def close_quietly(gateway: Gateway, turn: Turn, ending: Ending) -> None:
    """Close a turn that nobody waits for; where that fails it is closed as *interrupted* at the next start."""
    try:
        await close_turn(gateway, turn, ending)
    except Exception as error:  # noqa: BLE001 - the turn has had its answer; `readable` logs what is no error of ours
        log.error("turn.unclosed", turn=turn.id, reason=str(readable(error)))  # noqa: TRY400 - the text says it all
        gateway.metrics.store_errors.inc()


async def rescue(gateway: Gateway, turn: Turn, client: Client, error: Exception) -> Ending:
    """A step failed that has no answer of its own: help for a person in danger, for others an error they can read.

    Raises the error where an answer has begun, so that it does not look complete.
    """
    if isinstance(error, UnavailableError):
        log.error("turn.broken", turn=turn.id, reason=str(error))
        gateway.metrics.store_errors.inc()
    told = readable(error)
    if not client.started:
        outcome = decide(_adrift(turn))
        if outcome.kind is OutcomeKind.PREPARED_HELP:
            return await answer_without_model(gateway, turn, client, outcome)
    if turn.recorded:
        await close_quietly(gateway, turn, Ending.FAILED)
    await refuse(gateway, client, told)
    return Ending.FAILED


def _adrift(turn: Turn) -> Circumstances:
    """What is known of a turn whose steps cannot be relied on: who may be in danger, and who is kept company."""
    return Circumstances(
        care_level=turn.care_level,
        emergency_cue=turn.emergency_cue or emergency(turn),
        detector_ok=False,
        companion=ServiceKind.COMPANION in turn.grant.service.kinds,
    )


async def _send_events(
    gateway: Gateway, turn: Turn, client: Client, text: str, ending: Ending, *, finish: str
) -> Ending:
    out = answers.composed(gateway, turn, text, finish=finish, label=ending is Ending.NOTICE)
    before, last = split_last_event(out.data)
    await client.start(200, [*EVENTS, *answers.headers_for(turn)])
    await client.write(before)
    turn.hand_over(out)
    await settle(gateway, turn, ending)
    await client.write(last, more=False)
    return ending


def _notice(turn: Turn, outcome: Outcome) -> str:
    if turn.switch is None:
        return answers.notice("block.notice", turn.language) if outcome.code == "content_filter" else outcome.code
    text = answers.notice("switch.stop_generation", turn.language, why=turn.switch.why.rstrip(_STOPS))
    if turn.switch.expires_at is not None:
        until = datetime.fromtimestamp(turn.switch.expires_at / 1000, _BEIJING).strftime("%Y-%m-%d %H:%M")
        text += answers.notice("switch.until", turn.language, until=until)
    return text


_REFUSALS = {
    "no_evidence": ("The turn cannot be recorded, and no turn is served without evidence.", "Try again later."),
    "unscreened": ("A detector failed, and what cannot be screened is not sent.", "Try again later."),
    "sanctioned": ("This end user is restricted from this service.", "An appeal is open to them."),
    "rate_limited": ("Too many requests.", "Wait as long as Retry-After says."),
    "quota_exhausted": ("The quota of the day is used up.", "It begins anew at midnight."),
    "upstream_unavailable": ("No model can be asked at the moment.", "Try again later."),
}


def _refusal(turn: Turn, outcome: Outcome) -> OutcomeError:
    message, next_step = _REFUSALS[outcome.code]
    retry_after = None
    if not turn.limit.allowed:
        retry_after = turn.limit.wait / 1000
        if turn.limit.refused is not None:
            message = f"{message} The limit is {turn.limit.refused.limit} ({turn.limit.refused.name})."
    return OutcomeError(message, outcome, next_step=next_step, retry_after=retry_after)


async def pass_error_on(gateway: Gateway, turn: Turn, client: Client, answer: Answer) -> Ending:
    """Hand on an upstream's error with its status, in OpenAI's shape whatever shape it came in.

    The error is passed byte for byte when the rules have nothing against any of its words; else it is told in ours.
    """
    body = await read_whole(answer, _LARGEST_ERROR)
    if not _is_clean_error(turn, body):
        message = f"The upstream {answer.upstream!r} answered with status {answer.status}."
        body = error_body(message, kind_of(answer.status), "upstream_error")
    await close_turn(gateway, turn, Ending.FAILED)
    await client.start(answer.status, [JSON, (b"content-length", b"%d" % len(body)), *answers.returned(answer)])
    await client.write(body, more=False)
    return Ending.FAILED


def _is_clean_error(turn: Turn, body: bytes) -> bool:
    """Whether a body is an error in OpenAI's shape that holds nothing which an answer may not show."""
    try:
        parsed = parse_object(body)
        profile = turn.ruling.profile(Surface.OUTPUT, turn.audience)
        return (
            isinstance(parsed.get("error"), dict)
            and "choices" not in parsed
            and not any(judge(turn.ruling.matcher, profile, text).verdict in ACTING for text in _texts(parsed))
        )
    except Exception as error:  # noqa: BLE001 - no JSON, or a detector that raises: it is told in our words
        log.warning("upstream.error_rewritten", turn=turn.id, reason=type(error).__name__)
        return False


def _texts(value: object) -> Iterator[str]:
    """Every text of a parsed body, names of members included; its depth is bounded by the parser."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
