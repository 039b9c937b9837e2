"""Chunks that we write ourselves, in the likeness of those of the upstream, and what of a chunk is worth sending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zhengming.gateway.wire.base import OutputContext
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.splice import dump

_COPIED: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_REPEATED: Final = frozenset((*_COPIED, "choices", "obfuscation"))


class ChunkWriter:
    """Writes chunks of our own and the members that every answer carries: the `aigc` object and what names the turn.

    `kind` and `model` stand in a chunk when the upstream sent none to copy. `begun` is set once an event carried the
    members.
    """

    __slots__ = ("_alias", "_frame", "_members", "_template", "_unlike", "begun")

    def __init__(self, context: OutputContext, kind: str, model: str) -> None:
        self.begun = False
        self._unlike = {"id": context.produce_id, "object": kind, "created": 0, "model": model}
        self._members = {"aigc": context.aigc, **context.extra}
        self._alias = context.model_alias
        self._template: Mapping[str, Any] = {}
        self._frame = b""

    def learn(self, parsed: Mapping[str, Any]) -> None:
        """Take the first chunk of the upstream as the likeness of ours."""
        if not self._template:
            self._template = parsed

    def add_members(self, edit: Edit) -> None:
        """Put the members into an event of the upstream."""
        self.begun = True
        for key, value in self._members.items():
            edit.member(key, value)

    def chunk(self, choice: Mapping[str, Any], *, logprobs: bytes | None = None, finish: str | None = None) -> bytes:
        """Return an event with one choice; one that finishes, or is the first of all, carries the members."""
        if not self._frame:
            self._frame = self._make_frame()
        text = [self._frame, dump(choice)[:-1]]
        if logprobs is not None:
            text += (b',"logprobs":', logprobs)
        text += (b',"finish_reason":', dump(finish), b"}]")
        if "usage" in self._template:
            text.append(b',"usage":null')
        if finish is not None or not self.begun:
            self.begun = True
            text += (b"," + dump(key) + b":" + value for key, value in self._members.items())
        return b"".join((b"data: ", *text, b"}\n\n"))

    def _make_frame(self) -> bytes:
        template = self._template or self._unlike
        members = {key: template[key] for key in _COPIED if key in template}
        if self._alias and "model" in members:
            members["model"] = self._alias
        head = dump(members)[:-1]
        return head + (b"," if members else b"") + b'"choices":['


def carries_more(
    parsed: Mapping[str, Any], choice: Mapping[str, Any], part: str, texts: set[str], *, role: bool
) -> bool:
    """Whether a chunk says anything besides the texts named, which are held; with `role`, a role is worth sending."""
    for key, value in parsed.items():
        if value and key not in _REPEATED:
            return True
    for key, value in choice.items():
        if value and key not in {"index", "logprobs", part} and key not in texts:
            return True
    body = choice.get(part)
    if not isinstance(body, dict):
        return False
    return any(value and key not in texts and (role or key != "role") for key, value in body.items())
