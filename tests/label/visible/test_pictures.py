"""The explicit label of pictures: measured on the pixels of what was written and decoded again."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageSequence, JpegImagePlugin

from zhengming.label.files.base import UnreadableFileError
from zhengming.label.text import LabelWordingError
from zhengming.label.visible import (
    FontLacksError,
    NoRoomError,
    VisibleOptions,
    VisiblePlace,
    VisibleStyle,
    label_picture,
)
from zhengming.label.visible.pictures import UnlabellablePictureError
from zhengming.media.fonts import load_font

FONT = load_font()
PLATE = VisibleOptions(style=VisibleStyle.PLATE)


def encoded(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **more)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return ImageOps.exif_transpose(image).convert("RGB")


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(size, 120).convert("RGB")


def glyph_heights(picture: Image.Image, ground: Image.Image) -> list[int]:
    """The height of each run of inked columns where the picture differs from its even ground."""
    ink = ImageChops.difference(picture.convert("L"), ground.convert("L")).point(lambda v: 255 if v > 110 else 0)
    box = ink.getbbox()
    assert box is not None
    heights, start = [], None
    for x in range(box[0], box[2] + 1):
        inked = x < box[2] and ink.crop((x, 0, x + 1, ink.height)).getbbox() is not None
        if inked and start is None:
            start = x
        if not inked and start is not None:
            run = ink.crop((start, 0, x, ink.height)).getbbox()
            assert run is not None
            heights.append(run[3] - run[1])
            start = None
    return heights


@pytest.mark.parametrize("size", [(1920, 1080), (400, 400), (300, 1200), (1024, 256)])
@pytest.mark.parametrize("language", ["zh-CN", "en", "both"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_smallest_letter_is_a_twentieth_of_the_shortest_side(
    size: tuple[int, int], language: str, kind: str
) -> None:
    ground = Image.new("RGB", size, (235, 235, 230))
    result = label_picture(encoded(ground, kind), FONT, VisibleOptions(language=language))
    picture = decoded(result.data)

    assert result.ink >= 0.05 * min(size)
    if len(result.lines) == 1:
        dots = result.lines[0].count("·")  # punctuation between the two wordings
        assert min(sorted(glyph_heights(picture, ground))[dots:]) >= 0.05 * min(size)
    assert result.contrast >= 4.5


@pytest.mark.parametrize("place", list(VisiblePlace))
def test_the_label_stands_on_the_edge_or_corner_that_was_asked_for(place: VisiblePlace) -> None:
    ground = Image.new("RGB", (900, 600), "white")
    result = label_picture(encoded(ground, "PNG"), FONT, VisibleOptions(place=place, style=VisibleStyle.OUTLINE))
    box = ImageChops.difference(decoded(result.data), ground).getbbox()
    assert box is not None
    left, top, right, bottom = box

    near = {"left": left < 60, "top": top < 60, "right": right > 840, "bottom": bottom > 540}
    assert all(near[name] for name in place.value.split("_"))
    assert (left, top) >= (0, 0)
    assert right <= 900
    assert bottom <= 600


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (119, 119, 119), (255, 0, 0), (0, 90, 200)])
def test_letters_on_an_even_ground_need_no_outline(colour: tuple[int, int, int]) -> None:
    result = label_picture(encoded(Image.new("RGB", (640, 480), colour), "PNG"), FONT)

    assert result.styles == {VisibleStyle.PLAIN}
    assert result.contrast >= 4.5


@pytest.mark.parametrize("style", list(VisibleStyle))
@pytest.mark.parametrize("size", [(800, 600), (400, 280), (120, 90)])
@pytest.mark.parametrize("quality", [15, 90])
def test_a_busy_ground_keeps_letters_apart_from_it(style: VisibleStyle, quality: int, size: tuple[int, int]) -> None:
    data = encoded(noise(size), "JPEG", quality=quality)
    result = label_picture(data, FONT, VisibleOptions(style=style))
    picture = decoded(result.data).convert("L")

    assert result.contrast >= 4.5
    assert VisibleStyle.PLAIN not in result.styles
    changed = ImageChops.difference(picture, decoded(data).convert("L")).point(lambda v: 255 if v > 60 else 0).getbbox()
    assert changed is not None
    levels = picture.crop(changed).histogram()
    assert sum(levels[:40]) > 100  # a dark outline or plate
    assert sum(levels[216:]) > 100  # light letters, or the other way round


def test_a_transparent_ground_gets_an_opaque_label() -> None:
    clear = Image.new("RGBA", (600, 400), (0, 0, 0, 0))
    result = label_picture(encoded(clear, "PNG"), FONT)
    with Image.open(io.BytesIO(result.data)) as picture:
        alpha = picture.getchannel("A")

    assert result.styles == {VisibleStyle.OUTLINE}
    assert result.contrast > 15
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_label_is_upright_as_seen_whatever_the_orientation(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.new("RGB", (700, 500), "white")
    quality = {"quality": 95} if kind == "JPEG" else {}
    seen = decoded(label_picture(encoded(stored, kind, exif=exif, **quality), FONT, PLATE).data)
    straight = Image.new("RGB", seen.size, "white")
    expected = decoded(label_picture(encoded(straight, kind, **quality), FONT, PLATE).data)

    assert seen.size == ((500, 700) if orientation >= 5 else (700, 500))
    difference = ImageChops.difference(seen, expected).convert("L").histogram()
    assert sum(difference[90:]) == 0


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("1", "PNG"), ("L", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF"), ("RGB", "BMP"),
     ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("I;16", "PNG"), ("I;16", "TIFF"), ("RGBA", "WEBP"), ("1", "TIFF"),
     ("RGB", "AVIF")],
)  # fmt: skip
def test_every_mode_keeps_its_mode_and_shows_the_label(mode: str, kind: str) -> None:
    ground = Image.new("L", (640, 480), 255)
    image = ground.convert("I;16").point(lambda v: v * 257) if mode == "I;16" else ground.convert(mode)
    result = label_picture(encoded(image, kind), FONT)
    with Image.open(io.BytesIO(result.data)) as picture:
        assert picture.mode == ("RGB" if kind == "WEBP" else mode)  # a WebP without transparency has none
        high = 65_535 if picture.mode == "I;16" else 255
        low, top = (int(str(level)) for level in (picture if high > 255 else picture.convert("L")).getextrema())

    assert (low <= high * 0.02, top >= high * 0.98) == (True, True)
    assert result.remarks == ()


def test_a_jpeg_keeps_its_tables_sampling_profile_and_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    image = noise((320, 320))
    data = encoded(image, "JPEG", quality=71, subsampling=1, exif=exif, icc_profile=b"profile", xmp=b"<x/>",
                   comment=b"hello", progressive=True, dpi=(300, 300))  # fmt: skip
    with Image.open(io.BytesIO(data)) as old, Image.open(io.BytesIO(label_picture(data, FONT).data)) as new:
        assert getattr(new, "quantization", 1) == getattr(old, "quantization", 2)
        assert JpegImagePlugin.get_sampling(new) == 1
        for name in ("icc_profile", "xmp", "comment", "dpi", "progressive", "exif"):
            assert new.info[name] == old.info[name]


def test_a_thumbnail_without_label_is_named() -> None:
    little = encoded(Image.new("RGB", (16, 16)), "JPEG")
    entries = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 8 + 2 + 4 + 30, 0x0202, 4, 1, len(little), 0)
    tiff = b"II*\0" + struct.pack("<IHI", 8, 0, 14) + entries + little
    data = encoded(Image.new("RGB", (300, 200)), "JPEG", exif=b"Exif\0\0" + tiff)

    assert label_picture(data, FONT).remarks == ("thumbnail_unlabelled",)


@pytest.mark.parametrize("junk", [b"junk", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 40])
def test_broken_exif_does_not_keep_a_picture_from_its_label(junk: bytes) -> None:
    data = encoded(Image.new("RGB", (300, 200)), "JPEG", exif=b"Exif\0\0" + junk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what it cannot read
        result = label_picture(data, FONT)

    assert result.lines == ("内容由AI生成",)
    assert junk in result.data


def test_pixels_outside_the_label_stay_in_lossless_formats() -> None:
    image = noise((500, 400))
    for kind, more in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("BMP", {})):
        labelled = decoded(label_picture(encoded(image, kind, **more), FONT).data)
        box = ImageChops.difference(labelled, image).getbbox()
        assert box is not None
        assert box[0] > 200
        assert box[1] > 300


def animation(count: int) -> list[Image.Image]:
    frames = []
    for number in range(count):
        frame = Image.new("RGB", (240, 200), "white")
        ImageDraw.Draw(frame).rectangle((10 + 20 * number, 10, 40 + 20 * number, 60), fill=(200, 30, 30))
        frames.append(frame)
    return frames


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_every_frame_of_an_animation_carries_the_label_and_its_time(kind: str) -> None:
    frames = animation(4)
    times, more = [100, 200, 300, 400], {"disposal": [1, 2, 1, 2]} if kind == "GIF" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=times, loop=3, **more)
    result = label_picture(data, FONT, PLATE)

    with Image.open(io.BytesIO(result.data)) as picture:
        assert (picture.info["loop"], getattr(picture, "n_frames", 1), result.frames) == (3, 4, 4)
        found = []
        for frame, old in zip(ImageSequence.Iterator(picture), frames, strict=True):
            frame.load()
            shown = frame.convert("RGB")
            found.append(frame.info["duration"])
            difference = ImageChops.difference(shown, old).convert("L").point(lambda v: 255 if v > 100 else 0)
            box = difference.getbbox()
            assert box is not None
            assert box[1] > 100
            assert box[2] > 200
    assert found == times


def test_letters_keep_their_colours_while_the_ground_changes() -> None:
    grounds = [Image.new("RGB", (300, 200), colour) for colour in ("white", "black", "white")]
    result = label_picture(
        encoded(grounds[0], "PNG", save_all=True, append_images=grounds[1:], duration=[50, 60, 70]), FONT
    )
    shown = []
    with Image.open(io.BytesIO(result.data)) as picture:
        for frame, ground in zip(ImageSequence.Iterator(picture), grounds, strict=True):
            rgb = frame.convert("RGB")
            shown.append(ImageChops.difference(rgb, ground).getbbox() is not None)
            levels = rgb.crop((150, 170, 296, 196)).convert("L").histogram()
            assert levels[0] > 100
            assert levels[255] > 100

    assert shown == [True] * 3
    assert result.styles == {VisibleStyle.OUTLINE}
    assert result.contrast >= 4.5


@pytest.mark.parametrize(("mode", "colour"), [("L", 255), ("RGB", (255, 255, 255)), ("1", 1)])
def test_a_colour_that_stands_for_transparent_does_not_swallow_the_label(mode: str, colour: Any) -> None:
    data = encoded(Image.new(mode, (300, 200), colour), "PNG", transparency=colour)
    with Image.open(io.BytesIO(label_picture(data, FONT).data)) as picture:
        whole = picture.convert("RGBA")
        solid = whole.getchannel("A").point(lambda v: 255 if v > 250 else 0)
        levels = whole.convert("L").histogram(solid)

    assert levels[0] > 50
    assert levels[255] > 50


def test_the_disposal_of_a_gif_stays() -> None:
    frames = animation(3)
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=90, disposal=[2, 2, 1])
    with Image.open(io.BytesIO(label_picture(data, FONT).data)) as picture:
        assert [frame.disposal_method for frame in ImageSequence.Iterator(picture)] == [2, 2, 1]  # type: ignore[attr-defined]


def test_a_narrow_picture_gets_two_lines_or_the_shortest_lawful_words() -> None:
    narrow = label_picture(encoded(Image.new("RGB", (66, 400), "white"), "PNG"), FONT)
    narrower = label_picture(encoded(Image.new("RGB", (45, 400), "white"), "PNG"), FONT)

    assert narrow.lines == ("内容由", "AI生成")
    assert narrower.lines == ("AI", "生成")


def test_a_picture_too_small_for_any_label_is_a_clear_error() -> None:
    with pytest.raises(NoRoomError, match="24 by 24"):
        label_picture(encoded(Image.new("RGB", (24, 24)), "PNG"), FONT)


def test_own_words_need_both_elements() -> None:
    data = encoded(Image.new("RGB", (400, 300)), "PNG")

    assert label_picture(data, FONT, VisibleOptions(wording="由人工智能合成")).lines == ("由人工智能合成",)
    with pytest.raises(LabelWordingError):
        label_picture(data, FONT, VisibleOptions(wording="AI"))


def test_a_font_without_chinese_is_named() -> None:
    with pytest.raises(FontLacksError, match="DejaVu"):
        label_picture(encoded(Image.new("RGB", (400, 300)), "PNG"), load_font_named("DejaVuSans.ttf"))


def load_font_named(name: str) -> Any:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(name, 20)
    except OSError:
        pytest.skip(f"{name} is not installed")


def test_sixteen_bits_a_channel_are_reduced_aloud() -> None:
    data = bytearray(encoded(Image.new("RGB", (400, 300)), "PNG"))
    assert label_picture(bytes(data), FONT).remarks == ()
    deep = b"\x89PNG\r\n\x1a\n" + deep_png_body(200, 200)

    assert label_picture(deep, FONT).remarks == ("depth_reduced",)


def deep_png_body(width: int, height: int) -> bytes:
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + b"\x80\x01" * 3 * width) * height
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_picture_of_absurd_size_is_refused_before_it_is_decoded() -> None:
    import zlib

    head = b"IHDR" + struct.pack(">IIBBBBB", 12_000, 11_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    with pytest.raises((UnlabellablePictureError, UnreadableFileError)):
        label_picture(bomb + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), FONT)


@settings(max_examples=60, deadline=None)
@given(
    share=st.integers(0, 99), kind=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), flip=st.booleans()
)
def test_damaged_pictures_end_in_an_answer_or_a_clear_error(share: int, kind: str, *, flip: bool) -> None:
    data = encoded(noise((120, 90)), kind)
    at = share * len(data) // 100
    damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] if flip else data[:at]
    try:
        result = label_picture(damaged, FONT)
    except (UnreadableFileError, UnlabellablePictureError, NoRoomError):
        return
    assert result.ink >= 5


def test_a_damaged_avif_is_a_clear_error() -> None:
    data = encoded(noise((120, 90)), "AVIF")
    at = data.index(b"mdat") + 4
    with pytest.raises(UnreadableFileError):
        label_picture(data[:at] + bytes(len(data) - at), FONT)
