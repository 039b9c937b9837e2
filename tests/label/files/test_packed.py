"""ODT and EPUB: one item in the metadata, the first entry in its place, every other entry as it was."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.packed import EPUB, ODT, Packed

FIELDS = first_write("Lin's<&>Works", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
META = (
    '<?xml version="1.0"?><office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0"><office:meta><meta:user-defined meta:name="Client">a'
    "</meta:user-defined>{}</office:meta></office:document-meta>"
)
OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf" xmlns:o="http://www.idpf.org/2007/opf"><metadata>'
    '<meta name="cover" content="c"/>{}</metadata></package>'
)
BOX = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'


def book(kind: Packed, extra: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", kind.media_types[0], zipfile.ZIP_STORED)
        made.writestr("META-INF/container.xml", BOX)
        made.writestr("OPS/book.opf", OPF.format(extra))
        made.writestr("meta.xml", META.format(extra))
        made.writestr("content.xml", "<x>诗</x>")
    return out.getvalue()


@pytest.mark.parametrize(("kind", "part"), [(ODT, "meta.xml"), (EPUB, "OPS/book.opf")])
def test_what_was_written_is_read_back_and_the_rest_stays(kind: Packed, part: str) -> None:
    wild = '<meta name="AIGC" content="{}"/><user-defined name="AIGC">{}</user-defined>'
    before = book(kind, wild)
    once = joined(before, kind.write(before, FIELDS))
    twice = joined(once, kind.write(once, MOVED))

    assert recognise(twice) is kind
    (site,) = kind.scan(twice).sites
    assert (site.official, kind.guide, read(site.raw).fields) == (False, "", MOVED)
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(twice)) as new:
        assert new.testzip() is None
        assert new.namelist() == old.namelist()
        assert all(new.read(name) == old.read(name) for name in old.namelist() if name != part)
        assert b"lient" in new.read(part) or b"cover" in new.read(part)
    assert twice[:80] == before[:80]


def test_an_archive_without_its_metadata_is_refused() -> None:
    broken = book(EPUB).replace(b"OPS/book.opf", b"OPS/book.xxx")

    assert EPUB.scan(broken).faults == (FileFault.MALFORMED,)
    with pytest.raises(UnreadableFileError):
        EPUB.write(broken, FIELDS)


WHOLE = book(ODT)


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_an_archive_cut_anywhere_is_answered(cut: int) -> None:
    assert ODT.scan(WHOLE[:cut]).faults == (FileFault.MALFORMED,)
    with pytest.raises(UnreadableFileError):
        ODT.write(WHOLE[:cut], FIELDS)
