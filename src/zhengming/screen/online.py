"""The online engine: matches in a text that arrives in pieces, and what of its end could still become one."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from zhengming.screen.expression.parse import MAX_WIDTH
from zhengming.screen.expression.threads import Finding, ThreadWalk
from zhengming.screen.literals import BELOW, BELOW_GAP
from zhengming.screen.prefixes import PrefixWalk

if TYPE_CHECKING:
    from zhengming.screen.matcher import Matcher

_KEPT: Final = 2 * MAX_WIDTH
_TRIMMED_AT: Final = 1024


class Match(NamedTuple):
    """One finding: `start` and `end` (exclusive) in code points of the original text, `rule` an index into the set."""

    start: int
    end: int
    rule: int


class Acting(NamedTuple):
    """Which rules hold text back, prepared for the engine by `Matcher.acting`."""

    rules: frozenset[int]
    nodes: bytes
    states: bytes


class OnlineScan:
    """One text stream: feed pieces of any length, take the matches in the order of their ends.

    For every way of cutting a text, the matches of all `feed` calls and of `finish` together are those of
    `Matcher.scan`, in the same order. Not to be fed after `finish`. `length` is the number of code points fed.

    To go on under other rules in mid-text, begin a stream of the new matcher with the last part of the text; a match
    that begins before that part is not found. With 64 plain characters more than are held, only literals whose
    characters are far apart are lost.
    """

    __slots__ = (
        "_acting",
        "_base",
        "_breaks",
        "_due",
        "_matcher",
        "_plain",
        "_prefixes",
        "_shift",
        "_threads",
        "length",
    )

    def __init__(self, matcher: Matcher, acting: Acting) -> None:
        """Begin a stream; `Matcher.stream` calls this."""
        self._matcher = matcher
        self._acting = acting
        self.length = 0
        self._plain = ""  # the last characters of the plain stream, from index `_base` on
        self._base = 0
        self._shift = 0  # original offset less plain index, for the characters after the last break
        self._breaks: list[tuple[int, int]] = [(0, 0)]
        self._due: list[Finding] = []
        self._prefixes = PrefixWalk(matcher.literals, matcher.orders)
        self._threads = ThreadWalk(matcher.expressions)

    def feed(self, text: str) -> list[Match]:
        """Take the next piece; return the matches that are decided by now and were not returned before."""
        if not text:
            return []
        fold = self._matcher.fold
        begin, due = len(self._plain), self._due
        if fold.special(text) is None and not self._matcher.literals.marked:
            shift = self.length - self._base - begin
            if shift != self._shift:
                self._break(self._base + begin, shift)
            self._prefixes.walk_others(text, self.length, due)
            self._plain += text
        else:
            pieces = fold.pieces(text)
            plain = "".join(pieces)
            if len(plain) == len(text) and "" not in pieces:
                shift = self.length - self._base - begin
                if shift != self._shift:
                    self._break(self._base + begin, shift)
                self._prefixes.walk(plain, range(self.length, self.length + len(text)), due)
            else:
                self._walk_uneven(pieces, plain)
            self._plain += plain
        self.length += len(text)
        threads = self._threads
        if threads.threads or threads.waiting or self._matcher.expressions.opens(self._plain, begin) is not None:
            threads.walk(self._plain, begin, self._base, self._origin, due)
        if len(self._plain) > _TRIMMED_AT:
            self._trim()
        return self._settle() if due else []

    def finish(self) -> list[Match]:
        """The text is complete: return the last matches; open right boundaries hold."""
        self._due += self._prefixes.waiting + self._threads.waiting
        self._prefixes.waiting, self._threads.waiting = [], []
        self._prefixes.alive, self._threads.threads = [], {}
        return self._settle()

    def live_from(self) -> int:
        """Return the earliest offset from which an acting match could still be completed, or waits for a boundary.

        It is the length fed so far when there is none. No acting match that is returned later starts before it, and
        some continuation of the text completes one that starts there (but for validators, which are not foreseen).
        """
        live, acting = self.length, self._acting
        if self._prefixes.alive:
            needed = BELOW_GAP if self._prefixes.gap else BELOW
            for _, start, node in self._prefixes.alive:  # by start
                if acting.nodes[node] & needed:
                    live = start
                    break
        if self._threads.threads:
            starts = [start for state, start in self._threads.threads.items() if acting.states[state]]
            if starts:
                live = min(live, self._origin(min(starts)))
        if self._due or self._prefixes.waiting or self._threads.waiting:
            for _, start, _, rule in (*self._due, *self._prefixes.waiting, *self._threads.waiting):
                if start < live and rule in acting.rules:
                    live = start
        return live

    def _walk_uneven(self, pieces: list[str], plain: str) -> None:
        """Take a piece in which characters were dropped or expanded, so that each index has an origin of its own."""
        origins = [origin for origin, piece in enumerate(pieces, self.length) for _ in piece]
        for index, origin in enumerate(origins, self._base + len(self._plain)):
            if origin - index != self._shift:
                self._break(index, origin - index)
        self._prefixes.walk(plain, origins, self._due)

    def _break(self, index: int, shift: int) -> None:
        self._shift = shift
        self._breaks.append((index, shift))

    def _origin(self, index: int) -> int:
        breaks = self._breaks
        found, shift = breaks[-1]
        if index < found:
            _, shift = breaks[bisect_right(breaks, index, key=_place) - 1]
        return index + shift

    def _trim(self) -> None:
        dropped = len(self._plain) - _KEPT
        self._base += dropped
        self._plain = self._plain[dropped:]
        del self._breaks[: bisect_right(self._breaks, self._base, key=_place) - 1]

    def _settle(self) -> list[Match]:
        """Return what is due, but for the matches at an end where another still waits for its right boundary."""
        due = sorted(self._due)
        kept: list[Finding] = []
        waiting = self._prefixes.waiting or self._threads.waiting
        if waiting:
            end = waiting[0][0]
            kept = [finding for finding in due if finding[0] == end]
            del due[len(due) - len(kept) :]
        self._due = kept
        matches: list[Match] = []
        last: Finding | None = None
        for finding in due:
            if finding != last:
                end, start, _, rule = last = finding
                matches.append(Match(start, end, rule))
        return matches


def _place(entry: tuple[int, int]) -> int:
    return entry[0]
