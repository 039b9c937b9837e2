"""What every format promises, whatever it is fed: an answer or a clear error, and one official place for the label."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write
from zhengming.label.files.base import FileFormat, UnreadableFileError, joined
from zhengming.label.files.formats import FORMATS, UnknownFormatError, recognise

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
HEADS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe1\x00\x20Exif\0\0II*\0",
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00",
    b"II*\0\x08\0\0\0",
    b"RIFF\x24\0\0\0WEBPVP8X",
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    b"RIFF\x24\0\0\0AVI LIST",
    b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x08moov",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01",
    b"ID3\x04\0\0\0\0\0\x7fTXXX",
    b"fLaC\0\0\0\x22",
    b"OggS\0\x02",
    b"%PDF-1.7\n",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"---\nAIGC:\n  Label: '1'\n",
    b"<!doctype html><html><head>",
    b"<svg xmlns='http://www.w3.org/2000/svg'>",
    b'{"asset":{"version":"2.0"}}',
    b"glTF\x02\0\0\0",
    b"FLV\x01\x05\0\0\0\x09",
)


def test_every_format_has_a_name_and_a_slot_of_its_own() -> None:
    names = [one.name for one in FORMATS]

    assert len(names) == len(set(names))
    for one in FORMATS:
        assert one.slot, one.name
        assert one.media_types, one.name
        assert all(extension.startswith(".") and extension == extension.lower() for extension in one.extensions), (
            one.name
        )


@pytest.mark.parametrize("known", FORMATS, ids=lambda one: one.name)
@settings(derandomize=True)
@given(head=st.sampled_from([b"", *HEADS]), rest=st.binary(max_size=400))
def test_no_bytes_make_a_reader_raise_or_a_writer_lie(known: FileFormat, head: bytes, rest: bytes) -> None:
    data = head + rest
    known.scan(data)
    try:
        written = joined(data, known.write(data, FIELDS))
    except UnreadableFileError:
        return
    assert [site.slot for site in known.scan(written).sites] == [known.slot]


@settings(derandomize=True)
@given(head=st.sampled_from([b"", *HEADS]), rest=st.binary(max_size=100))
def test_a_file_is_of_a_known_format_or_of_none(head: bytes, rest: bytes) -> None:
    with suppress(UnknownFormatError):
        assert recognise(head + rest, "plum.bin") in FORMATS


def test_a_file_of_no_known_format_is_told_which_there_are() -> None:
    with pytest.raises(UnknownFormatError, match="png"):
        recognise(bytes(range(256)), "plum.bin")


def test_a_text_that_is_named_like_a_picture_is_no_text() -> None:
    assert recognise(b"plum blossom", "plum.txt").name == recognise(b"plum blossom").name
    with pytest.raises(UnknownFormatError):
        recognise(b"plum blossom", "plum.png")
