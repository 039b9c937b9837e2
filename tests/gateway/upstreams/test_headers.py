"""Which headers cross the gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.gateway.upstreams import forwarded, returned


def test_only_named_headers_go_up_and_never_a_credential() -> None:
    given_headers = [
        (b"Authorization", b"Bearer zm-key"),
        (b"cookie", b"session=1"),
        (b"host", b"gateway"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"content-length", b"5"),
        (b"x-other", b"1"),
        (b"Idempotency-Key", b"abc"),
        (b"openai-organization", b"org"),
        (b"x-mine", b"yes"),
    ]

    assert forwarded(given_headers, frozenset({"x-mine", "authorization"})) == {
        "idempotency-key": "abc",
        "openai-organization": "org",
        "x-mine": "yes",
    }


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\x00b", b"a" * 5000])
def test_a_value_that_could_end_its_line_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidInputError, match="idempotency-key"):
        forwarded([(b"idempotency-key", value)])


@given(st.lists(st.tuples(st.sampled_from([b"accept", b"Accept", b"x-request-id", b"x-a"]), st.binary(max_size=20))))
def test_no_value_that_passes_holds_a_control_character(pairs: list[tuple[bytes, bytes]]) -> None:
    try:
        passed = forwarded(pairs)
    except InvalidInputError:
        return
    for value in passed.values():
        assert not any((ord(character) < 32 and character != "\t") or ord(character) == 127 for character in value)


def test_cookies_locations_and_lengths_never_come_down() -> None:
    headers = {
        "content-type": "application/json",
        "set-cookie": "a=b",
        "location": "http://evil",
        "content-length": "3",
        "transfer-encoding": "chunked",
        "x-ratelimit-remaining-tokens": "7",
        "retry-after": "3",
        "x-request-id": "bad\x00value",
        "server": "x",
    }

    assert returned(headers) == [
        (b"content-type", b"application/json"),
        (b"x-ratelimit-remaining-tokens", b"7"),
        (b"retry-after", b"3"),
    ]
