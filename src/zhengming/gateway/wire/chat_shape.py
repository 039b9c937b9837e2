"""How chat completions lay texts into choices: `message` in a whole answer, `delta` in a chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zhengming.gateway.wire.answer import Answer, TextAt
from zhengming.gateway.wire.base import Path
from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.fields import Token
from zhengming.gateway.wire.splice import dump
from zhengming.screen.guard.logprobs import blank_entry

Wrap = tuple[str | int, ...]

REASONING: Final = ("reasoning_content", "reasoning", "thinking")
_DETAIL_TEXTS: Final = ("text", "summary")


class ChatShape:
    """The shape of `POST /v1/chat/completions`. A :class:`Shape`."""

    chunk = "chat.completion.chunk"
    main = "content"
    refusal = "refusal"
    counts_tokens = False
    nothing: Mapping[str, Any] = {"delta": {}}

    def texts(self, choice: Mapping[str, Any], part: str, answer: Answer) -> list[TextAt]:
        """Return the texts of a message or delta: reasoning, content, refusal, audio transcript, tool arguments."""
        message = choice.get(part)
        if message is None:
            return []
        found = _Finder(answer)
        if not isinstance(message, dict):
            raise _garbage(part)
        base: Path = (part,)
        for key in REASONING:
            found.string(key, (*base, key), message.get(key), (key,))
        found.details((*base, "reasoning_details"), message.get("reasoning_details"))
        found.content((*base, "content"), message.get("content"))
        found.string("refusal", (*base, "refusal"), message.get("refusal"), ("refusal",))
        audio = message.get("audio")
        if isinstance(audio, dict):
            found.string("transcript", (*base, "audio", "transcript"), audio.get("transcript"), ("transcript",))
        found.calls((*base, "tool_calls"), message.get("tool_calls"))
        function = message.get("function_call")
        if isinstance(function, dict):
            if isinstance(function.get("name"), str):
                answer.function_name = function["name"] or answer.function_name
            path = (*base, "function_call", "arguments")
            found.string("function_call/arguments", path, function.get("arguments"), ("function_call",), json=True)
        return found.texts

    def tokens(self, choice: Mapping[str, Any], name: str) -> list[Token]:
        """Return the entries of `logprobs.content` or `logprobs.refusal`."""
        logprobs = choice.get("logprobs")
        entries = logprobs.get(name) if isinstance(logprobs, dict) else None
        if not entries:
            return []
        if not isinstance(entries, list):
            raise _garbage("logprobs")
        return [_token(entry) for entry in entries]

    def logprobs(
        self, choice: Mapping[str, Any], name: str, entries: Sequence[Any], answer: Answer
    ) -> tuple[Path, bytes]:
        """Return the list of the entries that go out and its place."""
        del choice, answer
        return ("logprobs", name), dump(entries)

    def blank(self, text: str) -> Any:
        """Return the entry that stands for masked text."""
        return blank_entry(text)

    def alone(self, wrap: Wrap, text: str) -> dict[str, Any]:
        """Return the delta that carries only this piece."""
        return {"delta": _delta(wrap, text)}

    def reply(self, answer: Answer) -> dict[str, Any]:
        """Return the assistant's message: content, refusal and tool calls as they were shown."""
        message: dict[str, Any] = {"content": answer.labelled()}
        if refusal := answer.fields.get("refusal"):
            message["refusal"] = refusal.text()
        calls = []
        for number, call in enumerate(answer.calls):
            field = answer.fields.get(_call_name(number, custom=call.custom))
            if field is None and answer.stopped:
                continue  # it came behind the stop
            inner = {"name": call.name, "input" if call.custom else "arguments": field.text() if field else ""}
            calls.append({"id": call.id, "custom" if call.custom else "function": inner})
        message["tool_calls"] = calls
        if function := answer.fields.get("function_call/arguments"):
            message["function_call"] = {"name": answer.function_name, "arguments": function.text()}
        return message


class _Finder:
    """Collects the texts of one message."""

    __slots__ = ("answer", "texts")

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.texts: list[TextAt] = []

    def string(self, name: str, path: Path, value: Any, wrap: Wrap, *, json: bool = False) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            raise _garbage(".".join(str(step) for step in path))
        self.texts.append(TextAt(name, path, value, wrap, json))

    def content(self, path: Path, value: Any) -> None:
        """Take the content: a string, or a list of parts as some upstreams write it."""
        if not isinstance(value, list):
            self.string("content", path, value, ("content",))
            return
        for position, part in enumerate(value):
            here = (*path, position)
            if not isinstance(part, dict):
                raise _garbage("content")
            thinking = part.get("thinking")
            if isinstance(thinking, list):
                for number, thought in enumerate(thinking):
                    text = thought.get("text") if isinstance(thought, dict) else None
                    self.string("thinking", (*here, "thinking", number, "text"), text, ("thinking",))
            else:
                self.string("thinking", (*here, "thinking"), thinking, ("thinking",))
            self.string("content", (*here, "text"), part.get("text"), ("content",))

    def details(self, path: Path, value: Any) -> None:
        """Take structured reasoning: a list of objects that carry a text or a summary."""
        for position, detail in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(detail, dict):
                continue
            index = detail.get("index")
            number = index if isinstance(index, int) else position
            for key in _DETAIL_TEXTS:
                wrap = ("reasoning_details", number, str(detail.get("type", "")), key)
                self.string(f"reasoning_details/{number}/{key}", (*path, position, key), detail.get(key), wrap)

    def calls(self, path: Path, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            raise _garbage("tool_calls")
        for position, call in enumerate(value):
            if not isinstance(call, dict):
                raise _garbage("tool_calls")
            index = call.get("index")
            index = index if isinstance(index, int) else position
            number = self.answer.call(index, call)
            for key, inner, json in (("function", "arguments", True), ("custom", "input", False)):
                if isinstance(call.get(key), dict):
                    name = _call_name(number, custom=not json)
                    text = call[key].get(inner)
                    self.string(name, (*path, position, key, inner), text, ("tool_calls", index, key), json=json)


def _call_name(number: int, *, custom: bool) -> str:
    return f"tool_calls/{number}/custom/input" if custom else f"tool_calls/{number}/function/arguments"


def _delta(wrap: Wrap, text: str) -> dict[str, Any]:
    kind = wrap[0]
    if kind == "tool_calls":
        _, index, key = wrap
        inner = {"arguments": text} if key == "function" else {"input": text}
        return {"tool_calls": [{"index": index, str(key): inner}]}
    if kind == "function_call":
        return {"function_call": {"arguments": text}}
    if kind == "transcript":
        return {"audio": {"transcript": text}}
    if kind == "reasoning_details":
        _, index, name, key = wrap
        return {"reasoning_details": [{"type": name, "index": index, str(key): text}]}
    return {str(kind): text}


def _token(entry: Any) -> Token:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        raise _garbage("logprobs")
    data = entry.get("bytes")
    if not isinstance(data, list) or not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in data):  # noqa: PLR2004 - a byte
        data = None
    return Token(entry, entry["token"], data)


def _garbage(place: str) -> UpstreamGarbageError:
    return UpstreamGarbageError(f"the upstream's answer has a {place} of an unknown type")


CHAT: Final = ChatShape()
