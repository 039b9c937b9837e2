"""How a process fares, for the engineer on call: figures, each with the bounds from which somebody should act.

Figures of the process (latency, queues, memory) are of this process alone; those read from the database (ledger,
counts, replicas) are of the installation.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from zhengming.core.errors import UnavailableError
from zhengming.gateway import probes, pulse
from zhengming.gateway.context import Gateway
from zhengming.gateway.pulse import Sample
from zhengming.gateway.stats.stretches import Percentile
from zhengming.gateway.upstreams.pool import UpstreamHealth
from zhengming.ledger import checkpoints
from zhengming.ledger.prove import read_head
from zhengming.store import Tx

OK: Final = "ok"
WARN: Final = "warn"
BAD: Final = "bad"
UNKNOWN: Final = "unknown"
_MINUTE: Final = 60_000


class Kind(NamedTuple):
    """A figure: its name, its unit, the values from which it is worth a look (`warn`) and from which one acts (`bad`).

    Units: `count`, `rate` (a second), `share` (0 to 1), `ms`, `bytes`. `falling`: it is the low values that are bad.
    """

    name: str
    group: str
    unit: str
    warn: float | None = None
    bad: float | None = None
    falling: bool = False

    def level(self, value: float | None) -> str:
        """How a value stands to the bounds: ok, warn, bad, or unknown."""
        if value is None:
            return UNKNOWN
        for level, bound in ((BAD, self.bad), (WARN, self.warn)):
            if bound is not None and (value <= bound if self.falling else value >= bound):
                return level
        return OK


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("turns", "traffic", "rate"),
        Kind("active", "traffic", "share", 0.7, 0.95),
        Kind("added_p50", "traffic", "ms", 20, 100),
        Kind("added_p95", "traffic", "ms", 50, 250),
        Kind("added_p99", "traffic", "ms", 100, 500),
        Kind("failed", "traffic", "share", 0.01, 0.05),
        Kind("refused", "traffic", "count"),
        Kind("unscreened", "traffic", "count", bad=1),
        Kind("detector_errors", "traffic", "count", bad=1),
        Kind("waiting", "store", "count", 100, 1_000),
        Kind("commit_p99", "store", "ms", 100, 1_000),
        Kind("reading", "store", "count", 8, 40),
        Kind("store_errors", "store", "count", 1, 10),
        Kind("database", "store", "bytes"),
        Kind("disk", "store", "share", 0.15, 0.05, falling=True),
        Kind("ledger_size", "evidence", "count"),
        Kind("ledger_age", "evidence", "ms"),
        Kind("checkpoint_age", "evidence", "ms", 26 * 60 * _MINUTE, 72 * 60 * _MINUTE),
        Kind("counted_age", "evidence", "ms", _MINUTE, 10 * _MINUTE),
        Kind("late", "process", "ms", 100, 1_000),
        Kind("cpu", "process", "share", 0.8, 0.95),
        Kind("memory", "process", "bytes"),
    )
}
"""Every figure of the health page, in its order; the how-to for on-call says what to do about each."""


class Figure(NamedTuple):
    """A figure as it stands. `value` is None when it cannot be known; `beyond`: the true value is higher still."""

    kind: Kind
    value: float | None
    beyond: bool = False

    @property
    def level(self) -> str:
        """ok, warn, bad or unknown."""
        return self.kind.level(self.value)


class Replica(NamedTuple):
    """A process that serves from this database, and its last sign of life (ms UTC); `here` is this one."""

    id: str
    seen_at: int
    here: bool


class Stored(NamedTuple):
    """What the database says of the installation. Times are ms UTC, None where there is nothing yet."""

    ledger_size: int
    ledger_at: int | None
    noted_at: int | None
    counted_at: int | None
    size: int | None
    replicas: tuple[Replica, ...]


class Health(NamedTuple):
    """Everything that the page shows. `missing` names what turns cannot be served without and is not there."""

    at: int
    instance: str
    missing: tuple[str, ...]
    figures: tuple[Figure, ...]
    upstreams: tuple[UpstreamHealth, ...]
    replicas: tuple[Replica, ...] | None
    rules: str
    rules_count: int
    rules_failure: str
    counted_since: int

    def figure(self, name: str) -> Figure:
        """Return one figure by its name."""
        return next(figure for figure in self.figures if figure.kind.name == name)

    @property
    def concerns(self) -> tuple[Figure, ...]:
        """The figures that have crossed a bound, the worst first."""
        crossed = [figure for figure in self.figures if figure.level in {WARN, BAD}]
        return tuple(sorted(crossed, key=lambda figure: figure.level != BAD))


async def snapshot(gateway: Gateway, data: Path) -> Health:
    """Say how the process and its installation fare; a store that is down leaves gaps, not an error."""
    now = gateway.clock()
    missing = await probes.missing_parts(gateway)
    stored: Stored | None = None
    if "store" not in missing:
        try:
            stored = await gateway.store.read(lambda tx: read_stored(tx, gateway.instance))
        except UnavailableError:
            missing.insert(0, "store")
    free = await asyncio.to_thread(_free, gateway.store.path or data)
    ruling = gateway.rules.ruling
    return Health(
        at=now,
        instance=gateway.instance,
        missing=tuple(missing),
        figures=_in_order([*_of_process(gateway, now), *_of_store(stored, now, free)]),
        upstreams=gateway.upstreams.health(),
        replicas=stored.replicas if stored is not None else None,
        rules=ruling.version,
        rules_count=len(ruling.matcher.rules.rules),
        rules_failure=gateway.rules.failure,
        counted_since=gateway.counting.reached,
    )


def _in_order(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    place = {name: number for number, name in enumerate(KINDS)}
    return tuple(sorted(figures, key=lambda figure: place[figure.kind.name]))


def read_stored(tx: Tx, here: str) -> Stored:
    """Read what the installation says of itself; every query is answered from an index or one row."""
    head, _ = read_head(tx)
    noted = checkpoints.list_of(tx, limit=1)
    counted = tx.one("SELECT counted_at FROM turn_stat_bucket ORDER BY bucket DESC LIMIT 1")
    found = tx.rows("SELECT id, seen_at FROM gateway_instance ORDER BY seen_at DESC, id LIMIT 100")
    return Stored(
        head.size,
        head.at if head.size else None,
        noted[0].noted_at if noted else None,
        int(counted[0]) if counted else None,
        _size(tx),
        tuple(Replica(row[0], int(row[1]), row[0] == here) for row in found),
    )


def _size(tx: Tx) -> int | None:
    if tx.dialect == "postgresql":
        row = tx.one("SELECT pg_database_size(current_database())")
        return int(row[0]) if row else None
    pages, page = tx.one("PRAGMA page_count"), tx.one("PRAGMA page_size")
    return int(pages[0]) * int(page[0]) if pages and page else None


def _free(path: Path) -> float | None:
    """The share of the disk that is free where the data lies; None when the place is gone."""
    try:
        usage = shutil.disk_usage(path.parent if path.is_file() else path)
    except OSError:
        return None
    return usage.free / usage.total


def _of_process(gateway: Gateway, now: int) -> list[Figure]:
    """Figures of this process: traffic of the last minute, failures of the last hour."""
    minute = gateway.pulse.since(now - _MINUTE)
    while_back = gateway.pulse.since(now - 5 * _MINUTE)
    hour = list(gateway.pulse.samples)
    turns = sum(sample.turns for sample in while_back)
    found: dict[str, float | None] = {
        "turns": pulse.rate(minute),
        "active": gateway.active / gateway.bounds.max_active_turns,
        "failed": sum(sample.failed for sample in while_back) / turns if turns else None,
        "refused": _sum(while_back, "refused"),
        "unscreened": _sum(hour, "unscreened"),
        "detector_errors": _sum(hour, "detector_errors"),
        "waiting": gateway.store.waiting,
        "reading": gateway.store.reading,
        "store_errors": _sum(hour, "store_errors"),
        "late": max((sample.late_ms for sample in minute), default=None),
        "cpu": sum(s.cpu * s.seconds for s in minute) / sum(s.seconds for s in minute) if minute else None,
        "memory": pulse.memory_in_use(),
    }
    return [
        *(_measured(name, pulse.added(minute, share)) for name, share in _ADDED),
        _measured("commit_p99", pulse.commit(while_back, 0.99)),
        *(Figure(KINDS[name], value) for name, value in found.items()),
    ]


_ADDED: Final = (("added_p50", 0.5), ("added_p95", 0.95), ("added_p99", 0.99))


def _measured(name: str, found: Percentile | None) -> Figure:
    return Figure(KINDS[name], found.value if found else None, beyond=found.beyond if found else False)


def _sum(samples: Sequence[Sample], name: str) -> float:
    return float(sum(getattr(sample, name) for sample in samples))


def _of_store(stored: Stored | None, now: int, free: float | None) -> list[Figure]:
    def age(moment: int | None) -> float | None:
        return None if moment is None else float(max(now - moment, 0))

    found: dict[str, float | None] = {
        "database": stored.size if stored else None,
        "disk": free,
        "ledger_size": stored.ledger_size if stored else None,
        "ledger_age": age(stored.ledger_at) if stored else None,
        "checkpoint_age": age(stored.noted_at) if stored else None,
        "counted_age": age(stored.counted_at) if stored else None,
    }
    return [Figure(KINDS[name], value) for name, value in found.items()]
