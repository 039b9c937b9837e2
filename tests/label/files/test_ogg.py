"""Ogg: one comment in the header packets, and pages that every reader accepts."""

from __future__ import annotations

import importlib
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.files.media import FIELDS, MOVED, check_damage, labelled, packets, refuses, sound

from zhengming.label import first_write, read
from zhengming.label.files import pages
from zhengming.label.files.base import FileFault
from zhengming.label.files.ogg import Ogg

KINDS: dict[str, Any] = {
    "vorbis": importlib.import_module("mutagen.oggvorbis").OggVorbis,
    "libopus": importlib.import_module("mutagen.oggopus").OggOpus,
}
OGG = Ogg()
LONG = first_write("001191999999GUJ65RGF1M1A001", "long", reserved_code1="x" * 65_100)


@pytest.fixture(scope="module", params=sorted(KINDS))
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plain(codec: str) -> bytes:
    return sound("ogg", codec, seconds=3, title="Rain", artist="Lin")


def check_pages(data: bytes) -> None:
    """Every checksum is right, the numbers follow on one another."""
    view = memoryview(data)
    found = list(pages.pages(view))
    assert all(pages.is_right(view, page) for page in found)
    assert [page.number for page in found] == list(range(len(found)))


def test_what_was_written_is_read_by_others_and_the_sound_is_the_same(codec: str, plain: bytes) -> None:
    check_pages(plain)
    made = labelled(OGG, plain)
    seen = KINDS[codec](io.BytesIO(made))

    check_pages(made)
    assert seen["aigc"] == [FIELDS.to_json().decode()]
    assert seen["title"] == ["Rain"]
    assert packets(made) == packets(plain)


def test_a_label_that_needs_more_pages_gives_the_others_new_numbers(codec: str, plain: bytes) -> None:
    longer = labelled(OGG, plain, LONG)

    check_pages(longer)
    assert len(list(pages.pages(memoryview(longer)))) > len(list(pages.pages(memoryview(plain))))
    assert packets(longer) == packets(plain)
    assert KINDS[codec](io.BytesIO(longer))["AIGC"] == [LONG.to_json().decode()]
    shorter = labelled(OGG, longer)
    check_pages(shorter)
    assert shorter == labelled(OGG, plain)


def test_what_others_wrote_is_read_and_replaced(codec: str, plain: bytes) -> None:
    target = io.BytesIO(plain)
    seen = KINDS[codec](target)
    seen["Aigc"] = [FIELDS.to_wrapped_json().decode(), MOVED.to_json().decode()]
    seen["comment"] = ["雨" * 200]
    target.seek(0)
    seen.save(target)
    crowded = target.getvalue()

    assert [read(site.raw).fields for site in OGG.scan(crowded).sites] == [FIELDS, MOVED]
    made = labelled(OGG, crowded, MOVED)
    check_pages(made)
    after = KINDS[codec](io.BytesIO(made))
    assert after["aigc"] == [MOVED.to_json().decode()]
    assert after["comment"] == ["雨" * 200]
    assert packets(made) == packets(plain)


def test_a_chain_of_files_is_labelled_once(codec: str, plain: bytes) -> None:
    other = sound("ogg", codec, title="Wind")
    crowded = plain + labelled(OGG, other)
    assert FileFault.DUPLICATE_LABEL not in OGG.scan(crowded).faults
    assert FileFault.DUPLICATE_LABEL in OGG.scan(labelled(OGG, plain) + labelled(OGG, other)).faults

    made = labelled(OGG, crowded, LONG)
    second = made.rindex(b"OggS\0\2")
    assert OGG.scan(made[second:]).sites == ()
    assert (packets(made[:second]), packets(made[second:])) == (packets(plain), packets(other))
    check_pages(made[:second])
    check_pages(made[second:])


def test_a_wrong_checksum_is_a_fault(plain: bytes) -> None:
    broken = plain[:-1] + bytes((plain[-1] ^ 1,))

    assert OGG.scan(broken).faults == (FileFault.CHECKSUM_MISMATCH,)


@pytest.mark.parametrize("broken", [b"", b"OggS", b"OggS" + bytes(23), b"OggS" + bytes(22) + b"\xff"])
def test_what_holds_no_sound_is_refused(broken: bytes) -> None:
    assert OGG.scan(broken).faults != ()
    refuses(OGG, broken)


@settings(derandomize=True)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_damage_ends_in_an_answer(plain: bytes, at: int, byte: int) -> None:
    check_damage(OGG, labelled(OGG, plain)[:9_000], at, byte)
