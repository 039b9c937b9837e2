"""Where scorers speak: at positions of the text that no cut moves, about what follows, without waiting."""

from __future__ import annotations

from typing import NamedTuple

from zhengming.core.signals import Reason
from zhengming.screen.fold import load_fold
from zhengming.screen.guard.commands import Screening
from zhengming.screen.guard.decide import ENDING
from zhengming.screen.scorers import EVERY, SENTENCE_ENDS, ScorerTrack, signal_of


class Mark(NamedTuple):
    """A scorer reached its threshold once the code points before `at` were read."""

    at: int
    reason: Reason

    @property
    def ends(self) -> bool:
        """Whether the text ends here."""
        return self.reason.verdict in ENDING


class Marker:
    """Leads the scorers of a screening along one text and gives their findings in code points of the original."""

    __slots__ = ("_plain", "_screening", "_track", "_waiting")

    def __init__(self, screening: Screening, folded: int = 0) -> None:
        self._screening = screening
        self._plain = load_fold().plain
        self._track = ScorerTrack(screening.scorers)
        self._track.position = folded
        self._waiting = ""  # folded text without a place where scorers are asked

    @property
    def folded(self) -> int:
        """How many folded characters were read."""
        return self._track.position + len(self._waiting)

    def feed(self, text: str, start: int) -> list[Mark]:
        """Take the text from code point `start` on; the list ends with the first mark that ends the text."""
        track = self._track
        folded = self._plain(text)
        waiting = self._waiting + folded
        if track.position % EVERY + len(waiting) < EVERY and SENTENCE_ENDS.isdisjoint(folded):
            self._waiting = waiting
            return []
        before = track.position + len(self._waiting)
        self._waiting = ""
        found = track.feed(waiting)
        if not found:
            return []
        marks: list[Mark] = []
        for position, scorer, score in found:
            marks.append(self._mark(start + self._reach(text, position - before), scorer, score))
            if marks[-1].ends:
                break
        return marks

    def finish(self, end: int) -> list[Mark]:
        """The text ended at code point `end`, which is a position like any other."""
        found = self._track.feed(self._waiting) + self._track.finish()
        return [self._mark(end, scorer, score) for _, scorer, score in found]

    def _mark(self, at: int, index: int, score: float) -> Mark:
        scorer = self._screening.scorers[index]
        return Mark(at, Reason(signal_of(scorer, score), self._screening.profile.verdict_of(scorer)))

    def _reach(self, text: str, count: int) -> int:
        """Return how many characters of `text` it takes until `count` folded ones are there."""
        place = 0
        while count > 0:
            count -= len(self._plain(text[place]))
            place += 1
        return place
