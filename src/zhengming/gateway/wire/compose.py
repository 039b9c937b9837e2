"""Answers that no model wrote: prepared help and notices, in the shape of the API that was called."""

from __future__ import annotations

from typing import Any

import orjson


def chat_whole(text: str, *, answer_id: str, model: str, created: int, finish: str) -> bytes:
    """A `chat.completion` that says `text`."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return orjson.dumps(
        {
            "id": answer_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def chat_stream(text: str, *, answer_id: str, model: str, created: int, finish: str) -> bytes:
    """The same as `chat.completion.chunk` events with their end."""
    frame: dict[str, Any] = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": model}
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": text}, None), ({}, finish)]
    events = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def completion_whole(text: str, *, answer_id: str, model: str, created: int, finish: str) -> bytes:
    """A `text_completion` that says `text`; the streamed form is the same object as one event."""
    return orjson.dumps(
        {
            "id": answer_id,
            "object": "text_completion",
            "created": created,
            "model": model,
            "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}],
        }
    )


def completion_stream(text: str, *, answer_id: str, model: str, created: int, finish: str) -> bytes:
    """A legacy completion as one event with its end."""
    whole = completion_whole(text, answer_id=answer_id, model=model, created=created, finish=finish)
    return b"data: " + whole + b"\n\ndata: [DONE]\n\n"
