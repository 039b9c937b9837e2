"""The stream of `POST /v1/responses`: each event that carries a text is judged, each later one repeats what was shown.

A delta whose text passes unchanged leaves as the bytes that came. A text that is held leaves with a later delta, or
with one of our own before its `.done`. The `.done` of a text part waits until the next event shows whether the label
belongs at its end. After a stop we close what is open and end with `response.incomplete`. See
docs/explanation/splicing.md.
"""

from __future__ import annotations

from typing import Any, Final

from zhengming.gateway.wire.base import Out, OutputContext, TurnRequest
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.responses_handlers import Event, ResponseHandlers
from zhengming.gateway.wire.responses_item import Item
from zhengming.gateway.wire.responses_items import is_main, is_text_part
from zhengming.gateway.wire.responses_shape import (
    KINDS,
    OUTPUT_TEXT,
    garbage,
    index_at,
    path_of,
    texts_of,
)
from zhengming.gateway.wire.responses_text import Text
from zhengming.screen.guard import Screening, Show

_TEXT_DELTA: Final = f"{OUTPUT_TEXT}.delta"
_BEGINNINGS: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_PARTS: Final = {
    "response.content_part": ("content", "content_index"),
    "response.reasoning_summary_part": ("summary", "summary_index"),
}
_ITEMS: Final = frozenset({"response.output_item.added", "response.output_item.done"})
_ANNOTATION: Final = f"{OUTPUT_TEXT}.annotation.added"


class ResponsesStream(ResponseHandlers):
    """Guards each text of each item apart. An :class:`~zhengming.gateway.wire.base.OutputStream`."""

    __slots__ = ("_closing", "_queued")

    def __init__(self, context: OutputContext, request: TurnRequest) -> None:
        super().__init__(context, request)
        self._closing: tuple[Item, Text] | None = None  # a text part that is told, but for its label
        self._queued: list[Event] = []

    def on_json(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> None:
        """Judge an event: the common case here, all others by their type."""
        kind = parsed.get("type")
        if kind == _TEXT_DELTA and self._plain is not None and not self.lenient and self._pass(event, data, parsed):
            return
        kind = kind if type(kind) is str else ""
        if self._closing is not None and self._waits((kind, event, data, parsed)):
            return
        self._handle((kind, event, data, parsed))

    def flush(self) -> None:
        """Release what every text still holds."""
        self._settle(label=True)
        if not self.finished:
            for item, text in self.output.open_texts():
                self.tail(item, text, self.output.close(item, text))
            self.over()

    def close_with(self, text: str) -> Out:
        """Release what is safe, then show `text` and complete the response: a person must not meet an error."""
        if not self.finished:
            if not self._busy:
                self._settle(label=False)
            if not self.finished:
                self.conclude(say=text, status="completed", release=not self._busy)
                self.stopped = False
        return self._collect()

    def reload(self, screening: Screening) -> Out:
        """Judge on under other rules, what is held included."""
        self.output.screening = screening
        if not self.finished:
            self._busy = True
            for item, text in self.output.open_texts():
                if self.output.stop is None:
                    out = text.reload(screening)
                    self.output.note_stop(text)
                    self.tail(item, text, text.placer.open(out) if text.placer.waiting else out)
            self.over()
            self._busy = False
        return self._collect()

    def replies(self) -> list[bytes]:
        """Return the assistant's items as one message."""
        return [canonical_message("assistant", self.output.reply(), self.context.drop_labels)]

    def conclude(
        self, *, say: str = "", status: str = "incomplete", filtered: bool = False, release: bool = True
    ) -> None:
        """End the response; what waits for its end is told in words of our own instead."""
        self._closing = None
        self._queued.clear()
        super().conclude(say=say, status=status, filtered=filtered, release=release)

    def _pass(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> bool:
        """Send a delta of the same text as before as it came, or say that it takes more than that."""
        found = self._plain
        delta = parsed.get("delta")
        number = parsed.get("sequence_number")
        if found is None or type(delta) is not str or not delta or type(number) is not int or number <= self.number:
            return False
        item, text = found
        if (
            parsed.get("output_index") != item.index
            or parsed.get("content_index") != text.path[1]
            or parsed.get("logprobs")
            or text.finished
            or text.placer.waiting
            or text.waiting
            or self._closing is not None
            or not text.is_plain
        ):
            return False
        text.fed += len(delta)
        text.said.append(delta)
        commands = text.guard.feed(delta)
        if len(commands) == 1:
            command = commands[0]
            if type(command) is Show and command.text == delta:
                text.shown.append(delta)
                self.number = number
                self._out.append(event)
                self.show(text.channel, delta)
                return True
        self.send_delta(event, data, parsed, [(text, ("delta",), delta, text.apply(commands))], item)
        return True

    def _waits(self, event: Event) -> bool:
        """Whether an event has to wait for the label of the text part that was told; if not, the label is settled."""
        kind, _, _, parsed = event
        item, text = self._closing or (None, None)
        if item is None or text is None:
            return False
        same = parsed.get("output_index", 0) == item.index
        if kind == "response.content_part.added" and same:
            self._settle(label=not is_text_part(parsed.get("part")))
            return self.finished
        about = same and parsed.get("content_index", 0) == (text.path[1] if len(text.path) > 1 else 0)
        if about and kind in ("response.content_part.done", f"{OUTPUT_TEXT}.done", _ANNOTATION):
            self._queued.append(event)
            return True
        if not kind.startswith("response.") and kind != "error" and not parsed.get("error"):
            self._queued.append(event)
            return True
        self._settle(label=True)
        return self.finished

    def _settle(self, *, label: bool) -> None:
        """Finish the text part that was told, and send what waited for it."""
        if self._closing is None:
            return
        _, text = self._closing
        text.last = label
        queued, self._queued, self._closing = self._queued, [], None
        for event in queued:
            if not self.finished:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        kind, _, _, parsed = event
        if kind.endswith(".delta"):
            self.on_delta(event)
        elif kind in _BEGINNINGS or kind in _ENDS:
            self._on_response(event)
        elif kind in _ITEMS:
            self.on_item(event)
        elif (part := kind.rpartition(".")[0]) in _PARTS:
            self._on_part(event, *_PARTS[part])
        elif kind == _ANNOTATION:
            self.on_annotation(event)
        elif part in KINDS:
            self._on_text(event, part)
        elif kind == "error" or (parsed.get("error") and not kind):
            self.on_error(event)
        else:
            self.on_other(event)

    def _on_text(self, event: Event, kind: str) -> None:
        """A `.done`, or the `.added` of a command: finish the text and repeat what was shown."""
        name, raw, data, parsed = event
        item = self.item_of(parsed)
        text = self.output.text(
            item, path_of(kind, parsed), main=kind == OUTPUT_TEXT, json=KINDS[kind].done == "arguments"
        )
        final = name.endswith(".done")
        if final and text.main and text.last is None and not text.finished:
            self._closing = (item, text)
            self._queued.append(event)
            return
        member = KINDS[kind].done
        value = parsed.get(member)
        if value is not None and not isinstance(value, str):
            raise garbage(member)
        self._take_rest(item, text, value or "", final=final)
        if self.over():
            return
        edit = Edit(data, parsed)
        if value is not None:
            edit.text((member,), value, text.labelled())
        self.output.beside(item, text, parsed, edit, ())
        text.told = text.told or final
        self.send(raw, edit, parsed)

    def _take_rest(self, item: Item, text: Text, value: str, *, final: bool) -> None:
        """Judge what a text has beyond its deltas, finish it, and show both."""
        if text.finished:
            return
        out = self.output.feed(text, value[text.fed :]) if len(value) > text.fed else ""
        if final and self.output.stop is None:
            out += self.output.close(item, text)
        self.tail(item, text, out, told=True)
        self.release_annotations(item, text)

    def _on_part(self, event: Event, member: str, index: str) -> None:
        kind, _, _, parsed = event
        item = self.item_of(parsed)
        number = index_at(parsed, index)
        part = parsed.get("part")
        if not isinstance(part, dict):
            raise garbage("part")
        final = kind.endswith(".done")
        if not final:
            item.parts[member, number] = part
        main = next(
            (found for found in texts_of(part) if is_main(item.kind, (member, number, *found.path), part)), None
        )
        if final and main is not None:
            text = self.output.text(item, (member, number, *main.path), main=True)
            if text.last is None and not text.finished:
                self._closing = (item, text)
                self._queued.append(event)
                return
        if self.repeat(event, item, part, (member, number), ("part",), final=final):
            for path, text in item.texts.items():
                if final and path[:2] == (member, number):
                    text.part_told = True

    def _on_response(self, event: Event) -> None:
        """An event that carries the response as a whole: the first ones, and the last."""
        kind, raw, data, parsed = event
        response = parsed.get("response")
        if not isinstance(response, dict):
            raise garbage("response")
        ends = kind in _ENDS
        self.learn(response)
        edit = Edit(data, parsed)
        self.on_output(edit, response.get("output"), ends=ends)
        if self.over():
            return
        if isinstance(response.get("output_text"), str):
            edit.text(("response", "output_text"), response["output_text"], self.output.all_text())
        self.begin(edit, response, ends=ends)
        sent = self.send(raw, edit, parsed)
        self.finished = ends
        if not ends:
            self.remember(sent)
