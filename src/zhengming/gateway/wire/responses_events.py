"""What a Responses stream sends: numbered events, pieces of our own, the end of a response that we end ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zhengming.gateway.wire.base import OutputContext, TurnRequest
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.event_stream import EventStream, replace_data
from zhengming.gateway.wire.responses_item import Item
from zhengming.gateway.wire.responses_items import Output
from zhengming.gateway.wire.responses_own import (
    closing_of,
    delta_of,
    final_response,
    kind_of,
    place_of,
    renumber,
    response_frame,
)
from zhengming.gateway.wire.responses_shape import new_part
from zhengming.gateway.wire.responses_text import Text
from zhengming.gateway.wire.splice import dump

_PREFIX = b"event: "
_DATA = b"\ndata: "
_LINES = 3  # the type, the data, a blank line


class ResponseEvents(EventStream):
    """The sending half of a stream.

    `number` is the `sequence_number` of the last event sent: an event of ours takes the next one, one of the upstream
    keeps its own where it is greater. `begun` is set once an event went out, `failed` once the upstream sent an error.
    """

    __slots__ = ("_alias", "_created", "_members", "_numbered", "_request", "begun", "failed", "number", "output")

    def __init__(self, context: OutputContext, request: TurnRequest) -> None:
        super().__init__(context)
        self.output = Output(context, request, self.found)
        self.begun = self.failed = False
        self.number = -1
        self._numbered = True
        self._request = request
        self._alias = context.model_alias
        self._members = {"aigc": context.aigc, **context.extra}
        self._created = b""  # the last event that carried the response, as it went out

    @property
    def held(self) -> int:
        """How many code points lie in the guards now."""
        items = self.output.items.values()
        return sum(text.guard.held for item in items for text in item.texts.values() if not text.finished)

    @property
    def versions(self) -> list[str]:
        """Every rule version that decided on this answer, oldest first."""
        return self.output.versions()

    def said(self) -> dict[str, str]:
        """Return the model's own words by channel."""
        return self.output.said()

    def send(self, event: bytes, edit: Edit, parsed: Mapping[str, Any]) -> bytes:
        """Send an event of the upstream, edited and numbered; return its JSON."""
        if not self.begun:
            self.begun = True
            for key, value in self._members.items():
                edit.member(key, value)
        data = edit.render()
        number = parsed.get("sequence_number")
        changed = edit.changed
        if type(number) is not int:
            self._numbered = self._numbered and self.number >= 0
        elif number > self.number:
            self.number = number
        else:
            self.number += 1
            data, changed = renumber(data, self.number), True
        self._note_shown()
        self.emit(replace_event_data(event, data) if changed else event)
        return data

    def own(self, kind: str, members: Mapping[str, Any], **raw: bytes) -> bytes:
        """Send an event of ours; return its JSON. `raw` are members that are JSON already."""
        if self._numbered:
            self.number += 1
            members = {**members, "sequence_number": self.number}
        if not self.begun:
            self.begun = True
            raw |= self._members
        data = dump({"type": kind, **members})[:-1]
        data += b"".join(b"," + dump(key) + b":" + value for key, value in raw.items()) + b"}"
        self._note_shown()
        self._emit_own(kind, data)
        return data

    def begin(self, edit: Edit, response: Mapping[str, Any], *, ends: bool) -> None:
        """Edit the response that an event carries: the model's name, and the members in the first and the last one."""
        if self._alias and isinstance(response.get("model"), str):
            edit.text(("response", "model"), response["model"], self._alias)
        if not self.begun or ends:
            edit.value(("response", "aigc"), self.context.aigc)
            for key, value in self._members.items():
                edit.member(key, value)

    def learn(self, response: Mapping[str, Any]) -> None:
        """Note what the response says of itself."""
        if not self.response_id and isinstance(response.get("id"), str):
            self.response_id = response["id"]
        if isinstance(response.get("usage"), dict):
            self.usage = response["usage"]

    def remember(self, data: bytes) -> None:
        """Take the response of an event, as it went out, as the likeness of the one that ends it."""
        self._created = data

    def tail(self, item: Item, text: Text, out: str, *, told: bool = False) -> None:
        """Show a piece that no delta of the upstream carries; with `told`, an event that is sent next tells the text.

        Where deltas came before, or the part was announced, clients that read only deltas must see the piece too.
        """
        entries = text.take_entries()
        if not out and not entries:
            return
        streamed = text.frame is not None or text.path[:2] in item.parts
        if (streamed or not told) and kind_of(item, text):
            self._announce(item, text)
            text.entries += entries
            kind, members = delta_of(item, text, out, entries)
            self.own(kind, members)
        elif not told:
            return
        self.show(text.channel, out)

    def conclude(
        self, *, say: str = "", status: str = "incomplete", filtered: bool = False, release: bool = True
    ) -> None:
        """End the response: release what is safe, say what is to be said, close what is open.

        `filtered` says that a guard ended it. Without `release` what is held is dropped.
        """
        if not self._created:
            self._begin_own()
        output = self.output
        message = self._open_message()
        for item, text in output.open_texts():
            text.last = not say or item is not message
            self.tail(item, text, output.close(item, text, release=release))
        if output.stop is not None and not say:
            say, filtered, self.stopped = self.context.notice(output.stop), True, True
        if say:
            self._say(say, message)
        for item in output.ordered():
            if item.announced and item.raw is None:
                self._close_item(item, status)
        self._end(status, filtered=filtered)

    def end(self) -> None:
        """The upstream has nothing more, and did not end its response."""
        if self.failed:
            self.finished = True
        elif not self.begun:
            self._error("the upstream sent no response", "upstream_garbage")
        else:
            self.conclude()

    def _fail(self, message: str, code: str) -> None:
        if not self._busy:
            self.flush()
        if not self.finished:
            self._error(message, code)

    def _error(self, message: str, code: str) -> None:
        self.begun = True  # an error is no answer, so it carries no label
        self.own("error", {"code": code, "message": message, "param": None})
        self.finished = True

    def _note_shown(self) -> None:
        if self.output.shown:
            self._shown += self.output.shown
            self.output.shown.clear()

    def _begin_own(self) -> None:
        """Announce a response, since the upstream did not."""
        frame = response_frame(
            self.response_id or f"resp_{self.context.produce_id}", self._request.model, 0, "in_progress"
        )
        self.begun = False
        head, tail = dump(frame)[:-1], b',"aigc":' + self.context.aigc + b"}"
        self.response_id = str(frame["id"])
        self._created = self.own("response.created", {}, response=head + tail)

    def _open_message(self) -> Item | None:
        """Return the message that is under way, which words of ours may follow."""
        for item in reversed(self.output.ordered()):
            if item.raw is None and item.kind == "message":
                return item
        return None

    def _say(self, words: str, item: Item | None) -> None:
        """Show words of ours: in the open message, else in one of their own."""
        told = item is not None and not item.announced  # an item that stands in the final response only
        if item is None:
            item = self.output.new_message(self.context.produce_id)
            self._announce_item(item)
        text = self.output.notice_text(item)
        self.tail(item, text, self.output.say(text, words), told=told)

    def _announce(self, item: Item, text: Text) -> None:
        """Announce the item and the part of a text of which a delta is sent, where that was not done."""
        self._announce_item(item)
        if text.frame is None and text.path[0] == "content" and ("content", text.path[1]) not in item.parts:
            part = new_part(text.path)
            item.parts["content", int(text.path[1])] = part
            self.own("response.content_part.added", {**place_of(item, text), "part": part})

    def _announce_item(self, item: Item) -> None:
        if not item.announced and item.template:
            item.announced = True
            self.own("response.output_item.added", {"output_index": item.index, "item": item.announcement()})

    def _close_item(self, item: Item, status: str) -> None:
        for kind, members in closing_of(item):
            self.own(kind, members)
        item.raw = dump(item.shown(status))
        self.own("response.output_item.done", {"output_index": item.index}, item=item.raw)

    def _end(self, status: str, *, filtered: bool) -> None:
        kind = f"response.{status}"
        items = [item.bytes(status) for item in self.output.ordered() if item.template]
        details = {"reason": "content_filter"} if filtered else None
        members = {
            "status": dump(status),
            "incomplete_details": dump(details),
            "output": b"[" + b",".join(items) + b"]",
        }
        splice = final_response(self._created, kind, {**members, "aigc": self.context.aigc})
        for key, value in self._members.items():
            splice.insert((), key, value)
        if self._numbered:
            self.number += 1
            splice.insert((), "sequence_number", dump(self.number))
        self._note_shown()
        self._emit_own(kind, splice.render())
        self.finished = True

    def _emit_own(self, kind: str, data: bytes) -> None:
        self.emit(b"".join((_PREFIX, kind.encode(), _DATA, data, b"\n\n")))

    def _take_event(self, raw: bytes) -> None:
        """Take the usual form of an event, a type and one line of data, without reading it line by line."""
        if raw[:7] == _PREFIX and raw[-2:] == b"\n\n" and raw.count(b"\n") == _LINES and b"\r" not in raw:
            start = raw.find(_DATA)
            if start > 0:
                self._take_data(raw, raw[start + 7 : -2])
                return
        super()._take_event(raw)


def replace_event_data(event: bytes, data: bytes) -> bytes:
    """Return the event with other data, which has no line break of its own in the usual form."""
    if event[:7] == _PREFIX and event[-2:] == b"\n\n" and b"\r" not in event and b"\n" not in data:
        start = event.find(_DATA)
        if start > 0 and event.count(b"\n") == _LINES:
            return b"".join((event[: start + 7], data, b"\n\n"))
    return replace_data(event, data)
