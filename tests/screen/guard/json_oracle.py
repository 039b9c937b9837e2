"""What a guarded JSON text must parse to: the whole document, guarded value by value, cut off by the first stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.screen.guard.oracle import Outcome

Guarded = Callable[[str], Outcome]


class Number(str):
    """A number as it is written, so that no digit is lost."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object with its keys in order, doubled ones too."""


class Left(NamedTuple):
    """A guarded value, and whether the text stopped within it."""

    value: Any
    stopped: bool


def guarded(value: Any, guard: Guarded) -> Left:
    """The value with its strings, keys and numbers guarded, in the order in which they are written."""
    if isinstance(value, Number):
        outcome = guard(str(value))
        stopped = outcome.stop >= 0
        return Left(None if stopped else value if outcome.shown == value else outcome.shown, stopped)
    if isinstance(value, str):
        outcome = guard(value)
        return Left(outcome.shown, outcome.stop >= 0)
    if isinstance(value, Pairs):
        return _object(value, guard)
    if isinstance(value, list):
        return _array(value, guard)
    return Left(value, stopped=False)


def _array(value: list[Any], guard: Guarded) -> Left:
    items: list[Any] = []
    for item in value:
        left = guarded(item, guard)
        items.append(left.value)
        if left.stopped:
            return Left(items, stopped=True)
    return Left(items, stopped=False)


def _object(value: Pairs, guard: Guarded) -> Left:
    members = Pairs()
    for key, item in value:
        name = guarded(key, guard)
        left = Left(None, stopped=True) if name.stopped else guarded(item, guard)
        members.append((name.value, left.value))
        if left.stopped:
            return Left(members, stopped=True)
    return Left(members, stopped=False)
