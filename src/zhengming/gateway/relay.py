"""Carry a model's answer to the client, streamed or whole: guarded, noted, and closed in the ledger before its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from zhengming.core.errors import UnavailableError, ZhengmingError
from zhengming.core.words import Surface
from zhengming.gateway import answers
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import EVENTS, JSON, Client
from zhengming.gateway.records import Ending
from zhengming.gateway.survey import may_need_help
from zhengming.gateway.turn import Turn, close_turn, note_progress
from zhengming.gateway.upstreams.errors import UpstreamError, UpstreamTooLarge
from zhengming.gateway.upstreams.request import Answer, read_whole
from zhengming.gateway.wire.base import Out, OutputStream, WholeOutput

log = structlog.get_logger(__name__)

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LARGE = 200_000  # bytes of a whole answer that is guarded in a thread


def split_last_event(data: bytes) -> tuple[bytes, bytes]:
    """Part whole events into all but the last and the last, which may only follow the closing entry."""
    cut = 0
    for blank in _BLANK_LINES:
        found = data.rfind(blank, 0, len(data) - len(blank))
        if found >= 0:
            cut = max(cut, found + len(blank))
    return data[:cut], data[cut:]


class DetectorFailedError(ZhengmingError):
    """A detector failed on a whole answer; nothing of it may be shown."""

    code = "unscreened"
    status = 503


class Relay:
    """One streamed answer on its way to the client."""

    def __init__(self, gateway: Gateway, turn: Turn, client: Client, answer: Answer) -> None:
        self._gateway, self._turn, self._client, self._answer = gateway, turn, client, answer
        self._stream: OutputStream = turn.api.stream(answers.context_for(gateway, turn), turn.request)
        self._ruling = turn.ruling
        self._held = gateway.metrics.held
        self._over = False
        self._failed = False
        self._read = 0
        self._noted_at = time.monotonic()
        self._noted = 0

    async def run(self) -> Ending:
        """Pass everything on and return how the turn ended; the last event leaves after the closing entry."""
        stream, client, turn = self._stream, self._client, self._turn
        await client.start(200, [*EVENTS, *answers.headers_for(turn), *answers.returned(self._answer)])
        try:
            while True:
                out = await self._next()
                if self._over or stream.finished or stream.stopped:
                    break
                if out.data:
                    await client.write(out.data)
                    turn.hand_over(out)
                    if not await self._note_progress():
                        out = self._end_badly("The turn can no longer be recorded.", "no_evidence")
                        break
        finally:
            self.remember()
            await self._answer.close()
        ending = Ending.FAILED if self._failed else Ending.STOPPED if stream.stopped else Ending.SERVED
        before, last = split_last_event(out.data)
        if before:
            await client.write(before)
        turn.hand_over(out)
        await settle(self._gateway, turn, ending)
        await client.write(last, more=False)
        return ending

    def remember(self) -> None:
        """Copy what the stream found out into the turn, so that it can be closed at any moment."""
        stream, turn = self._stream, self._turn
        turn.answer_found = stream.found
        turn.said = stream.said()
        turn.versions = stream.versions
        turn.usage = stream.usage
        turn.response_id = stream.response_id
        if stream.finished or stream.stopped:
            turn.replies = stream.replies()

    async def _next(self) -> Out:
        """Read once and guard it."""
        stream, bounds, turn = self._stream, self._gateway.bounds, self._turn
        try:
            read = self._answer.read()
            data = await (read if turn.first_byte_ms is not None else turn.wait_for(read))
            self._read += len(data)
            if self._read > bounds.max_answer_bytes:
                raise UpstreamTooLarge(f"The answer of the model is larger than {bounds.max_answer_bytes} bytes.")
        except UpstreamError as error:
            return self._end_badly(error.message, error.code)
        if not data:
            self._over = True
            return self._unbroken(self._guarded(stream.finish))
        try:
            out = stream.feed(data) if self._gateway.rules.ruling is self._ruling else self._feed_anew(data)
        except Exception as error:  # noqa: BLE001 - whatever a detector raises
            return self._detector_failed(error)
        held = stream.held
        self._held.observe(held)
        turn.held_max = max(turn.held_max, held)
        if turn.watch is not None:
            turn.watch(held)
        return self._unbroken(out) if stream.broken is not None else out

    def _unbroken(self, out: Out) -> Out:
        """End the answer where the upstream's bytes cannot be read; what was safe before them is shown."""
        broken = self._stream.broken
        if broken is None or self._failed:
            return out
        end = self._end_badly(broken.message, broken.code)
        return Out(out.data + end.data, out.shown + end.shown)

    def _feed_anew(self, data: bytes) -> Out:
        """Take the rules that came into force since, and go on under them."""
        ruling = self._ruling = self._gateway.rules.ruling
        first = self._stream.reload(answers.screening_for(self._gateway, self._turn, ruling))
        out = self._stream.feed(data)
        return Out(first.data + out.data, first.shown + out.shown)

    def _guarded(self, act: Callable[[], Out]) -> Out:
        """Run the guard; one that fails ends the answer, since nothing unscreened may leave under this policy."""
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - whatever a detector raises
            return self._detector_failed(error)

    def _detector_failed(self, error: Exception) -> Out:
        log.error("screen.failed", surface=Surface.OUTPUT, turn=self._turn.id, exc_info=error)
        self._gateway.metrics.detector_errors.labels(Surface.OUTPUT).inc()
        self._turn.unscreened = True
        self._over = self._failed = True
        language = self._turn.language
        if may_need_help(self._turn):
            return self._stream.close_with(answers.help_text(self._gateway, self._turn))
        return self._stream.fail(answers.notice("unscreened.notice", language), "screening_unavailable")

    def _end_badly(self, message: str, code: str) -> Out:
        """The upstream broke off: an error for the client, help instead for a person in danger."""
        self._over = self._failed = True
        if may_need_help(self._turn):
            help_text = answers.help_text(self._gateway, self._turn)
            return self._guarded(lambda: self._stream.close_with(help_text))
        return self._guarded(lambda: self._stream.fail(message, code))

    async def _note_progress(self) -> bool:
        """Record a long stream's prefix when it is due; False where that failed for a person who must not be cut off.

        Raises UnavailableError for everybody else: no evidence, no service.
        """
        characters, bounds = self._turn.transcript.characters, self._gateway.bounds
        if characters == self._noted:
            return True
        now = time.monotonic()
        if characters - self._noted < bounds.progress_characters and now - self._noted_at < bounds.progress_seconds:
            return True
        self._noted, self._noted_at = characters, now
        try:
            await note_progress(self._gateway, self._turn)
        except UnavailableError as error:
            if not may_need_help(self._turn):
                raise
            log.error("turn.unnoted", turn=self._turn.id, reason=str(error))  # noqa: TRY400 - the text says it all
            self._gateway.metrics.store_errors.inc()
            return False
        return True


async def relay_whole(gateway: Gateway, turn: Turn, client: Client, answer: Answer) -> Ending:
    """Read the whole answer, guard it and hand it over; its last byte leaves after the closing entry.

    Raises UpstreamError when the answer cannot be read or is no answer of this API, DetectorFailedError.
    """
    raw = await turn.wait_for(read_whole(answer, gateway.bounds.max_answer_bytes))
    context = answers.context_for(gateway, turn)
    try:
        if len(raw) > _LARGE:
            result = await asyncio.to_thread(turn.api.whole, context, turn.request, raw)
        else:
            result = turn.api.whole(context, turn.request, raw)
    except UpstreamError:
        raise
    except Exception as error:  # whatever a detector raises
        log.exception("screen.failed", surface=Surface.OUTPUT, turn=turn.id)
        gateway.metrics.detector_errors.labels(Surface.OUTPUT).inc()
        turn.unscreened = True
        raise DetectorFailedError(
            "A detector failed, and what cannot be screened is not shown.", next_step="Try again later."
        ) from error
    turn.said = result.said
    return await hand_over_whole(gateway, turn, client, result, headers=answers.returned(answer))


async def hand_over_whole(
    gateway: Gateway,
    turn: Turn,
    client: Client,
    result: WholeOutput,
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    ending: Ending = Ending.SERVED,
) -> Ending:
    """Send a guarded answer, closing the turn before the last byte."""
    turn.answer_found = list(result.found)
    turn.usage, turn.response_id, turn.replies = result.usage, result.response_id, result.replies
    if result.stopped:
        ending = Ending.STOPPED
    length = (b"content-length", b"%d" % len(result.data))
    await client.start(200, [JSON, length, *answers.headers_for(turn), *headers])
    await client.write(result.data[:-1])
    turn.hand_over(Out(b"", result.shown))
    await settle(gateway, turn, ending)
    await client.write(result.data[-1:], more=False)
    return ending


async def settle(gateway: Gateway, turn: Turn, ending: Ending) -> None:
    """Close the turn before its last bytes leave.

    Help goes out even when nothing can be recorded, and a person in danger is not cut off. Raises UnavailableError for
    everything else: an answer without its closing entry must not look complete.
    """
    if ending is Ending.HELP and not turn.recorded:
        return
    try:
        await close_turn(gateway, turn, ending)
    except UnavailableError as error:
        if ending is not Ending.HELP and not may_need_help(turn):
            raise
        log.error("turn.unclosed", turn=turn.id, reason=str(error))  # noqa: TRY400 - the text says it all
        gateway.metrics.store_errors.inc()
