"""The explicit label of a text (GB 45438-2025, 5.1): wording, placement, and taking our own labels out again.

A label stands on a line of its own, so that it can be told from a sentence that merely quotes one. That is what makes
:class:`LabelStripper` exact: it removes a first or last line that *is* a label, and touches nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, translate
from zhengming.core.words import LabelPlacement

BOTH: Final = "both"
LABEL_LANGUAGES: Final = (*LANGUAGES, BOTH)
MAX_WORDING: Final = 200

_BREAK: Final = "\n\n"
_LINE_BREAKS: Final = ("\n\n", "\r\n\r\n", "\r\n", "\n")  # clients rewrite ours; the longest that fits is removed

_AI_ELEMENT = re.compile(r"人工智能|(?<![A-Za-z])AI(?![A-Za-z])|(?i:artificial intelligence)")
_MAKING_ELEMENT = re.compile(r"生成|合成|(?i:\bgenerated\b|\bsynthetic\b|\bsynthesi[sz]ed\b)")
_STANDARD_AI = re.compile(r"人工智能|(?<![A-Za-z])AI(?![A-Za-z])")
_STANDARD_MAKING = re.compile(r"生成|合成")
_DENIAL = re.compile(r"[不非未没無无勿]|(?i:\bnot\b|\bnon\b|\bno\b|\bnever\b|n't\b|\bwithout\b)")


class LabelWordingError(InvalidInputError):
    """An operator's own wording cannot serve as an explicit label."""

    code = "label_wording_invalid"

    def __init__(self, wording: str, problem: str, next_step: str) -> None:
        super().__init__(f"The label wording {wording[:60]!r} {problem}.", next_step=next_step)


def wording(language: str = DEFAULT_LANGUAGE) -> str:
    """Return our wording of the label, without line breaks; an unknown language is served in the default one."""
    if language == BOTH:
        return translate("label", "text.both", DEFAULT_LANGUAGE)
    return translate("label", "text.label", language)


def carries_both_elements(text: str) -> bool:
    """Whether a wording names both AI and making, in Chinese as the standard asks or in English."""
    return _AI_ELEMENT.search(text) is not None and _MAKING_ELEMENT.search(text) is not None


def meets_standard(text: str) -> bool:
    """Whether a wording carries the two elements in the words of GB 45438-2025: 人工智能 or AI, and 生成 or 合成.

    An English wording does not: it serves readers abroad, and `both` serves everybody.
    """
    return _STANDARD_AI.search(text) is not None and _STANDARD_MAKING.search(text) is not None


def check_wording(own: str) -> str:
    """Return an operator's own wording when it can serve; raises LabelWordingError otherwise.

    It carries both elements, denies nothing, is one line of at most :data:`MAX_WORDING` visible characters without
    white space around it, and hides no invisible characters.
    """
    if not own or own != own.strip():
        raise LabelWordingError(own, "is empty or has white space around it", "Give the words alone.")
    if len(own) > MAX_WORDING:
        raise LabelWordingError(own, f"has {len(own)} characters", f"Keep it within {MAX_WORDING}.")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in own):
        raise LabelWordingError(own, "holds a line break or an invisible character", "Write it as one plain line.")
    if not carries_both_elements(own):
        raise LabelWordingError(
            own,
            "lacks an element of GB 45438-2025",
            "Name AI (人工智能 or AI) and making (生成 or 合成; in English: generated or synthetic).",
        )
    if _DENIAL.search(own):
        raise LabelWordingError(own, "reads as a denial", "Say plainly that AI made the content.")
    return own


@dataclass(frozen=True, slots=True)
class TextLabel:
    """The label of one service's texts: `start` and `end` are what is added there, line breaks included.

    Exactly one of them is non-empty, none for `interface`: there the interface shows the label all the time, and only
    metadata travels with the text. `language` is `zh-CN`, `en` or `both`; `own` replaces our wording by the
    operator's. Raises LabelWordingError for a wording that cannot serve.
    """

    placement: LabelPlacement
    language: str = DEFAULT_LANGUAGE
    own: str = ""
    start: str = field(init=False, default="")
    end: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Make the two strings once; a turn only reads them."""
        words = check_wording(self.own) if self.own else wording(self.language)
        if self.placement is LabelPlacement.START:
            object.__setattr__(self, "start", words + _BREAK)
        elif self.placement is LabelPlacement.END:
            object.__setattr__(self, "end", _BREAK + words)

    def place(self, text: str) -> str:
        """Return the text with its label."""
        return f"{self.start}{text}{self.end}"


class LabelStripper:
    """Removes labels that we wrote from a text that comes back as history, and nothing else.

    A label is removed where it is the whole first line or the whole last line that is not blank; white space after a
    last label goes with it, as do the line breaks (at most two) that parted the label from the text. Repeated labels
    are all removed. A text without one is returned as it stands, after a look at its first and last character.

    Immutable; shared by all requests. `own` are the operator's wordings, present and past.
    """

    __slots__ = ("_firsts", "_lasts", "_wordings")

    def __init__(self, own: Iterable[str] = ()) -> None:
        ours = {wording(language) for language in LABEL_LANGUAGES}
        self._wordings = tuple(sorted({*ours, *(word for word in own if word)}, key=len, reverse=True))
        self._firsts = frozenset(word[0] for word in self._wordings)
        self._lasts = frozenset(word[-1] for word in self._wordings)

    def strip(self, text: str) -> str:
        """Return the text without our labels; the same object when it has none."""
        if not text:
            return text
        last = text[-1]
        if text[0] not in self._firsts and last not in self._lasts and not last.isspace():
            return text
        start, end = 0, len(text)
        while True:
            new_start = self._after_first(text, start, end)
            new_end = self._before_last(text, new_start, end)
            if new_start == start and new_end == end:
                return text[start:end] if end - start < len(text) else text
            start, end = new_start, new_end

    def _after_first(self, text: str, start: int, end: int) -> int:
        """Return where the text begins behind a first line that is a label, `start` when there is none."""
        for word in self._wordings:
            if text.startswith(word, start, end):
                behind = start + len(word)
                if behind == end:
                    return end
                for line_break in _LINE_BREAKS:
                    if text.startswith(line_break, behind, end):
                        return behind + len(line_break)
        return start

    def _before_last(self, text: str, start: int, end: int) -> int:
        """Return where the text ends before a last line that is a label, `end` when there is none."""
        visible = end
        while visible > start and text[visible - 1].isspace():
            visible -= 1
        for word in self._wordings:
            if text.endswith(word, start, visible):
                before = visible - len(word)
                if before == start:
                    return start
                for line_break in _LINE_BREAKS:
                    if text.endswith(line_break, start, before):
                        return before - len(line_break)
        return end


@lru_cache(maxsize=64)
def _stripper(own: tuple[str, ...]) -> LabelStripper:
    return LabelStripper(own)


def strip_own_labels(text: str, own: tuple[str, ...] = ()) -> str:
    """Return the text without labels that we wrote, in any of our wordings or the operator's `own`.

    See :class:`LabelStripper` for what counts as one. `strip_own_labels(label.place(t)) == t` for every text that
    does not itself begin or end with a label.
    """
    return _stripper(own).strip(text)
