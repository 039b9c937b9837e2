"""Charts as SVG made here, each with its table: no script draws them, and nobody has to see them to read them.

Colours and strokes come from the classes `ok`, `note`, `warn`, `bad`, `quiet`; lines differ in their dashes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Series(NamedTuple):
    """One line of a chart: its name, its kind (ok, note, warn, bad, quiet), its points of (ms UTC, value)."""

    name: str
    kind: str
    points: Sequence[tuple[int, float]]
