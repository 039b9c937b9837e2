from __future__ import annotations

import pytest

from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.judge_json import parse_answer, parse_object


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"", "invalid_json", "not valid JSON"),
        (b"[]", "invalid_json", "no object"),
        (b'"text"', "invalid_json", "no object"),
        (b'{"a":1', "invalid_json", "not valid JSON"),
        (b'{"a":1} {}', "invalid_json", "not valid JSON"),
        (b'{"a":NaN}', "invalid_json", "NaN is no JSON value"),
        (b'{"a":-Infinity}', "invalid_json", "-Infinity is no JSON value"),
        (b'{"a":"\x00"}', "invalid_json", "not valid JSON"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_json", "not valid JSON"),
        (b'{"a":"\xed\xa0\x80"}', "invalid_json", "not UTF-8 at byte 6"),
        ('{"a":1}'.encode("utf-16"), "invalid_json", "not UTF-8 at byte 0"),
        (b'{"a":1,"b":2,"a":3}', "duplicate_key", "'a' stands twice"),
        (b'{"m":[{"content":"x","cont\\u0065nt":"y"}]}', "duplicate_key", "'content' stands twice"),
        (b"[" * 100_000, "json_too_deep", "deeper than 200"),
        (b'{"a":' * 100_000, "json_too_deep", "deeper than 200"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "json_too_deep", "deeper than 200"),
    ],
)
def test_a_body_that_two_programs_could_read_differently_is_refused(raw: bytes, code: str, says: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_object(raw)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert says in caught.value.message


def test_numbers_and_lone_surrogates_are_kept() -> None:
    parsed = parse_object(b' {"i":123456789012345678901234567890,"f":1e400,"s":"\\ud800","z":-0} ')
    assert parsed == {"i": 123456789012345678901234567890, "f": float("inf"), "s": "\ud800", "z": 0}
    assert parse_object(b'{"i":' + b"9" * 100_000 + b"}") == {"i": float("inf")}


def test_depth_200_is_accepted() -> None:
    assert parse_object(b'{"a":' * 200 + b"1" + b"}" * 200)


def test_an_answer_is_read_leniently() -> None:
    assert parse_answer(b'{"a":"\\ud800","b":NaN}')["a"] == "\ud800"
    assert parse_answer(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize("raw", [b"", b"oops", b"[" * 100_000, b"\xff", b'{"a":' * 3_000 + b"1" + b"}" * 3_000])
def test_an_answer_that_is_not_json_raises_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_answer(raw)
