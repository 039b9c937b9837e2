"""Offsets in boxes: all that point behind an insertion move, all others stay."""

from __future__ import annotations

import struct

import pytest

from zhengming.label.files import bmff
from zhengming.label.files.base import UnreadableFileError, joined

AT, DELTA = 1000, 24


def moved(raw: bytes, at: int = AT) -> bytes:
    top = list(bmff.boxes(memoryview(raw), 0, len(raw), bmff.Budget()))
    return joined(raw, bmff.moved(memoryview(raw), top, at, DELTA))


def movie(*tables: bytes, local: int = 1) -> bytes:
    entry = bmff.made(b"url ", bytes(3), bytes([local]))
    dinf = bmff.made(b"dinf", bmff.made(b"dref", bytes(4), struct.pack(">I", 1), entry))
    minf = bmff.made(b"minf", dinf, bmff.made(b"stbl", *tables))
    return bmff.made(b"moov", bmff.made(b"trak", bmff.made(b"mdia", minf)))


def stco(*offsets: int) -> bytes:
    return bmff.made(b"stco", struct.pack(f">II{len(offsets)}I", 0, len(offsets), *offsets))


def co64(*offsets: int) -> bytes:
    return bmff.made(b"co64", struct.pack(f">II{len(offsets)}Q", 0, len(offsets), *offsets))


def saio(*offsets: int) -> bytes:
    return bmff.made(b"saio", struct.pack(f">I4sII{len(offsets)}I", 1, b"cenc", 0, len(offsets), *offsets))


def tfra(offset: int) -> bytes:
    return bmff.made(b"mfra", bmff.made(b"tfra", struct.pack(">IIIIQQBBB", 1 << 24, 1, 0, 1, 7, offset, 1, 1, 1)))


def tfhd(offset: int, flags: int = 1) -> bytes:
    body = struct.pack(">IIQ", flags, 1, offset)
    return bmff.made(b"moof", bmff.made(b"traf", bmff.made(b"tfhd", body)))


def sidx(first: int) -> bytes:
    return bmff.made(b"sidx", struct.pack(">IIIIIHH", 0, 1, 1, 0, first, 0, 0))


def test_chunk_tables_move_behind_the_place_and_stay_before_it() -> None:
    assert moved(movie(stco(999, 1000, 5000), co64(999, 1 << 33), saio(999, 1000))) == movie(
        stco(999, 1024, 5024), co64(999, (1 << 33) + 24), saio(999, 1024)
    )


def test_fragments_and_random_access_tables_move() -> None:
    assert moved(tfra(2000) + tfhd(3000)) == tfra(2024) + tfhd(3024)


def test_a_fragment_whose_base_is_its_own_place_stays() -> None:
    assert moved(tfhd(3000, flags=0x20000)) == tfhd(3000, flags=0x20000)


def test_an_index_before_the_place_reaches_over_it_and_one_behind_does_not() -> None:
    assert moved(sidx(2000)) == sidx(2024)
    assert moved(sidx(2000), at=0) == sidx(2000)


def test_offsets_into_another_file_stay() -> None:
    assert moved(movie(stco(5000), local=0)) == movie(stco(5000), local=0)


def test_a_table_that_counts_more_than_it_holds_is_refused() -> None:
    table = stco(1000).replace(struct.pack(">II", 0, 1), struct.pack(">II", 0, 1 << 31), 1)

    with pytest.raises(UnreadableFileError, match="too short"):
        moved(movie(table))
