"""A slow online engine built on the oracle: it matches the whole text anew at each piece, and holds back generously.

With it the guard is proved apart from the real engine: what is shown must not depend on how much is held.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.screen.guard import oracle

from zhengming.screen.matcher import Match
from zhengming.screen.rule import Rule, RuleSet

GENEROUS = 40  # code points: longer than any literal or expression that the tests use, skipped separators included


class NaiveMatcher:
    """An engine by brute force."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = RuleSet(tuple(rules))

    @property
    def version(self) -> str:
        """The version of the rules."""
        return self.rules.version

    def acting(self, indices: frozenset[int]) -> frozenset[int]:
        """What holds text back, as given."""
        return indices

    def stream(self, acting: frozenset[int]) -> NaiveScan:
        """Begin a text."""
        return NaiveScan(self.rules.rules, acting)


class NaiveScan:
    """One text: decided is what ends before the last folded character."""

    def __init__(self, rules: Sequence[Rule], acting: frozenset[int]) -> None:
        self._rules, self._acting = rules, acting
        self._text = ""
        self._delivered = 0  # every match that ends here or before was delivered

    def feed(self, text: str) -> list[Match]:
        """Matches that the next folded character settled."""
        self._text += text
        stream = oracle.plain(self._text)
        return self._deliver(stream[-1][1] if stream else 0)

    def finish(self) -> list[Match]:
        """All that is left."""
        return self._deliver(len(self._text))

    def live_from(self) -> int:
        """Earlier than it need be."""
        return max(0, min(self._delivered, len(self._text) - GENEROUS)) if self._acting else len(self._text)

    def _deliver(self, end: int) -> list[Match]:
        found = [one for one in oracle.matches(self._rules, self._text) if self._delivered < one.end <= end]
        self._delivered = max(self._delivered, end)
        return [Match(one.start, one.end, one.rule) for one in found]
