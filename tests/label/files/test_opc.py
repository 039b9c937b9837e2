"""DOCX, XLSX, PPTX: one custom property, registered, and every other entry as it was."""

from __future__ import annotations

import io
import struct
import zipfile
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import zips
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.documents import DOCX, PPTX, XLSX
from zhengming.label.files.formats import recognise

FIELDS = first_write("Lin's<&>Works", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/>{}</Relationships>'
)
CUSTOM_REL = (
    '<Relationship Id="rId7" Target="/docProps/custom.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"/>'
)
TYPES = (
    '<?xml version="1.0"?><ct:Types xmlns:ct="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<ct:Default Extension="xml" ContentType="application/xml"/>{}</ct:Types>'
)
CUSTOM = (
    '<?xml version="1.0"?><op:Properties xmlns:op="http://schemas.openxmlformats.org/officeDocument/2006/'
    'custom-properties" xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
    '<!-- <op:property name="AIGC"/> --><op:property fmtid="{{x}}" pid="2" name="Client"><vt:lpwstr>a &gt; b'
    "</vt:lpwstr></op:property>{}</op:Properties>"
)
OVERRIDE = (
    '<ct:Override PartName="/docProps/custom.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/>'
)


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors, as many programs do."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        self.data += bytes(part)  # type: ignore[call-overload]
        return len(memoryview(part))  # type: ignore[arg-type]


def package(custom: str | None = None, *, streamed: bool = False, more: dict[str, bytes] | None = None) -> bytes:
    out = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.comment = b"kept"
        made.writestr(
            zipfile.ZipInfo("[Content_Types].xml", (1999, 1, 2, 3, 4, 6)), TYPES.format(OVERRIDE if custom else "")
        )
        made.writestr("word/document.xml", "<w>诗</w>" * 100)
        if custom is not None:
            made.writestr("docProps/custom.xml", CUSTOM.format(custom))
        made.writestr("_rels/.rels", RELS.format(CUSTOM_REL if custom is not None else ""))
        for name, body in (more or {}).items():
            made.writestr(zipfile.ZipInfo(name), body)
    return out.getvalue() if isinstance(out, io.BytesIO) else out.data


def parsed(made: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(made.read(name))  # noqa: S314 - made by this test


def labels(data: bytes) -> list[str | None]:
    """What a parser of XML finds, with the parts registered as they must be."""
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        assert made.testzip() is None
        types, rels = parsed(made, "[Content_Types].xml"), parsed(made, "_rels/.rels")
        root = parsed(made, "docProps/custom.xml")
    assert [one.get("PartName") for one in types if one.tag.endswith("Override")] == ["/docProps/custom.xml"]
    targets = [one.get("Target") or "" for one in rels if (one.get("Type") or "").endswith("custom-properties")]
    assert [one.lstrip("/") for one in targets] == ["docProps/custom.xml"]
    assert len({one.get("Id") for one in rels}) == len(rels)
    pids = [int(one.get("pid") or 0) for one in root]
    assert len(set(pids)) == len(pids)
    assert min(pids) >= 2
    return [one[0].text for one in root if one.get("name") == "AIGC"]


def untouched(data: bytes) -> list[tuple[object, ...]]:
    changing = {"[Content_Types].xml", "_rels/.rels", "docProps/custom.xml"}
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        names = [
            (one.filename, one.date_time, one.compress_type, one.flag_bits & ~8, one.external_attr, one.create_system)
            + (() if one.filename in changing else (one.compress_size, one.CRC, made.read(one)))
            for one in made.infolist()
        ]
        return [(made.comment,), *names]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("custom", [None, ""])
def test_what_was_written_is_found_by_other_readers_and_the_rest_stays(custom: str | None, *, streamed: bool) -> None:
    document = package(custom, streamed=streamed, more={"word/media/a.png": b"\x89PNG" * 100})
    labelled = joined(document, DOCX.write(document, FIELDS))
    (site,) = DOCX.scan(labelled).sites

    assert labels(labelled) == [FIELDS.to_json().decode()]
    assert (site.slot, site.official, read(site.raw).fields) == ("opc.custom_property", True, FIELDS)
    assert untouched(labelled)[: len(untouched(document))] == untouched(document)


def test_relabelling_replaces_and_leaves_the_client_alone() -> None:
    wild = '<op:property pid="3" name="AIGC"><vt:lpwstr><![CDATA[{"AIGC":{}}]]></vt:lpwstr></op:property>' * 2
    document = package(wild)
    assert [site.raw for site in DOCX.scan(document).sites] == [b'{"AIGC":{}}'] * 2
    assert DOCX.scan(document).faults == (FileFault.DUPLICATE_LABEL,)

    once = joined(document, DOCX.write(document, FIELDS))
    twice = joined(once, DOCX.write(once, MOVED))
    assert labels(twice) == [MOVED.to_json().decode()]
    with zipfile.ZipFile(io.BytesIO(twice)) as made:
        assert b"a &gt; b" in made.read("docProps/custom.xml")
        assert b"<!-- <op:property" in made.read("docProps/custom.xml")


def test_the_kind_is_told_by_the_folder_or_the_name() -> None:
    assert recognise(package()).name == "docx"
    assert recognise(package(), "a.docx") is DOCX
    assert XLSX.recognises(b"PK\x03\x04") and PPTX.extensions == (".pptx", ".pptm", ".potx", ".potm")  # noqa: PT018


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/passwd", "a\\..\\b", "WORD/document.xml"], ids=["up", "root", "backslash", "twice"]
)
def test_unsafe_and_doubled_names_are_refused(name: str) -> None:
    document = package(more={name: b"x"})

    assert DOCX.scan(document).faults == (FileFault.MALFORMED,)
    with pytest.raises(UnreadableFileError, match=r"entr(y|ies)"):
        DOCX.write(document, FIELDS)


def test_a_bomb_an_encrypted_part_and_zip64_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    document = package()
    wide = document[:-14] + b"\xff\xff\xff\xff" + document[-10:]
    encrypted = document.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")
    typed = document.replace(TYPES.format("").encode(), b"")
    for broken in (encrypted, wide, document + b"x", b"x" + document, typed[:-1]):
        assert DOCX.scan(broken).faults == (FileFault.MALFORMED,)
        with pytest.raises(UnreadableFileError):
            DOCX.write(broken, FIELDS)
    monkeypatch.setattr(zips, "MAX_PART", 100)
    with pytest.raises(UnreadableFileError, match="more than"):
        DOCX.write(document, FIELDS)


def test_a_part_that_says_a_smaller_size_than_it_has_is_refused() -> None:
    document = bytearray(package())
    at = document.rindex(b"PK\x01\x02")
    document[at + 24 : at + 28] = struct.pack("<L", 10)

    with pytest.raises(UnreadableFileError, match="damaged"):
        DOCX.write(bytes(document), FIELDS)


def test_a_document_type_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="XML"):
        DOCX.write(package("<!DOCTYPE x>"), FIELDS)


WHOLE = package("")


@settings(derandomize=True)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_document_cut_anywhere_is_answered(cut: int) -> None:
    assert DOCX.scan(WHOLE[:cut]).faults == (FileFault.MALFORMED,)
    with pytest.raises(UnreadableFileError):
        DOCX.write(WHOLE[:cut], FIELDS)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_flipped_bytes_are_answered(flips: list[tuple[int, int]]) -> None:
    broken = bytearray(WHOLE)
    for place, value in flips:
        broken[place] = value
    DOCX.scan(broken)
    try:
        labelled = joined(broken, DOCX.write(broken, FIELDS))
    except UnreadableFileError:
        return
    assert [read(site.raw).fields for site in DOCX.scan(labelled).sites] == [FIELDS]
