"""The APIs that carry a turn: how each is parsed, guarded and answered without a model, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from zhengming.gateway.wire import compose
from zhengming.gateway.wire.base import OutputContext, OutputStream, TurnRequest, WholeOutput
from zhengming.gateway.wire.chat_request import parse_chat
from zhengming.gateway.wire.chat_stream import ChatStream
from zhengming.gateway.wire.chat_whole import chat_whole
from zhengming.gateway.wire.completions_request import parse_completions
from zhengming.gateway.wire.completions_stream import CompletionsStream
from zhengming.gateway.wire.completions_whole import completions_whole
from zhengming.gateway.wire.responses_request import parse_responses
from zhengming.gateway.wire.responses_stream import ResponsesStream
from zhengming.gateway.wire.responses_whole import responses_whole


class Compose(Protocol):
    """Writes an answer that no model made, in the API's own shape."""

    def __call__(
        self, text: str, *, answer_id: str, model: str, created: int, finish: str, beside: bool = False
    ) -> bytes:
        """Return the bytes that an upstream would have sent."""


class Api(NamedTuple):
    """One API; `function` is the name that switches and service profiles use."""

    function: str
    path: str
    parse: Callable[[bytes, Callable[[str], str]], TurnRequest]
    stream: Callable[[OutputContext, TurnRequest], OutputStream]
    whole: Callable[[OutputContext, TurnRequest, bytes], WholeOutput]
    compose_whole: Compose
    compose_stream: Compose


def _parse_completions(raw: bytes, _drop_labels: Callable[[str], str]) -> TurnRequest:
    """A prompt has no history, so there are no labels of ours to take out."""
    return parse_completions(raw)


CHAT: Final = Api(
    "chat",
    "/v1/chat/completions",
    parse_chat,
    ChatStream,
    chat_whole,
    compose.chat_whole,
    compose.chat_stream,
)
COMPLETIONS: Final = Api(
    "completions",
    "/v1/completions",
    _parse_completions,
    CompletionsStream,
    completions_whole,
    compose.completion_whole,
    compose.completion_stream,
)
RESPONSES: Final = Api(
    "responses",
    "/v1/responses",
    parse_responses,
    ResponsesStream,
    responses_whole,
    compose.responses_whole,
    compose.responses_stream,
)

TURNS: Final[Mapping[str, Api]] = {api.path: api for api in (CHAT, COMPLETIONS, RESPONSES)}
