"""JSON: one member spliced into the top-level object, the rest byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.json_file import JsonFile

FIELDS = first_write("Lin's", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
JSON = JsonFile()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "page",
    ["{}", "{ }", '{"a": 1.50, "b": [{"AIGC": 1}]}', '{\n  "题": "诗}",\n  "n": 1e400\n}\n', '{"a":1,"AIGC":{}}',
     '{"\\u0041IGC":"{}" , "a":1,"AIGC":2, "b":2, "AIGC" : 3 }', '{"AIGC":1,"AIGC":2}'],
)  # fmt: skip
def test_one_member_is_left_and_the_values_are_what_they_were(page: str, encoding: str) -> None:
    before = page.encode(encoding)
    once = joined(before, JSON.write(before, FIELDS))
    twice = joined(once, JSON.write(once, MOVED))

    old, new = json.loads(page), json.loads(twice.decode(encoding))
    assert new.pop("AIGC") == json.loads(MOVED.to_json())
    assert new == {key: value for key, value in old.items() if key != "AIGC"}
    (site,) = JSON.scan(twice).sites
    assert (site.official, read(site.raw).fields) == (False, MOVED)


def test_numbers_and_white_space_stay_as_they_were() -> None:
    page = b'{\n  "a": 1.50,\n  "b": 1E2\n}\n'

    assert joined(page, JSON.write(page, FIELDS)) == b'{\n  "AIGC":' + FIELDS.to_json() + b"," + page[1:]


@pytest.mark.parametrize("page", ["[1]", "1", '{"a":', '{"a":"', "", "{}{}", '{"a"}', "{1:2}"])
def test_what_is_no_whole_object_is_refused(page: str) -> None:
    with pytest.raises(UnreadableFileError):
        JSON.write(page.encode(), FIELDS)
    assert JSON.scan(page.encode()).faults == (FileFault.MALFORMED,)


def test_depth_costs_nothing() -> None:
    page = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"

    assert len(JSON.scan(joined(page, JSON.write(page, FIELDS))).sites) == 1
    assert recognise(page).name == "json"


@settings(derandomize=True)
@given(st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b",", b":", b'"AIGC"', b"1", b" ", b"\\"]), max_size=20))
def test_any_bytes_are_answered(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    JSON.scan(data)
    try:
        labelled = joined(data, JSON.write(data, FIELDS))
    except UnreadableFileError:
        return
    assert [read(site.raw).fields for site in JSON.scan(labelled).sites] == [FIELDS]
