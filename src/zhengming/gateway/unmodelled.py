"""Answers without a model: prepared help, notices, refusals, and the errors of an upstream."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from zhengming.care.precedence import Outcome, OutcomeKind
from zhengming.core.errors import UnavailableError, ZhengmingError
from zhengming.gateway import answers
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import EVENTS, JSON, Client
from zhengming.gateway.records import Ending
from zhengming.gateway.refusals import kind_of, refuse
from zhengming.gateway.relay import hand_over_whole, settle, split_last_event
from zhengming.gateway.turn import Turn, close_turn, open_turn
from zhengming.gateway.upstreams.request import Answer, read_whole
from zhengming.gateway.wire.errors import error_body

log = structlog.get_logger(__name__)

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
        await open_turn(gateway, turn)
    except UnavailableError as error:
        log.error("turn.unopened", turn=turn.id, reason=str(error))  # noqa: TRY400 - the text says it all
        gateway.metrics.store_errors.inc()
        return not needed
    return True


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
    text = answers.notice("switch.stop_generation", turn.language, why=turn.switch.why)
    if turn.switch.expires_at is not None:
        until = datetime.fromtimestamp(turn.switch.expires_at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
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
    """Hand on an upstream's error with its status, in OpenAI's shape whatever shape it came in."""
    body = await read_whole(answer, _LARGEST_ERROR)
    if not body.lstrip().startswith(b"{"):
        message = f"The upstream {answer.upstream!r} answered with status {answer.status}."
        body = error_body(message, kind_of(answer.status), "upstream_error")
    await close_turn(gateway, turn, Ending.FAILED)
    await client.start(answer.status, [JSON, (b"content-length", b"%d" % len(body)), *answers.returned(answer)])
    await client.write(body, more=False)
    return Ending.FAILED
