"""TIFF: one label in tag 0x02BC of the first directory, every strip, tile and other tag where it was."""

from __future__ import annotations

import contextlib
import io
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from tests.label.files.pictures import FIELDS, MOVED, PROFILE, picture, pixels

from zhengming.label import read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.tiff import Tiff

TIFF = Tiff()
OTHER = xmp.with_label(b"", FIELDS.to_json()).replace(b"<rdf:Description", b"<rdf:Description><dc:x>y</dc:x>", 1)


def tiff(order: str = "<", *, big: bool = False, compression: str | None = None) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    tags[0x013B] = "Lin"
    return picture("TIFF", tiffinfo=tags, icc_profile=PROFILE, big_tiff=big, compression=compression)


def pages() -> bytes:
    frames = [Image.open(io.BytesIO(picture("PNG", size=(20 + index, 10)))) for index in range(3)]
    made = io.BytesIO()
    frames[0].save(made, "TIFF", save_all=True, append_images=frames[1:])
    return made.getvalue()


def by_hand(order: str, tags: list[tuple[int, int, bytes]], *, big: bool = False) -> bytes:
    """A TIFF of one grey pixel and these tags (number, type, value), for what Pillow does not write."""
    wide, entry = ("Q", 20) if big else ("I", 12)
    tags = sorted([*tags, *((tag, 3, struct.pack(order + "H", 1)) for tag in (256, 257, 277, 278, 279, 262)),
                   (258, 3, struct.pack(order + "H", 8)), (259, 3, struct.pack(order + "H", 1))])  # fmt: skip
    head = 16 if big else 8
    room = struct.calcsize(wide)
    at = head + (8 if big else 2) + entry * (len(tags) + 1) + room
    values = b"\x7f\0"
    entries = []
    for tag, kind, value in sorted([*tags, (273, 4, struct.pack(order + "I", at))]):
        field = value.ljust(room, b"\0")
        if len(value) > room:
            field = struct.pack(order + wide, at + len(values))
            values += value + b"\0" * (len(value) % 2)
        entries.append(struct.pack(order + "HH" + wide, tag, kind, len(value) // {3: 2, 4: 4}.get(kind, 1)) + field)
    start = b"II" if order == "<" else b"MM"
    start += struct.pack(order + "HHHQ", 43, 8, 0, head) if big else struct.pack(order + "HI", 42, head)
    return start + struct.pack(order + ("Q" if big else "H"), len(entries)) + b"".join(entries) + bytes(room) + values


def labelled(data: bytes) -> bytes:
    new = joined(data, TIFF.write(data, MOVED))
    sites = TIFF.scan(new).sites
    assert [(site.slot, site.official, read(site.raw).fields) for site in sites] == [(TIFF.slot, True, MOVED)]
    if not data.startswith(b"MM\0+"):  # which Pillow does not read
        assert pixels(new) == pixels(data)
    return new


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_what_was_written_is_read_back_and_everything_else_is_there(
    order: str, compression: str | None, *, big: bool
) -> None:
    old = tiff(order, big=big, compression=compression)
    new = labelled(old)

    with Image.open(io.BytesIO(new)) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.tag_v2[0x013B] == "Lin"
        assert image.info["icc_profile"] == PROFILE
        assert image.tag_v2.tagtype[0x02BC] == 7
        assert xmp.properties(image.info["xmp"])[0].raw == MOVED.to_json()
    assert TIFF.scan(new).faults == ()
    assert labelled(new) == new
    assert old[16:] in new


def test_every_page_stays() -> None:
    new = labelled(pages())

    assert len(pixels(new)) == 3
    assert labelled(new) == new


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_what_others_left_is_read_and_replaced(order: str, *, big: bool) -> None:
    old = by_hand(
        order, [(0x02BC, 1, OTHER), (0x010E, 2, FIELDS.to_wrapped_json() + b"\0"), (0x013B, 2, b"Lin An\0")], big=big
    )
    scan = TIFF.scan(old)
    new = labelled(old)

    assert {site.slot for site in scan.sites} == {"tiff.ifd0.xmp", "tiff.ImageDescription"}
    assert [read(site.raw).fields for site in scan.sites] == [FIELDS, FIELDS]
    assert scan.faults == (FileFault.DUPLICATE_LABEL,)
    assert FIELDS.to_json() not in new
    assert b"<dc:x>y</dc:x>" in xmp.without_label(new[new.rindex(b"<?xpacket begin") :])
    assert b"Lin An" in new


def test_a_description_that_holds_more_than_the_label_is_not_thrown_away() -> None:
    old = by_hand("<", [(0x010E, 2, FIELDS.to_wrapped_json() + b" by Lin\0")])

    with pytest.raises(UnreadableFileError, match="something else"):
        TIFF.write(old, MOVED)


WHOLE = by_hand("<", [(0x02BC, 1, OTHER), (0x010E, 2, FIELDS.to_wrapped_json() + b"\0"), (0x013B, 2, b"Lin An\0")])


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 3))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert TIFF.scan(WHOLE[:cut]).faults != ()
    with pytest.raises(UnreadableFileError):
        TIFF.write(WHOLE[:cut], MOVED)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_end_in_an_answer(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(WHOLE)
    for at, value in flips:
        damaged[at] = value
    TIFF.scan(damaged)
    try:
        splices = TIFF.write(damaged, MOVED)
    except UnreadableFileError:
        return
    assert MOVED in [read(site.raw).fields for site in TIFF.scan(joined(damaged, splices)).sites]


def test_directories_in_a_ring_or_without_number_end() -> None:
    entry = struct.pack("<HHII", 0x010E, 2, 60_000, 8)
    page = struct.pack("<H", 60_000) + entry * 60_000
    chain = b"".join(
        struct.pack("<H", 1) + struct.pack("<HHII", 0x02BC, 7, 90_000, 8) + struct.pack("<I", 8 + 18 * (index + 1))
        for index in range(120_000)
    )
    for hostile in (
        b"II*\0\x08\0\0\0" + page + struct.pack("<I", 8),
        b"II*\0\x08\0\0\0" + chain,
        b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\x69\x87\x04\0\x01\0\0\0" * 120_000,
        b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ):
        start = time.process_time()
        TIFF.scan(hostile)
        with contextlib.suppress(UnreadableFileError):
            TIFF.write(hostile, MOVED)
        assert time.process_time() - start < 5
