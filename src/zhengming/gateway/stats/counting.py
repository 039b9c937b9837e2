"""Find the stretches that are due, count them, store them: beside the turns, in every process, a little at a time.

What is read runs among the readers; only the difference to what is stored goes through the writer. A stretch is counted
again while it runs, once more when late rows cannot come any more, and whenever a turn in it has ended since. Counting
anew replaces, it never adds: several processes may do the same work and nothing is counted twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from zhengming.gateway.stats.stretches import COARSE, DAILY, FINE, FINE_MS, least_id, moment_of, start_of
from zhengming.gateway.stats.tally import Count, Key, Tally, tally
from zhengming.store import Store, Tx

log = structlog.get_logger(__name__)

SETTLE_MS: Final = 120_000
"""How long after its end rows of a stretch may still come: an id is drawn before the turn is examined and stored."""
EVERY_SECONDS: Final = 5.0
_RUNNING_MS: Final = 4_000  # a running stretch that was counted more recently, maybe by another process, is left alone
_PASSED_MS: Final = 60_000  # the same for one that has passed and may get late rows
_AT_ONCE: Final = 8
_LOOK_BACK: Final = 200
_OPEN_EVERY_MS: Final = 60_000
# Pauses are at least this many times as long as the work was. A stretch is read whole each time, so that a process with
# hundreds of turns a second would count for as long as it serves; the figures get a little older instead.
_REST: Final = 30.0
_REST_BEHIND: Final = 9.0  # while older turns are not counted yet

_TAKE: Final = (
    "INSERT INTO turn_stat_bucket (bucket, open, counted_at, pruned) VALUES (:bucket, :open, :counted_at, 0) "
    "ON CONFLICT (bucket) DO UPDATE SET open = excluded.open, counted_at = excluded.counted_at "
    "WHERE turn_stat_bucket.counted_at < excluded.counted_at AND turn_stat_bucket.pruned = 0"
)
_STORED: Final = "SELECT service_id, name, label, count, total FROM turn_stat WHERE grain = :grain AND bucket = :bucket"
_INSERT: Final = (
    "INSERT INTO turn_stat (grain, bucket, service_id, name, label, count, total) "
    "VALUES (:grain, :bucket, :service_id, :name, :label, :count, :total) "
    "ON CONFLICT (grain, bucket, service_id, name, label) DO UPDATE SET "
)
_PUT: Final = _INSERT + "count = excluded.count, total = excluded.total"
_ADD: Final = _INSERT + "count = turn_stat.count + excluded.count, total = turn_stat.total + excluded.total"
_DROP_EMPTY: Final = "DELETE FROM turn_stat WHERE grain = :grain AND bucket = :bucket AND count = 0"


def store_tally(tx: Tx, found: Tally) -> bool:
    """Put the counts of a stretch in place of what is stored, and the difference into its hour and day, in this unit.

    False, and nothing is done, when it was counted at the same moment or later, or pruned. The row of the
    stretch is taken first: it keeps two processes apart.
    """
    taken = tx.run(_TAKE, {"bucket": found.bucket, "open": found.open, "counted_at": found.counted_at})
    if not taken:
        return False
    stored = {
        Key(*row[:3]): Count(int(row[3]), float(row[4]))
        for row in tx.rows(_STORED, {"grain": FINE, "bucket": found.bucket})
    }
    none = Count(0, 0.0)
    changed: dict[int, list[dict[str, object]]] = {FINE: [], COARSE: [], DAILY: []}
    for key in sorted(stored.keys() | found.counts.keys()):  # in one order, so that processes never wait in a ring
        before, after = stored.get(key, none), found.counts.get(key, none)
        if before != after:
            more = Count(after.number - before.number, after.total - before.total)
            changed[FINE].append(_row(FINE, found.bucket, key, after))
            for grain in (COARSE, DAILY):
                changed[grain].append(_row(grain, found.bucket, key, more))
    gone = bool(stored.keys() - found.counts.keys())
    for grain, rows in changed.items():
        if rows:
            tx.run_many(_PUT if grain == FINE else _ADD, rows)
        if gone:
            tx.run(_DROP_EMPTY, {"grain": grain, "bucket": start_of(found.bucket, grain * 1000)})
    return True


def _row(grain: int, bucket: int, key: Key, count: Count) -> dict[str, object]:
    start = start_of(bucket, grain * 1000)
    return {"grain": grain, "bucket": start, **key._asdict(), "count": count.number, "total": count.total}


class Due(NamedTuple):
    """The stretches to count now, and how far is known after that."""

    buckets: list[int]
    front: int
    back: int


class Counting:
    """The roll-up of one process. `reached` is the moment since which everything is counted, 0 when all is.

    Stretches before `front` that lie after `back` are counted for good, but for turns in them that are still open.
    """

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._front = self._back = start_of(now, FINE_MS)
        self._asked_open = 0

    @property
    def reached(self) -> int:
        """Since when every turn is counted, ms UTC; 0 when there is nothing older that is not."""
        return self._back

    async def step(self, now: int) -> int:
        """Count what is due, at most a few stretches; return how many. Raises UnavailableError."""
        due = await self._store.read(lambda tx: find_due(tx, self._front, self._back, now))
        for bucket in due.buckets:
            await count(self._store, bucket, now)
        self._front, self._back = due.front, due.back
        counted = len(due.buckets)
        if now - self._asked_open >= _OPEN_EVERY_MS:
            ended = await self._store.read(find_ended)
            for bucket in ended:
                await count(self._store, bucket, now)
            self._asked_open, counted = now, counted + len(ended)
        return counted


async def count(store: Store, bucket: int, now: int) -> bool:
    """Count one stretch and store it; False when another process was later."""
    found = await store.read(lambda tx: tally(tx, bucket, now))
    return await store.write(lambda tx: store_tally(tx, found))


async def count_due(store: Store, now: int) -> int:
    """Count everything that is due at `now`, however long it takes; return how many stretches. For tools and tests."""
    counting = Counting(store, now)
    counted = await counting.step(now)
    while counting.reached:
        counted += await counting.step(now)
    return counted


def find_due(tx: Tx, front: int, back: int, now: int) -> Due:
    """Return which stretches to count: those from `front` to now, then older ones before `back`, newest first."""
    known = {
        int(bucket): int(counted_at)
        for bucket, counted_at in tx.rows(
            "SELECT bucket, counted_at FROM turn_stat_bucket WHERE bucket >= :front", {"front": front}
        )
    }
    buckets: list[int] = []
    for bucket in range(front, now + 1, FINE_MS):
        if len(buckets) >= _AT_ONCE:
            break
        if not _settled(bucket, known.get(bucket)):
            if _is_due(bucket, known.get(bucket), now):
                buckets.append(bucket)
        elif bucket == front:
            front += FINE_MS
    older, back = _older(tx, back, _AT_ONCE - len(buckets)) if back else ([], 0)
    return Due([*buckets, *older], front, back)


def _settled(bucket: int, counted_at: int | None) -> bool:
    """Whether the stretch was counted after the last row that could come late."""
    last = bucket + FINE_MS + SETTLE_MS
    return counted_at is not None and counted_at >= last


def _is_due(bucket: int, counted_at: int | None, now: int) -> bool:
    if counted_at is None:
        return True
    if now >= bucket + FINE_MS + SETTLE_MS:
        return True
    return now - counted_at >= (_RUNNING_MS if now < bucket + FINE_MS else _PASSED_MS)


def _older(tx: Tx, back: int, room: int) -> tuple[list[int], int]:
    """Walk back over the stretches that hold turns; return the first that are not counted for good, and how far."""
    buckets: list[int] = []
    for _ in range(_LOOK_BACK):
        if len(buckets) >= room:
            break
        row = tx.one("SELECT id FROM turn WHERE id < :before ORDER BY id DESC LIMIT 1", {"before": least_id(back)})
        if row is None:
            return buckets, 0
        back = start_of(moment_of(row[0]), FINE_MS)
        counted = tx.one("SELECT counted_at FROM turn_stat_bucket WHERE bucket = :bucket", {"bucket": back})
        if counted is None or int(counted[0]) < back + FINE_MS + SETTLE_MS:
            buckets.append(back)
    return buckets, back


def find_ended(tx: Tx) -> list[int]:
    """Return stretches in which a turn has ended since they were counted; a few, the newest first."""
    rows = tx.rows("SELECT bucket, open FROM turn_stat_bucket WHERE open > 0 ORDER BY bucket DESC")
    if not rows:
        return []
    still = Counter(
        start_of(moment_of(turn_id), FINE_MS) for (turn_id,) in tx.rows("SELECT id FROM turn WHERE state = 'open'")
    )
    return [int(bucket) for bucket, then in rows if still[int(bucket)] < int(then)][:_AT_ONCE]


async def keep_counting(counting: Counting, clock: Callable[[], int]) -> None:
    """Count for as long as the process lives; while the store is down that is logged and tried again."""
    while True:
        began = time.monotonic()
        try:
            await counting.step(clock())
        except Exception as error:  # noqa: BLE001 - turns are served without counts; the next round tries again
            log.warning("stats.not_counted", reason=repr(error))
        await asyncio.sleep(pause_after(time.monotonic() - began, behind=bool(counting.reached)))


def pause_after(took: float, *, behind: bool) -> float:
    """How long to rest after a round, both in seconds: so long that counting takes 3 % of a core, `behind` 10 %."""
    return max(0.05, _REST_BEHIND * took) if behind else max(EVERY_SECONDS, _REST * took)
