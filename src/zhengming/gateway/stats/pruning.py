"""Drop the five-minute counts that no overview reads any more; the hours and days that hold them stay."""

from __future__ import annotations

from typing import Final

from zhengming.gateway.stats.counting import SETTLE_MS
from zhengming.gateway.stats.stretches import FINE, FINE_MS
from zhengming.store import Tx

LEAST_DAYS: Final = 2
"""The overview of a day is drawn from five-minute counts, and shows the day before beside it."""

# Only what is counted for good: a stretch without its rows can never be counted again, for what was added to its hour
# and day could not be told any more from what would have to be added.
_OLD: Final = (
    "SELECT DISTINCT s.bucket FROM turn_stat s JOIN turn_stat_bucket b ON b.bucket = s.bucket "
    "WHERE s.grain = :fine AND s.bucket < :before AND b.open = 0 AND b.counted_at >= s.bucket + :settled "
    "ORDER BY s.bucket LIMIT :limit"
)
_MARK: Final = "UPDATE turn_stat_bucket SET pruned = 1 WHERE bucket = :bucket AND pruned = 0"
_DROP: Final = "DELETE FROM turn_stat WHERE grain = :fine AND bucket = :bucket"


def prune(tx: Tx, before: int, limit: int = 20) -> int:
    """Drop the five-minute counts of at most `limit` stretches from before a moment (ms UTC); return how many.

    Call again while it returns more than 0. The rows of a stretch are taken in the order in which counting takes them.
    """
    values = {"fine": FINE, "before": before, "settled": FINE_MS + SETTLE_MS, "limit": limit}
    pruned = 0
    for (bucket,) in tx.rows(_OLD, values):
        if tx.run(_MARK, {"bucket": bucket}):
            tx.run(_DROP, {"fine": FINE, "bucket": bucket})
            pruned += 1
    return pruned
