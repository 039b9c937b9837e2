"""How large the letters are, and what fits: found by measuring rendered ink, not by trusting the em box.

GB 45438-2025 asks for a height of at least 5 % of the shortest side and leaves open what of a letter is measured. We
take the strictest reading: the ink of the smallest letter or ideograph. Punctuation between them is not counted.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from zhengming.core.errors import InvalidInputError, UnavailableError
from zhengming.label.visible.words import Lines

SHARE: Final = 0.05
"""The least height of a letter, as a share of the picture's shortest side."""

LEAST_INK: Final = 10
"""Below this many pixels 生 and 成 cannot be read, whatever their share of a tiny picture is."""

_SOLID: Final = 128
_REFERENCE: Final = 100
_LARGEST: Final = 4_000


class FontLacksError(UnavailableError):
    """The font has no shape for a character of the label."""

    code = "font_lacks_character"


class NoRoomError(InvalidInputError):
    """No lawful wording fits into the picture; nothing was drawn."""

    code = "label_no_room"


class Fit(NamedTuple):
    """A wording that fits: its lines, the font at its size, the ink of its smallest letter, measures in pixels."""

    lines: Lines
    font: ImageFont.FreeTypeFont
    ink: int
    width: int
    height: int
    pad: int


def ink_height(font: ImageFont.FreeTypeFont, character: str) -> int:
    """Return how many rows hold solid ink of one character, rendered with this font at its size."""
    side = math.ceil(font.size) * 2 + 8
    canvas = Image.new("L", (side, side * 2))
    ImageDraw.Draw(canvas).text((side // 4, side // 4), character, font=font, fill=255)
    box = canvas.point(lambda value: 255 if value >= _SOLID else 0).getbbox()
    return 0 if box is None else int(box[3] - box[1])


def smallest_ink(font: ImageFont.FreeTypeFont, lines: Lines) -> int:
    """Return the ink of the smallest letter or ideograph of all lines."""
    return min(ink_height(font, character) for character in _letters(lines))


def _letters(lines: Lines) -> set[str]:
    return {character for line in lines for character in line if character.isalnum()}


def check_font(font: ImageFont.FreeTypeFont, lines: Lines) -> None:
    """Raise FontLacksError when a letter would come out as the font's box for missing characters."""
    missing = bytes(font.getmask("\U0010fffd"))
    absent = sorted(letter for letter in _letters(lines) if bytes(font.getmask(letter)) == missing)
    if absent:
        raise FontLacksError(
            f"The font {font.getname()[0]!r} has no {''.join(absent)}.",
            next_step="Install fonts-noto-cjk (Debian, Ubuntu) or google-noto-sans-cjk-fonts (Fedora), or name a font "
            "that has Chinese characters.",
        )


def least_ink(size: tuple[int, int]) -> int:
    """Return the least height of a letter in a picture of this size, in whole pixels."""
    return max(math.ceil(SHARE * min(size)), LEAST_INK)


def margin(size: tuple[int, int]) -> int:
    """Return the distance between label and edge."""
    return max(min(size) // 50, 1)


def fit(size: tuple[int, int], font: ImageFont.FreeTypeFont, rungs: list[Lines]) -> Fit:
    """Return the first wording that fits into a picture of `size` (as seen); raises NoRoomError or FontLacksError."""
    need = least_ink(size)
    room = tuple(side - 2 * margin(size) for side in size)
    for lines in rungs:
        found = _measured(lines, font, need, room)
        if found is not None:
            return found
    raise NoRoomError(
        f"A picture of {size[0]} by {size[1]} pixels has no room for {''.join(rungs[-1])} in letters of {need} pixels.",
        next_step="Label a larger rendition, or show the label beside the picture all the time.",
    )


def _measured(lines: Lines, font: ImageFont.FreeTypeFont, need: int, room: tuple[int, ...]) -> Fit | None:
    sized, ink = _sized(font, lines, need)
    pad = max(round(sized.size * 0.22), 2)
    width = math.ceil(max(sized.getlength(line) for line in lines)) + 2 * pad
    height = line_height(sized) * len(lines) + 2 * pad
    if width > room[0] or height > room[1]:
        return None
    return Fit(lines, sized, ink, width, height, pad)


def line_height(font: ImageFont.FreeTypeFont) -> int:
    """Return the distance between two lines: tight, since a label has one or two of them."""
    return math.ceil(font.size * 1.2)


@lru_cache(maxsize=256)
def _sized(font: ImageFont.FreeTypeFont, lines: Lines, need: int) -> tuple[ImageFont.FreeTypeFont, int]:
    """Return the smallest size at which the smallest letter is at least `need` high, found by measuring."""
    reference = font.font_variant(size=_REFERENCE)
    check_font(reference, lines)
    base = smallest_ink(reference, lines)
    size = max(math.floor(need * _REFERENCE / max(base, 1)), need)
    while size <= _LARGEST:
        sized = font.font_variant(size=size)
        ink = smallest_ink(sized, lines)
        if ink >= need:
            return sized, ink
        size += max((need - ink) // 2, 1)
    raise NoRoomError(
        f"Letters of {need} pixels need a font larger than {_LARGEST} pixels.",
        next_step="Use a wording without flat characters, or a smaller picture.",
    )
