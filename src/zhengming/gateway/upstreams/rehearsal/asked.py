"""What a request asks for, read from the three text APIs into one shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zhengming.core.i18n import language_of

_MOST_CHOICES: Final = 16


class Unreadable(Exception):  # noqa: N818 - becomes an answer with status 400, not an error of ours
    """The body is not a request of this API; the text says why."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the request offers."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for text. `schema` is None without structured output, `{}` for any JSON; `limit` counts pieces."""

    model: str
    message: str
    language: str
    prompt_length: int
    stream: bool = False
    choices: int = 1
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto, none, required, or a function's name
    after_tool: bool = False
    schema: Mapping[str, Any] | None = None
    reasoning: bool = False
    logprobs: int | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()
    usage: bool = False
    echo: bool = False


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises Unreadable."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            content = json.loads(body)  # lone surrogates and big integers, which orjson refuses
        except (ValueError, RecursionError):
            raise Unreadable("The body is not valid JSON.") from None
    if not isinstance(content, dict):
        raise Unreadable("The body is not a JSON object.")
    return content


def read_chat(body: Mapping[str, Any]) -> Asked:
    """Read a chat completion. Raises Unreadable."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise Unreadable("`messages` must be a list of at least one message.")
    texts = [(str(one.get("role", "")), _text(one.get("content"))) for one in messages]
    options = body.get("stream_options")
    return _asked(
        body,
        texts,
        after_tool=texts[-1][0] in {"tool", "function"},
        tools=_tools(body.get("tools"), nested=True),
        tool_choice=_tool_choice(body.get("tool_choice"), nested=True),
        schema=_schema(body.get("response_format"), nested=True),
        reasoning=bool(body.get("reasoning_effort") or body.get("enable_thinking")),
        logprobs=_count(body.get("top_logprobs"), 0) if body.get("logprobs") is True else None,
        limit=_count(body.get("max_completion_tokens", body.get("max_tokens")), None),
        usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def read_responses(body: Mapping[str, Any]) -> Asked:
    """Read a request of the Responses API. Raises Unreadable."""
    given = body.get("input")
    if isinstance(given, str):
        texts = [("user", given)]
    elif isinstance(given, list) and given and all(isinstance(one, dict) for one in given):
        texts = [(str(one.get("role") or one.get("type", "")), _text(one.get("content"))) for one in given]
    else:
        raise Unreadable("`input` must be a text or a list of items.")
    if isinstance(body.get("instructions"), str):
        texts.insert(0, ("system", body["instructions"]))
    form = body.get("text")
    return _asked(
        body,
        texts,
        after_tool=texts[-1][0] == "function_call_output",
        tools=_tools(body.get("tools"), nested=False),
        tool_choice=_tool_choice(body.get("tool_choice"), nested=False),
        schema=_schema(form.get("format") if isinstance(form, dict) else None, nested=False),
        reasoning=isinstance(body.get("reasoning"), dict),
        limit=_count(body.get("max_output_tokens"), None),
    )


def read_completion(body: Mapping[str, Any]) -> Asked:
    """Read a request of the old completions API; of several prompts the last one counts. Raises Unreadable."""
    prompt = body.get("prompt", "")
    if isinstance(prompt, list):
        prompt = next((one for one in reversed(prompt) if isinstance(one, str)), "")
    if not isinstance(prompt, str):
        raise Unreadable("`prompt` must be a text or a list of texts.")
    options = body.get("stream_options")
    return _asked(
        body,
        [("user", prompt)],
        logprobs=_count(body.get("logprobs"), None),
        limit=_count(body.get("max_tokens"), None),
        usage=isinstance(options, dict) and options.get("include_usage") is True,
        echo=body.get("echo") is True,
    )


def _asked(body: Mapping[str, Any], texts: list[tuple[str, str]], **further: Any) -> Asked:
    message = next((text for role, text in reversed(texts) if role == "user"), texts[-1][1])
    model = body.get("model")
    if not isinstance(model, str):
        raise Unreadable("`model` must be a text.")
    stops = body.get("stop")
    return Asked(
        model=model,
        message=message,
        language="en" if language_of(message) == "en" else "zh",
        prompt_length=sum(len(text) for _, text in texts),
        stream=body.get("stream") is True,
        choices=min(_count(body.get("n"), 1) or 1, _MOST_CHOICES),
        stops=tuple(one for one in ([stops] if isinstance(stops, str) else stops or ()) if one),
        **further,
    )


def _text(content: Any) -> str:
    """Return the text of a message's content, its text parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(part for part in parts if isinstance(part, str))


def _tools(given: Any, *, nested: bool) -> tuple[Tool, ...]:
    found: list[Tool] = []
    for one in given if isinstance(given, list) else ():
        function = one.get("function") if nested and isinstance(one, dict) else one
        if isinstance(function, dict) and one.get("type") == "function" and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            found.append(Tool(function["name"], parameters if isinstance(parameters, dict) else {}))
    return tuple(found)


def _tool_choice(given: Any, *, nested: bool) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        function = given.get("function") if nested else given
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            return str(function["name"])
    return "auto"


def _schema(given: Any, *, nested: bool) -> Mapping[str, Any] | None:
    if not isinstance(given, dict):
        return None
    if given.get("type") == "json_object":
        return {}
    if given.get("type") != "json_schema":
        return None
    holder = given.get("json_schema") if nested else given
    schema = holder.get("schema") if isinstance(holder, dict) else None
    return schema if isinstance(schema, dict) else {}


def _count(given: Any, default: int | None) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else default
