"""Stretches of time, and how measured values are counted into a few bounds.

A turn belongs to the stretch of the moment in its id (UUIDv7), never of another column: the list of turns is cut by the
same moment, so that a count and the rows behind its link are the same set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

FINE: Final = 300
COARSE: Final = 3600
DAILY: Final = 86_400
FINE_MS: Final = FINE * 1000
COARSE_MS: Final = COARSE * 1000
ALL: Final = ""
"""The service id under which the turns of all services are counted together."""
BEYOND: Final = "inf"
"""The label of what lies beyond the last bound."""

HELD_BOUNDS: Final = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
ADDED_BOUNDS: Final = (
    *(0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0, 75.0),
    *(100.0, 150.0, 200.0, 300.0, 500.0, 1_000.0, 2_000.0, 5_000.0),
)
FIRST_BYTE_BOUNDS: Final = (
    *(5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 500.0, 750.0),
    *(1_000.0, 1_500.0, 2_000.0, 3_000.0, 5_000.0, 10_000.0, 20_000.0, 30_000.0, 60_000.0),
)


class Measure(NamedTuple):
    """A column whose values are counted by bounds (`label` is the upper one), and summed in `total`."""

    name: str
    column: str
    bounds: tuple[float, ...]


MEASURES: Final = (
    Measure("held", "held_max", HELD_BOUNDS),
    Measure("first_byte", "first_byte_ms", FIRST_BYTE_BOUNDS),
    Measure("added", "added_ms", ADDED_BOUNDS),
)


def start_of(moment: int, width: int) -> int:
    """Return the start of the stretch of `width` ms that holds the moment; both in ms UTC."""
    return moment - moment % width


def moment_of(turn_id: str) -> int:
    """Return the moment in a turn's id, ms UTC."""
    return int(turn_id[:8] + turn_id[9:13], 16)


def least_id(moment: int) -> str:
    """Return an id that sorts before every turn's id of that moment and after every one before it."""
    digits = f"{max(moment, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def label_of(bound: float) -> str:
    """Return the label of an upper bound."""
    return f"{bound:g}"


class Percentile(NamedTuple):
    """A percentile read from bounds. `beyond`: it lies above the last bound, which is then the value."""

    value: float
    beyond: bool = False


def percentile(counts: Mapping[str, int], bounds: tuple[float, ...], share: float) -> Percentile | None:
    """Return the value below which `share` (0 to 1) of what was counted lies; None when nothing was.

    Inside two bounds the values are taken as spread evenly, so the answer is right to within the bounds.
    """
    total = sum(counts.values())
    if not total:
        return None
    wanted, passed, lower = share * total, 0, 0.0
    for bound in bounds:
        inside = counts.get(label_of(bound), 0)
        if inside and passed + inside >= wanted:
            return Percentile(lower + (bound - lower) * max(wanted - passed, 0.0) / inside)
        passed += inside
        lower = bound
    return Percentile(bounds[-1], beyond=True)
