"""A circuit breaker as a table: after some failures in a row an upstream is left alone, then tried with one request.

Pure: the time is an argument (seconds of any monotonic clock). A request takes a permit and gives it back with what
happened; what old requests report after the circuit has opened is passed over, since it says nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    """Where the circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(StrEnum):
    """What can happen to it."""

    COOLED = "cooled"  # somebody asks after the pause
    FIRST_BYTE = "first_byte"  # the upstream began to answer
    SUCCESS = "success"  # the answer came to its end
    FAILURE = "failure"  # it failed, and that is not yet one failure too many
    TOO_MANY = "too_many"  # it failed once too often
    ABANDONED = "abandoned"  # the client went away: nothing is known


TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.CLOSED, Event.FIRST_BYTE): State.CLOSED,
    (State.CLOSED, Event.SUCCESS): State.CLOSED,
    (State.CLOSED, Event.FAILURE): State.CLOSED,
    (State.CLOSED, Event.TOO_MANY): State.OPEN,
    (State.CLOSED, Event.ABANDONED): State.CLOSED,
    (State.OPEN, Event.COOLED): State.HALF_OPEN,
    (State.HALF_OPEN, Event.FIRST_BYTE): State.CLOSED,
    (State.HALF_OPEN, Event.SUCCESS): State.CLOSED,
    (State.HALF_OPEN, Event.TOO_MANY): State.OPEN,
    (State.HALF_OPEN, Event.ABANDONED): State.HALF_OPEN,
}


class Permit(NamedTuple):
    """The right to ask once. `round` counts the openings of the circuit so far; `probe` marks the trial request."""

    round: int
    probe: bool


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """`failures` in a row open the circuit for `pause` seconds, doubled at each failed trial up to `longest_pause`."""

    failures: int = 5
    pause: float = 5.0
    longest_pause: float = 120.0


class Breaker:
    """The circuit of one upstream."""

    __slots__ = ("_failures", "_pause", "_probing", "_round", "_settings", "_until", "state")

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        self._settings = settings or BreakerSettings()
        self.state = State.CLOSED
        self._failures = 0
        self._round = 0
        self._pause = self._settings.pause
        self._until = 0.0
        self._probing = False

    def ask(self, now: float) -> Permit | None:
        """Return a permit, or None while the circuit is open or its trial request is under way."""
        if self.state is State.OPEN:
            if now < self._until:
                return None
            self._move(Event.COOLED)
        if self.state is State.HALF_OPEN:
            if self._probing:
                return None
            self._probing = True
            return Permit(self._round, probe=True)
        return Permit(self._round, probe=False)

    def wait(self, now: float) -> float:
        """Return the seconds until `ask` may give a permit again, 0.0 when it may now."""
        return max(0.0, self._until - now) if self.state is State.OPEN else 0.0

    def first_byte(self, permit: Permit) -> None:
        """The upstream began to answer: a trial has succeeded."""
        if self._counts(permit):
            self._move(Event.FIRST_BYTE)

    def success(self, permit: Permit) -> None:
        """The answer came to its end: failures are no longer in a row."""
        if self._counts(permit):
            self._move(Event.SUCCESS)
            self._failures = 0
            self._pause = self._settings.pause

    def failure(self, permit: Permit, now: float) -> None:
        """The upstream failed."""
        if not self._counts(permit):
            return
        self._failures += 1
        trial = self.state is State.HALF_OPEN
        if not trial and self._failures < self._settings.failures:
            self._move(Event.FAILURE)
            return
        self._move(Event.TOO_MANY)
        self._round += 1
        self._failures = 0
        self._until = now + self._pause
        self._pause = min(self._pause * 2, self._settings.longest_pause)

    def abandoned(self, permit: Permit) -> None:
        """The client went away before anything was known; a trial may be made again."""
        if self._counts(permit):
            self._move(Event.ABANDONED)

    def _counts(self, permit: Permit) -> bool:
        """Whether the permit belongs to this round; in a trial only the trial's own permit does."""
        if permit.round != self._round:
            return False
        if permit.probe:
            self._probing = False
            return True
        return self.state is State.CLOSED

    def _move(self, event: Event) -> None:
        self.state = TABLE[self.state, event]
