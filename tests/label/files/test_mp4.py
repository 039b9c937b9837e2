"""MP4, MOV, M4A: one label under `moov.udta.meta`, the same packets, and every other item where it was."""

from __future__ import annotations

import hashlib
import io
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import mutagen.mp4
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import bmff
from zhengming.label.files.base import MAX_SITES, FileFault, FileFormat, Splice, UnreadableFileError, joined
from zhengming.label.files.mdta import fresh
from zhengming.label.files.mp4 import XMP_UUID, M4a, Mov, Mp4
from zhengming.label.files.xmp import with_label

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
MP4 = Mp4()


def film(container: str = "mp4", tags: dict[str, str] | None = None, **options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "film")  # moving the index to the front needs a file that can be opened again
        with av.open(str(target), "w", format=container, options=options) as out:
            out.metadata.update(tags or {})
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height = 32, 32
            stream.gop_size = 4
            for number in range(12):
                frame = av.VideoFrame(32, 32, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([number * 20]) * plane.buffer_size)
                frame.pts, frame.time_base = number, Fraction(1, 10)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return target.read_bytes()


def song() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="ipod") as out:
        stream = out.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame(format="fltp", layout="mono", samples=8000)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def packets(data: bytes) -> list[tuple[int | None, str]]:
    with av.open(io.BytesIO(data), "r") as file:
        return [(packet.pts, hashlib.sha256(bytes(packet)).hexdigest()) for packet in file.demux() if packet.size]


def tags(data: bytes) -> dict[str, str]:
    with av.open(io.BytesIO(data), "r") as file:
        return dict(file.metadata)


def order(data: bytes) -> list[bytes]:
    return [box.kind for box in bmff.boxes(memoryview(data), 0, len(data), bmff.Budget())]


def labelled(data: bytes, form: FileFormat = MP4) -> bytes:
    return joined(data, form.write(data, FIELDS))


KINDS: dict[str, Callable[[], bytes]] = {
    "index last": lambda: film(tags={"title": "Rain"}),
    "index first": lambda: film(tags={"title": "Rain"}, movflags="faststart"),
    "keys of others": lambda: film(tags={"title": "Rain", "other": "x"}, movflags="faststart+use_metadata_tags"),
    "fragmented": lambda: film(movflags="frag_keyframe+empty_moov", tags={"title": "Rain"}),
    "fragmented with absolute bases": lambda: film(movflags="frag_keyframe", tags={"title": "Rain"}),
    "fragments of DASH": lambda: film(movflags="dash+global_sidx+frag_keyframe", tags={"title": "Rain"}),
    "QuickTime": lambda: film("mov", {"title": "Rain"}, movflags="faststart"),
    "QuickTime with keys": lambda: film("mov", {"title": "Rain"}, movflags="faststart+use_metadata_tags"),
}


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> bytes:
    return KINDS[request.param]()


def test_the_label_is_read_back_and_packets_and_tags_stay(made: bytes) -> None:
    new = labelled(made)
    (site,) = MP4.scan(new).sites

    assert (site.slot, site.official) == ("mp4.moov.udta.meta.keys", True)
    assert read(site.raw).fields == FIELDS
    assert MP4.scan(new).faults == ()
    assert packets(new) == packets(made)
    assert tags(new) == {**tags(made), "AIGC": FIELDS.to_json().decode()}
    assert order(new) == order(made)


def test_a_second_write_replaces_the_first(made: bytes) -> None:
    once = labelled(made)
    twice = joined(once, MP4.write(once, MOVED))
    back = joined(twice, MP4.write(twice, FIELDS))

    assert [read(site.raw).fields for site in MP4.scan(twice).sites] == [MOVED]
    assert packets(twice) == packets(back) == packets(made)
    assert tags(back) == tags(once)


def test_the_label_of_the_guide_s_own_command_is_found_in_the_official_slot() -> None:
    theirs = film(tags={"AIGC": FIELDS.to_json().decode(), "other": "x"}, movflags="use_metadata_tags")
    (site,) = MP4.scan(theirs).sites
    moved = joined(theirs, MP4.write(theirs, MOVED))

    assert site.official
    assert read(site.raw).fields == FIELDS
    assert tags(moved)["AIGC"] == MOVED.to_json().decode()
    assert tags(moved)["other"] == "x"


def test_a_song_keeps_its_items_and_loses_the_label_that_stood_among_them() -> None:
    held = io.BytesIO(song())
    item = mutagen.mp4.MP4(held)  # type: ignore[no-untyped-call]
    item["\xa9nam"] = ["Rain"]
    item["----:com.apple.iTunes:AIGC"] = [FIELDS.to_json()]
    item["----:com.apple.iTunes:other"] = [b"x"]
    held.seek(0)
    item.save(held)  # type: ignore[no-untyped-call]
    form = M4a()
    assert form.recognises(held.getvalue()[:4096])
    assert [site.slot for site in form.scan(held.getvalue()).sites] == ["mp4.moov.udta.meta.itunes"]

    new = joined(held.getvalue(), form.write(held.getvalue(), MOVED))

    assert [(site.official, read(site.raw).fields) for site in form.scan(new).sites] == [(True, MOVED)]
    after = mutagen.mp4.MP4(io.BytesIO(new))  # type: ignore[no-untyped-call]
    assert after["\xa9nam"] == ["Rain"]
    assert bytes(after["----:com.apple.iTunes:other"][0]) == b"x"
    assert "----:com.apple.iTunes:AIGC" not in after
    assert packets(new) == packets(held.getvalue())
    assert tags(new)["AIGC"] == MOVED.to_json().decode()


def test_a_free_box_behind_the_index_is_used_and_nothing_moves() -> None:
    plain = film(movflags="faststart", moov_size="0")
    moov = next(box for box in bmff.boxes(memoryview(plain), 0, len(plain), bmff.Budget()) if box.kind == b"moov")
    shift = bmff.made(b"free", bytes(4000))
    roomy = joined(
        plain,
        [
            *bmff.moved(
                memoryview(plain),
                list(bmff.boxes(memoryview(plain), 0, len(plain), bmff.Budget())),
                moov.end,
                len(shift),
            ),
            Splice(moov.end, moov.end, shift),
        ],
    )
    new = labelled(roomy)

    assert len(new) == len(roomy)
    assert packets(new) == packets(plain)
    assert new[moov.end + len(shift) :] == roomy[moov.end + len(shift) :]


def test_a_label_in_xmp_goes_and_the_rest_of_the_packet_stays() -> None:
    packet = with_label(b"", FIELDS.to_json(), source_type="kept")
    film_with = film() + bmff.made(b"uuid", XMP_UUID, packet)
    assert [site.slot for site in MP4.scan(film_with).sites] == ["mp4.uuid.xmp"]

    new = labelled(film_with)

    assert [site.official for site in MP4.scan(new).sites] == [True]
    assert b"<Iptc4xmpExt:DigitalSourceType>kept<" in new


def test_user_data_that_end_in_zeros_still_do_and_a_label_beside_them_is_taken_out() -> None:
    plain = film("mov")
    moov = next(box for box in bmff.boxes(memoryview(plain), 0, len(plain), bmff.Budget()) if box.kind == b"moov")
    inside = plain[moov.body : moov.end].replace(b"udta", b"free")
    name = bmff.made(b"\xa9nam", struct.pack(">HH", 4, 0), b"Rain")
    parts = bmff.made(b"udta", name, bytes(4)) + fresh(FIELDS.to_json())
    theirs = plain[: moov.start] + bmff.made(b"moov", inside, parts) + plain[moov.end :]
    assert [(site.slot, site.official) for site in MP4.scan(theirs).sites] == [("mp4.moov.meta.keys", False)]

    new = joined(theirs, MP4.write(theirs, MOVED))

    assert [(site.official, read(site.raw).fields) for site in MP4.scan(new).sites] == [(True, MOVED)]
    assert name in new
    assert packets(new) == packets(plain)
    assert tags(new)["title"] == "Rain"


def test_every_format_knows_its_own_files_by_their_brand() -> None:
    heads = [KINDS["index last"](), KINDS["QuickTime"](), song(), bmff.made(b"ftyp", b"avif", bytes(8))]

    assert [[form.name for form in (Mp4(), Mov(), M4a()) if form.recognises(head)] for head in heads] == [
        ["mp4"],
        ["mov"],
        ["m4a"],
        [],
    ]


def test_an_offset_that_would_not_fit_is_refused() -> None:
    plain = film(movflags="faststart")
    place = plain.index(b"stco") + 12
    full = plain[:place] + struct.pack(">I", 0xFFFFFFFF) + plain[place + 4 :]

    with pytest.raises(UnreadableFileError, match="no room for larger numbers"):
        MP4.write(full, FIELDS)


def test_a_segment_without_its_index_is_refused_and_said_to_be_cut() -> None:
    segment = bmff.made(b"ftyp", b"iso5", bytes(4)) + bmff.made(b"moof") + bmff.made(b"mdat")

    assert MP4.scan(segment).faults == (FileFault.TRUNCATED,)
    with pytest.raises(UnreadableFileError):
        MP4.write(segment, FIELDS)


def test_a_file_of_countless_boxes_is_given_up() -> None:
    assert FileFault.TOO_MANY_PARTS in MP4.scan(bmff.made(b"free") * 100_001).faults


WHOLE = labelled(KINDS["keys of others"]())


@settings(max_examples=150, derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert MP4.scan(WHOLE[:cut]).faults != ()
    with pytest.raises(UnreadableFileError):
        MP4.write(WHOLE[:cut], MOVED)


@settings(max_examples=300, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_answered(flips: list[tuple[int, int]]) -> None:
    bad = bytearray(WHOLE)
    for place, value in flips:
        bad[place] = value
    try:
        new = joined(bytes(bad), MP4.write(bytes(bad), MOVED))
    except UnreadableFileError:
        assert len(MP4.scan(bytes(bad)).sites) <= MAX_SITES
    else:
        assert [read(site.raw).fields for site in MP4.scan(new).sites] == [MOVED]
