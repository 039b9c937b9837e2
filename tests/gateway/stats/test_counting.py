"""The roll-up: equal to a count over every row, whenever it is made, however often, and by however many."""

from __future__ import annotations

import asyncio

import pytest
from tests.gateway.stats.turns import counted_by_hand, seeded, stored, write_turns

from zhengming.core.errors import UnavailableError
from zhengming.gateway.stats import counting
from zhengming.gateway.stats.counting import (
    EVERY_SECONDS,
    SETTLE_MS,
    Counting,
    count,
    count_due,
    keep_counting,
    pause_after,
    store_tally,
)
from zhengming.gateway.stats.stretches import COARSE, COARSE_MS, DAILY, FINE, FINE_MS, start_of
from zhengming.gateway.stats.tally import tally
from zhengming.store import Store

NOW = 1_800_000_000_000 + 123_456


def assert_counted(store: Store) -> None:
    assert stored(store, FINE) == counted_by_hand(store, FINE_MS)
    assert stored(store, COARSE) == counted_by_hand(store, COARSE_MS)
    assert stored(store, DAILY) == counted_by_hand(store, DAILY * 1000)


async def caught_up(found: Counting, now: int) -> None:
    while found.reached:
        await found.step(now)


@pytest.mark.parametrize("seed", range(3))
async def test_the_roll_up_is_what_a_count_over_every_row_is(store: Store, seed: int) -> None:
    draw = seeded(seed)
    write_turns(store, draw, [NOW - draw.randrange(5 * COARSE_MS) for _ in range(400)])

    await count_due(store, NOW)

    assert_counted(store)


async def test_it_stays_so_while_turns_come_end_and_are_counted_again(store: Store) -> None:
    """Turns arrive late and early, end long after their stretch, and two processes count."""
    draw = seeded(7)
    now = NOW
    both = [Counting(store, now), Counting(store, now)]
    for _ in range(30):
        now += draw.choice((1_000, 40_000, FINE_MS))
        write_turns(store, draw, [now - draw.randrange(SETTLE_MS) for _ in range(draw.randrange(20))])
        store.write_sync(
            lambda tx: tx.run(
                "UPDATE turn SET state = 'closed', outcome = 'served', verdict_output = 'redact', held_max = 9"
                " WHERE id IN (SELECT id FROM turn WHERE state = 'open' ORDER BY id LIMIT 3)"
            )
        )
        await asyncio.gather(*(one.step(now) for one in both))
    now += FINE_MS + SETTLE_MS + 60_000
    for _ in range(40):
        now += 60_000
        for one in both:
            await one.step(now)

    assert_counted(store)


async def test_counting_again_changes_nothing(store: Store) -> None:
    write_turns(store, seeded(1), [NOW - 1_000] * 20)
    bucket = start_of(NOW, FINE_MS)
    assert await count(store, bucket, NOW)
    before = stored(store, FINE), stored(store, COARSE)

    assert not await count(store, bucket, NOW), "the same moment was counted already"
    assert await count(store, bucket, NOW + 1)

    assert (stored(store, FINE), stored(store, COARSE)) == before


async def test_what_was_counted_earlier_never_replaces_what_was_counted_later(store: Store) -> None:
    draw = seeded(2)
    bucket = start_of(NOW, FINE_MS)
    write_turns(store, draw, [NOW - 1_000])
    early = await store.read(lambda tx: tally(tx, bucket, NOW))
    write_turns(store, draw, [NOW - 500])
    await count(store, bucket, NOW + 10)

    assert not await store.write(lambda tx: store_tally(tx, early))
    assert_counted(store)


async def test_counts_that_became_nothing_go(store: Store) -> None:
    write_turns(store, seeded(3), [NOW - 1_000], state="open", outcome="underway")
    bucket = start_of(NOW, FINE_MS)
    await count(store, bucket, NOW)
    store.write_sync(lambda tx: tx.run("UPDATE turn SET state = 'closed', outcome = 'served'"))
    await count(store, bucket, NOW + 1)

    assert_counted(store)


async def test_a_back_fill_counts_a_few_stretches_a_step_the_newest_first(sqlite_store: Store) -> None:
    draw = seeded(4)
    write_turns(sqlite_store, draw, [NOW - number * FINE_MS for number in range(1, 41)])
    found = Counting(sqlite_store, NOW)

    assert await found.step(NOW) <= 8
    reached = found.reached
    assert NOW - 9 * FINE_MS < reached < NOW
    assert min(bucket for bucket, *_ in stored(sqlite_store, FINE)) == reached
    await caught_up(found, NOW)

    assert_counted(sqlite_store)


async def test_a_process_that_starts_later_does_not_count_again_what_is_settled(sqlite_store: Store) -> None:
    write_turns(sqlite_store, seeded(5), [NOW - number * FINE_MS for number in range(2, 12)])
    await count_due(sqlite_store, NOW)
    later = Counting(sqlite_store, NOW + COARSE_MS)

    counted = await later.step(NOW + COARSE_MS)

    assert later.reached == 0
    assert counted <= 1 + 1, "the running stretch, and the last that was not settled when it was counted"


async def test_a_turn_that_ends_long_after_is_counted_again(sqlite_store: Store) -> None:
    write_turns(sqlite_store, seeded(6), [NOW - COARSE_MS], state="open", outcome="underway")
    found = Counting(sqlite_store, NOW)
    await caught_up(found, NOW)
    sqlite_store.write_sync(lambda tx: tx.run("UPDATE turn SET state = 'interrupted'"))

    await found.step(NOW + 61_000)

    assert_counted(sqlite_store)


async def test_a_store_that_is_down_takes_nothing_with_it(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The round that failed is made again."""
    monkeypatch.setattr(counting, "EVERY_SECONDS", 0.001)
    write_turns(sqlite_store, seeded(8), [NOW - COARSE_MS])
    found = Counting(sqlite_store, NOW)
    path = sqlite_store.path
    assert path is not None
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(UnavailableError):
        await found.step(NOW)
    away.rename(path)
    task = asyncio.create_task(keep_counting(found, lambda: NOW))
    while found.reached:  # noqa: ASYNC110 - what is watched is a number of the counting's own
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert_counted(sqlite_store)


@pytest.mark.parametrize(("behind", "share"), [(False, 1 / 30), (True, 1 / 9)])
def test_counting_never_takes_more_than_its_share_of_the_process(behind: bool, share: float) -> None:
    for took in (0.001, 0.1, 2.0, 60.0):
        assert took / pause_after(took, behind=behind) <= share + 1e-9
    assert pause_after(0.0, behind=False) == EVERY_SECONDS
