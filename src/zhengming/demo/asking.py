"""A visit's messages as requests of the three APIs, and what comes back as a person would read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from zhengming.demo.script import Visit
from zhengming.gateway.upstreams.rehearsal.props import PLAN, TOOL

PATHS: Final = {"chat": "/chat/completions", "responses": "/responses", "completions": "/completions"}


class Asked(NamedTuple):
    """A request: its path below the base URL, its headers beside the key, its body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def request_of(visit: Visit, history: Sequence[Mapping[str, str]], text: str, model: str) -> Asked:
    """Return the request for one message of a visit after what was said before."""
    body: dict[str, Any] = {"model": model, "stream": visit.stream}
    messages = [*history, {"role": "user", "content": text}]
    if visit.api == "completions":
        body["prompt"] = text
    elif visit.api == "responses":
        body["input"] = messages
    else:
        body["messages"] = messages
    if visit.tool:
        body["tools"] = [TOOL]
    if visit.json:
        body["response_format"] = PLAN
    return Asked(PATHS[visit.api], {"X-Zhengming-User": visit.person, "X-Zhengming-Persona": f"demo-{visit.who}"}, body)


def text_of(api: str, raw: bytes, *, stream: bool) -> str:
    """Return the text of an answer, "" where there is none or it cannot be read."""
    try:
        if stream:
            return "".join(_of_event(api, event) for event in _events(raw))
        return _of_whole(api, json.loads(raw))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ""


def _events(raw: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in raw.decode("utf-8").splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def _of_event(api: str, event: Mapping[str, Any]) -> str:
    if api == "responses":
        return str(event["delta"]) if event.get("type") == "response.output_text.delta" else ""
    return "".join(
        (choice.get("text") if api == "completions" else choice["delta"].get("content")) or ""
        for choice in event.get("choices", ())
    )


def _of_whole(api: str, body: Mapping[str, Any]) -> str:
    if api == "responses":
        parts = [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
        return "".join(part.get("text", "") for part in parts)
    choice = body["choices"][0]
    return str((choice.get("text") if api == "completions" else choice["message"].get("content")) or "")
