from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.sse import EventSplitter, EventTooLargeError, parse_event

ONE = b'data: {"a":1}\n\n'


def split(data: bytes, cuts: list[int], limit: int = 1_000) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter(limit)
    events: list[bytes] = []
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        events += splitter.feed(data[start:end])
    return events, splitter.finish()


@pytest.mark.parametrize(
    ("data", "events", "rest"),
    [
        (ONE, [ONE], b""),
        (ONE + ONE + b"data: x", [ONE, ONE], b"data: x"),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"], b""),
        (b"data: a\r\rdata: b\r\rd", [b"data: a\r\r", b"data: b\r\r"], b"d"),
        (b"data: a\n\r\ndata: b\r\n\nx", [b"data: a\n\r\n", b"data: b\r\n\n"], b"x"),
        (b"data: a\r\ndata: b\n\n", [b"data: a\r\ndata: b\n\n"], b""),
        (b"\xef\xbb\xbfdata: a\n\n", [b"data: a\n\n"], b""),
        (b": ping\n\n", [b": ping\n\n"], b""),
        (b"data: a\n\n\ndata: b\n\n", [b"data: a\n\n", b"\ndata: b\n\n"], b""),
        (b"data: a\r\r", [], b"data: a\r\r"),
        (b"", [], b""),
        (b"data: [DONE]", [], b"data: [DONE]"),
    ],
)
def test_events_end_at_a_blank_line_wherever_the_bytes_were_cut(data: bytes, events: list[bytes], rest: bytes) -> None:
    assert split(data, []) == (events, rest)
    for cut in range(len(data) + 1):
        assert split(data, [cut]) == (events, rest)
    assert split(data, list(range(len(data)))) == (events, rest)


@settings(max_examples=300, deadline=None)
@given(
    data=st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"data: x", b": c", b"\xe4\xbd", ONE])).map(
        b"".join
    ),
    cuts=st.lists(st.integers(0, 80)),
)
def test_no_byte_is_lost_and_the_events_do_not_depend_on_the_cuts(data: bytes, cuts: list[int]) -> None:
    events, rest = split(data, cuts)
    assert b"".join(events) + rest == data
    assert (events, rest) == split(data, [])


@pytest.mark.parametrize("cuts", [[], [50], list(range(0, 200, 7))])
@pytest.mark.parametrize("data", [b"data: " + b"x" * 200, b"data: " + b"x" * 200 + b"\n\n", ONE + b"y" * 101])
def test_an_event_beyond_the_bound_ends_the_stream(data: bytes, cuts: list[int]) -> None:
    with pytest.raises(EventTooLargeError, match="larger than 100 bytes"):
        split(data, cuts, limit=100)


def test_many_events_in_one_read_may_be_larger_together() -> None:
    assert len(split(ONE * 100, [], limit=100)[0]) == 100


@pytest.mark.parametrize(
    ("raw", "data", "other"),
    [
        (ONE, b'{"a":1}', b"data: new\n\n"),
        (b"data:x\n\n", b"x", b"data: new\n\n"),
        (b"data:  x\n\n", b" x", b"data: new\n\n"),
        (b"data\n\n", b"", b"data: new\n\n"),
        (b"event: m\nid: 7\ndata: a\ndata: b\n\n", b"a\nb", b"event: m\nid: 7\ndata: new\n\n"),
        (b"data: a\r\nid: 1\r\n\r\n", b"a", b"id: 1\r\ndata: new\r\n\r\n"),
        (b"\n: c\ndata: a\n\n", b"a", b": c\ndata: new\n\n"),
        (b"data: [DONE]", b"[DONE]", b"data: new\n\n"),
        (b": ping\n\n", None, None),
        (b"retry: 5\n\n", None, None),
        (b"\n\n", None, None),
    ],
)
def test_data_is_read_and_put_in_place_as_the_standard_says(
    raw: bytes, data: bytes | None, other: bytes | None
) -> None:
    event = parse_event(raw)
    assert (event.raw, event.data) == (raw, data)
    if other is not None:
        assert event.with_data(b"new") == other
        assert parse_event(event.with_data(b"a\nb")).data == b"a\nb"


@pytest.mark.parametrize("raw", [b'{"id":"x"}\n\n', b"<html>", b" data: x\n\n", b"Data: x\n\n", b"data: a\nsecret\n\n"])
def test_a_line_that_the_standard_ignores_is_refused_since_some_client_may_read_it(raw: bytes) -> None:
    with pytest.raises(UpstreamGarbageError):
        parse_event(raw)
