"""One timer for all open answers: a time-out costs each chunk one clock reading instead of a timer of its own."""

from __future__ import annotations

import asyncio
from typing import Protocol

_COARSEST = 0.25


class Watched(Protocol):
    """Something with a moment (of the loop's clock) after which it has waited too long."""

    deadline: float

    def expire(self) -> None:
        """Called once, when the deadline has passed."""


class Watch:
    """Looks at every watched answer a few times within the shortest time-out, and only while there are any.

    An answer is found late by at most a quarter of a second, or by a quarter of `shortest` when that is less.
    """

    def __init__(self, shortest: float) -> None:
        self._every = min(_COARSEST, shortest / 4)
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, answer: Watched) -> None:
        """Start watching."""
        self._watched.add(answer)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def discard(self, answer: Watched) -> None:
        """Stop watching; unknown ones are passed over."""
        self._watched.discard(answer)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [answer for answer in self._watched if answer.deadline <= now]
        for answer in late:
            self._watched.discard(answer)
            answer.expire()
        self._timer = loop.call_later(self._every, self._look) if self._watched else None
