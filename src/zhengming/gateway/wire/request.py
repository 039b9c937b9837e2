"""What the parsers of requests share: checks that name the place, pieces of text, and the way back to bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from zhengming.gateway.wire.base import Path, Piece, TurnRequest, Unjudged
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.splice import Splice, dump
from zhengming.label.text import strip_own_labels

MAX_CHOICES: Final = 128
CONVERSATION_KEYS: Final = ("conversation_id", "conversation")

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_READABLE_PARTS: Final = frozenset({"text", "input_text", "output_text", "refusal"})
_STRUCTURED: Final = frozenset({"json_object", "json_schema"})


def place(path: Path) -> str:
    """Return a path as people write it: `messages[2].content`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def refuse(path: Path, expected: str, value: object) -> RequestError:
    """Return the error for a value of the wrong type."""
    found = "null" if value is None else _JSON_NAMES.get(type(value), "another type")
    name = place(path)
    return RequestError(f"{name} must be {expected}, but is {found}.", param=name)


_JSON_NAMES: Final = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def judged_role(role: str) -> str:
    """Return who speaks: `system`, `user`, `assistant` or `tool`; an unknown role is judged like a user."""
    return _ROLES.get(role, "user")


def text_at(body: Mapping[str, Any], key: str, path: Path = ()) -> str:
    """Return an optional string member, empty when absent or null."""
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refuse((*path, key), "a string", value)
    return value


def model_of(body: Mapping[str, Any]) -> str:
    """Return the model, which every request must name."""
    model = text_at(body, "model")
    if not model:
        raise RequestError("model is missing; name one of GET /v1/models.", param="model", code="model_missing")
    return model


def stream_of(body: Mapping[str, Any]) -> bool:
    """Return whether the answer is to be streamed."""
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise refuse(("stream",), "a boolean", stream)
    return bool(stream)


def choices_of(body: Mapping[str, Any]) -> int:
    """Return how many answers are asked for, 1 to 128."""
    number = body.get("n")
    if number is None:
        return 1
    if not isinstance(number, int) or isinstance(number, bool):
        raise refuse(("n",), "a whole number", number)
    if not 1 <= number <= MAX_CHOICES:
        raise RequestError(f"n must be between 1 and {MAX_CHOICES}.", param="n", code="invalid_value")
    return number


def end_user_of(body: Mapping[str, Any]) -> str:
    """Return the end user as the application names it: `user`, or `safety_identifier` in its place."""
    return text_at(body, "user") or text_at(body, "safety_identifier")


def conversation_of(body: Mapping[str, Any]) -> str:
    """Return the conversation that the application names in `metadata.conversation_id`, else an empty string."""
    metadata = body.get("metadata")
    if metadata is None:
        return ""
    if not isinstance(metadata, dict):
        raise refuse(("metadata",), "an object", metadata)
    for key in CONVERSATION_KEYS:
        if found := text_at(metadata, key, ("metadata",)):
            return found
    return ""


def is_structured(body: Mapping[str, Any]) -> bool:
    """Whether the answer must be JSON, by `response_format`."""
    wanted = body.get("response_format")
    if wanted is None:
        return False
    if not isinstance(wanted, dict):
        raise refuse(("response_format",), "an object", wanted)
    return text_at(wanted, "type", ("response_format",)) in _STRUCTURED


class Reader:
    """Collects the pieces of one request."""

    __slots__ = ("pieces", "unjudged")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.unjudged: list[Unjudged] = []

    def text(self, path: Path, role: str, message: int, value: Any) -> None:
        """Take an optional text; an empty one is no piece."""
        if value is None or value == "":
            return
        if not isinstance(value, str):
            raise refuse(path, "a string", value)
        self.pieces.append(Piece(path, role, value, message))

    def content(self, path: Path, role: str, message: int, content: Any) -> None:
        """Take a content: a string, null, or a list of parts."""
        if not isinstance(content, list):
            if content is not None and not isinstance(content, str):
                raise refuse(path, "a string or a list of parts", content)
            self.text(path, role, message, content)
            return
        for position, part in enumerate(content):
            self.part((*path, position), role, message, part)

    def part(self, path: Path, role: str, message: int, part: Any) -> None:
        """Take one part of a content: a string, or an object whose texts are judged whatever it calls itself."""
        if isinstance(part, str):
            self.text(path, role, message, part)
            return
        if not isinstance(part, dict):
            raise refuse(path, "an object", part)
        kind = text_at(part, "type", path)
        for key in ("text", "refusal"):
            # A text is judged whatever the part calls itself: an upstream may read it too.
            self.text((*path, key), role, message, part.get(key))
        if kind not in _READABLE_PARTS:
            self.unjudged.append(Unjudged(path, _printable(kind)))

    def arguments(self, path: Path, message: int, value: Any) -> None:
        """Take the arguments of a tool call: JSON in a string, with its escapes read."""
        self.text(path, "assistant", message, _unescaped(value) if isinstance(value, str) else value)


def _printable(kind: str) -> str:
    """A kind as rows and entries can hold it, whatever a client calls it."""
    return ascii(kind)[1:-1][:64] or "unknown"


def _unescaped(arguments: str) -> str:
    """Return JSON text with its characters spelled out, so that an escape cannot hide a word."""
    if "\\" not in arguments:
        return arguments
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def rewrite(
    request: TurnRequest,
    *,
    model: str | None = None,
    drop_labels: Callable[[str], str] = strip_own_labels,
    redact: Mapping[Path, str] | None = None,
) -> bytes:
    """Return the body for the upstream; the very `raw` of the request when nothing changes.

    `model` is the upstream's own name; `drop_labels` takes our labels out of what the assistant said before;
    `redact` gives the whole new text of pieces by their path. All other bytes stay as the client sent them.
    """
    redact = redact or {}
    splice = Splice(request.raw)
    if model is not None and model != request.model:
        splice.replace(("model",), dump(model))
    for path, role, text, _ in request.pieces:
        new = redact.get(path, text)
        if role == "assistant" and path[-1] != "arguments":
            new = drop_labels(new)
        if new != text:
            splice.replace(path, dump(_still_json(text, new) if path[-1] == "arguments" else new))
    return splice.render()


def _still_json(before: str, after: str) -> str:
    """Return redacted tool arguments as JSON, wrapped where the redaction broke them and they were JSON before."""
    try:
        json.loads(before)
    except (ValueError, RecursionError):
        return after
    try:
        json.loads(after)
    except (ValueError, RecursionError):
        return json.dumps({"redacted": after}, ensure_ascii=False)
    return after
