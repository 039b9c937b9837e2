"""One form of a message for all the ways in which clients send it back.

The fingerprint of a conversation compares what we answered with what comes back as history. Between the two lies a
client library that writes nulls or drops them, sorts keys, wraps a text into parts, parses tool arguments and writes
them again, or trims white space. The canonical form keeps what makes the message: role, text, other parts by their
digest, refusal, tool calls, name and tool call id. Reasoning, annotations and unknown members are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from zhengming.label.text import strip_own_labels

_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})


def canonical_message(
    role: str, message: Mapping[str, Any], drop_labels: Callable[[str], str] = strip_own_labels
) -> bytes:
    """Return the canonical JSON of a message: sorted keys, no null, nothing empty, text trimmed.

    In assistant messages our labels are taken out of the text. Values of unexpected types are kept as they are.
    """
    content, refusal = _content(message.get("content")), message.get("refusal")
    kept: dict[str, Any] = {"role": role}
    if role == "assistant":
        content = _without_labels(content, drop_labels)
        if isinstance(refusal, str) and refusal:
            kept["refusal"] = refusal.strip()
    if isinstance(content, str):
        content = content.strip()
    if content:
        kept["content"] = content
    if message.get("tool_calls"):
        kept["tool_calls"] = _calls(message["tool_calls"])
    if message.get("function_call"):
        kept["function_call"] = _function(message["function_call"])
    for key in ("name", "tool_call_id"):
        if message.get(key):
            kept[key] = message[key]
    return _dump(kept)


def _dump(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _content(content: Any) -> Any:
    """Return a string for text however wrapped, else a list of strings and of digests of the other parts."""
    if not isinstance(content, list):
        return content
    items: list[Any] = []
    for part in content:
        text = _text_of(part)
        if text is None:
            items.append({"sha256": sha256(_dump(part)).hexdigest()})
        elif items and isinstance(items[-1], str):
            items[-1] += text
        else:
            items.append(text)
    if len(items) == 1 and isinstance(items[0], str):
        return items[0]
    return items


def _without_labels(content: Any, drop_labels: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        return drop_labels(content)
    if isinstance(content, list):
        return [drop_labels(item) if isinstance(item, str) else item for item in content]
    return content


def _text_of(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
        return str(part["text"])
    return None


def _calls(calls: Any) -> Any:
    if not isinstance(calls, list):
        return calls
    return [_call(call) if isinstance(call, dict) else call for call in calls]


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"id": call["id"]} if call.get("id") else {}
    if call.get("function"):
        kept["function"] = _function(call["function"])
    if call.get("custom"):
        kept["custom"] = call["custom"]
    return kept


def _function(function: Any) -> Any:
    """Return name and arguments; arguments that are JSON are compared by value, since clients write them again."""
    if not isinstance(function, dict):
        return function
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = arguments.strip()
    return {"name": function.get("name"), "arguments": arguments}
