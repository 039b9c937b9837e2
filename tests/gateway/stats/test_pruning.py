"""Old counts of five minutes go, and what is counted afterwards is added to no hour and no day a second time."""

from __future__ import annotations

import pytest
from tests.gateway.stats.turns import counted_by_hand, seeded, stored, write_turns

from zhengming.gateway.stats.counting import Counting, count, count_due
from zhengming.gateway.stats.pruning import prune
from zhengming.gateway.stats.reading import Range, overview, stretch_of
from zhengming.gateway.stats.stretches import COARSE, COARSE_MS, DAILY, FINE, FINE_MS, start_of
from zhengming.store import Store

NOW = 1_800_000_000_000 + 123_456
DAY_MS = DAILY * 1000
BEFORE = NOW - 14 * DAY_MS


def prune_all(store: Store, before: int = BEFORE) -> int:
    """Prune until nothing is left to prune; return how many stretches went."""
    gone = 0
    while done := store.write_sync(lambda tx: prune(tx, before, 3)):
        assert done <= 3
        gone += done
    return gone


def assert_sums(store: Store) -> None:
    assert stored(store, COARSE) == counted_by_hand(store, COARSE_MS)
    assert stored(store, DAILY) == counted_by_hand(store, DAY_MS)


async def two_months(store: Store, state: str = "closed") -> None:
    draw = seeded(11)
    write_turns(store, draw, [NOW - draw.randrange(60 * DAY_MS) for _ in range(120)], state=state)
    write_turns(store, draw, [NOW - draw.randrange(DAY_MS) for _ in range(30)])
    await count_due(store, NOW)


async def test_only_old_stretches_go_and_hours_and_days_keep_their_sums(store: Store) -> None:
    await two_months(store)
    kept = {row for row in stored(store, FINE) if row[0] >= BEFORE}
    old = {row[0] for row in stored(store, FINE)} - {row[0] for row in kept}

    assert prune_all(store) == len(old) > 20

    assert set(stored(store, FINE)) == kept
    assert_sums(store)
    assert prune_all(store) == 0


async def test_a_pruned_stretch_is_never_counted_a_second_time(store: Store) -> None:
    """Not when somebody asks for it, not when a turn in it changes, and not by a process that starts afresh."""
    await two_months(store)
    old = sorted({row[0] for row in stored(store, FINE) if row[0] < BEFORE})
    prune_all(store)

    assert not any([await count(store, bucket, NOW + 1) for bucket in old])
    fresh = Counting(store, NOW + FINE_MS)
    await fresh.step(NOW + FINE_MS)
    while fresh.reached:
        await fresh.step(NOW + FINE_MS)

    assert_sums(store)
    assert not {row[0] for row in stored(store, FINE)} & set(old)


async def test_a_stretch_with_an_open_turn_stays_until_that_is_counted(store: Store) -> None:
    moment = NOW - 20 * DAY_MS
    write_turns(store, seeded(12), [moment], state="open", outcome="underway")
    await count_due(store, NOW)
    assert prune_all(store) == 0
    store.write_sync(lambda tx: tx.run("UPDATE turn SET state = 'interrupted' WHERE state = 'open'"))

    await Counting(store, NOW + 1).step(NOW + 1)
    assert_sums(store)
    assert prune_all(store) == 1

    assert_sums(store)


async def test_a_stretch_that_may_still_get_late_rows_stays(store: Store) -> None:
    write_turns(store, seeded(13), [NOW - 1_000] * 3, state="closed")
    await count(store, start_of(NOW, FINE_MS), NOW)

    assert prune_all(store, NOW + DAY_MS) == 0


@pytest.mark.parametrize("span", [Range.HOUR, Range.DAY, Range.WEEK, Range.MONTH])
async def test_every_range_shows_the_same_after_the_pruning(store: Store, span: Range) -> None:
    await two_months(store)
    stretch = stretch_of(span, NOW)
    before = store.read_sync(lambda tx: overview(tx, stretch))
    assert before.now.of("turns")

    assert prune_all(store)

    assert store.read_sync(lambda tx: overview(tx, stretch)) == before
