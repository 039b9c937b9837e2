"""The guard of one plain text: holds back what could still become part of a match, and not one character more.

The order in which things happen is the order of the text. Matches come from the online matcher by end; the fold decides
them; what stands before every live candidate is released. See `docs/explanation/hold-back.md` for why this does not
depend on the cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from zhengming.core.signals import Reason
from zhengming.core.words import Verdict
from zhengming.screen.fold import load_fold
from zhengming.screen.guard.commands import Command, Note, Screening, Show, Stop
from zhengming.screen.guard.decide import ENDING, Release, reason_of, redaction_of
from zhengming.screen.guard.marks import Mark, Marker
from zhengming.screen.matcher import Match

REPLAYED: Final = 64  # folded characters judged again when the rules change
_REPLAY_CAP: Final = 4_096  # code points: a flood of invisible characters folds to nothing
_TRIM: Final = 1_024  # code points of text kept in memory beyond what is needed


class TextGuard:
    """Guards one text; commands carry code point offsets of that text. A :class:`FieldGuard`.

    For every way of cutting the text the joined Show and Mask texts, the notes and the stop are the same.
    """

    __slots__ = (
        "_base",
        "_buffer",
        "_ended",
        "_length",
        "_marker",
        "_noted",
        "_origin",
        "_out",
        "_plain",
        "_scan",
        "_screening",
        "_settled",
        "_trim_at",
        "_window",
        "stopped",
        "versions",
    )

    def __init__(self, screening: Screening) -> None:
        self.stopped = False
        self.versions: list[str] = []
        self._ended = False
        self._plain = load_fold().plain
        self._buffer, self._base, self._length = "", 0, 0  # the buffer holds the code points from base to length
        self._trim_at = _TRIM
        self._out = Release()
        self._noted: deque[tuple[str, object]] = deque(maxlen=256)
        self._window = 0  # a match that begins before this was not seen whole
        self._settled = 0  # a match that ends here or before was shown under older rules: it is noted only
        self._begin(screening, 0, 0)

    def _begin(self, screening: Screening, origin: int, folded: int) -> None:
        self._screening = screening
        self._origin = origin  # the scan counts from here
        self._scan = screening.matcher.stream(screening.holding)
        self._marker = Marker(screening, folded) if screening.scorers else None
        if screening.matcher.version not in self.versions:
            self.versions.append(screening.matcher.version)

    @property
    def held(self) -> int:
        """How many code points were fed that are neither shown, masked nor dropped yet."""
        return 0 if self.stopped else self._length - self._out.position

    def feed(self, text: str) -> list[Command]:
        """Take the next piece, of any length; return what is decided by now.

        Raises ValueError after `finish`.
        """
        if self.stopped or not text:
            return []
        if self._ended:
            raise ValueError("the text was finished; a new text needs a new guard")
        marks = self._marker.feed(text, self._length) if self._marker is not None else None
        if marks and marks[-1].ends:
            text = text[: marks[-1].at - self._length]
        self._buffer += text
        self._length += len(text)
        matches = self._scan.feed(text)
        if matches or marks:
            return self._settle(matches, marks or ())
        out = self._out
        limit, position = self._scan.live_from() + self._origin, out.position
        if limit <= position:
            return []
        commands: list[Command] = []
        if out.pending:
            out.upto(limit, self._buffer, self._base, self._screening, commands)
        else:
            commands.append(Show(self._buffer[position - self._base : limit - self._base], position, limit))
            out.position = limit
        if len(self._buffer) > self._trim_at:
            self._trim()
        return commands

    def finish(self) -> list[Command]:
        """The text is complete: decide and release all that is held. Nothing may be fed after it."""
        if self.stopped or self._ended:
            return []
        self._ended = True
        marks = self._marker.finish(self._length) if self._marker is not None else ()
        ending = next((number for number, mark in enumerate(marks, 1) if mark.ends), len(marks))
        return self._settle(self._scan.finish(), marks[:ending])

    def reload(self, screening: Screening) -> list[Command]:
        """Judge on under other rules.

        At least the last 64 folded characters and all that is held are judged again. What was shown stays shown: a
        match that began in shown text acts on the rest of its span only, and is noted if it was not before.
        """
        if self.stopped or self._ended:
            return []
        window = min(self._out.position, self._back(self._length, REPLAYED))
        context = self._back(window, 1)  # one more, so that a boundary on the left is seen
        text = self._buffer[context - self._base :]
        folded = self._marker.folded - len(self._plain(text)) if self._marker is not None else 0
        self._settled = self._out.position
        self._out.pending.clear()
        self._begin(screening, context, folded)
        self._window = window
        marks = self._marker.feed(text, context) if self._marker is not None else []
        if marks and marks[-1].ends:
            text = text[: marks[-1].at - context]
        return self._settle(self._scan.feed(text), marks)

    def _settle(self, matches: list[Match], marks: Sequence[Mark]) -> list[Command]:
        """Fold what was found and release what it leaves free."""
        last = marks[-1] if marks and marks[-1].ends else None
        if last is not None:
            marks = marks[:-1]
            if not self._ended:
                matches = matches + self._scan.finish()
        commands: list[Command] = []
        matches = self._moved(matches)
        items: Sequence[Match | Mark] = [*matches, *marks] if self._ended else _in_order(matches, marks)
        for item in items:
            if isinstance(item, Mark):
                self._note(item.reason, commands)
            elif self._judge(item, commands):
                return commands
        if last is not None:
            self._note(last.reason, commands)
            self._stop(last.at, last.reason, commands)
            return commands
        limit = self._length if self._ended else self._scan.live_from() + self._origin
        self._out.upto(limit, self._buffer, self._base, self._screening, commands)
        if len(self._buffer) > self._trim_at:
            self._trim()
        return commands

    def _moved(self, matches: list[Match]) -> list[Match]:
        """Return the matches in offsets of the text, which the scan may have begun to read late.

        A match that begins in the context before the window is left out: its left boundary was not seen.
        """
        origin, window = self._origin, self._window
        if not window:
            return matches
        moved = [Match(start + origin, end + origin, rule) for start, end, rule in matches]
        return [match for match in moved if match.start >= window]

    def _judge(self, match: Match, commands: list[Command]) -> bool:
        """Note a match and do what its verdict says; return whether the text ended."""
        screening = self._screening
        if screening.profile.verdicts[match.rule] is Verdict.ALLOW:
            return False
        reason = reason_of(match, screening)
        self._note(reason, commands)
        if match.end <= self._settled:
            return False
        if reason.verdict is Verdict.REDACT:
            self._out.redact(redaction_of(match, screening))
        elif reason.verdict in ENDING:
            self._stop(match.start, reason, commands)
            return True
        return False

    def _note(self, reason: Reason, commands: list[Command]) -> None:
        key = (reason.signal.rule, reason.signal.span)
        if key not in self._noted:  # a match judged again under new rules
            self._noted.append(key)
            commands.append(Note(reason))

    def _stop(self, at: int, reason: Reason, commands: list[Command]) -> None:
        """End the text at `at`, or where it was already shown to."""
        out = self._out
        out.upto(at, self._buffer, self._base, self._screening, commands)
        self.stopped = True
        self._buffer = ""
        commands.append(Stop(reason, out.position))

    def _trim(self) -> None:
        """Forget the text that neither a release nor a change of rules can need."""
        keep = self._back(min(self._out.position, self._back(self._length, REPLAYED)), 1)
        self._buffer = self._buffer[keep - self._base :]
        self._base = keep
        self._trim_at = len(self._buffer) + _TRIM

    def _back(self, end: int, count: int) -> int:
        """Return the code point from which `count` folded characters stand before `end`, as far as is remembered."""
        place = end
        floor = max(self._base, self._length - _REPLAY_CAP, 0)
        while count > 0 and place > floor:
            place -= 1
            count -= len(self._plain(self._buffer[place - self._base]))
        return place


def _in_order(matches: list[Match], marks: Sequence[Mark]) -> Sequence[Match | Mark]:
    """Return matches and marks in text order: a mark comes before the matches that end where it stands.

    A match may still wait for its right boundary when a mark at its end is known, never the other way round. (The marks
    of `finish`, which stand at no such place, come last.)
    """
    if not marks:
        return matches
    ordered = [((mark.at, 0), mark) for mark in marks] + [((match.end, 1), match) for match in matches]
    return [item for _, item in sorted(ordered, key=lambda entry: entry[0])]
