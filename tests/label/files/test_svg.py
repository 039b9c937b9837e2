"""SVG: one property in the metadata, the drawing byte for byte."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.svg import Svg

FIELDS = first_write("Lin's<&>Works", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
SVG = Svg()
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
RDF = (
    '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="诗"/></rdf:RDF></metadata>'
)
PAGES = {
    "plain": f'<?xml version="1.0"?>\n<!DOCTYPE svg [<!ENTITY a "b">]><!-- <svg> -->{OPEN}<path d="M0 0"/></svg>',
    "with metadata": f"{OPEN}{RDF}<!-- <metadata></metadata> --><text>诗</text></svg>",
    "with other metadata": f"{OPEN}<metadata>words</metadata><style><![CDATA[ </svg> <svg> ]]></style></svg>",
    "prefixed": '<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:g/></s:svg>',
}


def labels(data: bytes) -> list[str | None]:
    root = ET.fromstring(data)  # noqa: S314 - made by this test
    found = root.findall(".//{http://www.w3.org/2000/svg}metadata//{" + xmp.NAMESPACE + "}AIGC")
    return [one.text for one in found]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_parser_finds_one_label_and_the_drawing_stays(page: str) -> None:
    before = page.encode()
    once = joined(before, SVG.write(before, FIELDS))
    twice = joined(once, SVG.write(once, MOVED))

    assert labels(once) == [FIELDS.to_json().decode()]
    assert labels(twice) == [MOVED.to_json().decode()]
    (site,) = SVG.scan(twice).sites
    assert (site.official, read(site.raw).fields) == (False, MOVED)
    assert twice.count(b"trainedAlgorithmicMedia") == 1
    assert twice.endswith(before[-6:])
    assert all(part.encode() in twice for part in ("dc:title", "诗") if part in page)
    assert recognise(before, "a.svg").name == "svg"


@pytest.mark.parametrize("page", [b"", b"<svg/>", b"<html></html>", b"\xff\xfe<\0", b"\x1f\x8b\x08\0"])
def test_what_holds_no_picture_is_refused(page: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        SVG.write(page, FIELDS)
    assert SVG.scan(page).faults in {(), (FileFault.MALFORMED,)}


_PIECES = st.sampled_from(
    [b"<svg>", b"</svg>", b"<metadata>", b"</metadata>", b"</rdf:RDF>", b"<TC260:AIGC>", b"</TC260:AIGC>", b"<!--",
     b"-->", b"<![CDATA[", b"]]>", b"<!DOCTYPE", b"[", b"]", b">", b'"', b" TC260:AIGC='"]
)  # fmt: skip


@settings(derandomize=True)
@given(st.lists(_PIECES, max_size=25).map(b"".join))
def test_any_bytes_are_answered(data: bytes) -> None:
    SVG.scan(data)
    try:
        SVG.write(data, FIELDS)
    except UnreadableFileError:
        return
