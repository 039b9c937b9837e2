"""A label as two masks, and how it is put onto an image of any mode with a contrast that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from zhengming.core.i18n import DEFAULT_LANGUAGE
from zhengming.label.visible.layout import Fit, fit, line_height, margin
from zhengming.label.visible.words import Lines, VisiblePlace, VisibleStyle, ladder

LEAST_CONTRAST: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of any size."""

_TAIL: Final = 0.01
_DRAWABLE: Final = ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I;16B")
_WHITE: Final[dict[str, int | tuple[int, ...]]] = {
    "1": 1,
    "L": 255,
    "LA": (255, 255),
    "RGB": (255,) * 3,
    "RGBA": (255,) * 4,
    "CMYK": (0,) * 4,
    "I;16": 65_535,
    "I;16B": 65_535,
}
_BLACK: Final[dict[str, int | tuple[int, ...]]] = {
    "1": 0,
    "L": 0,
    "LA": (0, 255),
    "RGB": (0,) * 3,
    "RGBA": (0, 0, 0, 255),
    "CMYK": (0, 0, 0, 255),
    "I;16": 0,
    "I;16B": 0,
}
_SRGB_KNEE: Final = 0.04045


def _linear(value: int) -> int:
    """Return the linear light of an sRGB level (IEC 61966-2-1), both in 0 to 255."""
    share = value / 255
    return round(255 * (share / 12.92 if share <= _SRGB_KNEE else ((share + 0.055) / 1.055) ** 2.4))


_LINEAR: Final = [_linear(value) for value in range(256)]
_LUMINANCE: Final = (0.2126, 0.7152, 0.0722, 0.0)

# How an image as stored becomes the image as seen (EXIF 2.32, tag 0x0112), and the way back.
_SEEN: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_STORED: Final = _SEEN | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
_SIDEWAYS: Final = 5

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class VisibleOptions:
    """What an operator may choose. `wording` replaces our own wordings and must carry both elements."""

    language: str = DEFAULT_LANGUAGE
    place: VisiblePlace = VisiblePlace.BOTTOM_RIGHT
    style: VisibleStyle = VisibleStyle.PLAIN
    wording: str = ""


class Stamp(NamedTuple):
    """A label composed for pictures of one size: masks of its letters, of a line around them and of a plate.

    `box` is where it stands in the picture as seen; `ink` the height of its smallest letter in pixels.
    """

    lines: Lines
    box: Box
    ink: int
    letters: Image.Image
    outline: Image.Image
    plate: Image.Image


class Stamped(NamedTuple):
    """How a label came out on one image: the style that was needed, the contrast that was measured, white letters."""

    style: VisibleStyle
    contrast: float
    white: bool


def compose(size: tuple[int, int], font: ImageFont.FreeTypeFont, options: VisibleOptions) -> Stamp:
    """Return the label for pictures of `size` (as seen); raises NoRoomError, FontLacksError, LabelWordingError."""
    found = fit(size, font, ladder(options.language, options.wording))
    stroke = max(round(found.font.size / 10), 3)
    letters = _mask(found, 0)
    touching = letters.point(lambda value: 255 if value else 0).filter(ImageFilter.MaxFilter(3))
    outline = ImageChops.lighter(_mask(found, stroke), touching)  # no ground shows through beside a letter
    plate = Image.new("L", letters.size)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, found.width - 1, found.height - 1), radius=found.pad, fill=255)
    return Stamp(found.lines, _box(size, found, options.place), found.ink, letters, outline, plate)


def _mask(found: Fit, stroke: int) -> Image.Image:
    mask = Image.new("L", (found.width, found.height))
    draw = ImageDraw.Draw(mask)
    for row, line in enumerate(found.lines):
        middle = found.pad + line_height(found.font) * (row + 0.5)
        place = (round((found.width - found.font.getlength(line)) / 2), round(middle))
        draw.text(place, line, font=found.font, fill=255, anchor="lm", stroke_width=stroke, stroke_fill=255)
    return mask


def _box(size: tuple[int, int], found: Fit, place: VisiblePlace) -> Box:
    gap = margin(size)
    left, top = (size[0] - found.width) // 2, (size[1] - found.height) // 2
    names = place.value.split("_")
    if "left" in names:
        left = gap
    if "right" in names:
        left = size[0] - gap - found.width
    if "top" in names:
        top = gap
    if "bottom" in names:
        top = size[1] - gap - found.height
    return (left, top, left + found.width, top + found.height)


def seen_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the size of an image once its EXIF orientation is applied."""
    return (size[1], size[0]) if _SIDEWAYS <= orientation in _SEEN else size


def stamp(
    image: Image.Image,
    mark: Stamp,
    style: VisibleStyle,
    *,
    orientation: int = 1,
    hard: bool = False,
    like: Stamped | None = None,
) -> Stamped:
    """Draw a label onto an image as stored, in place, upright once `orientation` is applied.

    `hard` draws without half-tones, for images with few colours. Letters are black or white, whichever has more
    contrast with what lies under them, or as on another frame that the label shall look `like` (then never plain).
    Raises ValueError for a mode that is not among the drawable ones.
    """
    if image.mode not in _DRAWABLE:
        message = f"mode {image.mode!r} cannot be drawn on"
        raise ValueError(message)
    hard = hard or image.mode == "1"
    box = _stored_box(mark.box, image.size, orientation)
    letters, outline, plate = (
        _stored_mask(mask, orientation, hard=hard) for mask in (mark.letters, mark.outline, mark.plate)
    )
    white, plain = _choose(image.crop(box), letters)
    if like is not None:
        white = like.white
    if style is VisibleStyle.PLAIN and (plain < LEAST_CONTRAST or like is not None):
        style = VisibleStyle.OUTLINE
    ink, ground = (_WHITE, _BLACK) if white else (_BLACK, _WHITE)
    if style is not VisibleStyle.PLAIN:
        image.paste(ground[image.mode], box, outline if style is VisibleStyle.OUTLINE else plate)
    image.paste(ink[image.mode], box, letters)
    return Stamped(style, plain if style is VisibleStyle.PLAIN else _choose(image.crop(box), letters)[1], white)


def _stored_mask(mask: Image.Image, orientation: int, *, hard: bool) -> Image.Image:
    turned = mask.transpose(_STORED[orientation]) if orientation in _STORED else mask
    return turned.point(lambda value: 255 if value >= 128 else 0) if hard else turned  # noqa: PLR2004 - half of 255


def _stored_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return where a box of the picture as seen lies in the picture as stored."""
    width, height = size
    left, top, right, bottom = box
    if orientation >= _SIDEWAYS and orientation in _SEEN:
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 7, 8):
        left, right = width - right, width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = height - bottom, height - top
    return (left, top, right, bottom)


def _choose(ground: Image.Image, letters: Image.Image) -> tuple[bool, float]:
    """Return whether white letters stand out more here, and the contrast they have with the worst hundredth around."""
    around = letters.filter(ImageFilter.MaxFilter(3)).point(lambda value: 255 if value else 0)
    around.paste(0, (0, 0), letters.point(lambda value: 255 if value else 0))
    dark, bright = _extremes(ground, around)
    on_white, on_black = 1.05 / (bright + 0.05), (dark + 0.05) / 0.05
    return on_white >= on_black, max(on_white, on_black)


def _extremes(ground: Image.Image, where: Image.Image) -> tuple[float, float]:
    """Return the relative luminance that a hundredth of the pixels lies below, and that a hundredth lies above.

    What shows through a transparent pixel is unknown: such a ground counts as both black and white.
    """
    if ground.mode in {"LA", "RGBA"}:
        opacity = ground.getchannel("A").histogram(where)
        if sum(opacity[:255]) > sum(opacity) * _TAIL:
            return 0.0, 1.0
    light = _plain_rgb(ground).point(_LINEAR * 3).convert("L", _LUMINANCE)
    counts = light.histogram(where)
    least = max(sum(counts) * _TAIL, 1)
    return _level(counts, least, range(256)), _level(counts, least, range(255, -1, -1))


def _level(counts: list[int], least: float, levels: range) -> float:
    total = 0
    for level in levels:
        total += counts[level]
        if total >= least:
            return level / 255
    return levels[-1] / 255


def _plain_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 257) + 0).convert("L").convert("RGB")
    return ImageOps.grayscale(image).convert("RGB") if image.mode == "LA" else image.convert("RGB")
