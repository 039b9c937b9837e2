"""How the older completions lay their one text and its parallel lists of log probabilities into choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from zhengming.gateway.wire.answer import Answer, TextAt
from zhengming.gateway.wire.base import Path
from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.fields import Token
from zhengming.gateway.wire.splice import dump
from zhengming.screen.guard.logprobs import BLANK_LOGPROB


class _Row(NamedTuple):
    """One token of the parallel lists."""

    token: str
    logprob: Any
    top: Any
    offset: Any


class CompletionsShape:
    """The shape of `POST /v1/completions`. A :class:`Shape`."""

    chunk = "text_completion"
    main = "text"
    refusal = ""
    counts_tokens = True
    nothing: Mapping[str, Any] = {"text": ""}

    def texts(self, choice: Mapping[str, Any], part: str, answer: Answer) -> list[TextAt]:
        """Return the text of a choice."""
        del part, answer
        text = choice.get("text")
        if text is None:
            return []
        if not isinstance(text, str):
            raise UpstreamGarbageError("the upstream's answer has a text that is no string")
        return [TextAt("text", ("text",), text, ("text",))]

    def tokens(self, choice: Mapping[str, Any], name: str) -> list[Token]:
        """Return one entry a token, made of the parallel lists."""
        logprobs = choice.get("logprobs")
        if name != self.main or not isinstance(logprobs, dict) or not logprobs.get("tokens"):
            return []
        tokens = logprobs["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise UpstreamGarbageError("the upstream's answer has tokens that are no strings")
        figures, tops, offsets = (
            _padded(logprobs.get(key), len(tokens)) for key in ("token_logprobs", "top_logprobs", "text_offset")
        )
        return [
            Token(_Row(token, figure, top, offset), token, None)
            for token, figure, top, offset in zip(tokens, figures, tops, offsets, strict=True)
        ]

    def logprobs(
        self, choice: Mapping[str, Any], name: str, entries: Sequence[Any], answer: Answer
    ) -> tuple[Path, bytes]:
        """Return the parallel lists of the entries that go out; offsets move with the label and with masks."""
        del name
        came: dict[str, Any] = dict(choice.get("logprobs") or {})
        offsets = []
        place: int | None = None
        for row in entries:
            if answer.offset is None and isinstance(row.offset, int):
                answer.offset = row.offset + len(answer.placer.opening)
            place = answer.offset
            offsets.append(place)
            if place is not None:
                answer.offset = place + len(row.token)
        lists = {
            "tokens": [row.token for row in entries],
            "token_logprobs": [row.logprob for row in entries],
            "top_logprobs": [row.top for row in entries] if came.get("top_logprobs") is not None else None,
            "text_offset": offsets,
        }
        return ("logprobs",), dump({**came, **lists})

    def blank(self, text: str) -> Any:
        """Return the entry that stands for masked text."""
        return _Row(text, BLANK_LOGPROB, None, None)

    def alone(self, wrap: tuple[str | int, ...], text: str) -> dict[str, Any]:
        """Return the choice that carries only this piece."""
        del wrap
        return {"text": text}

    def reply(self, answer: Answer) -> dict[str, Any]:
        """Return the text as an assistant's message."""
        return {"content": answer.labelled()}


def _padded(values: Any, length: int) -> list[Any]:
    """Return the list in the length of the tokens; some upstreams leave it out or cut it short."""
    known = values if isinstance(values, list) else []
    return (known + [None] * length)[:length]


COMPLETIONS: Final = CompletionsShape()
