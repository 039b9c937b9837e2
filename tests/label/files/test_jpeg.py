"""JPEG: one label in the XMP of APP1, wherever others had put theirs, and every other byte where it was."""

from __future__ import annotations

import hashlib
import io
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.label.files.pictures import FIELDS, MOVED, PROFILE, picture, pixels

from zhengming.label import read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.jpeg import EXTENSION_HEAD, MAX_PACKET, XMP_HEAD, Jpeg, segments

JPEG = Jpeg()
WRAPPED = FIELDS.to_wrapped_json()
DC = b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"/>'
RDF = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%b</rdf:RDF>'
    b"</x:xmpmeta>"
)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*more: bytes) -> bytes:
    plain = picture("JPEG")
    app0 = 4 + struct.unpack(">H", plain[4:6])[0]
    return plain[:app0] + b"".join(more) + plain[app0:]


def exif(comment: bytes, order: str = "<") -> bytes:
    tags = Image.Exif()
    tags.endian = order
    tags[0x0110] = "Camera"
    tags.get_ifd(0x8769)[0x9286] = comment
    tags.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    return segment(0xE1, tags.tobytes())


def labelled(data: bytes) -> bytes:
    new = joined(data, JPEG.write(data, MOVED))
    scan = JPEG.scan(new)
    assert [(site.slot, site.official, read(site.raw).fields) for site in scan.sites] == [(JPEG.slot, True, MOVED)]
    assert pixels(new) == pixels(data)
    return new


def test_what_was_written_is_read_back_and_everything_else_is_there() -> None:
    rich = picture(
        "JPEG", progressive=True, icc_profile=PROFILE, comment=b"of Lin", exif=exif(b"ASCII\0\0\0my words")[4:]
    )
    new = labelled(rich)

    with Image.open(io.BytesIO(new)) as image:
        assert image.info["icc_profile"] == PROFILE
        assert image.info["comment"] == b"of Lin"
        assert image.getexif().get_ifd(0x8769)[0x9286] == b"ASCII\0\0\0my words"
        assert xmp.properties(image.info["xmp"])[0].raw == MOVED.to_json()
        assert xmp.GENERATED.encode() in image.info["xmp"]
    assert JPEG.scan(new).faults == ()
    assert labelled(new) == new
    assert [one.app for one in segments(memoryview(new))][:3] == [0, 1, 1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + WRAPPED,
        WRAPPED,
        bytes(8) + b"AIGC" + FIELDS.to_json(),
        b"UNICODE\0" + WRAPPED.decode().encode("utf-16-le"),
        b"UNICODE\0" + WRAPPED.decode().encode("utf-16-be"),
        b"UNICODE\0" + WRAPPED.decode().encode("utf-16"),
        b"UNICODE\0" + WRAPPED,
    ],
)
def test_the_label_in_the_user_comment_is_read_and_blanked_in_place(comment: bytes, order: str) -> None:
    old = with_segments(exif(comment, order))
    (site,) = JPEG.scan(old).sites
    new = labelled(old)

    assert (site.slot, site.official, read(site.raw).fields) == ("jpeg.exif.UserComment", False, FIELDS)
    with Image.open(io.BytesIO(new)) as image:
        assert image.getexif()[0x0110] == "Camera"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
        assert not image.getexif().get_ifd(0x8769)[0x9286].strip(b"\0")


@pytest.mark.parametrize(
    "comment", [WRAPPED + b" and more", WRAPPED[:-1] + b',"Other":1}', b"ASCII\0\0\0" + WRAPPED + b" mine"]
)
def test_a_comment_that_holds_more_than_the_label_is_not_thrown_away(comment: bytes) -> None:
    old = with_segments(exif(comment))

    assert len(JPEG.scan(old).sites) == 1
    with pytest.raises(UnreadableFileError, match="something else"):
        JPEG.write(old, MOVED)


@pytest.mark.parametrize(
    ("part", "slot"),
    [
        (segment(0xEB, b"AIGC" + FIELDS.to_json()), "jpeg.app11.AIGC"),
        (segment(0xE9, WRAPPED), "jpeg.app9.AIGC"),
        (segment(0xE1, b"AIGC\0" + FIELDS.to_json()), "jpeg.app1.AIGC"),
        (segment(0xFE, WRAPPED), "jpeg.com"),
    ],
)
def test_a_bare_label_is_read_and_taken_out(part: bytes, slot: str) -> None:
    old = with_segments(part, segment(0xFE, b"of Lin"))
    (site,) = JPEG.scan(old).sites
    new = labelled(old)

    assert (site.slot, read(site.raw).fields) == (slot, FIELDS)
    assert part not in new
    assert segment(0xFE, b"of Lin") in new


def extended(text: bytes, size: int) -> tuple[bytes, list[bytes]]:
    guid = hashlib.md5(text, usedforsecurity=False).hexdigest().upper().encode()
    head = EXTENSION_HEAD + guid
    starts = range(0, len(text), size)
    return guid, [segment(0xE1, head + struct.pack(">II", len(text), at) + text[at : at + size]) for at in starts]


def test_a_label_in_extended_xmp_is_read_across_segments_and_blanked() -> None:
    element = (
        b'<rdf:Description xmlns:TC260="' + xmp.NAMESPACE.encode() + b'"><TC260:AIGC>' + FIELDS.to_json()
        + b"</TC260:AIGC></rdf:Description>"
    )  # fmt: skip
    guid, parts = extended(RDF % (DC + element), 200)
    note = b'<rdf:Description xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + guid + b'"/>'
    old = with_segments(segment(0xE1, XMP_HEAD + RDF % note), *reversed(parts))
    (site,) = JPEG.scan(old).sites
    new = labelled(old)
    blanked, again = extended(xmp.blanked(RDF % (DC + element)), 200)

    assert (site.slot, read(site.raw).fields) == ("jpeg.app1.extended_xmp", FIELDS)
    assert b'HasExtendedXMP="' + blanked + b'"' in new
    assert all(part in new for part in again)


def test_other_xmp_stays_and_a_packet_that_would_be_too_long_is_refused() -> None:
    assert DC in labelled(with_segments(segment(0xE1, XMP_HEAD + RDF % DC)))

    full = RDF % (DC + b"<rdf:Description>" + b"x" * 65_000 + b"</rdf:Description>")
    with pytest.raises(UnreadableFileError, match=str(MAX_PACKET)):
        JPEG.write(with_segments(segment(0xE1, XMP_HEAD + full)), MOVED)


def test_padding_makes_room_for_the_label() -> None:
    padded = (RDF % DC + b'<?xpacket end="w"?>').replace(b"<?xpacket", b" " * 65_000 + b"<?xpacket")
    new = labelled(with_segments(segment(0xE1, XMP_HEAD + padded)))

    assert any(one.end - one.body == MAX_PACKET + len(XMP_HEAD) for one in segments(memoryview(new)))


def test_pictures_after_the_first_are_still_found_where_mpf_says() -> None:
    made = io.BytesIO()
    with Image.open(io.BytesIO(picture("JPEG"))) as one, Image.open(io.BytesIO(picture("JPEG", size=(40, 8)))) as two:
        one.save(made, "MPO", save_all=True, append_images=[two])
    several = made.getvalue()
    mpf = several.index(b"\xff\xe2")
    end = mpf + 2 + struct.unpack(">H", several[mpf + 2 : mpf + 4])[0]
    late = several[:end] + segment(0xEB, b"AIGC" + FIELDS.to_json()) + segment(0xE1, XMP_HEAD + RDF % DC)
    grown = len(late) - end
    body = bytearray(late + several[end:])
    entry = body.index(struct.pack("<I", several.index(b"\xff\xd8\xff", end) - mpf - 8), mpf)
    body[entry : entry + 4] = struct.pack("<I", several.index(b"\xff\xd8\xff", end) - mpf - 8 + grown)
    old = bytes(body)
    assert len(pixels(old)) == 2

    assert DC in labelled(old)


def test_what_follows_the_picture_stays_and_is_reported() -> None:
    new = labelled(picture("JPEG") + b"ftypmp42 a moving part")

    assert new.endswith(b"\xff\xd9ftypmp42 a moving part")
    assert JPEG.scan(new).faults == (FileFault.TRAILING_DATA,)


WHOLE = with_segments(
    exif(b"ASCII\0\0\0" + WRAPPED), segment(0xE1, XMP_HEAD + RDF % DC), segment(0xEB, b"AIGC" + FIELDS.to_json())
)


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert JPEG.scan(WHOLE[:cut]).faults != ()
    with pytest.raises(UnreadableFileError):
        JPEG.write(WHOLE[:cut], MOVED)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_end_in_an_answer(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(WHOLE)
    for at, value in flips:
        damaged[at] = value
    JPEG.scan(damaged)
    try:
        splices = JPEG.write(damaged, MOVED)
    except UnreadableFileError:
        return
    assert MOVED in [read(site.raw).fields for site in JPEG.scan(joined(damaged, splices)).sites]


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xd8" + b"\xff" * 4_000_000,
        b"\xff\xd8" + b"\xff\xe1\x00\x02" * 1_000_000,
        b"\xff\xd8" + b"\xff\xd0" * 1_000_000,
        b"\xff\xd8" + segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + (b"\x80\x14" + bytes(12)) * 4_000) * 40,
        b"\xff\xd8" + segment(0xE1, XMP_HEAD + b"<TC260:AIGC>" * 5_000) * 20,
        b"\xff\xd8" + segment(0xE1, EXTENSION_HEAD + b"A" * 32 + b"\xff" * 4 + bytes(4)) * 9_000,
    ],
)
def test_hostile_files_cost_little(hostile: bytes) -> None:
    start = time.process_time()

    assert JPEG.scan(hostile).faults != ()
    with pytest.raises(UnreadableFileError):
        JPEG.write(hostile, MOVED)
    assert time.process_time() - start < 5
