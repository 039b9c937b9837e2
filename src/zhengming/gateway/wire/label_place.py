"""Where the explicit label stands in one text of an answer, in a stream too, and when it stands beside.

A label is a sentence for people: inside JSON or an unfinished code block it would break what a program reads. There the
`aigc` object and the response headers carry it alone.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

_FENCE: Final = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_BREAK: Final = "\n\n"


def is_inside_code(text: str) -> bool:
    """Whether a Markdown code block is still open at the end of the text."""
    return ("```" in text or "~~~" in text) and len(_FENCE.findall(text)) % 2 == 1


def is_json(text: str) -> bool:
    """Whether the whole text is one JSON object or list."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


class LabelPlacer:
    """Places the label in one text as it is shown piece by piece; `start` and `end` come from the service's policy.

    `waiting` is true until the start of the text is settled. `opening` and `closing` are what was placed.
    """

    __slots__ = ("_blank", "_end", "_start", "closing", "opening", "waiting")

    def __init__(self, start: str, end: str) -> None:
        self._start = start
        self._end = end
        self._blank = ""
        self.opening = ""
        self.closing = ""
        self.waiting = bool(start)

    def open(self, text: str) -> str:
        """Return the next shown text, with the label before the first visible character.

        White space before it waits. A text that may become JSON is not labelled at its start: should it turn out to be
        none, the label follows at its end, where the standard allows it as well.
        """
        if not self.waiting:
            return text
        text = self._blank + text
        visible = text.lstrip()
        if not visible:
            self._blank = text
            return ""
        self._blank = ""
        self.waiting = False
        if visible[0] in "{[":
            self._end = _BREAK + self._start.strip()
            return text
        self.opening = self._start
        return self._start + text

    def settle(self) -> str:
        """No text follows: return the white space that waited for some."""
        blank, self._blank = self._blank, ""
        self.waiting = False
        return blank

    def close(self, text: str) -> str:
        """Return the label that follows the whole shown `text`, in which a start label is not counted."""
        if self._end and text.strip() and not is_inside_code(text) and not is_json(text):
            self.closing = self._end
        return self.closing
