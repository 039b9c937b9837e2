"""Count the turns of one stretch: a few GROUP BY queries over a range of ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.gateway import records
from zhengming.gateway.stats.stretches import ALL, BEYOND, FINE_MS, MEASURES, Measure, label_of, least_id
from zhengming.store import Tx


class Key(NamedTuple):
    """What a row of `turn_stat` counts: of which service (`ALL` for every one), which name, which label."""

    service_id: str
    name: str
    label: str


class Count(NamedTuple):
    """How many turns; `total` is the sum of what was measured, or of signals."""

    number: int
    total: float


class Tally(NamedTuple):
    """The counts of the stretch that begins at `bucket`, of turns up to `counted_at`; `open` of them had no end yet."""

    bucket: int
    counted_at: int
    open: int
    counts: dict[Key, Count]


class Alike(NamedTuple):
    """Turns that are alike in everything that is counted without bounds; `told_in` of them know their tokens."""

    service_id: str
    state: str
    outcome: str
    verdict_input: str
    verdict_output: str
    care_level: int
    unscreened: int
    unattributed: int
    streamed: int
    turns: int
    told_in: int
    tokens_in: float
    told_out: int
    tokens_out: float


_RANGE: Final = "id >= :first AND id < :end"
_FACTS: Final = ", ".join(Alike._fields[:9])
_BY_FACTS: Final = (
    f"SELECT {_FACTS}, COUNT(*), COUNT(tokens_in), SUM(tokens_in), COUNT(tokens_out), SUM(tokens_out) "
    f"FROM turn WHERE {_RANGE} GROUP BY {_FACTS}"
)


def _by_signals(label: str) -> str:
    """Count turns that have a signal, and the signals in `total`; a turn counts once under each label."""
    return (
        f"SELECT t.service_id, {label}, COUNT(DISTINCT s.turn_id), COUNT(*) FROM turn_signal s "
        "JOIN turn t ON t.id = s.turn_id WHERE s.turn_id >= :first AND s.turn_id < :end GROUP BY 1, 2"
    )


def _by_bounds(measure: Measure) -> str:
    steps = " ".join(f"WHEN {measure.column} <= {bound} THEN '{label_of(bound)}'" for bound in measure.bounds)
    return (
        f"SELECT service_id, CASE {steps} ELSE '{BEYOND}' END, COUNT(*), SUM({measure.column}) "
        f"FROM turn WHERE {_RANGE} AND {measure.column} IS NOT NULL GROUP BY 1, 2"
    )


_BY_LABEL: Final = (
    *((measure.name, _by_bounds(measure)) for measure in MEASURES),
    ("signal", _by_signals("s.surface || '/' || s.category || '/' || s.verdict")),
    ("category", _by_signals("s.category")),
    ("category_in", _by_signals("s.category || '/' || t.verdict_input")),
    ("category_out", _by_signals("s.category || '/' || t.verdict_output")),
)


def tally(tx: Tx, bucket: int, now: int) -> Tally:
    """Count the stretch that begins at `bucket`; turns whose id lies after `now` are left for the next time."""
    values = {"first": least_id(bucket), "end": least_id(min(bucket + FINE_MS, now))}
    counts: dict[Key, Count] = {}
    still_open = 0
    for row in tx.rows(_BY_FACTS, values):
        alike = Alike(*row)
        still_open += alike.turns if alike.state == records.OPEN else 0
        for name, label, count in _facts(alike):
            _add(counts, Key(alike.service_id, name, label), count)
    for name, query in _BY_LABEL:
        for service_id, label, number, total in tx.rows(query, values):
            _add(counts, Key(service_id, name, label), Count(number, float(total)))
    return Tally(bucket, now, still_open, counts)


def _facts(alike: Alike) -> Iterator[tuple[str, str, Count]]:
    """What a group of turns that are alike adds, by name and label."""
    count = Count(alike.turns, 0.0)
    yield "turns", "", count
    yield "state", alike.state, count
    yield "outcome", alike.outcome, count
    yield "verdict_in", alike.verdict_input, count
    yield "verdict_out", alike.verdict_output, count
    yield "care", str(alike.care_level), count
    for name in ("unscreened", "unattributed", "streamed"):
        if getattr(alike, name):
            yield name, "", count
    for name, number, total in (
        ("tokens_in", alike.told_in, alike.tokens_in),
        ("tokens_out", alike.told_out, alike.tokens_out),
    ):
        if number:
            yield name, "", Count(number, float(total))


def _add(counts: dict[Key, Count], key: Key, more: Count) -> None:
    for whose in (key, key._replace(service_id=ALL)):
        before = counts.get(whose, Count(0, 0.0))
        counts[whose] = Count(before.number + more.number, before.total + more.total)
