"""Judge one choice of a body or chunk and write back what may be shown: shared by streams and whole answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from zhengming.gateway.wire.answer import Answer, Shape, TextAt
from zhengming.gateway.wire.base import Path, Shown
from zhengming.gateway.wire.citations import write_citations
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.fields import Field, Token
from zhengming.gateway.wire.splice import dump

_WHOLE: Final = frozenset({"audio", "function_call"})


class Judged:
    """What became of the texts of one choice: `outs` in the order of judging, `dropped` those behind a stop.

    After `write`, `speaks` says whether any text or log probability was left to send.
    """

    __slots__ = ("_answer", "_choice", "_part", "_shape", "dropped", "outs", "speaks", "tokens")

    def __init__(self, answer: Answer, shape: Shape, choice: Mapping[str, Any], part: str) -> None:
        self._answer, self._shape, self._choice, self._part = answer, shape, choice, part
        self.outs: list[tuple[TextAt, str]] = []
        self.dropped: list[TextAt] = []
        self.tokens: dict[str, list[Token]] = {}
        self.speaks = False
        if choice.get("logprobs"):
            for name in (shape.main, shape.refusal):
                if tokens := shape.tokens(choice, name):
                    self.tokens[name] = tokens
        waiting = dict(self.tokens)
        for found in shape.texts(choice, part, answer):
            if answer.stopped:
                self.dropped.append(found)
            else:
                self.outs.append((found, answer.take(found, waiting.pop(found.name, ()))))
        for name, tokens in waiting.items():
            if not answer.stopped:
                answer.take(TextAt(name, (), "", (name,)), tokens)

    def append(self, field: Field, text: str) -> bool:
        """Add text to the last piece of a field that stands here, else put it where a stop made room; say if done."""
        for number in range(len(self.outs) - 1, -1, -1):
            found, out = self.outs[number]
            if self._answer.fields[found.name] is field:
                self.outs[number] = (found, out + text)
                return True
        for found in self.dropped:
            if self._answer.fields.get(found.name) is field:
                self.dropped.remove(found)
                self.outs.append((found, text))
                return True
        return False

    def take_main(self) -> str:
        """Take away what of the answer proper stands here, to send it elsewhere."""
        text = ""
        for number, (found, out) in enumerate(self.outs):
            if found.name == self._shape.main:
                text += out
                self.outs[number] = (found, "")
        return text

    def shown(self) -> list[Shown]:
        """Return the texts that are shown here."""
        fields = self._answer.fields
        return [Shown(fields[found.name].channel, out) for found, out in self.outs if out]

    def held_names(self) -> set[str]:
        """Return the members whose whole value is a text; a tool call says more than its arguments."""
        return {str(found.path[-1]) for found, _ in self.outs if found.path == found.path[:2]}

    def write(self, edit: Edit, prefix: Path) -> None:
        """Write the texts back into the choice at `prefix`."""
        self.speaks = any(out for _, out in self.outs)
        calls = any("tool_calls" in found.path for found in self.dropped)
        for found, out in self.outs:
            if not (calls and "tool_calls" in found.path):
                edit.text((*prefix, *found.path), found.text, out)
        for found in self.dropped:
            if "tool_calls" not in found.path:
                self._drop(edit, prefix, found)
        if calls:
            self._keep_calls(edit, prefix)
        body = self._choice.get(self._part)
        if isinstance(body, dict) and body.get("annotations"):
            write_citations(edit, (*prefix, self._part, "annotations"), body["annotations"], self._answer)
        for name, tokens in self.tokens.items():
            self._write_tokens(edit, prefix, name, tokens)

    def _drop(self, edit: Edit, prefix: Path, found: TextAt) -> None:
        """Blank a text behind a stop; what is more than a text, sound or a call, goes as a whole."""
        root = found.path[:2]
        if root[-1] in _WHOLE:
            edit.value((*prefix, *root), b"null")
        else:
            edit.text((*prefix, *found.path), found.text, "")

    def _keep_calls(self, edit: Edit, prefix: Path) -> None:
        """Leave only the tool calls that were judged: arguments cut to nothing would be no JSON."""
        part = str(self.dropped[-1].path[0])
        calls: list[Any] = deepcopy(self._choice[part]["tool_calls"])
        kept = 0
        for found, out in self.outs:
            if "tool_calls" in found.path:
                _, _, position, kind, key = found.path
                calls[int(position)][kind][key] = out
                kept = int(position) + 1
        edit.value((*prefix, part, "tool_calls"), dump(calls[:kept]) if kept else b"null")

    def _write_tokens(self, edit: Edit, prefix: Path, name: str, tokens: Sequence[Token]) -> None:
        field = self._answer.fields.get(name)
        released = field.take_entries() if field is not None else []
        self.speaks = self.speaks or bool(released)
        if not self._shape.counts_tokens and _same(released, tokens):
            return
        path, value = self._shape.logprobs(self._choice, name, released, self._answer)
        edit.value((*prefix, *path), value)


def _same(released: Sequence[Any], tokens: Sequence[Token]) -> bool:
    return len(released) == len(tokens) and all(
        entry is token.entry for entry, token in zip(released, tokens, strict=True)
    )
