"""WebP: one label, in the packet that the guide names, and the same pixels."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.label.files.media import FIELDS, MOVED, check_damage, labelled, refuses

from zhengming.label import read
from zhengming.label.files.base import FileFault
from zhengming.label.files.riff import chunk
from zhengming.label.files.webp import WebP

WEBP = WebP()


def picture(mode: str = "RGB", size: tuple[int, int] = (37, 21), **options: Any) -> bytes:
    target = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size).rotate(180))
    image.save(target, "WEBP", **options)
    return target.getvalue()


def pixels(data: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    with Image.open(io.BytesIO(data)) as image:
        seen = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            seen.append((image.mode, image.size, image.tobytes()))
        return seen


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (37, 21), (640, 3)])
def test_what_was_written_is_read_back_and_the_pixels_are_the_same(
    mode: str, size: tuple[int, int], *, lossless: bool
) -> None:
    plain = picture(mode, size, lossless=lossless)
    made = labelled(WEBP, plain)

    assert pixels(made) == pixels(plain)
    assert made[12:16] == b"VP8X"
    assert made[20] & 0x04
    assert struct.unpack("<I", made[4:8])[0] == len(made) - 8
    with Image.open(io.BytesIO(made)) as image:
        assert b"TC260:AIGC" in image.info["xmp"]


def test_an_animation_stays_one() -> None:
    target = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), (value, 0, 0)) for value in (0, 120, 240)]
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:], duration=40)

    assert pixels(labelled(WEBP, target.getvalue())) == pixels(target.getvalue())


def test_relabelling_keeps_profile_exif_and_what_else_the_packet_says() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/webp"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    exif = Image.Exif()
    exif[0x0131] = "Pencil"
    plain = picture(xmp=packet, exif=exif.tobytes(), icc_profile=b"a profile of odd length")
    once = labelled(WEBP, plain)
    twice = labelled(WEBP, once, MOVED)

    with Image.open(io.BytesIO(twice)) as image:
        assert image.info["icc_profile"] == b"a profile of odd length"
        assert image.getexif()[0x0131] == "Pencil"
        assert b'dc:format="image/webp"' in image.info["xmp"]
    assert labelled(WEBP, twice) == once
    assert twice.count(b"XMP ") == 1


def test_a_label_in_the_exif_comment_is_read_and_replaced() -> None:
    exif = Image.Exif()
    exif[0x0131] = "Pencil"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + FIELDS.to_wrapped_json()
    plain = picture(exif=exif.tobytes())
    (site,) = WEBP.scan(plain).sites

    assert (site.slot, site.official, read(site.raw).fields) == ("webp.exif.UserComment", False, FIELDS)
    with Image.open(io.BytesIO(labelled(WEBP, plain, MOVED))) as image:
        assert image.getexif()[0x0131] == "Pencil"


def test_what_lies_behind_the_picture_is_named_and_stays() -> None:
    made = labelled(WEBP, picture() + b"tail")

    assert WEBP.scan(picture() + b"tail").faults == (FileFault.TRAILING_DATA,)
    assert made.endswith(b"tail")


@pytest.mark.parametrize(
    "broken",
    [b"", b"RIFF\4\0\0\0WEBP", b"RIFF\x10\0\0\0WEBP" + chunk(b"VP8L", b"\0" * 4), picture()[:-2]],
)
def test_what_is_no_whole_picture_is_refused(broken: bytes) -> None:
    refuses(WEBP, broken)


WHOLE = picture("RGBA", exif=Image.Exif().tobytes())
LABELLED = labelled(WEBP, WHOLE)


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(at: int, byte: int) -> None:
    check_damage(WEBP, WHOLE, at, byte)


@settings(derandomize=True)
@given(st.integers(0, len(LABELLED) - 1), st.integers(1, 255))
def test_a_damaged_packet_is_answered_too(place: int, byte: int) -> None:
    WEBP.scan(LABELLED[:place])
    WEBP.scan(LABELLED[:place] + bytes((LABELLED[place] ^ byte,)) + LABELLED[place + 1 :])
