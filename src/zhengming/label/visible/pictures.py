"""A whole picture file with its explicit label: every frame, upright as seen, in the same format again.

The picture is decoded and encoded anew, since the label is part of what is seen. What is kept: ICC profile, EXIF
(with its orientation), XMP, resolution, comment; a JPEG's quantisation tables and subsampling; durations, loop and
disposal of animated pictures. Other metadata is the business of the implicit label, which is written afterwards.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, Final

from PIL import ExifTags, Image, ImageFont, ImageSequence, JpegImagePlugin

from zhengming.core.errors import InvalidInputError
from zhengming.label.files.base import UnreadableFileError
from zhengming.label.visible.drawing import Stamp, Stamped, VisibleOptions, compose, seen_size, stamp
from zhengming.label.visible.words import Lines, VisibleStyle

MAX_PIXELS: Final = 89_000_000
"""How many pixels all frames of one picture may have together (Pillow warns above this); four bytes each."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
_FAULTS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    RuntimeError,  # libavif and libwebp
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_ORIENTATION: Final = 0x0112
_THUMBNAIL: Final = 0x0201
_XMP_TAG: Final = 700
_QUALITY: Final = 90
_COLOURS: Final = 256


class UnlabellablePictureError(InvalidInputError):
    """The picture can be read, but no label can be drawn on one of this kind."""

    code = "picture_unlabellable"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """The picture with its label, and what was measured: smallest letter and shortest side in pixels.

    `contrast` is the least over all frames, `styles` those that were needed. `remarks` names what the format could not
    carry over: `depth_reduced` (16 bits a channel became 8), `further_pictures_dropped` (a JPEG with several pictures
    in it), `palette_widened` (more than 256 colours: an indexed picture became true colour),
    `thumbnail_unlabelled` (EXIF holds a small copy of the picture without label), `exif_unreadable` (kept as it was).
    """

    data: bytes
    lines: Lines
    ink: int
    shortest_side: int
    contrast: float
    styles: frozenset[VisibleStyle]
    frames: int
    remarks: tuple[str, ...]


def label_picture(data: bytes, font: ImageFont.FreeTypeFont, options: VisibleOptions | None = None) -> LabelledPicture:
    """Return the picture with a label on every frame.

    Raises UnreadableFileError when it cannot be decoded, UnlabellablePictureError when it is too large or of a kind
    that cannot be drawn on, NoRoomError when no lawful wording fits, FontLacksError, LabelWordingError.
    """
    chosen = options or VisibleOptions()
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return _labelled(image, data, font, chosen)
    except InvalidInputError:
        raise
    except _FAULTS as error:
        raise UnreadableFileError(
            f"The picture cannot be decoded: {error}.",
            next_step="Check that it opens in a viewer, as JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF.",
        ) from error


def _labelled(
    image: Image.Image, data: bytes, font: ImageFont.FreeTypeFont, options: VisibleOptions
) -> LabelledPicture:
    count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    _check_size(image, count)
    image.load()  # turns a TIFF upright and takes its orientation away
    work = _Work(image, font, options)
    remarks = _remarks(image, data)
    settings = _settings(image, data)
    if count == 1:
        frames = [work.drawn(image)]
    else:
        frames = []
        for frame in ImageSequence.Iterator(image):
            _check_size(frame, count)
            frame.load()  # a WebP knows a frame's duration only then
            _note_frame(frame, settings)
            frames.append(work.drawn(frame))
        settings |= {"save_all": True, "append_images": frames[1:]}
    out = io.BytesIO()
    _fit_settings(settings, count)
    frames[0].save(out, format="JPEG" if image.format == "MPO" else image.format, **settings)
    return LabelledPicture(
        data=out.getvalue(),
        lines=work.stamps[0].lines,
        ink=min(mark.ink for mark in work.stamps),
        shortest_side=min(work.size),
        contrast=min(result.contrast for result in work.results),
        styles=frozenset(result.style for result in work.results),
        frames=count,
        remarks=(*remarks, *sorted(work.remarks)),
    )


def _check_size(image: Image.Image, count: int) -> None:
    pixels = image.width * image.height * count
    if pixels > MAX_PIXELS:
        raise UnlabellablePictureError(
            f"The picture has {pixels:,} pixels in {count} frames; the limit is {MAX_PIXELS:,}.",
            next_step="Label a smaller rendition, or cut the animation.",
        )


class _Work:
    """Draws the label on one frame after the other and remembers what was measured."""

    def __init__(self, image: Image.Image, font: ImageFont.FreeTypeFont, options: VisibleOptions) -> None:
        self.font, self.options = font, options
        self.remarks: set[str] = set()
        self.orientation = self._orientation(image)
        self.size = seen_size(image.size, self.orientation)
        self.format = image.format
        self.moving = image.format != "TIFF" and getattr(image, "is_animated", False)
        self.stamps: list[Stamp] = []
        self.results: list[Stamped] = []
        self._marks: dict[tuple[int, int], Stamp] = {}

    def _orientation(self, image: Image.Image) -> int:
        """Return how the picture is turned; EXIF that cannot be read turns nothing, as in viewers."""
        try:
            exif = image.getexif()
            if exif.get_ifd(ExifTags.IFD.IFD1).get(_THUMBNAIL):
                self.remarks.add("thumbnail_unlabelled")
            found = exif.get(_ORIENTATION, 1)
        except _FAULTS:
            self.remarks.add("exif_unreadable")
            return 1
        return found if isinstance(found, int) else 1

    def drawn(self, frame: Image.Image) -> Image.Image:
        """Return a copy of the frame with the label on it, in a mode that its format can hold."""
        indexed = frame.mode in {"P", "PA"}
        few_colours = indexed or self.format == "GIF"
        canvas = _drawable(frame)
        size = seen_size(canvas.size, self.orientation)
        mark = self._marks.get(size)
        if mark is None:
            mark = self._marks[size] = compose(size, self.font, self.options)
            self.stamps.append(mark)
        style, first = self.options.style, self.results[0] if self.results else None
        if self.moving and style is VisibleStyle.PLAIN:
            style = VisibleStyle.OUTLINE  # one look for all frames: letters that change colour flicker
        self.results.append(
            stamp(
                canvas, mark, style, orientation=self.orientation, hard=few_colours, like=first if self.moving else None
            )
        )
        return self._narrowed(canvas) if indexed and self.format != "GIF" else canvas

    def _narrowed(self, canvas: Image.Image) -> Image.Image:
        """Return an indexed picture again where that loses nothing."""
        if canvas.getcolors(_COLOURS) is not None:
            method = Image.Quantize.FASTOCTREE if canvas.mode == "RGBA" else Image.Quantize.MEDIANCUT
            indexed = canvas.quantize(_COLOURS, method=method, dither=Image.Dither.NONE)
            if indexed.convert(canvas.mode).tobytes() == canvas.tobytes():
                return indexed
        self.remarks.add("palette_widened")
        return canvas


def _drawable(frame: Image.Image) -> Image.Image:
    """Return a copy of a frame in a mode that a label can be drawn on, without losing anything that is seen."""
    if frame.mode in {"P", "PA"}:
        return frame.convert("RGBA" if frame.mode == "PA" or "transparency" in frame.info else "RGB")
    if "transparency" in frame.info and frame.mode in {"1", "L", "RGB"}:
        return frame.convert("RGBA")  # a colour that stands for transparent may be the label's
    if frame.mode in {"1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I;16B"}:
        return frame.copy()
    if frame.mode in {"RGBX", "YCbCr"}:
        return frame.convert("RGB")
    if frame.mode == "I" and frame.format == "PNG":
        return frame.convert("I;16")
    raise UnlabellablePictureError(
        f"A picture of mode {frame.mode!r} cannot be drawn on.",
        next_step="Turn it into grey, RGB or CMYK with 8 or 16 bits a channel first.",
    )


def _remarks(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """Name what Pillow takes away on decoding."""
    if image.format == "MPO" and getattr(image, "n_frames", 1) > 1:
        return ("further_pictures_dropped",)
    deep_png = image.format == "PNG" and data[24:26] in {b"\x10\x02", b"\x10\x06"}
    deep_tiff = image.format == "TIFF" and image.mode in {"RGB", "RGBA", "CMYK"} and 16 in _tiff_bits(image)  # noqa: PLR2004
    return ("depth_reduced",) if deep_png or deep_tiff else ()


def _tiff_bits(image: Image.Image) -> tuple[int, ...]:
    bits = getattr(image, "tag_v2", {}).get(258, ())
    return bits if isinstance(bits, tuple) else (bits,)


def _settings(image: Image.Image, data: bytes) -> dict[str, Any]:
    """Return what Pillow's writer of the same format is told."""
    kept = {"icc_profile": image.info.get("icc_profile"), "exif": image.info.get("exif"), "dpi": image.info.get("dpi")}
    settings = {name: value for name, value in kept.items() if value}
    xmp = image.info.get("xmp")
    if image.format in {"JPEG", "MPO"}:
        settings |= _jpeg_settings(image)
    elif image.format == "PNG":
        settings |= _png_settings(image)
    elif image.format == "WEBP":
        lossless = b"VP8L" in data[12:16] or (b"ANMF" in data and b"VP8L" in data and b"VP8 " not in data)
        settings |= {"lossless": lossless, "quality": _QUALITY}
    elif image.format == "AVIF":
        settings |= {"quality": _QUALITY}
    elif image.format == "TIFF":
        settings |= {"compression": image.info.get("compression", "raw")}
    elif image.format == "GIF":
        settings |= {name: image.info[name] for name in ("comment",) if name in image.info}
    if xmp and image.format in {"JPEG", "MPO", "WEBP", "AVIF"}:
        settings["xmp"] = xmp
    elif xmp and image.format == "TIFF":
        settings["tiffinfo"] = {_XMP_TAG: xmp}
    if "loop" in image.info:
        settings["loop"] = image.info["loop"]
    return settings


def _jpeg_settings(image: Image.Image) -> dict[str, Any]:
    settings: dict[str, Any] = {"qtables": getattr(image, "quantization", None)}
    sampling = JpegImagePlugin.get_sampling(image)
    settings["subsampling"] = max(sampling, 0)
    settings["progressive"] = bool(image.info.get("progressive"))
    if image.info.get("comment"):
        settings["comment"] = image.info["comment"]
    return settings


def _png_settings(image: Image.Image) -> dict[str, Any]:
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - only for PNG

    texts = PngInfo()
    for key, value in getattr(image, "text", {}).items():
        if isinstance(value, str) and "\0" not in key:
            texts.add_itxt(key, value, getattr(value, "lang", "") or "", getattr(value, "tkey", "") or "")
    settings: dict[str, Any] = {"pnginfo": texts}
    if image.info.get("default_image"):
        settings["default_image"] = True
    return settings


def _note_frame(frame: Image.Image, settings: dict[str, Any]) -> None:
    """Remember a frame's own duration and disposal for the writer."""
    settings.setdefault("durations", []).append(frame.info.get("duration", 0))
    settings.setdefault("disposals", []).append(getattr(frame, "disposal_method", frame.info.get("disposal", 0)))


def _fit_settings(settings: dict[str, Any], count: int) -> None:
    durations, disposals = settings.pop("durations", []), settings.pop("disposals", [])
    if count == 1 or not any(durations):
        return
    settings["duration"] = durations
    settings["disposal"] = [int(value) for value in disposals]
