"""Events that we write ourselves in a Responses stream: pieces of texts, what closes parts and items, the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from zhengming.gateway.wire.responses_item import Item
from zhengming.gateway.wire.responses_shape import KINDS, OUTPUT_TEXT, REFUSAL
from zhengming.gateway.wire.responses_text import Text
from zhengming.gateway.wire.splice import Splice, dump

Own = tuple[str, dict[str, Any]]

_NUMBER: Final = b'"sequence_number"'
_DIGITS: Final = re.compile(rb'"sequence_number":(\d+)(?=[,}])')


def renumber(data: bytes, number: int) -> bytes:
    """Return an event with another `sequence_number`, which it has; all other bytes stay."""
    if data.count(_NUMBER) == 1:
        found = _DIGITS.search(data)
        if found is not None:
            return b"".join((data[: found.start(1)], b"%d" % number, data[found.end(1) :]))
    splice = Splice(data)
    splice.replace(("sequence_number",), dump(number))
    return splice.render()


def place_of(item: Item, text: Text) -> dict[str, Any]:
    """Return the members that say which text an event is about."""
    place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
    path = text.path
    if path[0] == "content" and len(path) > 1:
        place["content_index"] = path[1]
    elif path[0] == "summary" and len(path) > 1:
        place["summary_index"] = path[1]
    elif path[:2] == ("action", "commands"):
        place["command_index"] = path[-1]
    return place


def kind_of(item: Item, text: Text) -> str:
    """Return the kind of event that tells a text, without `.delta` or `.done`; empty when there is none."""
    if text.frame is not None:
        return str(text.frame["type"]).removesuffix(".delta")
    if text.main and len(text.path) > 1:
        return OUTPUT_TEXT
    return REFUSAL if item.kind == "message" and text.path[-1] == "refusal" else ""


def delta_of(item: Item, text: Text, piece: str, entries: Sequence[Any]) -> Own:
    """Return the delta that shows a piece with these log probabilities."""
    kind = kind_of(item, text)
    members = dict(text.frame) if text.frame is not None else place_of(item, text)
    members.pop("type", None)
    members["delta"] = piece if text.member == ("delta",) else {text.member[-1]: piece}
    if kind == OUTPUT_TEXT:
        members["logprobs"] = list(entries)
    return f"{kind}.delta", members


def closing_of(item: Item) -> Iterator[Own]:
    """Return the events that close what is open of an announced item; all but the last, `response.output_item.done`."""
    for text in item.texts.values():
        kind = kind_of(item, text)
        known = KINDS.get(kind)
        if known is None:
            continue
        place = place_of(item, text)
        if not text.told:
            text.told = True
            members = {**place, known.done: text.labelled()}
            if kind == OUTPUT_TEXT:
                members["logprobs"] = text.entries
            if kind == "response.function_call_arguments":
                members["name"] = item.template.get("name")
            yield f"{kind}.done", members
        if known.head[0] in ("content", "summary") and not text.part_told:
            text.part_told = True
            prefix = "response.content_part" if known.head[0] == "content" else "response.reasoning_summary_part"
            yield f"{prefix}.done", {**place, "part": item.part(text)}


def final_response(created: bytes, kind: str, members: Mapping[str, bytes]) -> Splice:
    """Return the announced response, ready to be edited into the event that ends it; `members` go into the response."""
    splice = Splice(created)
    splice.insert((), "type", dump(kind))
    for key, value in members.items():
        splice.insert(("response",), key, value)
    return splice


def response_frame(answer_id: str, model: str, created: int, status: str) -> dict[str, Any]:
    """Return a response that has said nothing."""
    return {
        "id": answer_id,
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }
