"""AVI: one label in the list of information, and every frame where its index says."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.files.media import FIELDS, MOVED, check_damage, film, labelled, packets, refuses

from zhengming.label import read
from zhengming.label.files import riff
from zhengming.label.files.avi import Avi
from zhengming.label.files.base import FileFault, UnreadableFileError
from zhengming.label.files.riff import chunk

AVI = Avi()
LABEL = chunk(b"AIGC", FIELDS.to_json())


@pytest.fixture(scope="module", params=["mjpeg", "mpeg4"])
def plain(request: pytest.FixtureRequest) -> bytes:
    return film("avi", str(request.param), title="Rain")


def outer(form: bytes, *chunks: bytes) -> bytes:
    return chunk(b"RIFF", form + b"".join(chunks))


def movi(data: bytes) -> int:
    return data.index(b"movi")


def info(*chunks: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(chunks))


FILM = chunk(b"LIST", b"movi" + chunk(b"00dc", b"\xff\xd8" * 9))


def test_what_was_written_is_read_back_and_the_film_is_the_same(plain: bytes) -> None:
    made = labelled(AVI, plain)

    assert packets(made) == packets(plain)
    assert struct.unpack("<I", made[4:8])[0] == len(made) - 8
    assert movi(made) == movi(plain)
    assert b"INAM\x05\0\0\0Rain\0" in made


def test_relabelling_replaces(plain: bytes) -> None:
    assert labelled(AVI, labelled(AVI, plain, MOVED)) == labelled(AVI, plain)


def test_a_label_before_the_film_is_overwritten_where_it_stood(plain: bytes) -> None:
    parts = list(riff.pieces(memoryview(plain), 12, len(plain)))
    listed = next(part for part in parts if plain[part.body : part.body + 4] == b"INFO")
    body = plain[listed.body : listed.stop] + LABEL
    crowded = plain[: listed.start] + chunk(b"LIST", body) + plain[listed.end :]
    crowded = crowded[:4] + struct.pack("<I", len(crowded) - 8) + crowded[8:]

    assert [read(site.raw).fields for site in AVI.scan(crowded).sites] == [FIELDS]
    assert packets(crowded) == packets(plain)
    made = labelled(AVI, crowded, MOVED)
    assert movi(made) == movi(crowded)
    assert packets(made) == packets(plain)
    assert b"INAM\x05\0\0\0Rain\0" in made


def test_a_film_in_several_parts_keeps_every_byte_of_it_in_place() -> None:
    parts = outer(b"AVI ", info(chunk(b"ISFT", b"camera"), LABEL), chunk(b"JUNK", bytes(900)), FILM)
    parts += outer(b"AVIX", FILM)
    made = labelled(AVI, parts, MOVED)

    assert len(made) == len(parts)
    assert made[movi(parts) :] == parts[movi(parts) :]
    assert b"camera" in made
    assert labelled(AVI, labelled(AVI, made), MOVED) == made


def test_a_film_in_several_parts_without_room_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnreadableFileError, match="filling"):
        AVI.write(outer(b"AVI ", chunk(b"JUNK", bytes(40)), FILM) + outer(b"AVIX", FILM), FIELDS)


def test_a_label_in_a_list_of_the_headers_is_read_and_replaced() -> None:
    crowded = outer(b"AVI ", chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)) + info(LABEL)), FILM)

    assert [site.slot for site in AVI.scan(crowded).sites] == ["avi.hdrl.info.AIGC"]
    assert movi(labelled(AVI, crowded, MOVED)) == movi(crowded)


def test_a_label_that_goes_beyond_its_list_is_no_leave_to_overwrite_the_film() -> None:
    greedy = chunk(b"LIST", b"INFO" + b"AIGC" + struct.pack("<I", 20) + b"{}")

    refuses(AVI, outer(b"AVI ", greedy, FILM))


def test_what_lies_behind_the_film_is_named_and_stays() -> None:
    odd = outer(b"AVI ", FILM) + b"tail"

    assert AVI.scan(odd).faults == (FileFault.TRAILING_DATA,)
    assert labelled(AVI, odd).endswith(b"tail")


@pytest.mark.parametrize("broken", [b"", b"RIFF", outer(b"AVI "), outer(b"AVI ", FILM)[:-4], outer(b"WAVE")])
def test_what_holds_no_whole_film_is_refused(broken: bytes) -> None:
    assert AVI.scan(broken).faults != ()
    refuses(AVI, broken)


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(at: int, byte: int) -> None:
    whole = outer(b"AVI ", info(LABEL), chunk(b"JUNK", bytes(500)), FILM, info(LABEL))
    check_damage(AVI, whole, at, byte)
    check_damage(AVI, whole + outer(b"AVIX", FILM), at, byte)
