"""One answer of the `n` that a request may ask for: its guarded texts, its label, its tool calls, how it ended.

Streams and whole answers share it: both feed texts in the order reasoning, content, refusal, tool calls, and both end
it in the same way, so that the two show the same. What differs between the APIs is in a :class:`Shape`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from zhengming.gateway.wire.base import Found, OutputContext, Path, TurnRequest
from zhengming.gateway.wire.fields import Aside, Cleared, Field, Token, joined, new_guard
from zhengming.gateway.wire.label_place import LabelPlacer, is_inside_code
from zhengming.screen.guard import Screening

_FENCE_END: Final = "\n```"
_BREAK: Final = "\n\n"


class TextAt(NamedTuple):
    """A text found in a choice: the field that it belongs to, where it lies from the choice on, and the text.

    `wrap` is what the shape needs to send a piece of that field in a chunk of its own.
    """

    name: str
    path: Path
    text: str
    wrap: tuple[str | int, ...]
    json: bool = False


class Shape(Protocol):
    """How one API lays texts into choices.

    `main` names the field of the answer proper; `refusal` the field for a notice where the answer must be JSON, empty
    when the API has none.
    """

    chunk: str  # the `object` of a chunk
    main: str
    refusal: str
    nothing: Mapping[str, Any]  # the members of a choice that says nothing
    counts_tokens: bool  # whether log probabilities carry offsets, which move with a label or a mask

    def texts(self, choice: Mapping[str, Any], part: str, answer: Answer) -> list[TextAt]:
        """Return the texts of a choice, in the order of judging. Raises UpstreamGarbageError for unreadable types."""

    def tokens(self, choice: Mapping[str, Any], name: str) -> list[Token]:
        """Return the log probabilities that come with the field `name`."""

    def logprobs(
        self, choice: Mapping[str, Any], name: str, entries: Sequence[Any], answer: Answer
    ) -> tuple[Path, bytes]:
        """Return where the log probabilities of a field lie in a choice, and the JSON of those that go out."""

    def blank(self, text: str) -> Any:
        """Return the entry that stands for masked text."""

    def alone(self, wrap: tuple[str | int, ...], text: str) -> dict[str, Any]:
        """Return the members of a choice that carries only this piece of a field."""

    def reply(self, answer: Answer) -> dict[str, Any]:
        """Return the message as a client sends it back, our label still in it."""


@dataclass(slots=True)
class Call:
    """A tool call as it was announced."""

    index: int
    id: str
    name: str
    custom: bool


class Tail(NamedTuple):
    """A text to be sent in a chunk of its own."""

    field: Field
    text: str


class Answer:
    """Guards one choice. `ended` is set when nothing of it may follow; `stopped` when the guard ended it.

    `direct` says that the guard of the answer proper may be fed without a detour: its label is placed, and neither half
    a character nor a log probability waits.
    """

    __slots__ = (
        "_aside",
        "_cleared",
        "_found",
        "_notice",
        "_offer",
        "_screening",
        "_shape",
        "_structured",
        "calls",
        "direct",
        "ended",
        "fields",
        "function_name",
        "index",
        "main",
        "offset",
        "placer",
        "role_sent",
        "stopped",
    )

    def __init__(
        self,
        index: int,
        shape: Shape,
        context: OutputContext,
        request: TurnRequest,
        *,
        screening: Screening,
        found: list[Found],
    ) -> None:
        self.index = index
        self.fields: dict[str, Field] = {}
        self.calls: list[Call] = []
        self.ended = self.stopped = self.role_sent = self.direct = False
        self.function_name = ""
        self.offset: int | None = None  # where the next token stands, where an API counts that
        self._shape = shape
        self._screening = screening
        self._cleared = False
        self._found = found
        self._aside = Aside(f"{index}/annotations", found)
        self._notice = context.notice
        self._offer = context.offer
        self._structured = context.structured or request.structured
        beside = self._structured or request.beside
        self.placer = LabelPlacer("" if beside else context.label_start, "" if beside else context.label_end)
        self.main = self._field(shape.main, (shape.main,), json=self._structured)

    def take(self, found: TextAt, tokens: Sequence[Token] = ()) -> str:
        """Judge a text; return what is sent of it now, a start label included."""
        field = self.fields.get(found.name) or self._field(found.name, found.wrap, json=found.json)
        out = field.feed(found.text, tokens)
        if field.stop is not None:
            self.stopped = True
        return self.placer.open(out) if field is self.main and self.placer.waiting else out

    def clear(self) -> None:
        """Every text that will come was judged as a whole, and no rule has anything to say of it."""
        self._cleared = True
        self.main.guard = Cleared(self._screening.matcher.version)

    def reload(self, screening: Screening) -> list[Tail]:
        """Judge on under other rules; return what they release."""
        self._screening = screening
        tails: list[Tail] = []
        for field in list(self.fields.values()):
            if self.stopped:
                break
            text = field.reload(screening)
            self.stopped = field.stop is not None
            self._add(tails, field, text)
        return tails

    def finish(self, *, say: str = "", release: bool = True) -> list[Tail]:
        """Nothing more comes: return what was held and the end label, or what follows a stop.

        `say` follows the text in any case, in place of the notice. Without `release` what is held is dropped.
        """
        self.ended = True
        self.direct = False
        tails: list[Tail] = []
        if release:
            for field in [field for field in self.fields.values() if field is not self.main] + [self.main]:
                if field.stop is None:
                    self._add(tails, field, field.finish())
        stop = next((field.stop for field in self.fields.values() if field.stop is not None), None)
        if stop is not None:
            self.stopped = True
            say = say or self._notice(stop)
        elif not say and not self._structured:
            say = self._offer
        if say:
            self._say(say, tails)
        elif closing := self.placer.settle() + self.placer.close(self.main.text()):
            self._add(tails, self.main, closing)
        return tails

    def settle(self) -> None:
        """A chunk was judged: see whether the next may take the short way."""
        self.direct = not self.ended and not self.placer.waiting and self.main.is_plain

    def place_of(self, offset: int) -> int:
        """Return where a code point of the upstream's text stands in the answer as it was sent."""
        place = self.main.moved(offset)
        if self.stopped:
            place = min(place, len(self.main.text()))
        return place + len(self.placer.opening)

    def judge_alone(self, text: str) -> str:
        """Judge a short text that comes whole, such as a title; return what of it may be shown."""
        before = len(self._found)
        shown, _ = self._aside.judge(text, self._screening)
        if len(self._found) == before:
            self._aside.said.pop()  # it is shown as it is, and is no part of the record
        return shown

    def said(self) -> dict[str, str]:
        """Return the model's own words by channel."""
        texts = [(field.channel, field.said) for field in self.fields.values()]
        return joined((*texts, (self._aside.channel, self._aside.said)))

    def labelled(self) -> str:
        """Return the whole text of the answer with its label, as it was sent."""
        return f"{self.placer.opening}{self.main.text()}{self.placer.closing}"

    def call(self, index: int, call: Mapping[str, Any]) -> int:
        """Return the number of the tool call that a piece belongs to; another id under one index is another call."""
        announced = call.get("id")
        for number in range(len(self.calls) - 1, -1, -1):
            known = self.calls[number]
            if known.index == index:
                if not announced or not known.id or announced == known.id:
                    self._announce(known, call)
                    return number
                break
        self.calls.append(Call(index, "", "", custom=False))
        self._announce(self.calls[-1], call)
        return len(self.calls) - 1

    def _announce(self, known: Call, call: Mapping[str, Any]) -> None:
        if isinstance(call.get("id"), str) and call["id"]:
            known.id = call["id"]
        for key in ("function", "custom"):
            inner = call.get(key)
            if isinstance(inner, dict):
                known.custom = key == "custom"
                name = inner.get("name")
                if isinstance(name, str) and name and name != known.name:
                    known.name += name

    def _field(self, name: str, wrap: tuple[str | int, ...], *, json: bool) -> Field:
        cleared = self._cleared and not json
        guard = Cleared(self._screening.matcher.version) if cleared else new_guard(self._screening, json=json)
        field = Field(f"{self.index}/{name}", wrap, guard, self._found, self._shape.blank)
        self.fields[name] = field
        return field

    def _add(self, tails: list[Tail], field: Field, text: str) -> None:
        """Append a text; pieces of one field that follow each other are one."""
        if field is self.main and self.placer.waiting:
            text = self.placer.open(text)
        if tails and tails[-1].field is field:
            tails[-1] = Tail(field, tails[-1].text + text)
        elif text:
            tails.append(Tail(field, text))

    def _say(self, notice: str, tails: list[Tail]) -> None:
        """Append the notice: to the answer, or where that must be JSON, to the refusal, which not every API has."""
        name = self._shape.refusal if self._structured else self._shape.main
        if not name:
            return
        field = self.fields.get(name) or self._field(name, (name,), json=False)
        before = field.text()
        said = bool(before.strip())
        notice = notice.lstrip("\n")
        if said:
            notice = (_FENCE_END if is_inside_code(before) else "") + _BREAK + notice
        blank = self.placer.settle() if field is self.main else ""
        field.shown.append(notice)
        closing = ""
        if said and field is self.main and not self.placer.closing:
            closing = self.placer.close(field.text())
        self._add(tails, field, blank + notice + closing)


def versions_of(answers: Sequence[Answer]) -> list[str]:
    """Return every rule version that decided, oldest first."""
    versions: list[str] = []
    for answer in answers:
        for field in answer.fields.values():
            versions += [version for version in field.guard.versions if version not in versions]
    return versions
