"""The overview reads the roll-up alone, and says the same as a count over the turns themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.stats.turns import counted_by_hand, seeded, write_turns

from zhengming.gateway.stats.counting import count_due
from zhengming.gateway.stats.reading import Range, overview, stretch_of
from zhengming.gateway.stats.stretches import (
    ADDED_BOUNDS,
    BEYOND,
    COARSE_MS,
    FINE_MS,
    HELD_BOUNDS,
    Percentile,
    label_of,
    least_id,
    moment_of,
    percentile,
)
from zhengming.store import Store

NOW = 1_800_000_000_000 + 123_456


@pytest.mark.parametrize("span", list(Range))
@pytest.mark.parametrize("service", ["", "companion"])
async def test_the_figures_are_those_of_the_turns_in_the_stretch(store: Store, span: Range, service: str) -> None:
    stretch = stretch_of(span, NOW)
    draw = seeded(1)
    write_turns(store, draw, [draw.randrange(stretch.before, NOW) for _ in range(60)])
    write_turns(store, draw, [stretch.before - 1, stretch.before, stretch.start - 1, stretch.start, NOW - 1])
    await count_due(store, NOW)

    found = await store.read(lambda tx: overview(tx, stretch, service))

    grain = stretch.grain * 1000
    by_hand = counted_by_hand(store, grain)
    for figures, first, end in (
        (found.now, stretch.start, stretch.end),
        (found.before, stretch.before, stretch.start),
    ):
        wanted: dict[str, dict[str, tuple[int, float]]] = {}
        for (bucket, whose, name, label), (number, total) in by_hand.items():
            if whose == service and first <= bucket < end:
                sums = wanted.setdefault(name, {})
                before = sums.get(label, (0, 0.0))
                sums[label] = before[0] + number, before[1] + total
        assert {name: dict(sums) for name, sums in figures.sums.items()} == wanted
    assert found.as_of == NOW
    assert sum(point.turns for point in found.course) == found.now.of("turns")
    assert [point.at for point in found.course] == list(range(stretch.start, stretch.end, stretch.step))


async def test_an_overview_of_nothing_is_nothing(store: Store) -> None:
    found = await store.read(lambda tx: overview(tx, stretch_of(Range.DAY, NOW)))

    assert (found.now.of("turns"), found.as_of, found.still_open) == (0, None, 0)
    assert found.now.percentile("added", 0.99) is None


@pytest.mark.parametrize("span", list(Range))
def test_a_stretch_ends_with_the_step_under_way_and_is_never_longer_than_it_says(span: Range) -> None:
    hours = {Range.HOUR: 1, Range.DAY: 24, Range.WEEK: 7 * 24, Range.MONTH: 30 * 24}[span]
    found = stretch_of(span, NOW)

    assert found.end - found.start == hours * COARSE_MS
    assert found.end - max(found.step, found.grain * 1000) <= NOW < found.end
    assert found.start - found.before == found.end - found.start
    assert found.start % FINE_MS == 0


@given(st.lists(st.integers(0, 64), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_lies_between_the_bounds_of_the_value_that_it_stands_for(held: list[int], share: float) -> None:
    counts: dict[str, int] = {}
    for value in held:
        label = next(label_of(bound) for bound in HELD_BOUNDS if value <= bound)
        counts[label] = counts.get(label, 0) + 1
    rank = max(1, -int(-share * len(held) // 1))
    true = sorted(held)[min(rank, len(held)) - 1]
    found = percentile(counts, HELD_BOUNDS, share)

    assert found is not None
    upper = next(bound for bound in HELD_BOUNDS if true <= bound)
    lower = max((bound for bound in HELD_BOUNDS if bound < true), default=0.0)
    assert lower <= found.value <= upper
    assert not found.beyond


def test_a_percentile_beyond_the_last_bound_says_so() -> None:
    assert percentile({BEYOND: 3, "0": 1}, HELD_BOUNDS, 0.5) == Percentile(64.0, beyond=True)
    assert percentile({}, ADDED_BOUNDS, 0.5) is None


@given(st.integers(0, (1 << 48) - 1))
def test_the_least_id_of_a_moment_carries_that_moment(moment: int) -> None:
    assert moment_of(least_id(moment)) == moment
