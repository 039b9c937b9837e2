"""A stream of server-sent events on its way through the guard: what every streaming API shares.

Bytes are cut into events, each event is parsed and given to the API's own class, and what goes out is collected. What
is no event, no JSON or too large ends the stream with an error event; nothing of it is shown.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from zhengming.core.errors import ZhengmingError
from zhengming.gateway.wire.base import Found, Out, OutputContext, Shown
from zhengming.gateway.wire.errors import UpstreamGarbageError, error_event
from zhengming.gateway.wire.judge_json import parse_leniently
from zhengming.gateway.wire.sse import EventSplitter, parse_event

DONE: Final = b"data: [DONE]\n\n"
NOTHING: Final = Out()


class EventStream:
    """The shell of a stream. Subclasses say what an event means.

    `lenient` is set while an event is handled that orjson refused: only there can strings hold lone surrogates.
    """

    __slots__ = (
        "_busy",
        "_out",
        "_shown",
        "_splitter",
        "broken",
        "context",
        "finished",
        "found",
        "lenient",
        "response_id",
        "stopped",
        "usage",
    )

    def __init__(self, context: OutputContext) -> None:
        self.context = context
        self.stopped = False
        self.finished = False
        self.broken: ZhengmingError | None = None
        self.lenient = False
        self.found: list[Found] = []
        self.usage: dict[str, object] | None = None
        self.response_id = ""
        self._busy = False  # stays set when a detector raised: then nothing that is held counts as judged
        self._splitter = EventSplitter()
        self._out: list[bytes] = []
        self._shown: list[Shown] = []

    def feed(self, data: bytes) -> Out:
        """Take bytes of the upstream as they came; return what may go out. After the end nothing does."""
        if self.finished or self.broken is not None:
            return NOTHING
        self._busy = True
        try:
            start = self._splitter.data_of_one(data)
            if start:
                self._take_data(data, data[start:-2])
            else:
                for raw in self._splitter.feed(data):
                    self._take_event(raw)
                    if self.finished:
                        break
        except ZhengmingError as error:
            self._break_off(error)
        self._busy = False
        return self._collect()

    def finish(self) -> Out:
        """The upstream ended: release what is left, and close the stream as the API expects."""
        if not self.finished and self.broken is None:
            self._busy = True
            try:
                rest = self._splitter.finish().rstrip(b"\r\n")
                if rest:
                    self._take_event(rest + b"\n\n")
                if not self.finished:
                    self.end()
            except ZhengmingError as error:
                self._break_off(error)
            self._busy = False
            self.finished = self.broken is None
        return self._collect()

    def fail(self, message: str, code: str) -> Out:
        """The upstream broke off: release what is safe, then an error event. What was cut off in mid-event is lost.

        After a call that raised, because a detector did, nothing that is held counts as safe.
        """
        if not self.finished:
            self._fail(message, code)
        return self._collect()

    def emit(self, data: bytes) -> None:
        """Send bytes."""
        self._out.append(data)

    def show(self, channel: str, text: str) -> None:
        """Note a text that the bytes sent show."""
        self._shown.append(Shown(channel, text))

    def close(self, *, stopped: bool) -> None:
        """Send the end mark; nothing follows. `stopped` tells the caller to cancel the upstream."""
        self.emit(DONE)
        self.finished = True
        self.stopped = stopped

    def on_json(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> None:
        """Handle an event whose data is a JSON object; `event` are its bytes, `data` those of the JSON."""
        raise NotImplementedError

    def on_done(self) -> None:
        """The upstream sent `[DONE]`."""
        self.end()

    def end(self) -> None:
        """The upstream has nothing more: flush, and close as the API expects."""
        raise NotImplementedError

    def flush(self) -> None:
        """Release what is held, as if every text were complete; may end the stream by a stop."""
        raise NotImplementedError

    def _take_event(self, raw: bytes) -> None:
        if raw[:6] == b"data: " and raw[-2:] == b"\n\n" and raw.count(b"\n") == 2 and b"\r" not in raw:  # noqa: PLR2004 - the blank line
            data = raw[6:-2]
        else:
            found = parse_event(raw).data
            if found is None:
                self.emit(raw)
                return
            data = found
        self._take_data(raw, data)

    def _take_data(self, raw: bytes, data: bytes) -> None:
        try:
            parsed = orjson.loads(data)
        except orjson.JSONDecodeError:
            if data.strip() == b"[DONE]":
                self.on_done()
                return
            self._take_leniently(raw, data)
            return
        if type(parsed) is not dict:
            raise UpstreamGarbageError("the upstream sent an event that is no JSON object")
        self.on_json(raw, data, parsed)

    def _take_leniently(self, raw: bytes, data: bytes) -> None:
        try:
            parsed = parse_leniently(data)
        except ValueError:
            raise UpstreamGarbageError("the upstream sent an event that is no JSON") from None
        if not isinstance(parsed, dict):
            raise UpstreamGarbageError("the upstream sent an event that is no JSON object")
        self.lenient = True
        self.on_json(raw, data, parsed)
        self.lenient = False

    def _break_off(self, error: ZhengmingError) -> None:
        """Note that the upstream's bytes cannot be read; whoever feeds them says how the answer ends."""
        self._busy = False
        self.broken = error

    def _fail(self, message: str, code: str) -> None:
        if not self._busy:
            self.flush()
        if not self.finished:
            self.emit(error_event(message, code))
            self.finished = True

    def _collect(self) -> Out:
        out, shown = self._out, self._shown
        if not out:
            return NOTHING
        data = out[0] if len(out) == 1 else b"".join(out)
        self._out = []
        if not shown:
            return Out(data)
        self._shown = []
        return Out(data, tuple(shown))


def replace_data(event: bytes, data: bytes) -> bytes:
    """Return the event with other data; its other lines stay."""
    if event[:6] == b"data: " and event[-2:] == b"\n\n" and event.count(b"\n") == 2 and b"\n" not in data:  # noqa: PLR2004 - the blank line
        return b"data: " + data + b"\n\n"
    return parse_event(event).with_data(data)
