"""The guard of one plain text."""

from __future__ import annotations

from zhengming.screen.guard.commands import Command, Screening


class TextGuard:
    """Guards one text; commands carry code point offsets of that text."""

    __slots__ = ("_screening", "held", "stopped", "versions")

    def __init__(self, screening: Screening) -> None:
        self._screening = screening
        self.stopped = False
        self.held = 0
        self.versions = [screening.matcher.version]

    def feed(self, text: str) -> list[Command]:
        """Take the next piece; return what is decided by now."""
        raise NotImplementedError(text)

    def finish(self) -> list[Command]:
        """Decide and release all that is held."""
        raise NotImplementedError

    def reload(self, screening: Screening) -> list[Command]:
        """Judge on under other rules."""
        raise NotImplementedError(screening)
