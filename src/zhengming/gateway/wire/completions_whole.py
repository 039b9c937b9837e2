"""The whole answer of the older `POST /v1/completions`."""

from __future__ import annotations

from zhengming.gateway.wire.base import OutputContext, TurnRequest, WholeOutput
from zhengming.gateway.wire.choice_whole import guard_whole
from zhengming.gateway.wire.completions_shape import COMPLETIONS


def completions_whole(context: OutputContext, request: TurnRequest, raw: bytes) -> WholeOutput:
    """Return a `text_completion` as the client may see it. Raises UpstreamGarbageError, see `guard_whole`."""
    return guard_whole(context, request, raw, COMPLETIONS, part="text", main_path=("text",))
