"""What a visible label says, where it stands and how it looks."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from zhengming.core.i18n import DEFAULT_LANGUAGE, translate
from zhengming.label.text import BOTH, LABEL_LANGUAGES, LabelWordingError, check_wording

Lines = tuple[str, ...]


class VisiblePlace(StrEnum):
    """The edges and corners of a picture as seen (5.2 asks for one of them)."""

    TOP_LEFT = "top_left"
    TOP = "top"
    TOP_RIGHT = "top_right"
    LEFT = "left"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom_right"


class VisibleStyle(StrEnum):
    """`plain` is a wish: where the ground gives too little contrast, the label gets an outline instead."""

    PLAIN = "plain"
    OUTLINE = "outline"
    PLATE = "plate"


_SEPARATOR: Final = " · "


def ladder(language: str, own: str = "") -> list[Lines]:
    """Return the wordings to try, the fullest first, each as the lines it is written in.

    `own` is the operator's wording (LabelWordingError when it cannot serve) and stands alone, in one line or two. The
    last rung of `zh-CN` and `both` is the shortest that the standard allows.
    """
    if language not in LABEL_LANGUAGES:
        raise LabelWordingError(language, "is no language of labels", f"Use one of {', '.join(LABEL_LANGUAGES)}.")
    if own:
        return [(check_wording(own),), _halves(own)]
    if language == BOTH:
        chinese, english = _short(DEFAULT_LANGUAGE), _short("en")
        return [(chinese + _SEPARATOR + english,), (chinese, english), (chinese,), _halves(chinese)]
    full, short = translate("label", "visible.label", language), _short(language)
    return [(full,), _halves(full), (short,), _halves(short)]


def _short(language: str) -> str:
    return translate("label", "visible.short", language)


def _halves(text: str) -> Lines:
    """Break near the middle: at a space where there is one, else between two characters that are not both Latin."""
    middle = len(text) / 2
    breaks = [at for at, character in enumerate(text) if character == " "]
    if not breaks:
        breaks = [at for at in range(1, len(text)) if not (text[at - 1].isascii() and text[at].isascii())]
    if not breaks:
        return (text,)
    at = min(breaks, key=lambda place: abs(place - middle))
    return (text[:at].strip(), text[at:].strip())
