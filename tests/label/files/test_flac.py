"""FLAC: one comment, every other block and the sound as they were."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.files.media import FIELDS, MOVED, check_damage, labelled, packets, refuses, sound

from zhengming.label import read
from zhengming.label.files import id3
from zhengming.label.files.flac import Flac

FLAC: Any = importlib.import_module("mutagen.flac")
FORMAT = Flac()


@pytest.fixture(scope="module")
def plain() -> bytes:
    return sound("flac", "flac", title="Rain", artist="Lin")


def bare(data: bytes) -> bytes:
    """Return the file with STREAMINFO as its only block."""
    sound_at = 4
    while not data[sound_at] & 0x80:
        sound_at += 4 + int.from_bytes(data[sound_at + 1 : sound_at + 4], "big")
    sound_at += 4 + int.from_bytes(data[sound_at + 1 : sound_at + 4], "big")
    return b"fLaC\x80" + data[5:42] + data[sound_at:]


def test_what_was_written_is_read_by_others_and_the_sound_is_the_same(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "made.flac"
    path.write_bytes(labelled(FORMAT, plain))
    seen = FLAC.FLAC(path)

    assert seen["aigc"] == [FIELDS.to_json().decode()]
    assert seen["title"] == ["Rain"]
    assert seen["artist"] == ["Lin"]
    assert packets(path.read_bytes()) == packets(plain)


def test_padding_takes_the_growth_and_gets_it_back(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "roomy.flac"
    path.write_bytes(plain)
    FLAC.FLAC(path).save(padding=lambda _info: 4_096)
    roomy = path.read_bytes()
    once = labelled(FORMAT, roomy)

    assert len(once) == len(roomy)
    assert labelled(FORMAT, labelled(FORMAT, once, MOVED)) == once


def test_what_others_wrote_is_read_and_replaced(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "wild.flac"
    path.write_bytes(plain)
    seen = FLAC.FLAC(path)
    picture = FLAC.Picture()
    picture.data = b"\x89PNG" * 100
    seen.add_picture(picture)
    seen["Aigc"] = [FIELDS.to_wrapped_json().decode(), MOVED.to_json().decode()]
    seen.save()
    tag = id3.fresh(FIELDS.to_json())
    crowded = tag + path.read_bytes()

    assert [read(site.raw).fields for site in FORMAT.scan(crowded).sites] == [FIELDS, FIELDS, MOVED]
    path.write_bytes(labelled(FORMAT, crowded, MOVED))
    after = FLAC.FLAC(path)
    assert after.pictures[0].data == picture.data
    assert after["aigc"] == [MOVED.to_json().decode()]


def test_a_file_without_comments_gets_them(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "bare.flac"
    path.write_bytes(labelled(FORMAT, bare(plain)))

    assert FLAC.FLAC(path)["AIGC"] == [FIELDS.to_json().decode()]
    assert packets(path.read_bytes()) == packets(bare(plain))


@pytest.mark.parametrize("broken", [b"", b"fLaC", b"fLaC\x80\0\0\1", b"fLaC\x84\0\0\4\xff\xff\xff\xff\xff\xf8"])
def test_what_holds_no_sound_is_refused(broken: bytes) -> None:
    assert FORMAT.scan(broken).faults != ()
    refuses(FORMAT, broken)


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(plain: bytes, at: int, byte: int) -> None:
    check_damage(FORMAT, labelled(FORMAT, bare(plain))[:600], at, byte)
