"""The pulse of the process as points of live charts, and as the table that says the same without a script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from zhengming.gateway import pulse
from zhengming.gateway.pulse import KEPT, Sample
from zhengming.gateway.stats.stretches import Percentile

_MINUTE: Final = 60_000


class Point(NamedTuple):
    """One moment (ms UTC) of every line: rates a second, latencies in ms (None: nothing was measured), levels."""

    at: int
    turns: float
    failed: float
    added_p50: float | None
    added_p95: float | None
    added_p99: float | None
    commit_p99: float | None
    late: float
    active: int
    waiting: int
    reading: int


class Chart(NamedTuple):
    """One chart: its text (`health:chart.<name>`), its unit, its lines by the name of a member of Point."""

    name: str
    unit: str
    lines: tuple[str, ...]


CHARTS: Final = (
    Chart("traffic", "rate", ("turns", "failed")),
    Chart("added", "ms", ("added_p50", "added_p95", "added_p99")),
    Chart("queues", "count", ("active", "waiting", "reading")),
    Chart("delays", "ms", ("commit_p99", "late")),
)


def columns_of(samples: Sequence[Sample]) -> dict[str, list[float | int | None]]:
    """Return the points of samples, a list for each line, as the charts' script takes them."""
    points = [_point(sample) for sample in samples]
    return {name: [getattr(point, name) for point in points] for name in Point._fields}


@lru_cache(maxsize=KEPT)
def _point(sample: Sample) -> Point:
    return _made(sample.at, (sample,))


def minutes_of(samples: Sequence[Sample]) -> list[Point]:
    """Return one point a minute, the newest first: sums over the minute, the highest level in it."""
    by_minute: dict[int, list[Sample]] = {}
    for sample in samples:
        by_minute.setdefault(sample.at - sample.at % _MINUTE, []).append(sample)
    return [_made(minute, tuple(inside)) for minute, inside in sorted(by_minute.items(), reverse=True)]


def _made(at: int, samples: tuple[Sample, ...]) -> Point:
    seconds = sum(sample.seconds for sample in samples)
    return Point(
        at,
        round(sum(sample.turns for sample in samples) / seconds, 2),
        round(sum(sample.failed for sample in samples) / seconds, 2),
        _value(pulse.added(samples, 0.5)),
        _value(pulse.added(samples, 0.95)),
        _value(pulse.added(samples, 0.99)),
        _value(pulse.commit(samples, 0.99)),
        round(max(sample.late_ms for sample in samples), 1),
        max(sample.active for sample in samples),
        max(sample.waiting for sample in samples),
        max(sample.reading for sample in samples),
    )


def _value(found: Percentile | None) -> float | None:
    return None if found is None else round(found.value, 2)
