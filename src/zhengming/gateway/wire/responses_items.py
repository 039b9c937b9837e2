"""The items of one Responses answer and their texts: judged in a stream and in a whole answer alike.

Each message gets the label: the end label at the end of a text part that no other text part follows, the start label
before the first visible character of a text part that follows none. Other items are guarded and carry no label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from zhengming.core.signals import Reason
from zhengming.gateway.wire.base import Found, OutputContext, Path, Shown, TurnRequest
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.fields import Aside, Cleared, joined
from zhengming.gateway.wire.label_place import LabelPlacer, is_inside_code
from zhengming.gateway.wire.responses_history import assistant_message
from zhengming.gateway.wire.responses_item import IN_PART, Item
from zhengming.gateway.wire.responses_shape import annotation_texts, texts_of, tokens_of
from zhengming.gateway.wire.responses_text import Text
from zhengming.gateway.wire.splice import dump
from zhengming.screen.guard import TextGuard

_FENCE_END: Final = "\n```"
_BREAK: Final = "\n\n"


class Output:
    """All items of one answer. `stop` is set once a guard ended it; then nothing more is judged.

    `holds_nothing` judges a whole text at once, see :class:`OutputContext`; it is set for whole answers only.
    """

    __slots__ = (
        "_alone",
        "_asides",
        "_found",
        "_labels",
        "_offer",
        "holds_nothing",
        "items",
        "json_only",
        "screening",
        "shown",
        "stop",
    )

    def __init__(self, context: OutputContext, request: TurnRequest, found: list[Found]) -> None:
        self.items: dict[int, Item] = {}
        self.screening = context.screening
        self.stop: Reason | None = None
        self.json_only = context.structured or request.structured
        self.shown: list[Shown] = []
        self._labels = ("", "") if self.json_only or request.beside else (context.label_start, context.label_end)
        self._found = found
        self._alone: dict[str, str] = {}
        self._asides: dict[str, Aside] = {}
        self._offer = "" if self.json_only else context.offer
        self.holds_nothing: Callable[[str], bool] | None = None

    def versions(self) -> list[str]:
        """Return every rule version that decided, oldest first."""
        versions: list[str] = []
        for item in self.ordered():
            for text in item.texts.values():
                versions += [version for version in text.guard.versions if version not in versions]
        return versions or [self.screening.matcher.version]

    def said(self) -> dict[str, str]:
        """Return the model's own words by channel."""
        texts = [(text.channel, text.said) for item in self.ordered() for text in item.texts.values()]
        return joined((*texts, *((aside.channel, aside.said) for aside in self._asides.values())))

    def all_text(self) -> str:
        """Return the text of all messages, as the official clients join it."""
        return "".join(text.labelled() for item in self.ordered() for text in item.texts.values() if text.main)

    def add(self, index: int, template: Mapping[str, Any]) -> Item:
        """Begin an item; one that stands at this index already is announced again."""
        item = self.items.get(index)
        if item is None:
            item = self.items[index] = Item(index, template)
        else:
            item.template = template
        return item

    def match(self, position: int, item: Mapping[str, Any]) -> Item:
        """Return the item that a finished response repeats at this position; a new one when it repeats none."""
        known = self.items.get(position)
        if known is not None and known.kind in ("", str(item.get("type", ""))):
            return known
        for known in self.items.values():
            if known.id and known.id == item.get("id"):
                return known
        while position in self.items:
            position += 1
        return self.add(position, item)

    def ordered(self) -> list[Item]:
        """Return the items in their order."""
        return [item for _, item in sorted(self.items.items())]

    def open_texts(self) -> Iterator[tuple[Item, Text]]:
        """Return the texts that are not finished."""
        for item in self.ordered():
            for text in list(item.texts.values()):
                if not text.finished:
                    yield item, text

    def text(self, item: Item, path: Path, *, main: bool = False, json: bool = False) -> Text:
        """Return a text, begun when it is new; `main` says that it is what the label belongs to."""
        text = item.texts.get(path)
        if text is None:
            channel = f"{item.index}/{'/'.join(map(str, path))}"
            placer = self._placer(item, path) if main else None
            json = json or (main and self.json_only)
            text = Text(channel, path, self.screening, self._found, json=json, placer=placer)
            item.texts[path] = text
        return text

    def feed(self, text: Text, value: str, tokens: Sequence[Any] = ()) -> str:
        """Judge a piece of a text; return what of it is sent."""
        out = text.take(value, tokens)
        self.note_stop(text)
        return out

    def close(self, item: Item, text: Text, *, release: bool = True) -> str:
        """Finish a text; return what was held and its end label. `text.last` says whether the label may stand."""
        out = text.close(release=release)
        self.note_stop(text)
        if self.stop is None and text.main and text.last is not False:
            if self._offer and text.text().strip():
                offer, self._offer = self._offer, ""
                return out + self.say(text, offer)
            return out + text.placer.settle() + text.placer.close(self._run(item, text))
        return out + text.placer.settle()

    def judge(
        self, item: Item, container: Any, base: Path, edit: Edit, prefix: Path, *, final: bool
    ) -> Iterator[tuple[Text, str]]:
        """Judge the texts of a container; it stands at `base` in the item and at `prefix` in the body that is edited.

        Yield each text with what of it is new. What the container says of a text beyond its deltas is judged as if a
        delta had brought it; what was judged before is repeated as it was shown. The caller goes on after each text, so
        that nothing is judged after a stop.
        """
        for path, value, parent, is_json in texts_of(container):
            full = (*base, *path)
            text = self.text(item, full, main=is_main(item.kind, full, parent), json=is_json)
            out = ""
            if not text.finished:
                if self.holds_nothing is not None and type(text.guard) is TextGuard and self.holds_nothing(value):
                    text.guard = Cleared(self.screening.matcher.version)
                if len(value) > text.fed:
                    out = self.feed(text, value[text.fed :])
                if final and self.stop is None:
                    if text.main and text.last is None:
                        text.last = not followed_by_text(container, path)
                    out += self.close(item, text)
            yield text, out
            if self.stop is not None:
                self.beside(item, text, parent, None, prefix)
                return
            edit.text((*prefix, *path), value, text.labelled())
            self.beside(item, text, parent, edit, (*prefix, *path[:-1]))
            if self.stop is not None:
                yield text, ""
                return

    def note_stop(self, text: Text) -> None:
        """Take notice when the guard of a text ended it."""
        if text.stop is None:
            return
        if text.cut < 0:
            text.cut = len(text.text())
        text.finished = True
        self.stop = self.stop or text.stop

    def beside(self, item: Item, text: Text, parent: Mapping[str, Any], edit: Edit | None, prefix: Path) -> None:
        """Judge what stands beside a text, in the object at `prefix`: log probabilities and annotations.

        What of them is shown is noted in the text. Without `edit`, behind a stop, that is all.
        """
        if not text.finished:
            return
        if parent.get("logprobs"):
            tokens = tokens_of(parent["logprobs"])
            text.entries = text.spelled(tokens)
            if edit is not None and not same_entries(text.entries, tokens):
                edit.value((*prefix, "logprobs"), dump(text.entries))
        annotations = parent.get("annotations")
        if not isinstance(annotations, list):
            return
        noted: list[Any] = []
        for position, annotation in enumerate(annotations):
            changed = self.annotation(item, text, annotation) if isinstance(annotation, dict) else {}
            if changed is None:
                continue
            noted.append({**annotation, **changed} if changed else annotation)
            for key, value in changed.items():
                if edit is not None:
                    edit.value((*prefix, "annotations", position, key), dump(value))
        text.noted = noted

    def annotation(self, item: Item, text: Text, annotation: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the members of an annotation that change: its offsets, and strings that must not be shown as they are.

        None when the place that it is about is not shown.
        """
        changed: dict[str, Any] | None = text.moves(annotation)
        if changed is None:
            return None
        for key, value in annotation_texts(annotation):
            new = self.alone(f"{item.index}/annotations", value)
            if new != value:
                changed[key] = new
        return changed

    def alone(self, channel: str, value: str) -> str:
        """Judge a text that stands for itself; the same text is judged, and noted as shown, once."""
        known = self._alone.get(value)
        if known is not None:
            return known
        aside = self._asides.get(channel)
        if aside is None:
            aside = self._asides[channel] = Aside(channel, self._found)
        shown, stop = aside.judge(value, self.screening)
        if stop is not None:
            self.stop = self.stop or stop
            return ""
        self._alone[value] = shown
        if shown:
            self.shown.append(Shown(channel, shown))
        return shown

    def say(self, text: Text, words: str) -> str:
        """Append words of ours; return what is sent: the words, and the end label when a model spoke before."""
        before = text.text()
        said = bool(before.strip())
        words = words.lstrip("\n")
        if said:
            words = (_FENCE_END if is_inside_code(before) else "") + _BREAK + words
        blank = text.placer.settle()
        if text.cut < 0:
            text.cut = len(before)
        text.shown.append(words)
        text.finished = True
        return blank + words + (text.placer.close(text.text()) if said and not text.placer.closing else "")

    def new_message(self, produce_id: str) -> Item:
        """Add a message for words of ours behind all other items."""
        index = max(self.items, default=-1) + 1
        body = {"id": f"msg_{produce_id}_{index}", "type": "message", "status": "in_progress"}
        return self.add(index, {**body, "role": "assistant", "content": []})

    def notice_text(self, item: Item) -> Text:
        """Return the text of a message for words of ours: the one under way, else a new one.

        Where the answer must be JSON that is a refusal.
        """
        wanted = "refusal" if self.json_only else "text"
        for text in reversed(item.texts.values()):
            if text.path[-1] == wanted and len(text.path) == IN_PART and not text.told and not text.placer.closing:
                return text
        number = max((int(path[1]) for path in item.texts if len(path) > 1), default=-1) + 1
        return self.text(item, ("content", number, wanted), main=wanted == "text")

    def reply(self) -> dict[str, Any]:
        """Return the assistant's message as a client sends it back, in the form of `assistant_message`."""
        return assistant_message(self._replied(), lambda text: text)

    def _replied(self) -> Iterator[Mapping[str, Any]]:
        for item in self.ordered():
            shown = dict(item.template)
            if item.kind == "message":
                shown["content"] = [
                    {"type": "output_text", "text": text.text()}
                    if text.main
                    else {"type": "refusal", "refusal": text.text() if text.path[-1] == "refusal" else ""}
                    for _, text in sorted(item.texts.items(), key=lambda entry: str(entry[0]))
                ]
            else:
                for path, text in item.texts.items():
                    if path in {("arguments",), ("input",)}:
                        shown[str(path[0])] = text.text()
            yield shown

    def _placer(self, item: Item, path: Path) -> LabelPlacer:
        start, end = self._labels
        if start and self._run_before(item, path).strip():
            start = ""
        return LabelPlacer(start, end)

    def _run(self, item: Item, text: Text) -> str:
        """Return the text parts that follow each other, up to and with this one."""
        return self._run_before(item, text.path) + text.text()

    def _run_before(self, item: Item, path: Path) -> str:
        run = ""
        if len(path) > 1:
            number = int(path[1]) - 1
            while (before := item.texts.get(("content", number, "text"))) is not None and before.main:
                run = before.text() + run
                number -= 1
        return run


def is_main(kind: str, path: Path, parent: Mapping[str, Any]) -> bool:
    """Whether the label belongs to a text: a text part of a message, or its content when that is a string."""
    if kind not in ("message", "") or path[0] != "content":
        return False
    return len(path) == 1 or (path[-1] == "text" and is_text_part(parent))


def is_text_part(part: Any) -> bool:
    """Whether a part of a message is a text part."""
    return isinstance(part, dict) and part.get("type") in ("output_text", "text")


def followed_by_text(container: Any, path: Path) -> bool:
    """Whether another text part follows the text at `path` in an item."""
    if len(path) < IN_PART or not isinstance(container, dict):
        return False
    parts, number = container.get("content"), path[1]
    if not isinstance(parts, list) or not isinstance(number, int):
        return False
    return number + 1 < len(parts) and is_text_part(parts[number + 1])


def same_entries(released: Sequence[Any], tokens: Sequence[Any]) -> bool:
    """Whether log probabilities go out as they came."""
    return len(released) == len(tokens) and all(
        entry is token.entry for entry, token in zip(released, tokens, strict=True)
    )
