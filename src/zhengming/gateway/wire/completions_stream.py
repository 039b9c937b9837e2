"""The stream of the older `POST /v1/completions`: `text_completion` events."""

from __future__ import annotations

from typing import Any

from zhengming.gateway.wire.base import OutputContext, TurnRequest
from zhengming.gateway.wire.choice_stream import ChoiceStream
from zhengming.gateway.wire.completions_shape import COMPLETIONS


class CompletionsStream(ChoiceStream):
    """Guards the text of each choice."""

    __slots__ = ()

    def __init__(self, context: OutputContext, request: TurnRequest) -> None:
        super().__init__(context, request, COMPLETIONS, part="text", main_path=("text",))

    def plain_text(self, choice: dict[str, Any]) -> str | None:
        """Return the text of a choice that has nothing else."""
        text = choice.get("text")
        if type(text) is not str or choice.get("finish_reason") or choice.get("logprobs") or "message" in choice:
            return None
        return text
