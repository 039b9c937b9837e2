"""Add the roll-up up: the figures of a stretch of time, the same of the stretch before, and their course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from zhengming.core.words import Word
from zhengming.gateway.stats.stretches import (
    ALL,
    COARSE,
    DAILY,
    FINE,
    MEASURES,
    Percentile,
    percentile,
    start_of,
)
from zhengming.store import Tx


class Range(Word):
    """How far back an overview looks."""

    HOUR = "1h", "The last hour, in steps of five minutes."
    DAY = "24h", "The last 24 hours, in steps of half an hour."
    WEEK = "7d", "The last seven days, in steps of three hours."
    MONTH = "30d", "The last 30 days (UTC), in steps of twelve hours."


class _Shape(NamedTuple):
    grain: int  # seconds, of the rows that are added up
    course: int  # seconds, of the rows that the course is made from
    step: int  # ms of a point of the course
    steps: int


_MINUTE: Final = 60_000
_SHAPES: Final = {
    Range.HOUR: _Shape(FINE, FINE, 5 * _MINUTE, 12),
    Range.DAY: _Shape(COARSE, FINE, 30 * _MINUTE, 48),
    Range.WEEK: _Shape(COARSE, COARSE, 180 * _MINUTE, 56),
    Range.MONTH: _Shape(DAILY, COARSE, 720 * _MINUTE, 60),
}
_BOUNDS: Final = {measure.name: measure.bounds for measure in MEASURES}


class Stretch(NamedTuple):
    """A range that ends with the step that is under way: from `start` to before `end`, ms UTC, in steps of `step`."""

    range: Range
    start: int
    end: int
    step: int
    grain: int
    course: int

    @property
    def before(self) -> int:
        """Where the stretch of the same length before this one begins."""
        return 2 * self.start - self.end


def stretch_of(span: Range, now: int) -> Stretch:
    """Return the stretch of a range; what is under way is its last part, so that it is never longer than named."""
    shape = _SHAPES[span]
    last = max(shape.step, shape.grain * 1000)
    end = start_of(now, last) + last
    return Stretch(span, end - shape.step * shape.steps, end, shape.step, shape.grain, shape.course)


class Sum(NamedTuple):
    """How many turns, and the sum of what was measured (or of signals)."""

    number: int = 0
    total: float = 0.0


@dataclass(slots=True)
class Figures:
    """The counts of one stretch by name and label; see `tally` for the names."""

    sums: dict[str, dict[str, Sum]] = field(default_factory=dict)

    def of(self, name: str, label: str = "") -> int:
        """How many turns carry this label; 0 when none does."""
        return self.sums.get(name, {}).get(label, Sum()).number

    def total(self, name: str, label: str = "") -> float:
        """The sum of what was measured under this label."""
        return self.sums.get(name, {}).get(label, Sum()).total

    def labels(self, name: str) -> Mapping[str, int]:
        """Each label of a name with how many turns carry it."""
        return {label: found.number for label, found in self.sums.get(name, {}).items()}

    def percentile(self, measure: str, share: float) -> Percentile | None:
        """A percentile of `held`, `first_byte` or `added`, interpolated between bounds; None when nothing was measured.

        Its unit is that of the column: characters or milliseconds.
        """
        return percentile(self.labels(measure), _BOUNDS[measure], share)


class Point(NamedTuple):
    """One step of the course: turns that began in it, and how they were answered."""

    at: int
    turns: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a stretch. `as_of`: everything before it is in, None when nothing was ever counted.

    `still_open` of the turns had no end yet when they were counted. `oldest` is the moment of the first turn kept.
    """

    stretch: Stretch
    service_id: str
    as_of: int | None
    still_open: int
    now: Figures
    before: Figures
    course: tuple[Point, ...]


# CROSS JOIN keeps SQLite from walking over a whole grain: a step first, then the few rows of that stretch.
_STEPS: Final = (
    "WITH RECURSIVE step(at) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT at + :width FROM step "
    "WHERE at + :width < :end) "
)
_SUMS: Final = (
    _STEPS + "SELECT CASE WHEN s.bucket < :start THEN 0 ELSE 1 END, s.name, s.label, SUM(s.count), SUM(s.total) "
    "FROM step CROSS JOIN turn_stat s WHERE s.grain = :grain AND s.bucket = step.at AND s.service_id = :service "
    "GROUP BY 1, 2, 3"
)
_COURSE: Final = (
    _STEPS + "SELECT s.bucket, s.label, s.count FROM step CROSS JOIN turn_stat s WHERE s.grain = :grain "
    "AND s.bucket = step.at AND s.service_id = :service AND s.name = 'outcome'"
)
_AS_OF: Final = "SELECT counted_at FROM turn_stat_bucket ORDER BY bucket DESC LIMIT 1"


def overview(tx: Tx, stretch: Stretch, service_id: str = ALL) -> Overview:
    """Return the figures of one service, or of all of them together. It reads only the roll-up, never the turns."""
    width = stretch.grain * 1000
    values = {"grain": stretch.grain, "service": service_id, "width": width, "end": stretch.end, "start": stretch.start}
    both = Figures(), Figures()
    for part, name, label, number, total in tx.rows(_SUMS, {**values, "first": stretch.before}):
        both[part].sums.setdefault(str(name), {})[str(label)] = Sum(int(number), float(total))
    counted = tx.one(_AS_OF)
    return Overview(
        stretch,
        service_id,
        None if counted is None else int(counted[0]),
        both[1].of("state", "open"),
        now=both[1],
        before=both[0],
        course=_course(tx, stretch, service_id),
    )


def _course(tx: Tx, stretch: Stretch, service_id: str) -> tuple[Point, ...]:
    values = {
        "grain": stretch.course,
        "service": service_id,
        "width": stretch.course * 1000,
        "first": stretch.start,
        "end": stretch.end,
    }
    found: dict[int, dict[str, int]] = {at: {} for at in range(stretch.start, stretch.end, stretch.step)}
    for bucket, outcome, number in tx.rows(_COURSE, values):
        at = stretch.start + start_of(int(bucket) - stretch.start, stretch.step)
        found[at][outcome] = found[at].get(outcome, 0) + int(number)
    return tuple(Point(at, sum(outcomes.values()), outcomes) for at, outcomes in found.items())
