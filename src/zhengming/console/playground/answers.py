"""A whole answer of the gateway, as a page without a script shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from zhengming.console.playground.relaying import Whole


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person sees of an answer; everything in it is text. `error` is the code of an error, "" without one."""

    turn: str = ""
    text: str = ""
    reasoning: str = ""
    tool: str = ""
    label: str = ""
    labelled: bool = False
    error: str = ""
    message: str = ""


def read(whole: Whole) -> Answer:
    """Read an answer or an error of the chat API."""
    try:
        body = json.loads(whole.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Answer(error="broken")
    problem = body.get("error")
    if isinstance(problem, dict):
        return Answer(error=str(problem.get("code") or "error"), message=str(problem.get("message", "")))
    choices = body.get("choices") or [{}]
    message = choices[0].get("message") or {}
    return Answer(
        turn=whole.headers.get("x-aigc-produce-id", ""),
        text=_text(message.get("content")) or _text(message.get("refusal")),
        reasoning=_text(message.get("reasoning_content")),
        tool=_tool(message),
        label=unquote(whole.headers.get("x-aigc-notice", "")),
        labelled=isinstance(body.get("aigc"), dict),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _tool(message: Mapping[str, Any]) -> str:
    calls = message.get("tool_calls") or ()
    return "\n".join(f"{one['function']['name']}({one['function']['arguments']})" for one in calls)
