"""One item of a Responses answer: what was announced of it, its texts, and its JSON as it was shown."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from zhengming.gateway.wire.base import Path
from zhengming.gateway.wire.responses_shape import new_part, put, texts_of
from zhengming.gateway.wire.responses_text import Text
from zhengming.gateway.wire.splice import dump

PART_LISTS: Final = ("content", "summary")
IN_PART: Final = 3
"""Steps to a text in a part: list, number, member."""


class Item:
    """One item of the output.

    `template` is the item as it was announced, `parts` the parts as they were announced, by list and number. `raw` is
    the item as it went out when it was done, None before.
    """

    __slots__ = ("announced", "index", "parts", "raw", "template", "texts")

    def __init__(self, index: int, template: Mapping[str, Any]) -> None:
        self.index = index
        self.template = template
        self.texts: dict[Path, Text] = {}
        self.parts: dict[tuple[str, int], Mapping[str, Any]] = {}
        self.announced = False
        self.raw: bytes | None = None

    @property
    def id(self) -> str:
        """The item's id, empty when it has none."""
        found = self.template.get("id")
        return found if isinstance(found, str) else ""

    @property
    def kind(self) -> str:
        """The item's type."""
        return str(self.template.get("type", ""))

    def announcement(self) -> dict[str, Any]:
        """Return the item as it is announced: without its texts."""
        item = blanked(self.template)
        for name in PART_LISTS:
            if isinstance(item.get(name), list):
                item[name] = []
        return item

    def part(self, text: Text) -> Any:
        """Return the part that holds a text, as it was shown."""
        return self.shown("")[str(text.path[0])][int(text.path[1])]

    def shown(self, status: str) -> dict[str, Any]:
        """Return the item as it was shown: nothing of the template's texts but what was judged."""
        item = blanked(self.template)
        for name in PART_LISTS:
            self._lay_parts(item, name)
        for path, text in self.texts.items():
            if "." in str(path[0]):
                continue  # a text of a kind of event that we do not know has no place in the item
            put(item, path, text.labelled())
            if text.main and len(path) == IN_PART:
                part = item[str(path[0])][int(path[1])]
                part.update(annotations=text.noted, logprobs=text.entries)
        if "status" in item or self.kind == "message":
            item["status"] = status
        return item

    def _lay_parts(self, item: dict[str, Any], name: str) -> None:
        """Give a list the parts that hold judged texts, and no others."""
        paths = {int(path[1]): path for path in self.texts if path[0] == name and len(path) == IN_PART}
        parts = item.get(name)
        if not paths and not isinstance(parts, list):
            return
        laid: list[Any] = []
        for number in range(max(paths, default=-1) + 1):
            announced = self.parts.get((name, number))
            if announced is not None:
                laid.append(blanked(announced))
            elif isinstance(parts, list) and number < len(parts):
                laid.append(parts[number])
            else:
                laid.append(new_part(paths.get(number, (name, number, "text")), reasoning=self.kind == "reasoning"))
        item[name] = laid

    def bytes(self, status: str) -> bytes:
        """Return the JSON of the item as it went out, or as it would."""
        return self.raw if self.raw is not None else dump(self.shown(status))


def blanked(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy without its texts and what stands beside them."""
    copy = deepcopy(dict(value))
    for path, _, parent, _ in list(texts_of(copy)):
        put(copy, path, "")
        if isinstance(parent, dict):
            parent.update({key: [] for key in ("annotations", "logprobs") if key in parent})
    return copy
