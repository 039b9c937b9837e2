"""A filter in an address: read exactly, written again the same, and refused with a name when it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.ids import new_uuid
from zhengming.gateway.turns.filters import FilterError, TurnFilter, moment_of

FILTERS = st.builds(
    TurnFilter,
    service=st.sampled_from(["", "s1"]),
    outcome=st.sampled_from(["", "stopped", "served"]),
    verdict_in=st.sampled_from(["", "block"]),
    verdict_out=st.sampled_from(["", "stop"]),
    category=st.sampled_from(["", "fraud"]),
    rule=st.sampled_from(["", "fraud.a"]),
    care=st.integers(0, 5),
    unscreened=st.booleans(),
    unattributed=st.booleans(),
    model=st.sampled_from(["", "gpt & <b>", "模型"]),
    audience=st.sampled_from(["", "child"]),
    state=st.sampled_from(["", "open"]),
    since=st.none() | st.integers(0, 1 << 47),
    until=st.none() | st.integers(0, 1 << 47),
)


@given(FILTERS)
def test_what_was_written_is_read_again(asked: TurnFilter) -> None:
    assert TurnFilter.from_query(asked.to_query()) == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "gone"),
        ("verdict_in", "maybe"),
        ("verdict_out", "<script>"),
        ("category", "politics"),
        ("audience", "everybody"),
        ("state", "half"),
        ("care", "9"),
        ("care", "-1"),
        ("care", "²"),
        ("unscreened", "yes"),
        ("from", "yesterday"),
        ("from", "2026-13-01T00:00"),
        ("from", "20261122"[:6] + "-W"),
        ("to", "99999999999999999999"),
        ("to", "0001-01-01T00:00"),
        ("model", "a\x00b"),
        ("conversation", "a\r\nset-cookie: x"),
        ("person", "\ud800"),
        ("q", "x" * 201),
    ],
)
def test_a_value_that_cannot_be_names_its_filter(name: str, value: str) -> None:
    with pytest.raises(FilterError) as caught:
        TurnFilter.from_query({name: value})

    assert caught.value.field == name
    assert caught.value.status == 400
    assert f"`{name}`" in caught.value.message
    assert caught.value.next_step


def test_times_are_read_in_the_zone_of_the_reader_unless_they_name_one() -> None:
    def since(text: str, timezone: str) -> int | None:
        return TurnFilter.from_query({"from": text}, timezone=timezone).since

    assert since("2026-11-22T08:00", "Asia/Shanghai") == since("2026-11-22T00:00:00Z", "Asia/Shanghai")
    assert since("2026-11-22T00:00", "UTC") == since("2026-11-22T00:00:00Z", "Asia/Shanghai") == 1_795_305_600_000
    assert since("2026-11-22", "UTC") == 1_795_305_600_000


def test_bounds_take_in_the_first_moment_and_leave_out_the_last() -> None:
    low, high = TurnFilter(since=1000, until=2000).bounds()

    assert low <= new_uuid(milliseconds=1000, randomness=bytes(10)) < high
    assert low <= new_uuid(milliseconds=1999, randomness=b"\xff" * 10) < high
    assert new_uuid(milliseconds=999, randomness=b"\xff" * 10) < low
    assert new_uuid(milliseconds=2000, randomness=bytes(10)) >= high


def test_an_id_tells_its_moment() -> None:
    assert moment_of(new_uuid(milliseconds=1_763_000_000_123)) == 1_763_000_000_123
    assert moment_of("no id") == 0


def test_names_that_are_no_filters_and_empty_ones_ask_nothing() -> None:
    assert TurnFilter.from_query({"cursor": "x", "outcome": "", "model": "  ", "utm": "1"}) == TurnFilter()
