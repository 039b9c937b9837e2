"""WAV: the label is a chunk of its own, and the sound stays where players look for it."""

from __future__ import annotations

import importlib
import io
import struct
import wave
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.files.media import FIELDS, MOVED, check_damage, labelled, packets, refuses, sound

from zhengming.label import read
from zhengming.label.files.base import FileFault, joined
from zhengming.label.files.riff import chunk
from zhengming.label.files.wav import Wav

ID3: Any = importlib.import_module("mutagen.id3")
WAVE: Any = importlib.import_module("mutagen.wave").WAVE
WAV = Wav()
FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8_000, 8_000, 1, 8))


def wav(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_what_was_written_is_read_back_and_the_sound_is_the_same() -> None:
    plain = sound("wav", "pcm_s16le", title="Rain", artist="Lin")
    made = labelled(WAV, plain)

    assert packets(made) == packets(plain)
    with wave.open(io.BytesIO(made)) as heard, wave.open(io.BytesIO(plain)) as before:
        assert heard.readframes(heard.getnframes()) == before.readframes(before.getnframes())
    assert struct.unpack("<I", made[4:8])[0] == len(made) - 8
    assert b"INAM" in made


def test_relabelling_replaces_the_chunk() -> None:
    plain = sound("wav", "pcm_s16le")

    assert labelled(WAV, labelled(WAV, plain, MOVED)) == labelled(WAV, plain)


def test_labels_that_others_left_in_info_and_in_id3_are_read_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "wild.wav"
    info = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Rain\0") + chunk(b"AIGC", FIELDS.to_json()))
    path.write_bytes(wav(FORMAT, info, chunk(b"data", b"\x80" * 9)))
    tagged = WAVE(path)
    tagged.add_tags()
    tagged.tags.add(ID3.TXXX(encoding=1, desc="AIGC", text=[MOVED.to_json().decode()]))
    tagged.tags.add(ID3.TIT2(encoding=3, text=["雨"]))
    tagged.save()
    crowded = path.read_bytes()

    assert {(site.slot, read(site.raw).fields) for site in WAV.scan(crowded).sites} == {
        ("wav.info.AIGC", FIELDS),
        ("wav.id3.txxx", MOVED),
    }
    assert FileFault.DUPLICATE_LABEL in WAV.scan(crowded).faults
    path.write_bytes(labelled(WAV, crowded))
    after = WAVE(path)
    assert after.tags is not None
    assert list(after.tags) == ["TIT2"]
    assert after.tags["TIT2"].text == ["雨"]
    assert b"INAM\x05\0\0\0Rain\0\0" in path.read_bytes()


def test_an_odd_last_chunk_without_padding_gets_it() -> None:
    bare = wav(FORMAT, b"data" + struct.pack("<I", 3) + b"abc")
    made = labelled(WAV, bare)

    assert b"abc\0AIGC" in made
    assert len(made) % 2 == 0


@pytest.mark.parametrize("padding", [b"", b"\0", b"0"])
def test_a_padding_byte_may_be_missing_or_be_anything(padding: bytes) -> None:
    odd = wav(FORMAT, b"data" + struct.pack("<I", 3) + b"abc" + padding + chunk(b"AIGC", FIELDS.to_json()))

    assert [read(site.raw).fields for site in WAV.scan(odd).sites] == [FIELDS]
    labelled(WAV, odd, MOVED)


def test_sound_of_unknown_length_keeps_its_place_at_the_end() -> None:
    streamed = b"RIFF\xff\xff\xff\xffWAVE" + FORMAT + b"data\xff\xff\xff\xff" + b"\x80" * 100
    made = labelled(WAV, streamed)

    assert made.endswith(b"data\xff\xff\xff\xff" + b"\x80" * 100)
    assert made.startswith(b"RIFF\xff\xff\xff\xff")


def test_a_long_file_keeps_its_size_in_ds64() -> None:
    rest = FORMAT + b"data\xff\xff\xff\xff" + b"\x80" * 10
    sizes = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + len(rest), 10, 10, 0))
    long = b"RF64\xff\xff\xff\xffWAVE" + sizes + rest
    made = labelled(WAV, long)

    assert struct.unpack("<Q", made[20:28])[0] == len(made) - 8
    assert made[4:8] == b"\xff\xff\xff\xff"


def test_what_lies_behind_the_file_stays_there() -> None:
    odd = wav(FORMAT, chunk(b"data", b"\x80" * 4)) + b"signature"

    assert WAV.scan(odd).faults == (FileFault.TRAILING_DATA,)
    made = joined(odd, WAV.write(odd, FIELDS))
    assert made.endswith((b"}signature", b"}\0signature"))


@pytest.mark.parametrize("broken", [b"", b"RIFF", wav(), wav(FORMAT), b"RIFF\0\0\0\0AVI "])
def test_what_is_no_sound_is_refused(broken: bytes) -> None:
    assert WAV.scan(broken).faults != ()
    refuses(WAV, broken)


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(at: int, byte: int) -> None:
    info = chunk(b"LIST", b"INFO" + chunk(b"AIGC", FIELDS.to_json()))
    check_damage(WAV, wav(FORMAT, info, chunk(b"AIGC", FIELDS.to_json()), chunk(b"data", b"\x80" * 40)), at, byte)
