"""Scripts in the shape of `/v1/responses`, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zhengming.gateway.upstreams.rehearsal.asked import Asked
from zhengming.gateway.upstreams.rehearsal.events import named_event
from zhengming.gateway.upstreams.rehearsal.script import Call, Script


def whole(asked: Asked, script: Script, identity: str, created: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finished response."""
    return _Response(asked, script, identity, created, body).finished()


def stream(asked: Asked, script: Script, identity: str, created: int, body: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the events of a streamed response; their `sequence_number` counts from 0."""
    events = _Response(asked, script, identity, created, body).events()
    for number, payload in enumerate(events):
        yield named_event({**payload, "sequence_number": number})


class _Response:
    """One response: its parts as items, and the events that build them."""

    def __init__(self, asked: Asked, script: Script, identity: str, created: int, body: Mapping[str, Any]) -> None:
        self._asked = asked
        self._script = script
        self._identity = identity
        self._created = created
        self._body = body

    def finished(self) -> dict[str, Any]:
        items = [item for item in (self._reasoning(), self._call() or self._message()) if item is not None]
        limited = self._script.finish == "length"
        return self._frame(
            "incomplete" if limited else "completed",
            output=items,
            usage=self._usage(),
            incomplete_details={"reason": "max_output_tokens"} if limited else None,
        )

    def events(self) -> Iterator[dict[str, Any]]:
        yield {"type": "response.created", "response": self._frame("in_progress")}
        yield {"type": "response.in_progress", "response": self._frame("in_progress")}
        index = 0
        if reasoning := self._reasoning():
            yield from self._reasoning_events(reasoning, index)
            index += 1
        if call := self._call():
            yield from self._call_events(call, index)
        else:
            yield from self._message_events(self._message(), index)
        finished = self.finished()
        yield {"type": f"response.{finished['status']}", "response": finished}

    def _frame(self, status: str, **further: Any) -> dict[str, Any]:
        body = self._body
        return {
            "id": f"resp_rehearsal_{self._identity}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "metadata": body.get("metadata") or {},
            "model": self._asked.model,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": body.get("previous_response_id"),
            "reasoning": {"effort": None, "summary": None},
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": None,
            "user": body.get("user"),
            **further,
        }

    def _usage(self) -> dict[str, Any]:
        written = self._script.tokens
        return {
            "input_tokens": self._asked.prompt_length,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": len(self._script.reasoning)},
            "total_tokens": self._asked.prompt_length + written,
        }

    def _part(self) -> dict[str, Any]:
        if self._script.refusal:
            return {"type": "refusal", "refusal": "".join(self._script.refusal)}
        return {"type": "output_text", "text": "".join(self._script.text), "annotations": [], "logprobs": []}

    def _message(self, status: str = "completed") -> dict[str, Any]:
        return {
            "id": f"msg_rehearsal_{self._identity}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [self._part()] if status == "completed" else [],
        }

    def _reasoning(self) -> dict[str, Any] | None:
        if not self._script.reasoning:
            return None
        summary = {"type": "summary_text", "text": "".join(self._script.reasoning)}
        return {"id": f"rs_rehearsal_{self._identity}", "type": "reasoning", "summary": [summary]}

    def _call(self, status: str = "completed") -> dict[str, Any] | None:
        call = self._script.call
        if call is None:
            return None
        return {
            "id": f"fc_rehearsal_{self._identity}",
            "type": "function_call",
            "status": status,
            "call_id": call.id,
            "name": call.name,
            "arguments": "".join(call.arguments) if status == "completed" else "",
        }

    def _message_events(self, message: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
        place = {"item_id": message["id"], "output_index": index, "content_index": 0}
        part = message["content"][0]
        field = "refusal" if part["type"] == "refusal" else "text"
        kind = "response.refusal" if field == "refusal" else "response.output_text"
        further: dict[str, Any] = {} if field == "refusal" else {"logprobs": []}
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "item": self._message("in_progress"),
        }
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        for piece in self._script.refusal or self._script.text:
            yield {"type": f"{kind}.delta", **place, "delta": piece, **further}
        yield {"type": f"{kind}.done", **place, field: part[field], **further}
        yield {"type": "response.content_part.done", **place, "part": part}
        yield {"type": "response.output_item.done", "output_index": index, "item": message}

    def _reasoning_events(self, item: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
        place = {"item_id": item["id"], "output_index": index, "summary_index": 0}
        part = item["summary"][0]
        kind = "response.reasoning_summary"
        yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}}
        yield {"type": f"{kind}_part.added", **place, "part": {**part, "text": ""}}
        for piece in self._script.reasoning:
            yield {"type": f"{kind}_text.delta", **place, "delta": piece}
        yield {"type": f"{kind}_text.done", **place, "text": part["text"]}
        yield {"type": f"{kind}_part.done", **place, "part": part}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}

    def _call_events(self, item: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
        place = {"item_id": item["id"], "output_index": index}
        call: Call | None = self._script.call
        kind = "response.function_call_arguments"
        yield {"type": "response.output_item.added", "output_index": index, "item": self._call("in_progress")}
        for piece in call.arguments if call else ():
            yield {"type": f"{kind}.delta", **place, "delta": piece}
        yield {"type": f"{kind}.done", **place, "arguments": item["arguments"], "name": item["name"]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
