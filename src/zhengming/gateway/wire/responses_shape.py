"""Where texts lie in the items and events of `/v1/responses`.

A text is named by its path from the item on, such as `("content", 0, "text")` or `("arguments",)`: the deltas of a
text, its `.done`, its part, its item and the finished response all lead to the same path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from zhengming.gateway.wire.base import Path
from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.fields import Token

MAX_INDEX: Final = 10_000
"""Items and parts are counted from 0; an index beyond this is no index."""

OUTPUT_TEXT: Final = "response.output_text"
REFUSAL: Final = "response.refusal"
SHELL_OUTPUT: Final = "response.shell_call_output_content"
FRAME_KEYS: Final = frozenset({"type", "item_id", "output_index", "content_index", "summary_index", "command_index"})
DELTA_KEYS: Final = FRAME_KEYS | {"delta", "logprobs", "sequence_number", "obfuscation"}


class Found(NamedTuple):
    """A text: its path, the text, the object that it is a member of, and whether it is JSON."""

    path: Path
    text: str
    parent: Mapping[str, Any]
    json: bool


class Kind(NamedTuple):
    """How events name their text: `head`, the number that they give as `number`, `last`; `done` is the whole text."""

    head: Path
    number: str
    last: Path
    done: str


KINDS: Final[Mapping[str, Kind]] = {
    OUTPUT_TEXT: Kind(("content",), "content_index", ("text",), "text"),
    REFUSAL: Kind(("content",), "content_index", ("refusal",), "refusal"),
    "response.reasoning_text": Kind(("content",), "content_index", ("text",), "text"),
    "response.reasoning_summary_text": Kind(("summary",), "summary_index", ("text",), "text"),
    "response.function_call_arguments": Kind(("arguments",), "", (), "arguments"),
    "response.mcp_call_arguments": Kind(("arguments",), "", (), "arguments"),
    "response.custom_tool_call_input": Kind(("input",), "", (), "input"),
    "response.code_interpreter_call_code": Kind(("code",), "", (), "code"),
    "response.shell_call_command": Kind(("action", "commands"), "command_index", (), "command"),
}

# Members that hold text for people or programs, wherever they stand in an item; and lists of such texts.
_TEXTS: Final = frozenset(
    {
        "arguments", "code", "content", "diff", "error", "input", "logs", "message", "output", "patch", "pattern",
        "query", "reason", "refusal", "revised_prompt", "stderr", "stdout", "summary", "text", "transcript",
    }
)  # fmt: skip
_LISTS: Final = frozenset({"command", "commands", "queries"})
_ALWAYS: Final = frozenset({"text", "refusal", "arguments", "transcript"})
_CLOSED: Final = frozenset({"annotations", "env", "input_schema", "logprobs", "parameters", "tools", "top_logprobs"})
_MEDIA: Final = ("image", "file", "audio", "screenshot", "video")
_NAMES: Final = frozenset({"type", "file_id", "container_id"})
MOVED: Final = ("start_index", "end_index", "index")


def texts_of(value: Any, path: Path = (), *, every: bool = False) -> Iterator[Found]:
    """Return the texts of an item, a part or an event, in their order; with `every`, each string is one.

    Raises UpstreamGarbageError when a member that must be a text is a number.
    """
    if isinstance(value, dict):
        kind = value.get("type")
        for key, child in value.items():
            yield from _member(
                value, key, child, (*path, key), every=every or (key == "result" and kind == "program_output")
            )
    elif isinstance(value, list):
        for position, child in enumerate(value):
            if isinstance(child, str):
                if every:
                    yield Found((*path, position), child, {}, json=False)
            else:
                yield from texts_of(child, (*path, position), every=every)


def _member(parent: Mapping[str, Any], key: str, child: Any, path: Path, *, every: bool) -> Iterator[Found]:
    if isinstance(child, str):
        if key in _TEXTS or every:
            yield Found(path, child, parent, json=key == "arguments")
    elif isinstance(child, dict | list):
        if key not in _CLOSED:
            yield from texts_of(child, path, every=every or key == "arguments" or key in _LISTS)
    elif key in _ALWAYS and isinstance(child, int | float) and not isinstance(child, bool):
        raise garbage(key)


def media_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Return the parts that no detector reads, with their kind."""
    if isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and path and kind.endswith(_MEDIA):
            yield path, kind
            return
        if value.get("encrypted_content"):
            yield (*path, "encrypted_content"), "encrypted_content"
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, dict | list):
                yield from media_of(child, (*path, key))


def annotation_texts(annotation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the strings of an annotation that people see: title, link, file name, quotation."""
    for key, value in annotation.items():
        if isinstance(value, str) and value and key not in _NAMES:
            yield key, value


def deltas_of(kind: str, parsed: Mapping[str, Any]) -> list[tuple[Path, Path, str]] | None:
    """Return the texts of a delta: path in the item, path in the event, text. None when it carries no text.

    `kind` is the type of the event without `.delta`. A kind that we do not know has one text, named after the kind.
    """
    delta = parsed.get("delta")
    if kind == SHELL_OUTPUT and isinstance(delta, dict):
        number = index_at(parsed, "command_index")
        return [
            (("output", number, key), ("delta", key), delta[key])
            for key in ("stdout", "stderr")
            if isinstance(delta.get(key), str)
        ]
    if not isinstance(delta, str):
        if delta is not None and kind in KINDS and not isinstance(delta, dict | list):
            raise garbage("delta")
        return None
    return None if kind == "response.audio" else [(path_of(kind, parsed), ("delta",), delta)]


def path_of(kind: str, parsed: Mapping[str, Any]) -> Path:
    """Return the path of the text that an event of this kind is about."""
    known = KINDS.get(kind)
    if known is None:
        return (kind,)
    return (*known.head, index_at(parsed, known.number), *known.last) if known.number else known.head


def index_at(parsed: Mapping[str, Any], key: str) -> int:
    """Return an index, 0 when it is missing. Raises UpstreamGarbageError for anything that is no index."""
    value = parsed.get(key, 0)
    if type(value) is not int or not 0 <= value < MAX_INDEX:
        raise garbage(key)
    return value


def tokens_of(entries: Any) -> list[Token]:
    """Return log probabilities with what their tokens spell."""
    if not isinstance(entries, list):
        raise garbage("logprobs")
    return [_token(entry) for entry in entries]


def _token(entry: Any) -> Token:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        raise garbage("logprobs")
    data = entry.get("bytes")
    if not isinstance(data, list) or not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in data):  # noqa: PLR2004 - a byte
        data = None
    return Token(entry, entry["token"], data)


def new_part(path: Path, *, reasoning: bool = False) -> dict[str, Any]:
    """Return an empty part for the text at `path`."""
    if path[0] == "summary":
        return {"type": "summary_text", "text": ""}
    if path[-1] == "refusal":
        return {"type": "refusal", "refusal": ""}
    if reasoning:
        return {"type": "reasoning_text", "text": ""}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}


def put(value: dict[str, Any], path: Path, text: str) -> None:
    """Write a text into an item that may lack the way to it."""
    here: Any = value
    for number, step in enumerate(path):
        last = number == len(path) - 1
        blank: Any = text if last else [] if isinstance(path[number + 1], int) else {}
        if isinstance(step, int):
            while len(here) <= step:
                here.append("" if last else {})
            if last:
                here[step] = text
        elif last or not isinstance(here.get(step), list | dict):
            here[step] = blank
        if not last:
            here = here[step]


def garbage(place: str) -> UpstreamGarbageError:
    """The error for a member that cannot be read."""
    return UpstreamGarbageError(f"the upstream's answer has a {place} of an unknown type")
