"""What an answer carries besides the model's words: label, headers, notices, prepared help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypedDict
from urllib.parse import quote

import structlog

from zhengming.care.step import CareAction, HelpSituation
from zhengming.core.i18n import DEFAULT_LANGUAGE, translate
from zhengming.core.words import LabelPlacement, Surface
from zhengming.gateway.admit import stripper_for
from zhengming.gateway.context import Gateway
from zhengming.gateway.rules import Ruling
from zhengming.gateway.survey import tolerates
from zhengming.gateway.tolerance import tolerant
from zhengming.gateway.turn import Turn
from zhengming.gateway.upstreams.headers import returned as returned_headers
from zhengming.gateway.upstreams.request import Answer
from zhengming.gateway.wire.base import Out, OutputContext, TurnRequest, WholeOutput
from zhengming.label.headers import NOTICE, label_headers
from zhengming.label.text import BOTH, TextLabel, wording
from zhengming.screen.guard import Screening

log = structlog.get_logger(__name__)

_NOT_OURS: Final = frozenset({b"content-type", b"content-length"})


def notice(key: str, language: str, **values: object) -> str:
    """A notice of the gateway in a language."""
    return translate("gateway", key, language, **values)


def label_for(turn: Turn) -> TextLabel:
    """The explicit label of the service in the language of this turn.

    `auto` follows the person's language, but never leaves out the Chinese elements that GB 45438-2025 asks for: an
    English answer gets both. A service that is not offered in China may say `en`.
    """
    policy = turn.grant.service.label
    language: str = policy.language
    if language == "auto":
        language = turn.language if turn.language == DEFAULT_LANGUAGE else BOTH
    return _label(policy.placement, language, policy.wording)


@lru_cache(maxsize=256)
def _label(placement: LabelPlacement, language: str, own: str) -> TextLabel:
    return TextLabel(placement, language, own)


@lru_cache(maxsize=256)
def _notice_header(language: str, own: str) -> tuple[bytes, bytes]:
    return NOTICE, quote(own or wording(language), safe="").encode("ascii")


def screening_for(gateway: Gateway, turn: Turn, ruling: Ruling) -> Screening:
    """The rules of an answer for this turn under a ruling; tolerant of failing detectors where the service says so."""
    screening = ruling.screening(turn.audience, turn.language)
    if not tolerates(gateway, turn):
        return screening

    def note(error: BaseException) -> None:
        log.error("screen.failed", surface=Surface.OUTPUT, turn=turn.id, error=repr(error))
        gateway.metrics.detector_errors.labels(Surface.OUTPUT).inc()
        turn.unscreened = True

    return tolerant(screening, note)


def context_for(gateway: Gateway, turn: Turn) -> OutputContext:
    """What the wire format needs to guard and label the model's answer."""
    label = label_for(turn)
    screening = screening_for(gateway, turn, turn.ruling)
    return OutputContext(
        screening=screening,
        aigc=turn.aigc.to_json(),
        produce_id=turn.id,
        label_start=label.start,
        label_end=label.end,
        structured=turn.request.structured,
        notice=lambda _reason: stop_text(gateway, turn),
        model_alias=turn.request.model if turn.renamed else "",
        drop_labels=stripper_for(turn.grant.service.label.wording),
        holds_nothing=_quick_look(turn.ruling, screening),
        offer=_offer(gateway, turn),
    )


def _quick_look(ruling: Ruling, screening: Screening) -> Callable[[str], bool] | None:
    """The bulk engine's word on a whole answer; None where detectors may fail or scorers may act."""
    if screening.matcher is not ruling.matcher or screening.scorers:
        return None
    return lambda text: not ruling.matcher.scan(text)


def _offer(gateway: Gateway, turn: Turn) -> str:
    if turn.plan is None or turn.plan.action is not CareAction.OFFER_HELP:
        return ""
    gateway.metrics.help_shown.inc()
    return gateway.help.for_plan(turn.plan, turn.language, turn.audience)


def stop_text(gateway: Gateway, turn: Turn) -> str:
    """What follows a stop; a person in danger gets help with it, never the bare notice."""
    text = "\n\n" + notice("stop.notice", turn.language)
    if turn.in_danger:
        text += "\n\n" + help_text(gateway, turn)
    return text


def help_text(gateway: Gateway, turn: Turn, situation: HelpSituation = HelpSituation.UNAVAILABLE) -> str:
    """Prepared help for the person of this turn. People wrote it, so it carries no label that says otherwise.

    `none` as the situation stands for the text of the turn's plan of care.
    """
    if situation is HelpSituation.NONE and turn.plan is not None:
        return gateway.help.for_plan(turn.plan, turn.language, turn.audience)
    variant = 0 if turn.plan is None else turn.plan.variant
    return gateway.help.for_situation(situation, turn.language, turn.audience, variant)


def _spoken(turn: Turn) -> TurnRequest:
    """The request as our own words answer it: they are no JSON, so where that was asked they stand in the refusal."""
    return replace(turn.request, structured=False) if turn.request.structured else turn.request


def _unruled_context(gateway: Gateway, turn: Turn, *, label: bool) -> OutputContext:
    """A context for our own words: nothing is screened. The label stands beside what people wrote, and a refusal."""
    shown = label_for(turn) if label and not turn.request.structured else None
    return OutputContext(
        screening=gateway.rules.ruling.unruled(),
        aigc=turn.aigc.to_json(),
        produce_id=turn.id,
        label_start=shown.start if shown else "",
        label_end=shown.end if shown else "",
    )


def composed(gateway: Gateway, turn: Turn, text: str, *, finish: str = "stop", label: bool = False) -> Out:
    """An answer that no model made, as the events of a stream."""
    context, request = _unruled_context(gateway, turn, label=label), _spoken(turn)
    stream = turn.api.stream(context, request)
    first = stream.feed(turn.api.compose_stream(text, **_frame(turn), finish=finish))
    last = stream.finish()
    turn.replies, turn.response_id = stream.replies(), stream.response_id
    return Out(first.data + last.data, first.shown + last.shown)


def composed_whole(
    gateway: Gateway, turn: Turn, text: str, *, finish: str = "stop", label: bool = False
) -> WholeOutput:
    """The same as one body."""
    context, request = _unruled_context(gateway, turn, label=label), _spoken(turn)
    return turn.api.whole(context, request, turn.api.compose_whole(text, **_frame(turn), finish=finish))


class _Frame(TypedDict):
    answer_id: str
    model: str
    created: int
    beside: bool


def _frame(turn: Turn) -> _Frame:
    return {
        "answer_id": f"zm-{turn.id}",
        "model": turn.request.model,
        "created": turn.opened_at // 1000,
        "beside": turn.request.structured,
    }


def headers_for(turn: Turn) -> list[tuple[bytes, bytes]]:
    """Headers that name the turn and carry its label beside the text."""
    return [
        *label_headers(turn.aigc),
        _notice_header(label_for(turn).language, turn.grant.service.label.wording),
        (b"x-zhengming-conversation", quote(turn.conversation.conversation_id, safe="").encode("ascii")),
        (b"x-zhengming-verdict", turn.verdict.encode("ascii")),
    ]


def returned(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The upstream's headers that may reach the client beside ours."""
    return [(name, value) for name, value in returned_headers(answer.headers) if name not in _NOT_OURS]
