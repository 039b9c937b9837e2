"""Scripts in the shape of `/v1/chat/completions`, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zhengming.gateway.upstreams.rehearsal.asked import Asked
from zhengming.gateway.upstreams.rehearsal.events import DONE, event, interleaved, logprob
from zhengming.gateway.upstreams.rehearsal.script import Script


def whole(asked: Asked, scripts: list[Script], identity: str, created: int) -> dict[str, Any]:
    """Return a chat completion."""
    return {
        **_head(asked, identity, created, "chat.completion"),
        "choices": [_choice(asked, index, script) for index, script in enumerate(scripts)],
        "usage": usage(asked, scripts),
    }


def stream(asked: Asked, scripts: list[Script], identity: str, created: int) -> Iterator[bytes]:
    """Yield the events of a streamed chat completion, `[DONE]` last."""
    head = _head(asked, identity, created, "chat.completion.chunk")
    open_usage = {"usage": None} if asked.usage else {}
    for choice in interleaved(_deltas(asked, index, script) for index, script in enumerate(scripts)):
        yield event({**head, "choices": [choice], **open_usage})
    if asked.usage:
        yield event({**head, "choices": [], "usage": usage(asked, scripts)})
    yield DONE


def usage(asked: Asked, scripts: list[Script]) -> dict[str, Any]:
    """Return the counts: a character of the prompt and a piece of the answer each count as one token."""
    written = sum(script.tokens for script in scripts)
    thought = sum(len(script.reasoning) for script in scripts)
    return {
        "prompt_tokens": asked.prompt_length,
        "completion_tokens": written,
        "total_tokens": asked.prompt_length + written,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _head(asked: Asked, identity: str, created: int, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-rehearsal-{identity}",
        "object": kind,
        "created": created,
        "model": asked.model,
        "system_fingerprint": "fp_rehearsal",
    }


def _choice(asked: Asked, index: int, script: Script) -> dict[str, Any]:
    spoken = script.call is None and not script.refusal
    message: dict[str, Any] = {"role": "assistant", "content": "".join(script.text) if spoken else None}
    message["refusal"] = "".join(script.refusal) or None
    if script.reasoning:
        message["reasoning_content"] = "".join(script.reasoning)
    if script.call is not None:
        function = {"name": script.call.name, "arguments": "".join(script.call.arguments)}
        message["tool_calls"] = [{"id": script.call.id, "type": "function", "function": function}]
    logprobs = None
    if asked.logprobs is not None:
        tokens = [logprob(piece, asked.logprobs) for piece in script.text]
        refused = [logprob(piece, asked.logprobs) for piece in script.refusal]
        logprobs = {"content": tokens or None, "refusal": refused or None}
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": script.finish}


def _deltas(asked: Asked, index: int, script: Script) -> Iterator[dict[str, Any]]:
    def delta(content: dict[str, Any], logprobs: Any = None, finish: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": finish}

    def scored(key: str, piece: str) -> Any:
        if asked.logprobs is None:
            return None
        return {"content": None, "refusal": None, key: [logprob(piece, asked.logprobs)]}

    spoken = script.call is None and not script.refusal
    yield delta({"role": "assistant", "content": "" if spoken else None, "refusal": None})
    for piece in script.reasoning:
        yield delta({"reasoning_content": piece})
    for piece in script.text:
        yield delta({"content": piece}, scored("content", piece))
    for piece in script.refusal:
        yield delta({"refusal": piece}, scored("refusal", piece))
    if script.call is not None:
        function = {"name": script.call.name, "arguments": ""}
        yield delta({"tool_calls": [{"index": 0, "id": script.call.id, "type": "function", "function": function}]})
        for piece in script.call.arguments:
            yield delta({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield delta({}, None, script.finish)
