"""What the tests of Responses answers share: events as OpenAI writes them, and what a client reads of the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tests.gateway.wire.cases import context

from zhengming.gateway.wire.base import Out, OutputStream, TurnRequest, WholeOutput
from zhengming.gateway.wire.responses_stream import ResponsesStream
from zhengming.gateway.wire.responses_whole import responses_whole

Event = dict[str, Any]


def asked(**members: Any) -> TurnRequest:
    members = {"stream": True, **members}
    return TurnRequest(api="responses", raw=b"{}", model="m", pieces=(), messages=(), roles=(), **members)


def event(data: Any) -> bytes:
    """One event as OpenAI writes it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {data['type']}\ndata: {text}\n\n".encode()


def response(status: str = "in_progress", output: Sequence[Any] = (), **members: Any) -> Event:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "up",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "usage": None,
        **members,
    }


USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 7,
}


def text_part(text: str, **members: Any) -> Event:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text, **members}


def message(*parts: Event | str, status: str = "completed", number: int = 1) -> Event:
    content = [text_part(part) if isinstance(part, str) else part for part in parts]
    return {"id": f"msg_{number}", "type": "message", "status": status, "role": "assistant", "content": content}


def call(arguments: str, *, name: str = "dial", number: int = 1) -> Event:
    return {
        "id": f"fc_{number}",
        "type": "function_call",
        "status": "completed",
        "arguments": arguments,
        "call_id": f"call_{number}",
        "name": name,
    }


def reasoning(*summary: str, content: Sequence[str] = ()) -> Event:
    item: Event = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": s} for s in summary]}
    if content:
        item["content"] = [{"type": "reasoning_text", "text": text} for text in content]
    return item


Cut = Callable[[str], Iterable[str]]


def characters(text: str) -> Iterable[str]:
    """The finest cut."""
    return text


def events_for(items: Sequence[Event], cut: Cut = characters, **final: Any) -> Iterator[Event]:
    """The events of a response that ends with these items, its texts cut into deltas."""
    yield {"type": "response.created", "response": response()}
    yield {"type": "response.in_progress", "response": response()}
    for index, item in enumerate(items):
        yield from item_events(item, index, cut)
    final = {"status": "completed", "usage": USAGE, **final}
    yield {"type": f"response.{final['status']}", "response": response(output=items, **final)}


def item_events(item: Event, index: int, cut: Cut) -> Iterator[Event]:
    here = {"item_id": item["id"], "output_index": index}
    empty = {**item, "status": "in_progress"} if "status" in item else dict(item)
    empty |= {key: [] if key in ("content", "summary") else "" for key in item if key in _GROWING}
    yield {"type": "response.output_item.added", "output_index": index, "item": empty}
    for position, part in enumerate(item.get("summary", ())):
        place = {**here, "summary_index": position}
        yield from _part(place, part, "response.reasoning_summary_part", "response.reasoning_summary_text", cut)
    for position, part in enumerate(item.get("content", ())):
        place = {**here, "content_index": position}
        yield from _part(place, part, "response.content_part", f"response.{part['type']}", cut)
    for key, kind in _FLAT.get(item["type"], ()):
        yield from ({"type": f"{kind}.delta", **here, "delta": piece} for piece in cut(item[key]))
        yield {"type": f"{kind}.done", **here, key: item[key]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


_GROWING = ("content", "summary", "arguments", "input", "code")
_FLAT = {
    "function_call": (("arguments", "response.function_call_arguments"),),
    "mcp_call": (("arguments", "response.mcp_call_arguments"),),
    "custom_tool_call": (("input", "response.custom_tool_call_input"),),
    "code_interpreter_call": (("code", "response.code_interpreter_call_code"),),
}


def _part(place: Event, part: Event, kind: str, text_kind: str, cut: Cut) -> Iterator[Event]:
    key = "refusal" if part["type"] == "refusal" else "text"
    empty = {**part, key: "", **({"annotations": [], "logprobs": []} if part["type"] == "output_text" else {})}
    yield {"type": f"{kind}.added", **place, "part": empty}
    tokens = iter(part.get("logprobs", ()))
    beside = part["type"] == "output_text"
    for piece in cut(part[key]):
        delta: Event = {"type": f"{text_kind}.delta", **place, "delta": piece}
        if beside:
            delta["logprobs"] = _spelling(piece, tokens)
        yield delta
    for number, annotation in enumerate(part.get("annotations", ())):
        yield {
            "type": "response.output_text.annotation.added",
            **place,
            "annotation_index": number,
            "annotation": annotation,
        }
    done: Event = {"type": f"{text_kind}.done", **place, key: part[key]}
    yield {**done, "logprobs": part["logprobs"]} if beside else done
    yield {"type": f"{kind}.done", **place, "part": part}


def _spelling(piece: str, tokens: Iterator[Event]) -> list[Event]:
    """The tokens of a piece; tests with log probabilities cut the text at their edges."""
    found: list[Event] = []
    while piece and sum(len(token["token"]) for token in found) < len(piece):
        token = next(tokens, None)
        if token is None:
            return []
        found.append(token)
    return found


def encoded(events: Iterable[Event]) -> list[bytes]:
    """Numbered events in bytes."""
    return [event({**one, "sequence_number": number}) for number, one in enumerate(events)]


def events_of(data: bytes) -> list[Event]:
    """What a client reads of the bytes."""
    assert data == b"" or data.endswith((b"\n\n", b"\r\n\r\n"))
    return [json.loads(line[6:]) for line in data.splitlines() if line.startswith(b"data: {")]


class Seen(NamedTuple):
    """What came out of a stream."""

    data: bytes
    events: list[Event]
    shown: dict[str, str]
    stream: OutputStream

    def kinds(self) -> list[str]:
        """The types of the events, without `response.`."""
        return [one["type"].removeprefix("response.") for one in self.events]

    def deltas(self, kind: str = "output_text", index: int = 0, part: int = 0) -> str:
        """Join the deltas of one text."""
        found = [one for one in self.events if one["type"] == f"response.{kind}.delta" and one["output_index"] == index]
        return "".join(
            one["delta"] for one in found if part in (one.get("content_index", part), one.get("summary_index", -1))
        )

    def of(self, kind: str) -> list[Event]:
        """All events of a type."""
        return [one for one in self.events if one["type"] == f"response.{kind}"]

    @property
    def last(self) -> Event:
        """The response in the last event."""
        found = self.events[-1]["response"]
        assert isinstance(found, dict)
        return found

    def check(self) -> Seen:
        """Check what holds for every stream: numbers rise, and whatever repeats a text says what its deltas said."""
        numbers = [one["sequence_number"] for one in self.events]
        assert all(before < after for before, after in pairwise(numbers)), numbers
        assert len([one for one in self.data.split(b"\n") if one.startswith(b"event: ")]) == len(self.events)
        for item in self.of("output_item.done"):
            assert item["item"] == self.last["output"][item["output_index"]]
        for index, item in enumerate(self.last.get("output", ())):
            for part, body in enumerate(item.get("content", ()) if item["type"] == "message" else ()):
                kind, key = ("refusal", "refusal") if body["type"] == "refusal" else ("output_text", "text")
                if any(one["output_index"] == index for one in self.of("output_item.added")):
                    assert self.deltas(kind, index, part) == body[key]
                for one in self.of(f"{kind}.done"):
                    if (one["output_index"], one["content_index"]) == (index, part):
                        assert one[key] == body[key]
                for one in self.of("content_part.done"):
                    if (one["output_index"], one["content_index"]) == (index, part):
                        assert one["part"] == body
        return self


def run(
    data: bytes | Iterable[bytes],
    cuts: Iterable[int] = (),
    *,
    stream: OutputStream | None = None,
    before_finish: Callable[[OutputStream], Out] | None = None,
    **members: Any,
) -> Seen:
    """Feed a stream, cut at these places, and finish it; one that is broken ends in its error."""
    data = data if isinstance(data, bytes) else b"".join(data)
    if stream is None:
        request = asked(**{key: members.pop(key) for key in ("structured",) if key in members})
        stream = ResponsesStream(context(**members), request)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    outs = [stream.feed(data[start:end]) for start, end in pairwise(edges)]
    if before_finish is not None:
        outs.append(before_finish(stream))
    outs.append(stream.finish())
    if stream.broken is not None:
        outs.append(stream.fail(stream.broken.message, stream.broken.code))
    shown: dict[str, str] = {}
    for channel, text in (one for out in outs for one in out.shown):
        shown[channel] = shown.get(channel, "") + text
    joined = b"".join(out.data for out in outs)
    return Seen(joined, events_of(joined), shown, stream)


def played(items: Sequence[Event], cut: Cut = characters, **members: Any) -> Seen:
    """Run a stream of these items and check what holds for all."""
    return run(encoded(events_for(items, cut)), **members).check()


def whole(items: Sequence[Event], **members: Any) -> tuple[Event, WholeOutput]:
    """Guard the same as a whole answer."""
    raw = json.dumps(response("completed", items, usage=USAGE), ensure_ascii=False).encode()
    request = asked(**{key: members.pop(key) for key in ("structured",) if key in members})
    result = responses_whole(context(**members), request, raw)
    return json.loads(result.data), result


def shown_in(result: WholeOutput) -> dict[str, str]:
    """The texts that a whole answer notes, by channel."""
    shown: dict[str, str] = {}
    for channel, text in result.shown:
        shown[channel] = shown.get(channel, "") + text
    return shown
