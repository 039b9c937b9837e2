"""Token log probabilities: held, cut and blanked with the text that they spell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zhengming.screen.guard.commands import Command

Entry = Mapping[str, object]


class LogprobQueue:
    """Keeps the `logprobs` entries of one text until the text that they spell is released."""

    def push(self, entries: Iterable[Entry]) -> None:
        """Take the entries that came with a chunk of text, in order."""
        raise NotImplementedError(entries)

    def advance(self, commands: Sequence[Command]) -> list[Entry]:
        """Return the entries that may go out with what these commands show."""
        raise NotImplementedError(commands)

    def finish(self) -> list[Entry]:
        """Return what is left once the text is complete."""
        raise NotImplementedError
