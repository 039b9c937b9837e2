"""What every match of an expression must hold, told from its automaton: nearly every text lacks some of it.

Three kinds of sets of positions that no match can go around: those that may stand n characters after its beginning,
those that may stand n characters before its end, and each single position through which all ways lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import and_
from typing import Final

from zhengming.screen.expression.classes import union_listed
from zhengming.screen.expression.parse import Positions

WIDTH: Final = 12
"""How many characters after the beginning and before the end are looked at."""
_LISTS: Final = 4


def beginnings(positions: Positions) -> Iterator[frozenset[int]]:
    """Yield the positions that may be the first, second, ... character of a match, as far as every match goes."""
    return _levels(frozenset(positions.first), positions.follow, positions.shortest)


def needs_of(positions: Positions) -> tuple[frozenset[str], ...]:
    """Return a few sets of characters, the smallest first; every match has at least one character of each."""
    before: list[list[int]] = [[] for _ in positions.classes]
    for position, after in enumerate(positions.follow):
        for one in after:
            before[one].append(position)
    sets = [*beginnings(positions), *_levels(positions.last, before, positions.shortest)]
    sets += [frozenset((position,)) for position in _on_every_way(positions, before)]
    found = {union_listed(positions.classes[position] for position in one) for one in sets} - {None}
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (len(one), sorted(one)))[:_LISTS])


def _levels(level: frozenset[int], step: Sequence[Iterable[int]], shortest: int) -> Iterator[frozenset[int]]:
    for _ in range(min(shortest, WIDTH)):
        yield level
        level = frozenset(after for position in level for after in step[position])


def _on_every_way(positions: Positions, before: list[list[int]]) -> list[int]:
    """Return the positions that every match passes: the dominators of the end."""
    first, everything = frozenset(positions.first), (1 << len(before)) - 1
    passed = [everything] * len(before)  # for each position, as bits, what every way to it passes, itself included
    changed = True
    while changed:
        changed = False
        for position, those in enumerate(before):
            common = 0 if position in first else reduce(and_, (passed[one] for one in those), everything)
            if passed[position] != (common | 1 << position):
                passed[position] = common | 1 << position
                changed = True
    common = reduce(and_, (passed[position] for position in positions.last))
    return [position for position in range(len(before)) if common >> position & 1]
