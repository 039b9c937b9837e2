"""The pulse of a gateway process: a sample every five seconds, an hour back, in memory.

Samples hold what happened since the sample before, so that any stretch of them can be added up. They are taken from the
process's metrics; what other replicas do is not in them.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import Counter, Histogram

from zhengming.gateway.metrics import ADDED_SECONDS, SECONDS
from zhengming.gateway.records import Ending
from zhengming.gateway.stats.stretches import BEYOND, Percentile, label_of, percentile

if TYPE_CHECKING:
    from zhengming.gateway.context import Gateway

EVERY_SECONDS: Final = 5.0
KEPT: Final = 720
_COUNTED: Final = ("turns", "failed", "unscreened", "refused", "detector_errors", "store_errors")


class Sample(NamedTuple):
    """What happened in the `seconds` before `at` (ms UTC), and how things stood then.

    `added` and `commits` count by the bounds of their metrics, the last count lies beyond them; `late_ms` is how much
    later than asked the sample was taken: how long the event loop was kept from its work.
    """

    at: int
    seconds: float
    turns: int
    failed: int
    unscreened: int
    refused: int
    detector_errors: int
    store_errors: int
    added: tuple[int, ...]
    commits: tuple[int, ...]
    active: int
    waiting: int
    reading: int
    late_ms: float
    cpu: float  # seconds of processor time for each second
    memory: int  # bytes


class _Totals(NamedTuple):
    """Everything that only ever rises, since the start of the process."""

    counters: tuple[int, ...]
    added: tuple[int, ...]
    commits: tuple[int, ...]
    processor: float
    clock: float


@dataclass(slots=True)
class Pulse:
    """The samples of one process, the newest last."""

    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT))
    _before: _Totals | None = None

    def beat(self, gateway: Gateway, late_ms: float = 0.0) -> None:
        """Take a sample; the first call only notes where the counters stand."""
        now, before = _totals(gateway), self._before
        self._before = now
        if before is None:
            return
        seconds = max(now.clock - before.clock, 1e-3)
        self.samples.append(
            Sample(
                gateway.clock(),
                seconds,
                **dict(zip(_COUNTED, _less(now.counters, before.counters), strict=True)),
                added=_less(now.added, before.added),
                commits=_less(now.commits, before.commits),
                active=gateway.active,
                waiting=gateway.store.waiting,
                reading=gateway.store.reading,
                late_ms=late_ms,
                cpu=(now.processor - before.processor) / seconds,
                memory=memory_in_use(),
            )
        )

    def since(self, moment: int) -> list[Sample]:
        """Return the samples that were taken after a moment, ms UTC."""
        return [sample for sample in self.samples if sample.at > moment]


async def keep_beating(pulse: Pulse, gateway: Gateway) -> None:
    """Take a sample every five seconds for as long as the process lives."""
    pulse.beat(gateway)
    while True:
        began = time.monotonic()
        await asyncio.sleep(EVERY_SECONDS)
        pulse.beat(gateway, max(time.monotonic() - began - EVERY_SECONDS, 0.0) * 1000)


def rate(samples: Sequence[Sample]) -> float | None:
    """Turns a second over the samples; None without any."""
    seconds = sum(sample.seconds for sample in samples)
    return sum(sample.turns for sample in samples) / seconds if samples else None


def added(samples: Iterable[Sample], share: float) -> Percentile | None:
    """A percentile of the latency that the gateway added, in ms; None when no turn had a first byte."""
    return _percentile((sample.added for sample in samples), ADDED_SECONDS, share)


def commit(samples: Iterable[Sample], share: float) -> Percentile | None:
    """A percentile of the time until a unit of a turn was durable, in ms; None when none was written."""
    return _percentile((sample.commits for sample in samples), SECONDS, share)


def _percentile(counts: Iterable[tuple[int, ...]], bounds: Sequence[float], share: float) -> Percentile | None:
    labels = [*(label_of(bound * 1000) for bound in bounds), BEYOND]
    summed = dict.fromkeys(labels, 0)
    for one in counts:
        for label, number in zip(labels, one, strict=True):
            summed[label] += number
    return percentile(summed, tuple(bound * 1000 for bound in bounds), share)


def memory_in_use() -> int:
    """Bytes of memory that the process holds; its highest so far where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - five times faster than Path
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return highest if sys.platform == "darwin" else highest * 1024


def _totals(gateway: Gateway) -> _Totals:
    metrics = gateway.metrics
    counters = (
        _sum(metrics.turns),
        _sum(metrics.turns, ending=Ending.FAILED),
        _sum(metrics.unscreened),
        _sum(metrics.refused),
        _sum(metrics.detector_errors),
        _sum(metrics.store_errors),
    )
    return _Totals(counters, _buckets(metrics.added), _buckets(metrics.commit), time.process_time(), time.monotonic())


def _sum(counter: Counter, **labels: str) -> int:
    return int(
        sum(
            sample.value
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
        )
    )


def _buckets(histogram: Histogram) -> tuple[int, ...]:
    """The count of each bucket; Prometheus gives them added up."""
    risen = [
        int(sample.value)
        for family in histogram.collect()
        for sample in family.samples
        if sample.name.endswith("_bucket")
    ]
    return tuple(number - before for number, before in zip(risen, [0, *risen], strict=False))


def _less(now: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one - other for one, other in zip(now, before, strict=True))
