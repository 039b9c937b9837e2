"""Requests of the older `POST /v1/completions`, parsed for judging."""

from __future__ import annotations

from typing import Any

from zhengming.gateway.wire.base import TurnRequest, Unjudged
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.request import (
    MAX_CHOICES,
    Reader,
    choices_of,
    conversation_of,
    end_user_of,
    is_structured,
    model_of,
    refuse,
    stream_of,
)


def parse_completions(raw: bytes) -> TurnRequest:
    """Return the request with its prompts and its suffix as pieces of the user.

    Each prompt is one message. A prompt of token numbers cannot be read without the model's tokenizer and is counted
    as unjudged (`tokens`). With a `suffix` the answer is code or text to be inserted, where a label would stand in the
    way: it counts as structured. Raises RequestError (400), which names the place.
    """
    body = parse_object(raw)
    model = model_of(body)
    reader = Reader()
    prompts = _read_prompts(reader, body.get("prompt"))
    reader.text(("suffix",), "user", 0, body.get("suffix"))
    choices = choices_of(body) * len(prompts)
    if choices > MAX_CHOICES:
        raise RequestError(f"n times the prompts must be at most {MAX_CHOICES}.", param="n", code="invalid_value")
    return TurnRequest(
        api="completions",
        raw=raw,
        model=model,
        stream=stream_of(body),
        pieces=tuple(reader.pieces),
        messages=tuple(canonical_message("user", {"content": prompt}) for prompt in prompts),
        roles=("user",) * len(prompts),
        unjudged=tuple(reader.unjudged),
        user=end_user_of(body),
        conversation=conversation_of(body),
        structured=is_structured(body),
        beside=bool(body.get("suffix")),
        choices=choices,
    )


def _read_prompts(reader: Reader, prompt: Any) -> list[Any]:
    """Return the prompts, one each; null is one empty prompt, as OpenAI has it."""
    if prompt is None or isinstance(prompt, str):
        reader.text(("prompt",), "user", 0, prompt)
        return [prompt]
    if not isinstance(prompt, list):
        raise refuse(("prompt",), "a string or a list", prompt)
    if not prompt:
        raise RequestError("prompt is an empty list; send at least one prompt.", param="prompt", code="empty_list")
    if all(_is_token(item) for item in prompt):
        reader.unjudged.append(Unjudged(("prompt",), "tokens"))
        return [str(prompt)]
    for position, item in enumerate(prompt):
        if isinstance(item, str):
            reader.text(("prompt", position), "user", position, item)
        elif isinstance(item, list) and all(_is_token(number) for number in item):
            reader.unjudged.append(Unjudged(("prompt", position), "tokens"))
        else:
            raise refuse(("prompt", position), "a string or a list of token numbers", item)
    return [item if isinstance(item, str) else str(item) for item in prompt]


def _is_token(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)
