"""Matroska and WebM: one label in the tags, the same packets, and cues that still lead to them."""

from __future__ import annotations

import hashlib
import io
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import ebml
from zhengming.label.files.base import MAX_SITES, FileFault, UnreadableFileError, joined
from zhengming.label.files.mkv import Mkv, WebM

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
MKV = Mkv()


def film(container: str = "matroska", tags: dict[str, str] | None = None, **options: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container, options=options) as out:
        out.metadata.update(tags or {})
        stream = out.add_stream("libvpx" if container == "webm" else "mpeg4", rate=10)
        stream.width, stream.height = 32, 32
        stream.gop_size = 4
        for number in range(12):
            frame = av.VideoFrame(32, 32, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 20]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def packets(data: bytes, seek: int | None = None) -> list[tuple[int | None, str]]:
    with av.open(io.BytesIO(data), "r") as file:
        if seek is not None:
            file.seek(seek, stream=file.streams.video[0])
        return [(packet.pts, hashlib.sha256(bytes(packet)).hexdigest()) for packet in file.demux() if packet.size]


def tags(data: bytes) -> dict[str, str]:
    with av.open(io.BytesIO(data), "r") as file:
        return {key.upper(): value for key, value in file.metadata.items()}


def labelled(data: bytes) -> bytes:
    return joined(data, MKV.write(data, FIELDS))


FILES = {
    "plain": film(),
    "with tags": film(tags={"title": "Rain", "other": "x"}),
    "cues first": film(reserve_index_space="2000"),
    "live": film(live="1"),
    "without checksums": film(write_crc32="0", tags={"other": "x"}),
    "WebM": film("webm"),
    "live WebM": film("webm", live="1"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_label_is_read_back_and_packets_and_tags_stay(name: str) -> None:
    old = FILES[name]
    new = labelled(old)
    (site,) = MKV.scan(new).sites

    assert (site.slot, site.official) == ("mkv.tags.simpletag", True)
    assert read(site.raw).fields == FIELDS
    assert MKV.scan(new).faults == ()
    assert packets(new) == packets(old)
    assert packets(new, 800) == packets(old, 800)
    assert tags(new) == {**tags(old), "AIGC": FIELDS.to_json().decode()}


@pytest.mark.parametrize("name", FILES)
def test_a_second_write_replaces_the_first(name: str) -> None:
    once = labelled(FILES[name])
    twice = joined(once, MKV.write(once, MOVED))
    back = joined(twice, MKV.write(twice, FIELDS))

    assert [read(site.raw).fields for site in MKV.scan(back).sites] == [FIELDS]
    assert [read(site.raw).fields for site in MKV.scan(twice).sites] == [MOVED]
    assert packets(twice) == packets(back) == packets(once)
    assert len(back) == len(twice)
    assert b"post-1" not in back


def test_the_label_that_another_program_wrote_is_official_and_replaced() -> None:
    theirs = film(tags={"AIGC": FIELDS.to_json().decode(), "other": "x"})
    assert [(site.official, read(site.raw).fields) for site in MKV.scan(theirs).sites] == [(True, FIELDS)]

    new = joined(theirs, MKV.write(theirs, MOVED))

    assert tags(new)["AIGC"] == MOVED.to_json().decode()
    assert tags(new)["OTHER"] == "x"


def test_matroska_and_webm_are_told_apart_by_what_the_header_says() -> None:
    heads = [FILES["plain"][:4096], FILES["WebM"][:4096]]

    assert [[form.name for form in (Mkv(), WebM()) if form.recognises(head)] for head in heads] == [["mkv"], ["webm"]]


def test_a_file_of_countless_elements_is_given_up() -> None:
    start = FILES["live"].index(b"\x18\x53\x80\x67")
    flood = FILES["live"][:start] + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + ebml.void(2) * 100_001

    assert MKV.scan(flood).faults == (FileFault.TOO_MANY_PARTS,)


WHOLE = labelled(FILES["with tags"])


@settings(max_examples=150, derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert MKV.scan(WHOLE[:cut]).faults == (FileFault.TRUNCATED,)
    with pytest.raises(UnreadableFileError):
        MKV.write(WHOLE[:cut], MOVED)


@settings(max_examples=300, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_answered(flips: list[tuple[int, int]]) -> None:
    bad = bytearray(WHOLE)
    for place, value in flips:
        bad[place] = value
    try:
        new = joined(bytes(bad), MKV.write(bytes(bad), MOVED))
    except UnreadableFileError:
        assert len(MKV.scan(bytes(bad)).sites) <= MAX_SITES
    else:
        assert [read(site.raw).fields for site in MKV.scan(new).sites] == [MOVED]
