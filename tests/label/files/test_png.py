"""PNG: one label, in the packet that the guide names, and every other byte where it was."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.png import SIGNATURE, Png

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
PNG = Png()


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(*extra: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return SIGNATURE + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND")


def test_what_was_written_is_read_back_from_the_official_slot() -> None:
    labelled = joined(picture(), PNG.write(picture(), FIELDS))
    (site,) = PNG.scan(labelled).sites

    assert (site.slot, site.official) == ("png.itxt.xmp", True)
    assert read(site.raw).fields == FIELDS


def test_a_second_write_replaces_the_first_and_whatever_others_had_left() -> None:
    crowded = picture(chunk(b"tEXt", b"AIGC\0" + FIELDS.to_wrapped_json()), chunk(b"tEXt", b"Author\0Lin"))
    assert PNG.scan(crowded).sites[0].slot == "png.text.AIGC"

    once = joined(crowded, PNG.write(crowded, FIELDS))
    moved = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
    twice = joined(once, PNG.write(once, moved))

    assert [read(site.raw).fields for site in PNG.scan(twice).sites] == [moved]
    assert chunk(b"tEXt", b"Author\0Lin") in twice
    assert PNG.scan(twice).faults == ()


def test_two_labels_are_a_fault() -> None:
    one = chunk(b"tEXt", b"AIGC\0" + FIELDS.to_json())

    assert PNG.scan(picture(one, one)).faults == (FileFault.DUPLICATE_LABEL,)


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=200))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    whole = joined(picture(), PNG.write(picture(), FIELDS))
    part = whole[: min(cut * len(whole) // 200, len(whole) - 1)]

    assert PNG.scan(part).faults != ()
    try:
        PNG.write(part, FIELDS)
    except UnreadableFileError:
        pass
    else:
        assert b"IDAT" in part
