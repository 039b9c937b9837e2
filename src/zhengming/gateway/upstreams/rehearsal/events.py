"""The frame of streamed answers: server-sent events, and what every choice has in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, Final

import orjson

DONE: Final = b"data: [DONE]\n\n"


def event(payload: dict[str, Any]) -> bytes:
    """Return an event without a name, as chat completions use it."""
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def named_event(payload: dict[str, Any]) -> bytes:
    """Return an event with its `type` as its name, as the Responses API uses it."""
    name: str = payload["type"]
    return b"event: " + name.encode() + b"\n" + event(payload)


def interleaved(streams: Iterable[Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Take one event of each choice in turn, as an upstream that writes them side by side does."""
    for row in zip_longest(*streams):
        yield from (one for one in row if one is not None)


def logprob(token: str, top: int) -> dict[str, Any]:
    """Return one token with its logarithmic probability; the alternatives are stand-ins, the token itself is first."""
    entry: dict[str, Any] = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
    others = [{"token": f"<{rank}>", "logprob": -3.0 - rank, "bytes": None} for rank in range(1, top)]
    entry["top_logprobs"] = [dict(entry), *others][: min(top, 20)]
    return entry
