"""What becomes of each kind of event in a Responses stream; which one is meant is decided in `responses_stream`."""

from __future__ import annotations

from typing import Any, Final

from zhengming.gateway.wire.base import OutputContext, Path, TurnRequest
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.responses_events import ResponseEvents
from zhengming.gateway.wire.responses_item import Item
from zhengming.gateway.wire.responses_items import same_entries
from zhengming.gateway.wire.responses_shape import (
    DELTA_KEYS,
    FRAME_KEYS,
    MOVED,
    OUTPUT_TEXT,
    deltas_of,
    garbage,
    index_at,
    path_of,
    texts_of,
    tokens_of,
)
from zhengming.gateway.wire.responses_text import Text
from zhengming.gateway.wire.splice import Splice, dump

Event = tuple[str, bytes, bytes, dict[str, Any]]  # type, bytes, bytes of the JSON, the JSON parsed

_BESIDE: Final = frozenset({("type",), ("item_id",), ("obfuscation",)})


class ResponseHandlers(ResponseEvents):
    """Judges events and sends what may be shown of them."""

    __slots__ = ("_plain",)

    def __init__(self, context: OutputContext, request: TurnRequest) -> None:
        super().__init__(context, request)
        self._plain: tuple[Item, Text] | None = None  # the text of the last delta

    def on_delta(self, event: Event) -> None:
        """Judge a piece of a text."""
        kind, raw, data, parsed = event
        base = kind.removesuffix(".delta")
        pieces = deltas_of(base, parsed)
        if pieces is None:
            self.on_other(event)
            return
        item = self.item_of(parsed)
        sent: list[tuple[Text, Path, str, str]] = []
        for path, member, value in pieces:
            text = self.output.text(item, path, main=base == OUTPUT_TEXT, json=path == ("arguments",))
            if text.frame is None:
                text.frame = {key: value for key, value in parsed.items() if key in FRAME_KEYS}
                text.member = member
            tokens = tokens_of(parsed["logprobs"]) if parsed.get("logprobs") else ()
            out = "" if text.finished or self.output.stop is not None else self.output.feed(text, value, tokens)
            sent.append((text, member, value, out))
            if base == OUTPUT_TEXT:
                self._plain = (item, text)
        self.send_delta(raw, data, parsed, sent, item)

    def send_delta(
        self, event: bytes, data: bytes, parsed: dict[str, Any], sent: list[tuple[Text, Path, str, str]], item: Item
    ) -> None:
        """Send a delta with what may be shown of it; one that says nothing is not sent."""
        edit = Edit(data, parsed)
        speaks = False
        for text, member, value, out in sent:
            edit.text(member, value, out)
            entries = text.take_entries()
            text.entries += entries
            speaks = speaks or bool(out or entries)
            if entries or parsed.get("logprobs"):
                tokens = tokens_of(parsed.get("logprobs") or [])
                if not same_entries(entries, tokens):
                    edit.value(("logprobs",), dump(entries))
            if out:
                self.show(text.channel, out)
            self.output.note_stop(text)
        if speaks or not self.begun or any(value and key not in DELTA_KEYS for key, value in parsed.items()):
            self.send(event, edit, parsed)
        for text, *_ in sent:
            self.release_annotations(item, text)
        self.over()

    def on_item(self, event: Event) -> None:
        """Repeat an item as it was shown, when it is announced and when it is done."""
        kind, _, _, parsed = event
        body = parsed.get("item")
        if not isinstance(body, dict):
            raise garbage("item")
        index = index_at(parsed, "output_index")
        final = kind.endswith(".done")
        if final:
            item = self.item_of(parsed)
            item.template = item.template or body
            self._close_all(item, body)
            if self.over():
                return
        else:
            item = self.output.add(index, body)
        item.announced = True
        sent = self.repeat(event, item, body, (), ("item",), final=final)
        if final and sent is not None:
            item.template = body
            item.raw = Splice(sent).raw(("item",))

    def _close_all(self, item: Item, body: dict[str, Any]) -> None:
        """Finish texts of an item that is done and does not repeat them."""
        repeated = {found.path for found in texts_of(body)}
        for path, text in list(item.texts.items()):
            if not text.finished and path not in repeated:
                self.tail(item, text, self.output.close(item, text))

    def repeat(
        self, event: Event, item: Item, container: Any, base: Path, prefix: Path, *, final: bool
    ) -> bytes | None:
        """Send an event with its texts as they were shown; return its JSON as sent, None after a stop."""
        _, raw, data, parsed = event
        edit = Edit(data, parsed)
        for text, out in self.output.judge(item, container, base, edit, prefix, final=final):
            self.tail(item, text, out, told=True)
            self.release_annotations(item, text)
        if self.over():
            return None
        return self.send(raw, edit, parsed)

    def on_annotation(self, event: Event) -> None:
        """An annotation waits until the text that it is about is decided: only then its place is known."""
        _, _, _, parsed = event
        item = self.item_of(parsed)
        text = self.output.text(item, path_of(OUTPUT_TEXT, parsed), main=True)
        text.waiting.append(event)
        self.release_annotations(item, text)
        self.over()

    def release_annotations(self, item: Item, text: Text) -> None:
        """Send the annotations whose text is decided by now."""
        while text.waiting and self.output.stop is None:
            _, raw, data, parsed = text.waiting[0]
            annotation = parsed.get("annotation")
            edit = Edit(data, parsed)
            if isinstance(annotation, dict):
                places = [annotation.get(key) for key in MOVED]
                if not text.finished and text.decided < max((one for one in places if type(one) is int), default=0):
                    return
                changed = self.output.annotation(item, text, annotation)
                if changed is None or self.output.stop is not None:
                    return
                text.noted.append({**annotation, **changed})
                for key, value in changed.items():
                    edit.value(("annotation", key), dump(value))
            del text.waiting[0]
            self.send(raw, edit, parsed)

    def on_output(self, edit: Edit, outputs: Any, *, ends: bool) -> None:
        """Let the items of a response repeat what was shown; when it `ends`, finish all that is open."""
        if outputs is not None and (not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs)):
            raise garbage("output")
        for position, body in enumerate(outputs or ()):
            item = self.output.match(position, body)
            if not item.announced:
                item.template = body
            for text, out in self.output.judge(item, body, (), edit, ("response", "output", position), final=ends):
                self.tail(item, text, out, told=True)
                self.release_annotations(item, text)
            if self.output.stop is not None:
                return
        for item, text in self.output.open_texts() if ends else ():
            self.tail(item, text, self.output.close(item, text))

    def on_error(self, event: Event) -> None:
        """The upstream gave up: release what is safe before its error goes out."""
        _, raw, data, parsed = event
        self.flush()
        if not self.finished:
            self.failed = self.begun = True  # an error is no answer, so it carries no label
            self.send(raw, Edit(data, parsed), parsed)

    def on_other(self, event: Event) -> None:
        """An event that we do not know: its texts, if it has any, are judged for themselves."""
        kind, raw, data, parsed = event
        edit = Edit(data, parsed)
        for path, value, _, _ in texts_of(
            parsed, every=kind.endswith(".delta") and isinstance(parsed.get("delta"), dict)
        ):
            if path in _BESIDE:
                continue
            edit.text(path, value, self.output.alone(kind, value))
        if not self.over():
            self.send(raw, edit, parsed)

    def item_of(self, parsed: dict[str, Any]) -> Item:
        """Return the item that an event is about."""
        index = index_at(parsed, "output_index")
        item = self.output.items.get(index)
        if item is None:
            item = self.output.add(index, {})
        return item

    def over(self) -> bool:
        """End the response when a guard ended it; say whether it is over."""
        stop = self.output.stop
        if stop is not None and not self.finished:
            self.conclude(say=self.context.notice(stop), filtered=True)
            self.stopped = True
        return self.finished
