"""The care state: small, bounded, and the same after a journey through the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.care.state import FRESH, CareState, CareStateError, replaced
from zhengming.core.words import CareAxis, CareLevel

levels = st.tuples(*[st.sampled_from(CareLevel)] * 5)
states = st.builds(
    CareState, levels, levels, offers=st.integers(0, 255), quiet=st.integers(0, 255), turns=st.integers(0, 239)
)


@given(states)
def test_a_state_comes_back_as_it_was_stored_in_fourteen_bytes(state: CareState) -> None:
    data = state.to_bytes()
    assert len(data) == 14
    assert CareState.from_bytes(data) == state
    assert isinstance(CareState.from_bytes(data).level, CareLevel)


def test_the_bytes_of_a_state_are_fixed() -> None:
    state = CareState(
        (CareLevel.HIGH, CareLevel.NONE, CareLevel.NONE, CareLevel.NONE, CareLevel.LOW),
        (CareLevel.DANGER, CareLevel.NONE, CareLevel.NONE, CareLevel.NONE, CareLevel.NONE),
        offers=2,
        quiet=300,
        turns=7,
    )
    assert state.to_bytes().hex() == "01040000000103000000" + "0002ff07"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", bytes(14), b"\x02" + bytes(13), b"\x01\x06" + bytes(12), FRESH.to_bytes() + b"\x00"],
)
def test_bytes_that_are_no_state_are_refused_and_not_taken_for_calm(data: bytes) -> None:
    with pytest.raises(CareStateError):
        CareState.from_bytes(data)


@given(st.binary(max_size=20))
def test_any_bytes_are_a_state_or_refused(data: bytes) -> None:
    try:
        state = CareState.from_bytes(data)
    except CareStateError:
        return
    assert state.to_bytes() == data


@pytest.mark.parametrize("axis", CareAxis)
def test_each_axis_has_its_own_level(axis: CareAxis) -> None:
    state = CareState(levels=replaced(FRESH.levels, axis, CareLevel.HIGH))
    assert [one for one in CareAxis if state.level_of(one) is CareLevel.HIGH] == [axis]
    assert (state.level, state.answered_on(axis)) == (CareLevel.HIGH, CareLevel.NONE)
