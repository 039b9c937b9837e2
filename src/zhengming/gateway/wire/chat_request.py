"""Requests of `POST /v1/chat/completions`, parsed for judging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zhengming.gateway.wire.base import Path, TurnRequest
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.request import (
    Reader,
    choices_of,
    conversation_of,
    end_user_of,
    is_structured,
    judged_role,
    model_of,
    refuse,
    stream_of,
    text_at,
)
from zhengming.label.text import strip_own_labels


def parse_chat(raw: bytes, drop_labels: Callable[[str], str] = strip_own_labels) -> TurnRequest:
    """Return the request with every text that can be judged.

    Descriptions of tools are pieces of the role `system`; the schema of `response_format` is no piece. Members that we
    do not know are not looked at. `drop_labels` takes our labels out of the assistant's messages before they are
    compared with what we answered. Raises RequestError (400), which names the place.
    """
    body = parse_object(raw)
    model = model_of(body)
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise refuse(("messages",), "a list", messages)
    if not messages:
        raise RequestError("messages is empty; send at least one message.", param="messages", code="empty_list")
    reader = Reader()
    _read_tools(reader, body)
    canonical: list[bytes] = []
    roles: list[str] = []
    for position, message in enumerate(messages):
        role = _read_message(reader, position, message)
        roles.append(role)
        canonical.append(canonical_message(role, message, drop_labels))
    _read_prediction(reader, body)
    return TurnRequest(
        api="chat",
        raw=raw,
        model=model,
        stream=stream_of(body),
        pieces=tuple(reader.pieces),
        messages=tuple(canonical),
        roles=tuple(roles),
        unjudged=tuple(reader.unjudged),
        user=end_user_of(body),
        conversation=conversation_of(body),
        structured=is_structured(body),
        choices=choices_of(body),
    )


def _read_message(reader: Reader, position: int, message: Any) -> str:
    path: Path = ("messages", position)
    if not isinstance(message, dict):
        raise refuse(path, "an object", message)
    role = message.get("role")
    if not isinstance(role, str):
        raise refuse((*path, "role"), "a string", role)
    judged = judged_role(role)
    reader.text((*path, "name"), judged, position, message.get("name"))
    reader.content((*path, "content"), judged, position, message.get("content"))
    for key in ("refusal", "reasoning_content", "reasoning"):
        if isinstance(message.get(key), str) or key == "refusal":
            reader.text((*path, key), judged, position, message.get(key))
    _read_calls(reader, path, position, message)
    return role


def _read_calls(reader: Reader, path: Path, position: int, message: Mapping[str, Any]) -> None:
    calls = message.get("tool_calls")
    if calls is not None:
        if not isinstance(calls, list):
            raise refuse((*path, "tool_calls"), "a list", calls)
        for number, call in enumerate(calls):
            here = (*path, "tool_calls", number)
            if not isinstance(call, dict):
                raise refuse(here, "an object", call)
            _read_function(reader, (*here, "function"), position, call.get("function"))
            custom = call.get("custom")
            if isinstance(custom, dict):
                reader.text((*here, "custom", "input"), "assistant", position, custom.get("input"))
    _read_function(reader, (*path, "function_call"), position, message.get("function_call"))


def _read_function(reader: Reader, path: Path, position: int, function: Any) -> None:
    if function is None:
        return
    if not isinstance(function, dict):
        raise refuse(path, "an object", function)
    reader.arguments((*path, "arguments"), position, function.get("arguments"))


def _read_tools(reader: Reader, body: Mapping[str, Any]) -> None:
    """Read what the application tells the model about its tools: not a word of the end user."""
    for key in ("tools", "functions"):
        tools = body.get(key)
        if tools is None:
            continue
        if not isinstance(tools, list):
            raise refuse((key,), "a list", tools)
        for position, tool in enumerate(tools):
            if not isinstance(tool, dict):
                raise refuse((key, position), "an object", tool)
            for inner in ("function", "custom"):
                if isinstance(tool.get(inner), dict):
                    _read_description(reader, (key, position, inner), tool[inner])
            _read_description(reader, (key, position), tool)


def _read_description(reader: Reader, path: Path, described: Mapping[str, Any]) -> None:
    reader.text((*path, "description"), "system", -1, text_at(described, "description", path))


def _read_prediction(reader: Reader, body: Mapping[str, Any]) -> None:
    prediction = body.get("prediction")
    if prediction is None:
        return
    if not isinstance(prediction, dict):
        raise refuse(("prediction",), "an object", prediction)
    reader.content(("prediction", "content"), "user", -1, prediction.get("content"))
