"""The examination of what comes in: rules over the new texts, care for the person, and what the two amount to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from zhengming.care.emergency import may_be_in_danger
from zhengming.care.state import FRESH, CareState, CareStateError, replaced
from zhengming.care.step import step
from zhengming.core.errors import UnavailableError
from zhengming.core.i18n import translate
from zhengming.core.signals import Reason
from zhengming.core.words import CareAxis, CareLevel, Surface, Verdict, gravest
from zhengming.gateway.context import Gateway
from zhengming.gateway.rules import mask_text
from zhengming.gateway.turn import Turn
from zhengming.gateway.wire.base import Found, Path, Piece, place_of
from zhengming.screen.judge import judge

log = structlog.get_logger(__name__)

_OPERATOR = frozenset({"system", "developer"})
_UNKNOWN = CareState(levels=replaced(FRESH.levels, CareAxis.SELF_HARM, CareLevel.DANGER))
_REFUSING = frozenset({Verdict.BLOCK, Verdict.REPLACE})


def new_pieces(turn: Turn) -> list[Piece]:
    """The texts that were not screened in an earlier turn of the conversation under this ruling."""
    known = turn.conversation.known_prefix
    return [piece for piece in turn.request.pieces if piece.message < 0 or piece.message >= known]


def last_words(turn: Turn) -> list[Piece]:
    """What the person says now: user texts after the last reply, or outside the messages. Care answers no older ones.

    Outside lie the prompt of a completion and items of kinds that we do not know: nobody can tell how old they are.
    """
    last_reply = last_reply_of(turn)
    return [
        piece
        for piece in turn.request.pieces
        if piece.role == "user" and (piece.message > last_reply or piece.message < 0)
    ]


def last_reply_of(turn: Turn) -> int:
    """The position of the last message of the assistant that something follows, -1 for none.

    What stands at the very end is no reply but the beginning of the answer, as some applications write it.
    """
    roles = turn.request.roles
    number = len(roles) - 1
    while number >= 0 and roles[number] == "assistant":
        number -= 1
    while number >= 0 and roles[number] != "assistant":
        number -= 1
    return number


async def examine(gateway: Gateway, turn: Turn) -> None:
    """Screen and take care; the findings are filled into the turn. A detector that fails leaves `unscreened`."""
    pieces = new_pieces(turn)
    spoken = last_words(turn)
    try:
        if sum(len(piece.text) for piece in pieces) > gateway.bounds.inline_characters:
            found = await asyncio.to_thread(_screen, turn, pieces)
        else:
            found = _screen(turn, pieces)
    except Exception:  # whatever a detector raises, the turn must be answered by the table of who wins
        log.exception("screen.failed", surface=Surface.INPUT, turn=turn.id)
        gateway.metrics.detector_errors.labels(Surface.INPUT).inc()
        turn.unscreened = True
        turn.emergency_cue = any(may_be_in_danger(piece.text) for piece in spoken)
        await _take_care(gateway, turn, spoken, [])  # a danger that was found before is none the less one now
        return
    turn.found = found
    turn.verdict = gravest([reason.verdict for _, reason in found])
    turn.redactions = {**_redacted(turn, pieces, found), **turn.redactions}
    await _take_care(gateway, turn, spoken, found)


def _screen(turn: Turn, pieces: Iterable[Piece]) -> list[Found]:
    profile = turn.ruling.profile(Surface.INPUT, turn.audience)
    last_reply = last_reply_of(turn)
    found: list[Found] = []
    for piece in pieces:
        judgement = judge(turn.ruling.matcher, profile, piece.text, scorers=turn.ruling.scorers)
        if not judgement.reasons:
            continue
        reasons: Iterable[Reason] = judgement.reasons
        if piece.role in _OPERATOR:
            reasons = map(_annotated, reasons)
        elif 0 <= piece.message < last_reply and judgement.verdict in _REFUSING:
            # It was refused before the last reply: it is kept from the model now, and the talk goes on.
            turn.redactions[piece.path] = translate("gateway", "mask.other", turn.language)
            reasons = map(_kept_back, reasons)
        found += [Found(place_of(piece.path), reason) for reason in reasons]
    return found


def _kept_back(reason: Reason) -> Reason:
    return reason._replace(verdict=Verdict.REDACT) if reason.verdict in _REFUSING else reason


def _annotated(reason: Reason) -> Reason:
    """An operator's instructions may quote what they forbid: they are recorded and never acted on."""
    if reason.verdict in {Verdict.BLOCK, Verdict.REDACT, Verdict.REPLACE}:
        return reason._replace(verdict=Verdict.ANNOTATE)
    return reason


def _redacted(turn: Turn, pieces: Iterable[Piece], found: list[Found]) -> dict[Path, str]:
    """The texts that go upstream in place of those with a span to redact."""
    spans: dict[str, list[Reason]] = {}
    for place, reason in found:
        if reason.verdict is Verdict.REDACT and reason.signal.span is not None:
            spans.setdefault(place, []).append(reason)
    if not spans:
        return {}
    return {
        piece.path: _masked(turn, piece.text, spans[place_of(piece.path)])
        for piece in pieces
        if place_of(piece.path) in spans
    }


def _masked(turn: Turn, text: str, reasons: list[Reason]) -> str:
    rules = {rule.id: rule for rule in turn.ruling.matcher.rules.rules}
    parts, at = [], 0
    for reason in sorted(reasons, key=lambda one: one.signal.span or (0, 0)):
        span = reason.signal.span
        if span is None or span.end <= at:
            continue
        if span.start >= at:
            parts += [text[at : span.start], mask_text(rules[reason.signal.rule], turn.language)]
        at = span.end
    return "".join((*parts, text[at:]))


async def _take_care(gateway: Gateway, turn: Turn, spoken: list[Piece], found: list[Found]) -> None:
    places = {place_of(piece.path) for piece in spoken}
    signals = [reason.signal for place, reason in found if place in places]
    try:
        before = await gateway.sittings.read(turn.conversation.conversation_id, new=turn.conversation.begins)
    except UnavailableError:  # the level of this turn's words still counts
        turn.store_down = True
        before = FRESH
    except CareStateError as error:  # nobody knows how this person is: they are met as one in danger, once
        log.error("care.unreadable", turn=turn.id, reason=str(error))  # noqa: TRY400 - the text says it all
        before = _UNKNOWN
    after, turn.plan = step(before, signals, turn.audience)
    if after != before:
        turn.care_state = after
