"""MP3: one frame in the tag, every other frame and the sound as they were."""

from __future__ import annotations

import importlib
import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.files.media import FIELDS, MOVED, check_damage, labelled, packets, refuses, sound

from zhengming.label import read
from zhengming.label.files import id3
from zhengming.label.files.base import FileFault, joined
from zhengming.label.files.mp3 import Mp3

ID3: Any = importlib.import_module("mutagen.id3")
MP3 = Mp3()


@pytest.fixture(scope="module")
def bare() -> bytes:
    """Sound without a tag."""
    whole = sound("mp3", "libmp3lame", rate=44_100)
    tag = id3.tag_at(memoryview(whole))
    return whole[tag.end if tag else 0 :]


def tagged(path: Path, bare: bytes, *frames: Any, version: int = 4) -> bytes:
    """Return the sound with a tag as mutagen writes it."""
    path.write_bytes(bare)
    tags = ID3.ID3()
    for frame in frames:
        tags.add(frame)
    tags.save(path, v2_version=version)
    return path.read_bytes()


def tag(version: int, flags: int, body: bytes) -> bytes:
    """Return a tag made by hand."""
    return id3._framed(version, flags, body)


def frame(body: bytes, flags: bytes = b"\0\0", kind: bytes = b"TXXX", *, size: int | None = None) -> bytes:
    return kind + id3._as_synchsafe(len(body) if size is None else size) + flags + body


def test_a_file_without_a_tag_gets_one_that_others_read(bare: bytes) -> None:
    made = labelled(MP3, bare)

    assert made[:4] == b"ID3\x04"
    assert ID3.ID3(io.BytesIO(made)).getall("TXXX:AIGC")[0].text == [FIELDS.to_json().decode()]
    assert packets(made) == packets(bare)
    assert made.endswith(bare)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
def test_the_label_of_others_is_read_in_every_encoding_and_replaced(
    tmp_path: Path, bare: bytes, version: int, encoding: int
) -> None:
    path = tmp_path / "wild.mp3"
    picture = ID3.APIC(encoding=3, mime="image/png", type=3, desc="表", data=b"\xff\xe0\xff\x00\xff" * 50)
    label = ID3.TXXX(encoding=encoding, desc="AIGC", text=[FIELDS.to_wrapped_json().decode()])
    made = tagged(path, bare, ID3.TIT2(encoding=1, text=["雨"]), picture, label, version=version)

    assert [read(site.raw).fields for site in MP3.scan(made).sites] == [FIELDS]
    path.write_bytes(labelled(MP3, made, MOVED))
    after = ID3.ID3(path)
    assert after.version[1] == version
    assert after["TXXX:AIGC"].text == [MOVED.to_json().decode()]
    assert after["TIT2"].text == ["雨"]
    assert after.getall("APIC")[0].data == picture.data
    assert packets(path.read_bytes()) == packets(made)


def test_where_the_padding_has_room_nothing_moves(tmp_path: Path, bare: bytes) -> None:
    roomy = tagged(tmp_path / "roomy.mp3", bare, ID3.TIT2(encoding=3, text=["Rain"]))
    once = labelled(MP3, roomy)

    assert len(once) == len(roomy)
    assert labelled(MP3, labelled(MP3, once, MOVED)) == once


def test_a_tag_without_room_grows(bare: bytes) -> None:
    tight = tag(3, 0, b"TIT2\0\0\0\5\0\0\0Rain") + bare
    made = labelled(MP3, tight)

    assert len(made) > len(tight)
    assert made.endswith(bare)
    assert ID3.ID3(io.BytesIO(made))["TIT2"].text == ["Rain"]


def test_an_unsynchronised_tag_stays_one(bare: bytes) -> None:
    private = b"PRIV\0\0\0\x09\0\0own\0\xff\xe1\xff\0\xff"
    made = labelled(MP3, tag(3, 0x80, id3.unsynchronised(private)) + bare)

    assert made[5] == 0x80
    assert ID3.ID3(io.BytesIO(made)).getall("PRIV")[0].data == b"\xff\xe1\xff\0\xff"
    assert ID3.ID3(io.BytesIO(made)).getall("TXXX:AIGC")


@pytest.mark.parametrize(
    ("version", "flags", "body"),
    [
        (4, 0, frame(b"\0AIGC\0" + FIELDS.to_json(), b"\0\x40").replace(b"\0\x40\0", b"\0\x40\x07\0")),
        (4, 0x40, b"\0\0\0\x06\x01\0" + frame(b"\3AIGC\0" + FIELDS.to_json())),
        (3, 0x40, b"\0\0\0\x06\0\0\0\0\0\0" + b"TXXX\0\0\x01\x2e\0\0" + b"\0AIGC\0" + FIELDS.to_json().ljust(296)),
        (2, 0, b"TXX\0\x01\x2e" + b"\0AIGC\0" + FIELDS.to_json().ljust(296)),
        (4, 0x10, frame(b"\3aigc\0" + FIELDS.to_json())),
    ],
    ids=["grouped", "extended-4", "extended-3", "version-2", "footer"],
)
def test_rare_tags_are_read_and_relabelled(bare: bytes, version: int, flags: int, body: bytes) -> None:
    if b"\x40\x07\0AIGC" in body:
        body = body[:4] + id3._as_synchsafe(len(body) - 10) + body[8:]
    made = tag(version, flags, body) + bare

    assert [read(site.raw).fields for site in MP3.scan(made).sites] == [FIELDS]
    assert labelled(MP3, made, MOVED).endswith(bare)


def test_a_compressed_frame_is_inflated_and_a_bomb_is_not(bare: bytes) -> None:
    content = b"\0AIGC\0" + FIELDS.to_json()
    packed = frame(id3._as_synchsafe(len(content)) + zlib.compress(content), b"\0\x09")
    bomb = frame(b"\0\0\0\1" + zlib.compress(bytes(50_000_000)), b"\0\x09")

    assert [read(site.raw).fields for site in MP3.scan(tag(4, 0, packed) + bare).sites] == [FIELDS]
    assert MP3.scan(tag(4, 0, bomb) + bare).sites == ()


def test_plain_sizes_in_a_new_tag_are_understood(bare: bytes) -> None:
    content = b"\0AIGC\0" + FIELDS.to_json()
    itunes = b"TXXX" + len(content).to_bytes(4, "big") + b"\0\0" + content + b"TIT2\0\0\0\5\0\0\0Rain"

    assert [read(site.raw).fields for site in MP3.scan(tag(4, 0, itunes) + bare).sites] == [FIELDS]


def test_what_is_no_frame_stays_behind_the_label(bare: bytes) -> None:
    junk = b"\xff\xff\xff\xff\x0f and more"
    made = labelled(MP3, tag(4, 0, frame(b"\0Rain", kind=b"TIT2") + junk + bytes(2_000)) + bare)

    assert MP3.scan(made).faults == (FileFault.MALFORMED,)
    assert junk in made


def test_labels_in_a_second_tag_and_behind_the_sound_go(bare: bytes) -> None:
    label = frame(b"\0AIGC\0" + FIELDS.to_json())
    title = frame(b"\0Rain", kind=b"TIT2")
    crowded = tag(4, 0, title) + tag(4, 0, label) + bare + tag(4, 0x10, label + title) + b"TAG".ljust(128, b" ")

    assert MP3.scan(crowded).faults == (FileFault.DUPLICATE_LABEL,)
    made = labelled(MP3, crowded)
    assert made.count(b"AIGC\0") == 1
    assert made.endswith(b"TAG".ljust(128, b" "))
    assert made.count(title) == 2


@pytest.mark.parametrize(
    "broken", [b"", b"ID3", b"ID3\4\0\0\0\0\0\1", b"\xff\xfe" + bytes(9), b"ID3\4\0\0\x7f\x7f\x7f\x7f"]
)
def test_what_holds_no_sound_is_refused(broken: bytes) -> None:
    assert MP3.scan(broken).faults != ()
    refuses(MP3, broken)


def test_what_is_recognised(bare: bytes) -> None:
    assert MP3.recognises(bare[:64])
    assert MP3.recognises(joined(bare, MP3.write(bare, FIELDS))[:4_096])
    assert not MP3.recognises(b"\xff\xfeh\0i\0")
    assert not MP3.recognises(tag(4, 0, bytes(300)) + b"fLaC")


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(bare: bytes, at: int, byte: int) -> None:
    label = frame(b"\0AIGC\0" + FIELDS.to_json())
    check_damage(MP3, tag(3, 0x80, b"PRIV\0\0\0\3\0\0\xff\0\0a\0" + bytes(9)) + tag(4, 0, label) + bare[:64], at, byte)
