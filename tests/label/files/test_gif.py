"""GIF: one label in its XMP extension, every frame and every other block where it was."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.label.files.pictures import FIELDS, MOVED, picture, pixels

from zhengming.label import read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.gif import APPLICATION, MAGIC, Gif, blocks

GIF = Gif()
OTHER = xmp.with_label(b"", FIELDS.to_json()).replace(b"<rdf:Description", b"<rdf:Description><dc:x>y</dc:x>", 1)


def animated() -> bytes:
    frames = [Image.open(io.BytesIO(picture("PNG", "L", (30, 10 + index)))).resize((30, 20)) for index in range(4)]
    made = io.BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=3, comment=b"of Lin")
    return made.getvalue()


def sub_blocks(text: bytes) -> bytes:
    return b"".join(bytes([len(text[at : at + 255])]) + text[at : at + 255] for at in range(0, len(text), 255)) + b"\0"


def with_block(block: bytes, data: bytes) -> bytes:
    place = next(blocks(memoryview(data))).start
    return data[:place] + block + data[place:]


def labelled(data: bytes) -> bytes:
    new = joined(data, GIF.write(data, MOVED))
    sites = GIF.scan(new).sites
    assert [(site.slot, site.official, read(site.raw).fields) for site in sites] == [(GIF.slot, True, MOVED)]
    assert pixels(new) == pixels(data)
    return new


@pytest.mark.parametrize("old", [animated(), picture("GIF", "L"), picture("GIF", "P"), picture("GIF", "1")])
def test_what_was_written_is_read_back_and_the_frames_are_the_same(old: bytes) -> None:
    new = labelled(old)

    with Image.open(io.BytesIO(old)) as before, Image.open(io.BytesIO(new)) as after:
        assert [before.info.get(key) for key in ("loop", "duration", "comment")] == [
            after.info.get(key) for key in ("loop", "duration", "comment")
        ]
    assert new[:6] == b"GIF89a"
    assert GIF.scan(new).faults == ()
    assert labelled(new) == new


@pytest.mark.parametrize(
    ("block", "official"),
    [
        (b"\x21\xff\x0b" + APPLICATION + OTHER + MAGIC, True),
        (b"\x21\xff\x0b" + APPLICATION + sub_blocks(OTHER), True),
        (b"\x21\xfe" + sub_blocks(FIELDS.to_wrapped_json()), False),
    ],
)
def test_what_others_left_is_read_and_replaced(block: bytes, *, official: bool) -> None:
    old = with_block(block, animated())
    (site,) = GIF.scan(old).sites
    new = labelled(old)

    assert (site.official, read(site.raw).fields) == (official, FIELDS)
    assert (b"<dc:x>y</dc:x>" in new) is official


def test_a_second_packet_loses_its_label_only() -> None:
    block = b"\x21\xff\x0b" + APPLICATION + OTHER + MAGIC
    old = with_block(block + block, animated())

    assert GIF.scan(old).faults == (FileFault.DUPLICATE_LABEL,)
    assert labelled(old).count(b"<dc:x>y</dc:x>") == 2


def test_a_comment_that_holds_more_than_the_label_is_not_thrown_away() -> None:
    old = with_block(b"\x21\xfe" + sub_blocks(FIELDS.to_wrapped_json() + b" by Lin"), animated())

    with pytest.raises(UnreadableFileError, match="something else"):
        GIF.write(old, MOVED)


def test_what_follows_the_end_stays_and_is_reported() -> None:
    new = labelled(animated() + b"PK\x03\x04")

    assert new.endswith(b"\x3bPK\x03\x04")
    assert GIF.scan(new).faults == (FileFault.TRAILING_DATA,)


WHOLE = with_block(b"\x21\xff\x0b" + APPLICATION + OTHER + MAGIC, animated())


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert GIF.scan(WHOLE[:cut]).faults != ()
    with pytest.raises(UnreadableFileError):
        GIF.write(WHOLE[:cut], MOVED)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_end_in_an_answer(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(WHOLE)
    for at, value in flips:
        damaged[at] = value
    GIF.scan(damaged)
    try:
        splices = GIF.write(damaged, MOVED)
    except UnreadableFileError:
        return
    assert MOVED in [read(site.raw).fields for site in GIF.scan(joined(damaged, splices)).sites]


@pytest.mark.parametrize(
    "part",
    [b"\x21\xfe\0", b"\x21\xfe\x01\x01", b"\x01\x01", b"\x21\xff\x0b" + APPLICATION + b"\0", b"\x21\xfe\x02{}\0"],
)
def test_hostile_files_cost_little(part: bytes) -> None:
    hostile = b"GIF89a\1\0\1\0\0\0\0" + (b"\x21\xfe" if part == b"\x01\x01" else b"") + part * (4_000_000 // len(part))
    start = time.process_time()

    assert GIF.scan(hostile).faults != ()
    with pytest.raises(UnreadableFileError):
        GIF.write(hostile, MOVED)
    assert time.process_time() - start < 5
