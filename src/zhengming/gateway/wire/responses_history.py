"""Responses items as messages, so that a history is recognised however a client sends it back.

An answer of the Responses API is a list of items: reasoning, calls of tools, messages. A client sends all of them back,
or only some, or only the text. What makes the answer for the fingerprint are its texts, its refusals and its calls of
the application's own functions; items that follow each other are one message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def assistant_message(items: Iterable[Mapping[str, Any]], drop_labels: Callable[[str], str]) -> dict[str, Any]:
    """Return items of the assistant as one message in the form of chat completions; our labels are taken out."""
    content, refusal, calls = "", "", []
    for item in items:
        kind = item.get("type")
        if kind == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": item.get("call_id"), "function": function})
        elif kind == "custom_tool_call":
            custom = {"name": item.get("name"), "input": item.get("input")}
            calls.append({"id": item.get("call_id"), "custom": custom})
        else:
            said = item.get("content")
            for part in said if isinstance(said, list) else [said]:
                text, refused = _texts_of(part)
                content += drop_labels(text)
                refusal += refused
    return {"content": content, "refusal": refusal, "tool_calls": calls}


def _texts_of(part: Any) -> tuple[str, str]:
    if isinstance(part, str):
        return part, ""
    if not isinstance(part, dict):
        return "", ""
    text, refusal = part.get("text"), part.get("refusal")
    return text if isinstance(text, str) else "", refusal if isinstance(refusal, str) else ""
