"""HEIC and AVIF: one label in the XMP item, the same pixels, and every other item where it was."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zhengming.label import first_write, propagated, read
from zhengming.label.files import bmff, iloc
from zhengming.label.files.base import MAX_SITES, FileFault, Splice, UnreadableFileError, joined
from zhengming.label.files.heif import Avif, Heic
from zhengming.label.files.xmp import with_label

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "a-much-longer-number-of-a-post-" + "1" * 900)
AVIF = Avif()
TITLE = b"<dc:title xmlns:dc='http://purl.org/dc/elements/1.1/'>Rain</dc:title>"
FOREIGN = with_label(b"", b"{}").replace(b"<TC260:AIGC>{}</TC260:AIGC>", TITLE)


def still(*, frames: int = 1, **extra: object) -> bytes:
    images = [Image.new("RGB", (24, 16), (number * 60, 90, 160)) for number in range(frames)]
    target = io.BytesIO()
    images[0].save(target, "AVIF", save_all=frames > 1, append_images=images[1:], **extra)
    return target.getvalue()


def exif() -> bytes:
    tags = Image.Exif()
    tags[0x010E] = "Rain"
    return tags.tobytes()


def seen(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(image.tobytes())
        return frames


def packet(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        found = image.info["xmp"]
        assert isinstance(found, bytes)
        return found


FILES = {
    "plain": still(),
    "with Exif": still(exif=exif()),
    "with XMP of others": still(xmp=FOREIGN),
    "with both": still(xmp=FOREIGN, exif=exif()),
    "with alpha": still(quality=40),
    "sequence": still(frames=4),
}


@pytest.mark.parametrize("name", FILES)
def test_the_label_is_read_back_and_pixels_and_items_stay(name: str) -> None:
    old = FILES[name]
    new = joined(old, AVIF.write(old, FIELDS))
    (site,) = AVIF.scan(new).sites

    assert (site.slot, site.official) == ("heif.meta.xmp", True)
    assert read(site.raw).fields == FIELDS
    assert AVIF.scan(new).faults == ()
    assert seen(new) == seen(old)
    if name != "sequence":  # of which Pillow reads the metadata of the track alone
        assert b"TC260:AIGC" in packet(new)
        assert b"trainedAlgorithmicMedia" in packet(new)
        assert (TITLE in packet(new)) == ("XMP" in name or "both" in name)
    with Image.open(io.BytesIO(new)) as image, Image.open(io.BytesIO(old)) as before:
        assert dict(image.getexif()) == dict(before.getexif())


@pytest.mark.parametrize("name", FILES)
def test_a_second_write_replaces_the_first_whether_it_fits_or_not(name: str) -> None:
    once = joined(FILES[name], AVIF.write(FILES[name], FIELDS))
    again = joined(once, AVIF.write(once, FIELDS))
    longer = joined(once, AVIF.write(once, MOVED))

    assert len(again) == len(once)
    assert len(longer) > len(once)
    assert [read(site.raw).fields for site in AVIF.scan(longer).sites] == [MOVED]
    assert longer.count(b"<TC260:AIGC>") == 1
    assert seen(again) == seen(longer) == seen(once)


def test_heic_and_avif_are_told_apart_by_their_brands() -> None:
    heads = [
        still()[:4096],
        bmff.made(b"ftyp", b"heic", bytes(4), b"mif1heic"),
        bmff.made(b"ftyp", b"mif1", bytes(4), b"mif1avif"),
    ]

    assert [[form.name for form in (Heic(), AVIF) if form.recognises(head)] for head in heads] == [
        ["avif"],
        ["heic"],
        ["avif"],
    ]


def in_idat() -> bytes:
    """A still whose packet lies in `idat`, as programs that keep metadata together write it."""
    view = memoryview(still())
    top = list(bmff.boxes(view, 0, len(view), bmff.Budget()))
    meta = next(box for box in top if box.kind == b"meta")
    body = bytes(view[meta.body : meta.end])
    label = with_label(b"", FIELDS.to_json())
    info = next(box for box in bmff.meta_children(view, meta, bmff.Budget())[1] if box.kind == b"iinf")
    old = next(box for box in bmff.meta_children(view, meta, bmff.Budget())[1] if box.kind == b"iloc")
    entry = bmff.made(b"infe", b"\2\0\0\0\0\x63\0\0mime\0application/rdf+xml\0")
    grown, new = 0, b""
    for _ in range(2):
        table = iloc.shifted(iloc.parse(bmff.content(view, old))._replace(version=1), meta.end, grown)
        mine = iloc.Location(0x63, iloc.IN_IDAT, 0, 0, (iloc.Extent(0, 0, len(label)),))
        fresh = bmff.made(b"iloc", iloc.build(table._replace(items=(*table.items, mine))))
        raw = bmff.content(view, info)
        count = (int.from_bytes(raw[4:6], "big") + 1).to_bytes(2, "big")
        parts = body.replace(bytes(view[old.start : old.end]), fresh).replace(
            bytes(view[info.start : info.end]), bmff.made(b"iinf", raw[:4], count, raw[6:], entry)
        )
        new = bmff.made(b"meta", parts, bmff.made(b"idat", label))
        grown = len(new) - (meta.end - meta.start)
    return bytes(view[: meta.start]) + new + bytes(view[meta.end :])


def test_a_packet_inside_meta_is_read_and_rewritten_or_moved() -> None:
    old = in_idat()
    assert [read(site.raw).fields for site in AVIF.scan(old).sites] == [FIELDS]
    assert seen(old) == seen(still())

    new = joined(old, AVIF.write(old, MOVED))

    assert [read(site.raw).fields for site in AVIF.scan(new).sites] == [MOVED]
    assert seen(new) == seen(old)


def test_a_packet_that_shares_its_bytes_with_the_picture_is_not_written_over() -> None:
    view = memoryview(in_idat())
    meta = next(box for box in bmff.boxes(view, 0, len(view), bmff.Budget()) if box.kind == b"meta")
    box = next(one for one in bmff.meta_children(view, meta, bmff.Budget())[1] if one.kind == b"iloc")
    table = iloc.parse(bmff.content(view, box))
    *rest, mine = table.items
    crossed = iloc.build(table._replace(items=(*rest, rest[0]._replace(item=mine.item))))
    bad = joined(view, [Splice(box.body, box.end, crossed)]) if len(crossed) == box.end - box.body else b""

    with pytest.raises(UnreadableFileError, match="shares its bytes"):
        AVIF.write(bad, FIELDS)


WHOLE = joined(FILES["with both"], AVIF.write(FILES["with both"], FIELDS))


@settings(max_examples=150, derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_answered(cut: int) -> None:
    assert FileFault.TRUNCATED in AVIF.scan(WHOLE[:cut]).faults
    with pytest.raises(UnreadableFileError):
        AVIF.write(WHOLE[:cut], MOVED)


@settings(max_examples=300, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_answered(flips: list[tuple[int, int]]) -> None:
    bad = bytearray(WHOLE)
    for place, value in flips:
        bad[place] = value
    try:
        new = joined(bytes(bad), AVIF.write(bytes(bad), MOVED))
    except UnreadableFileError:
        assert len(AVIF.scan(bytes(bad)).sites) <= MAX_SITES
    else:
        assert [read(site.raw).fields for site in AVIF.scan(new).sites] == [MOVED]
