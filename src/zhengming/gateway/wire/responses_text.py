"""One text of a Responses answer: guarded, labelled, and able to say where an offset of the original lies now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zhengming.gateway.wire.base import Found, Path
from zhengming.gateway.wire.fields import Field, Token, new_guard
from zhengming.gateway.wire.label_place import LabelPlacer
from zhengming.gateway.wire.responses_shape import MOVED
from zhengming.screen.guard import Command, LogprobQueue, Mask, Screening, Show, Stop, blank_entry


class Text(Field):
    """A text that its deltas, its `.done`, its part, its item and the finished response all repeat.

    `fed` counts the code points judged so far; `frame` are the members of a delta besides its text, None while no
    delta came; `member` leads to the text in one. `last` says whether the label belongs at its end, None while that is
    open. `finished` is set once nothing of it may follow; `told` once its `.done` went out, `part_told` that of its
    part.
    """

    __slots__ = (
        "cut",
        "entries",
        "fed",
        "finished",
        "frame",
        "last",
        "main",
        "member",
        "noted",
        "part_told",
        "path",
        "placer",
        "told",
        "waiting",
    )

    def __init__(
        self,
        channel: str,
        path: Path,
        screening: Screening,
        found: list[Found],
        *,
        json: bool,
        placer: LabelPlacer | None,
    ) -> None:
        super().__init__(channel, (), new_guard(screening, json=json), found, blank_entry)
        self.path = path
        self.main = placer is not None
        self.placer = placer or LabelPlacer("", "")
        self.fed = 0
        self.cut = -1  # code points of the guarded text before a notice of ours, -1 when there is none
        self.frame: dict[str, Any] | None = None
        self.member: Path = ("delta",)
        self.last: bool | None = None
        self.finished = self.told = self.part_told = False
        self.entries: list[Any] = []  # log probabilities that went out
        self.noted: list[Any] = []  # annotations that went out
        self.waiting: list[
            tuple[str, bytes, bytes, dict[str, Any]]
        ] = []  # annotation events whose text is not decided yet

    def take(self, text: str, tokens: Sequence[Token] = ()) -> str:
        """Judge a piece; return what of it is sent now, a start label included."""
        self.fed += len(text)
        out = self.feed(text, tokens)
        return self.placer.open(out) if self.placer.waiting else out

    def close(self, *, release: bool = True) -> str:
        """Nothing more comes: return what was held, without an end label."""
        self.finished = True
        out = self.finish() if release and self.stop is None else ""
        if self.placer.waiting and out:
            out = self.placer.open(out)
        return out

    def labelled(self) -> str:
        """Return the text with its label, as it was sent."""
        return f"{self.placer.opening}{self.text()}{self.placer.closing}"

    @property
    def decided(self) -> int:
        """How many code points of the original are decided."""
        return self.fed if self.finished else self.fed - self.guard.held

    def moves(self, annotation: Mapping[str, Any]) -> dict[str, int] | None:
        """Return the offsets of an annotation that change; None when its place is not shown at all."""
        changed: dict[str, int] = {}
        end = len(self.placer.opening) + (self.cut if self.cut >= 0 else len(self.text()))
        for key in MOVED:
            offset = annotation.get(key)
            if type(offset) is not int:
                continue
            place = self._place(offset, end=key == "end_index")
            if self.cut >= 0:
                if key != "end_index" and place >= end:
                    return None
                place = min(place, end)
            if place != offset:
                changed[key] = place
        return changed

    def _place(self, offset: int, *, end: bool) -> int:
        shift = len(self.placer.opening)
        for start, stop, length in self._masks:
            if stop <= offset:
                shift += length - (stop - start)
            elif start < offset:
                return start + shift + (length if end else 0)
            else:
                break
        return offset + shift

    def spelled(self, tokens: Sequence[Token]) -> list[Any]:
        """Return the log probabilities of the whole text that may be shown with it."""
        queue: LogprobQueue[Any] = LogprobQueue(blank_entry)
        for entry, token, data in tokens:
            queue.push(entry, token, data)
        shown = self.text() if self.cut < 0 else self.text()[: self.cut]
        commands: list[Command] = []
        place = shift = 0
        for start, stop, length in self._masks:
            if start > place:
                commands.append(Show(shown[place + shift : start + shift], place, start))
            commands.append(Mask(shown[start + shift : start + shift + length], start, stop, ()))
            place = stop
            shift += length - (stop - start)
        if len(shown) > place + shift:
            commands.append(Show(shown[place + shift :], place, len(shown) - shift))
        if self.stop is not None:
            commands.append(Stop(self.stop, len(shown) - shift))
        return queue.advance(commands) + queue.finish()
