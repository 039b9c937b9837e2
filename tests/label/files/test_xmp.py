"""The XMP packet: one label in it, whoever wrote it and however, and what others wrote stays."""

from __future__ import annotations

import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import xmp
from zhengming.label.files.base import FileFault, UnreadableFileError

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='<&>"a"')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
VALUE = FIELDS.to_json()
QUOTED = VALUE.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b'"', b"&quot;")
NS = xmp.NAMESPACE.encode()
RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"/>'


def packet(inside: bytes, *, padding: int = 0) -> bytes:
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        + RDF + b">" + inside + b"</rdf:RDF></x:xmpmeta>" + b" " * padding + b'<?xpacket end="w"?>'
    )  # fmt: skip


WILD = {
    "element": b'<rdf:Description xmlns:TC260="' + NS + b'"><TC260:AIGC>' + QUOTED + b"</TC260:AIGC></rdf:Description>",
    "attribute": b'<rdf:Description xmlns:TC260="' + NS + b'" TC260:AIGC="' + QUOTED + b'"/>',
    "cdata": b'<rdf:Description xmlns:T="' + NS + b'"><T:AIGC><![CDATA[' + VALUE + b"]]></T:AIGC></rdf:Description>",
    "alternatives": b"<rdf:Description><TC260:AIGC><rdf:Alt><rdf:li>"
    + QUOTED
    + b"</rdf:li></rdf:Alt></TC260:AIGC></rdf:Description>",
    "default namespace": b'<AIGC xmlns="' + NS + b'">' + QUOTED + b"</AIGC>",
}


@pytest.mark.parametrize("kind", sorted(WILD))
def test_a_label_is_read_in_every_form_met_and_replaced(kind: str) -> None:
    old = packet(DC + WILD[kind])
    (found,) = xmp.properties(old)
    new = xmp.with_label(old, MOVED.to_json(), source_type=xmp.GENERATED)

    assert read(found.raw).fields == FIELDS
    assert [read(one.raw).fields for one in xmp.properties(new)] == [MOVED]
    assert DC in new
    ET.fromstring(new)  # noqa: S314


def test_what_stands_in_a_comment_is_no_label() -> None:
    assert xmp.properties(packet(b"<!--" + WILD["element"] + b"-->")) == []


@pytest.mark.parametrize("old", [b"", b" \0", packet(b""), packet(DC), b"<rdf:RDF " + RDF + b"/>"])
def test_writing_the_same_again_changes_nothing(old: bytes) -> None:
    once = xmp.with_label(old, VALUE, source_type=xmp.GENERATED)

    assert xmp.with_label(once, VALUE, source_type=xmp.GENERATED) == once
    assert once.count(xmp.GENERATED.encode()) == 1
    assert xmp.fault(once) is None
    ET.fromstring(once)  # noqa: S314


def test_another_source_type_is_replaced_and_another_prefix_of_rdf_kept() -> None:
    old = packet(
        b'<rdf:Description xmlns:i="' + xmp.IPTC.encode() + b'" i:DigitalSourceType="http://x/digitalCapture"/>'
    )
    new = xmp.with_label(
        old.replace(b"rdf:", b"r:").replace(b"xmlns:rdf", b"xmlns:r"), VALUE, source_type=xmp.GENERATED
    )

    assert b"digitalCapture" not in new
    assert b"rdf:Description" not in new
    ET.fromstring(new)  # noqa: S314


@pytest.mark.parametrize(
    "old",
    [
        packet(WILD["element"]).decode().encode("utf-16"),
        packet(WILD["element"]).decode().encode("utf-16-be"),
        packet(DC)[:-40],
        b"<dc:title>x</dc:title>",
        packet(DC + b"<!-- no end"),
    ],
)
def test_a_packet_that_cannot_be_edited_is_refused_and_not_thrown_away(old: bytes) -> None:
    assert xmp.fault(old) is FileFault.MALFORMED
    with pytest.raises(UnreadableFileError):
        xmp.with_label(old, VALUE)


def test_padding_gives_way_as_far_as_needed_and_no_text_does() -> None:
    padded = packet(DC, padding=500)

    assert len(xmp.shrunk(padded, len(padded) - 100)) == len(padded) - 100
    assert xmp.shrunk(padded, 10) == packet(DC)
    assert xmp.shrunk(padded, len(padded)) == padded


def test_blanking_keeps_the_length() -> None:
    old = packet(WILD["attribute"] + WILD["element"])
    new = xmp.blanked(old)

    assert len(new) == len(old)
    assert xmp.properties(new) == []
    ET.fromstring(new)  # noqa: S314


@pytest.mark.parametrize(
    "part",
    [
        b"<TC260:AIGC><![CDATA[",
        b"<TC260:AIGC>",
        b"<!--AIGC",
        b'<a xmlns:p%d="' + NS + b'" AIGC="">',
        b"<a " + b" " * 64 + b"TC260:AIGC",
        b' TC260:AIGC="',
        b"<TC260:AIGC/>",
        b" AIGC" + b" " * 60,
        b"<a '\"AIGC>",
    ],
)
def test_hostile_packets_cost_time_in_proportion(part: bytes) -> None:
    hostile = b"<x>" + part * (1_000_000 // len(part))
    start = time.process_time()
    xmp.properties(hostile)
    xmp.fault(hostile)
    with pytest.raises(UnreadableFileError):
        xmp.with_label(hostile, VALUE)

    assert time.process_time() - start < 5


MARKS = b"< > /> </ TC260:AIGC <!-- --> <![CDATA[ ]]> \" ' = \0 \xff rdf:RDF <? ?> &quot; &#xD800; xmlns:T=".split(b" ")
PIECES = st.sampled_from([*MARKS, b" ", NS, WILD["element"], WILD["attribute"], DC])


@settings(derandomize=True)
@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_any_packet_ends_in_one_label_or_in_a_refusal(inside: bytes) -> None:
    for old in (inside, packet(inside)):
        xmp.properties(old)
        try:
            new = xmp.with_label(old, VALUE, source_type=xmp.GENERATED)
        except UnreadableFileError:
            assert xmp.fault(old) is not None
            continue
        assert [read(one.raw).fields for one in xmp.properties(new)] == [FIELDS]
