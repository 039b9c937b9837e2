"""The whole answer of `POST /v1/chat/completions`."""

from __future__ import annotations

from zhengming.gateway.wire.base import OutputContext, TurnRequest, WholeOutput
from zhengming.gateway.wire.chat_shape import CHAT
from zhengming.gateway.wire.choice_whole import guard_whole


def chat_whole(context: OutputContext, request: TurnRequest, raw: bytes) -> WholeOutput:
    """Return a `chat.completion` as the client may see it. Raises UpstreamGarbageError, see `guard_whole`."""
    return guard_whole(context, request, raw, CHAT, part="message", main_path=("message", "content"))
