"""Answers that no model wrote: prepared help and notices, in the shape of the API that was called.

With `beside` the text stands in the refusal: the content must be JSON then, and words are none.
"""

from __future__ import annotations

from typing import Any

import orjson

from zhengming.gateway.wire.responses_own import response_frame


def chat_whole(text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False) -> bytes:
    """A `chat.completion` that says `text`."""
    said = {"content": None, "refusal": text} if beside else {"content": text, "refusal": None}
    return orjson.dumps(
        {
            "id": answer_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [
                {"index": 0, "message": {"role": "assistant", **said}, "logprobs": None, "finish_reason": finish}
            ],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def chat_stream(text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False) -> bytes:
    """The same as `chat.completion.chunk` events with their end."""
    frame: dict[str, Any] = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": model}
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "refusal" if beside else "content": text}, None),
        ({}, finish),
    ]
    events = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def completion_whole(
    text: str,
    *,
    answer_id: str,
    model: str,
    created: int,
    finish: str,
    beside: bool = False,  # noqa: ARG001 - completions know no refusal
) -> bytes:
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


def completion_stream(
    text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False
) -> bytes:
    """A legacy completion as one event with its end."""
    whole = completion_whole(text, answer_id=answer_id, model=model, created=created, finish=finish, beside=beside)
    return b"data: " + whole + b"\n\ndata: [DONE]\n\n"


def responses_whole(text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False) -> bytes:
    """A `response` that says `text`; it is incomplete when `finish` is `content_filter`."""
    return orjson.dumps(
        _response(text, answer_id=answer_id, model=model, created=created, finish=finish, beside=beside)
    )


def responses_stream(
    text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False
) -> bytes:
    """The same as the events of a stream, from `response.created` on."""
    response = _response(text, answer_id=answer_id, model=model, created=created, finish=finish, beside=beside)
    frame = response_frame(answer_id, model, created, "in_progress")
    item = response["output"][0]
    part = item["content"][0]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": frame}),
        ("response.in_progress", {"response": frame}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**place, "part": {**part, "refusal" if beside else "text": ""}}),
        *_spoken(text, place, beside=beside),
        ("response.content_part.done", {**place, "part": part}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        (f"response.{response['status']}", {"response": response}),
    ]
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, "sequence_number": number, **members}))
        for number, (kind, members) in enumerate(events)
    )


def _spoken(text: str, place: dict[str, Any], *, beside: bool) -> list[tuple[str, dict[str, Any]]]:
    if beside:
        return [
            ("response.refusal.delta", {**place, "delta": text}),
            ("response.refusal.done", {**place, "refusal": text}),
        ]
    return [
        ("response.output_text.delta", {**place, "delta": text, "logprobs": []}),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
    ]


def _response(text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool) -> dict[str, Any]:
    filtered = finish == "content_filter"
    status = "incomplete" if filtered else "completed"
    if beside:
        part: dict[str, Any] = {"type": "refusal", "refusal": text}
    else:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    item = {"id": f"msg_{answer_id}", "type": "message", "status": status, "role": "assistant", "content": [part]}
    return {
        **response_frame(answer_id, model, created, status),
        "incomplete_details": {"reason": finish} if filtered else None,
        "output": [item],
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 0,
        },
    }
