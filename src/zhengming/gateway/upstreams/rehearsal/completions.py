"""Scripts in the shape of the old `/v1/completions`, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zhengming.gateway.upstreams.rehearsal.asked import Asked
from zhengming.gateway.upstreams.rehearsal.events import DONE, event, interleaved
from zhengming.gateway.upstreams.rehearsal.script import Script


def whole(asked: Asked, scripts: list[Script], identity: str, created: int) -> dict[str, Any]:
    """Return a text completion."""
    choices = [_choice(asked, index, _said(asked, script), 0, script.finish) for index, script in enumerate(scripts)]
    return {**_head(asked, identity, created), "choices": choices, "usage": _usage(asked, scripts)}


def stream(asked: Asked, scripts: list[Script], identity: str, created: int) -> Iterator[bytes]:
    """Yield the events of a streamed text completion, `[DONE]` last."""
    head = _head(asked, identity, created)
    open_usage = {"usage": None} if asked.usage else {}
    for choice in interleaved(_chunks(asked, index, script) for index, script in enumerate(scripts)):
        yield event({**head, "choices": [choice], **open_usage})
    if asked.usage:
        yield event({**head, "choices": [], "usage": _usage(asked, scripts)})
    yield DONE


def _head(asked: Asked, identity: str, created: int) -> dict[str, Any]:
    return {
        "id": f"cmpl-rehearsal-{identity}",
        "object": "text_completion",
        "created": created,
        "model": asked.model,
        "system_fingerprint": "fp_rehearsal",
    }


def _usage(asked: Asked, scripts: list[Script]) -> dict[str, Any]:
    written = sum(script.tokens for script in scripts)
    return {
        "prompt_tokens": asked.prompt_length,
        "completion_tokens": written,
        "total_tokens": asked.prompt_length + written,
    }


def _said(asked: Asked, script: Script) -> list[str]:
    return [asked.message, *script.text] if asked.echo else [*script.refusal, *script.text]


def _chunks(asked: Asked, index: int, script: Script) -> Iterator[dict[str, Any]]:
    offset = 0
    for piece in _said(asked, script):
        yield _choice(asked, index, [piece], offset, None)
        offset += len(piece)
    yield {"index": index, "text": "", "logprobs": None, "finish_reason": script.finish}


def _choice(asked: Asked, index: int, said: list[str], offset: int, finish: str | None) -> dict[str, Any]:
    logprobs: dict[str, Any] | None = None
    if asked.logprobs is not None:
        offsets: list[int] = []
        for piece in said:
            offsets.append(offset)
            offset += len(piece)
        logprobs = {
            "tokens": list(said),
            "token_logprobs": [-0.25] * len(said),
            "top_logprobs": [{piece: -0.25} for piece in said] if asked.logprobs else None,
            "text_offset": offsets,
        }
    return {"index": index, "text": "".join(said), "logprobs": logprobs, "finish_reason": finish}
