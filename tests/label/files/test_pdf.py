"""PDF: one key of the document's information, appended, with every byte before it as it was."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.pdf import Pdf

FIELDS = first_write("Lin's(<&>)Works", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":"b"}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
PDF = Pdf()
KINDS: dict[str, dict[str, Any]] = {
    "table": {"object_stream_mode": pikepdf.ObjectStreamMode.disable},
    "stream": {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
    "linearized": {"linearize": True},
    "linearized stream": {"linearize": True, "object_stream_mode": pikepdf.ObjectStreamMode.generate},
}


def document(kind: str = "table", *, info: bool = True, packet: bytes = b"", **how: Any) -> bytes:
    pdf = pikepdf.new()
    for text in (b"BT (one) Tj ET", b"BT (two) Tj ET"):
        pdf.add_blank_page()
        pdf.pages[-1].Contents = pdf.make_stream(text)
    if info:
        pdf.docinfo["/Title"] = "静夜思"
        pdf.docinfo["/Odd Key"] = pikepdf.Array([1, pikepdf.Name("/A B")])
    if packet:
        pdf.Root.Metadata = pdf.make_stream(packet, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
    out = io.BytesIO()
    pdf.save(out, **KINDS[kind], **how)
    return out.getvalue()


def opened(data: bytes) -> pikepdf.Pdf:
    pdf = pikepdf.open(io.BytesIO(data), attempt_recovery=False)
    assert pdf.check_pdf_syntax() == []
    return pdf


def contents(data: bytes) -> list[bytes]:
    with opened(data) as pdf:
        return [page.Contents.read_bytes() for page in pdf.pages]


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_found_by_another_reader_and_all_bytes_stay(kind: str, *, info: bool) -> None:
    before = document(kind, info=info)
    labelled = joined(before, PDF.write(before, FIELDS))
    (site,) = PDF.scan(labelled).sites

    assert labelled.startswith(before)
    assert contents(labelled) == contents(before)
    with opened(labelled) as pdf:
        assert str(pdf.docinfo["/AIGC"]) == FIELDS.to_json().decode()
        if info:
            assert str(pdf.docinfo["/Title"]) == "静夜思"
            assert pdf.docinfo["/Odd Key"] == pikepdf.Array([1, pikepdf.Name("/A B")])
    assert (site.slot, site.official, read(site.raw).fields) == ("pdf.info", True, FIELDS)
    assert b"/AIGC" in labelled[site.start : site.end]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compressed", [True, False])
def test_relabelling_replaces_and_takes_the_copy_in_the_metadata_away(kind: str, *, compressed: bool) -> None:
    packet = xmp.with_label(b"", FIELDS.to_json()).replace(b"</rdf:RDF>", b"<!-- kept --></rdf:RDF>")
    before = document(kind, packet=packet, recompress_flate=compressed, compress_streams=compressed)
    assert [site.slot for site in PDF.scan(before).sites] == ["pdf.xmp"]

    once = joined(before, PDF.write(before, FIELDS))
    twice = joined(once, PDF.write(once, MOVED))
    assert [read(site.raw).fields for site in PDF.scan(twice).sites] == [MOVED]
    assert contents(twice) == contents(before)
    with opened(twice) as pdf:
        assert b"kept" in pdf.Root.Metadata.read_bytes()


def test_bytes_before_the_header_and_after_the_end_do_not_matter() -> None:
    before = b"junk\n" + document() + b"\n\n"
    labelled = joined(before, PDF.write(before, FIELDS))

    assert recognise(before).name == "pdf"
    assert contents(labelled) == contents(before)
    assert read(PDF.scan(labelled).sites[0].raw).fields == FIELDS


@pytest.mark.parametrize("user", ["", "secret"])
def test_an_encrypted_document_is_refused_with_what_to_do(user: str) -> None:
    locked = document(encryption=pikepdf.Encryption(user=user, owner="owner"))

    with pytest.raises(UnreadableFileError, match="encrypted") as caught:
        PDF.write(locked, FIELDS)
    assert "protect it again" in caught.value.next_step
    assert PDF.scan(locked).faults == (FileFault.MALFORMED,)


WHOLE = joined(document(), PDF.write(document(), FIELDS))


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_document_cut_anywhere_is_answered(cut: int) -> None:
    PDF.scan(WHOLE[:cut])
    try:
        labelled = joined(WHOLE[:cut], PDF.write(WHOLE[:cut], MOVED))
    except UnreadableFileError:
        return
    assert [read(site.raw).fields for site in PDF.scan(labelled).sites] == [MOVED]


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_flipped_bytes_are_answered(flips: list[tuple[int, int]]) -> None:
    broken = bytearray(WHOLE)
    for place, value in flips:
        broken[place] = value
    PDF.scan(broken)
    try:
        PDF.write(broken, FIELDS)
    except UnreadableFileError:
        return
