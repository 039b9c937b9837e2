"""Requests of `POST /v1/responses`, parsed for judging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from zhengming.gateway.wire.base import Path, TurnRequest, Unjudged
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.request import (
    Reader,
    conversation_of,
    end_user_of,
    judged_role,
    model_of,
    refuse,
    stream_of,
    text_at,
)
from zhengming.gateway.wire.responses_history import assistant_message
from zhengming.gateway.wire.responses_shape import media_of, texts_of
from zhengming.label.text import strip_own_labels

_STRUCTURED: Final = frozenset({"json_object", "json_schema"})
_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_WITHOUT_INPUT: Final = ("prompt", "previous_response_id", "conversation")
_ALWAYS: Final = -1  # the message of a text that no fingerprint covers: it is screened in every turn


def parse_responses(raw: bytes, drop_labels: Callable[[str], str] = strip_own_labels) -> TurnRequest:
    """Return the request with every text that can be judged.

    Items of the assistant that follow each other are one message. Items that clients may leave out, such as reasoning
    and calls of hosted tools, are part of no message: their texts are judged in every turn. Descriptions of tools and
    `instructions` are pieces of the role `system`, variables of a `prompt` of the role `user`. Members that we do not
    know are not looked at. Raises RequestError (400), which names the place.
    """
    body = parse_object(raw)
    model = model_of(body)
    stream = stream_of(body)
    if body.get("background") is True and not stream:
        raise RequestError(
            "background needs GET /v1/responses/{id}, which is not served here.",
            param="background",
            code="unsupported_value",
            next_step="Leave background out, or stream the response.",
        )
    items = _Items(drop_labels)
    _read_instructions(items.reader, body)
    _read_tools(items.reader, body.get("tools"), ("tools",))
    items.read(body)
    _read_prompt(items.reader, body.get("prompt"), len(items.messages))
    return TurnRequest(
        api="responses",
        raw=raw,
        model=model,
        stream=stream,
        pieces=tuple(items.reader.pieces),
        messages=tuple(items.messages),
        roles=tuple(items.roles),
        unjudged=tuple(items.reader.unjudged),
        user=end_user_of(body),
        conversation=_conversation_of(body),
        previous_response=text_at(body, "previous_response_id"),
        structured=_is_structured(body),
    )


class _Items:
    """Reads `input`; items of the assistant wait until their message is complete."""

    def __init__(self, drop_labels: Callable[[str], str]) -> None:
        self.reader = Reader()
        self.messages: list[bytes] = []
        self.roles: list[str] = []
        self._drop_labels = drop_labels
        self._said: list[Mapping[str, Any]] = []

    def read(self, body: Mapping[str, Any]) -> None:
        given = body.get("input")
        if isinstance(given, str):
            self.reader.text(("input",), "user", 0, given)
            self._add("user", {"content": given})
            return
        if given is not None and not isinstance(given, list):
            raise refuse(("input",), "a string or a list of items", given)
        if not given and not any(body.get(key) for key in _WITHOUT_INPUT):
            raise RequestError("input is missing; send a text or items.", param="input", code="input_missing")
        for position, item in enumerate(given or ()):
            self._read_item(("input", position), item)
        self._end_message()

    def _read_item(self, path: Path, item: Any) -> None:
        if not isinstance(item, dict):
            raise refuse(path, "an object", item)
        kind = text_at(item, "type", path)
        if kind == "message" or (not kind and "role" in item):
            self._read_message(path, item)
        elif kind in _CALLS:
            self._said.append(item)
            number = len(self.messages)
            self.reader.arguments((*path, "arguments"), number, item.get("arguments"))
            self.reader.text((*path, "input"), "assistant", number, item.get("input"))
        elif kind in _RESULTS or kind.endswith(("_output", "_response")):
            self._read_result(path, kind, item)
        elif kind or "id" in item:
            self._read_other(path, kind or "item_reference", item)
        else:
            raise refuse((*path, "type"), "a string", item.get("type"))

    def _read_message(self, path: Path, item: Mapping[str, Any]) -> None:
        role = item.get("role")
        if not isinstance(role, str):
            raise refuse((*path, "role"), "a string", role)
        if role == "assistant":
            self._said.append(item)
        else:
            self._end_message()
        self.reader.content((*path, "content"), judged_role(role), len(self.messages), item.get("content"))
        if role != "assistant":
            self._add(role, item)

    def _read_result(self, path: Path, kind: str, item: Mapping[str, Any]) -> None:
        """Read what a tool gave back, of any kind: one message each."""
        self._end_message()
        if kind in _RESULTS:
            self.reader.content((*path, "output"), "tool", len(self.messages), item.get("output"))
            self._add("tool", {"content": item.get("output"), "tool_call_id": item.get("call_id")})
            return
        self._read_texts(path, "tool", len(self.messages), item)
        self._add("tool", {"content": [item]})

    def _read_other(self, path: Path, kind: str, item: Mapping[str, Any]) -> None:
        """Read an item that makes no message: reasoning, a hosted tool, a reference, a kind that we do not know."""
        role = "assistant" if kind == "reasoning" or kind.endswith("_call") else "user"
        self._read_texts(path, role, _ALWAYS, item)
        if kind == "item_reference":
            self.reader.unjudged.append(Unjudged(path, kind))

    def _read_texts(self, path: Path, role: str, message: int, item: Mapping[str, Any]) -> None:
        for found in texts_of(item):
            if found.json:
                self.reader.arguments((*path, *found.path), message, found.text)
            else:
                self.reader.text((*path, *found.path), role, message, found.text)
        self.reader.unjudged += [Unjudged((*path, *place), kind) for place, kind in media_of(item)]

    def _end_message(self) -> None:
        if self._said:
            said, self._said = self._said, []
            self._add("assistant", assistant_message(said, self._drop_labels))

    def _add(self, role: str, message: Mapping[str, Any]) -> None:
        self.messages.append(canonical_message(role, message, self._drop_labels))
        self.roles.append(role)


def _read_instructions(reader: Reader, body: Mapping[str, Any]) -> None:
    reader.text(("instructions",), "system", _ALWAYS, body.get("instructions"))


def _read_tools(reader: Reader, tools: Any, path: Path) -> None:
    """Read what the application tells the model about its tools, those in a namespace too."""
    if tools is None:
        return
    if not isinstance(tools, list):
        raise refuse(path, "a list", tools)
    for position, tool in enumerate(tools):
        here = (*path, position)
        if not isinstance(tool, dict):
            raise refuse(here, "an object", tool)
        for key in ("description", "server_description"):
            reader.text((*here, key), "system", _ALWAYS, tool.get(key))
        if tool.get("tools") is not None:
            _read_tools(reader, tool["tools"], (*here, "tools"))


def _read_prompt(reader: Reader, prompt: Any, message: int) -> None:
    """Read the variables of a prompt, which fill a template that lies at the upstream."""
    if prompt is None:
        return
    if not isinstance(prompt, dict):
        raise refuse(("prompt",), "an object", prompt)
    variables = prompt.get("variables")
    if variables is None:
        return
    if not isinstance(variables, dict):
        raise refuse(("prompt", "variables"), "an object", variables)
    for name, value in variables.items():
        path: Path = ("prompt", "variables", name)
        if isinstance(value, str):
            reader.text(path, "user", message, value)
        else:
            reader.part(path, "user", message, value)


def _conversation_of(body: Mapping[str, Any]) -> str:
    """Return the conversation: that of the upstream, as an id or an object with one, else the one in `metadata`."""
    conversation = body.get("conversation")
    if conversation is None:
        return conversation_of(body)
    if isinstance(conversation, dict):
        return text_at(conversation, "id", ("conversation",))
    if not isinstance(conversation, str):
        raise refuse(("conversation",), "a string or an object", conversation)
    return conversation


def _is_structured(body: Mapping[str, Any]) -> bool:
    """Whether the answer must be JSON, by `text.format`."""
    text = body.get("text")
    if text is None:
        return False
    if not isinstance(text, dict):
        raise refuse(("text",), "an object", text)
    wanted = text.get("format")
    if wanted is None:
        return False
    if not isinstance(wanted, dict):
        raise refuse(("text", "format"), "an object", wanted)
    return text_at(wanted, "type", ("text", "format")) in _STRUCTURED
