"""The stream of `POST /v1/chat/completions`: `chat.completion.chunk` events."""

from __future__ import annotations

from typing import Any

from zhengming.gateway.wire.base import OutputContext, TurnRequest
from zhengming.gateway.wire.chat_shape import CHAT
from zhengming.gateway.wire.choice_stream import ChoiceStream


class ChatStream(ChoiceStream):
    """Guards content, reasoning, refusal, audio transcript and tool arguments of each choice apart."""

    __slots__ = ()

    def __init__(self, context: OutputContext, request: TurnRequest) -> None:
        super().__init__(context, request, CHAT, part="delta", main_path=("delta", "content"))

    def plain_text(self, choice: dict[str, Any]) -> str | None:
        """Return the content of a delta that has nothing else; nulls, empty strings and a role do not count."""
        delta = choice.get("delta")
        if type(delta) is not dict or choice.get("finish_reason") or choice.get("logprobs") or "message" in choice:
            return None
        text = delta.get("content")
        if type(text) is not str:
            return None
        if len(delta) > 1:
            for key, value in delta.items():
                if value and key not in {"content", "role"}:
                    return None
        return text
