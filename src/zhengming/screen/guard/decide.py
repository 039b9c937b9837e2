"""The fold: matches in text order become redactions, notes and at most one stop.

Matches come by end, ties the longest first, then the graver. A redaction hides its span; spans that overlap or touch
are united under one mask, that of the match that begins first (ties: the longest, the graver). The first match whose
verdict ends an answer stops the fold at its start, and everything after it is ignored.
"""

from __future__ import annotations

from bisect import insort
from typing import Final, NamedTuple

from zhengming.core.signals import Reason, Signal, Span
from zhengming.core.words import Verdict
from zhengming.screen.guard.commands import Command, Mask, Screening, Show
from zhengming.screen.matcher import Match

ENDING: Final = frozenset({Verdict.STOP, Verdict.BLOCK, Verdict.REPLACE})
"""Verdicts that end an answer that is on its way out."""


class Redaction(NamedTuple):
    """A span to be masked; sorted, so that the first of a united span names the mask."""

    start: int
    backwards_end: int  # -end: of two that begin together the longer comes first
    leniency: int  # -severity
    rule: int


def redaction_of(match: Match, screening: Screening) -> Redaction:
    """Return the redaction that a match asks for."""
    start, end, rule = match
    return Redaction(start, -end, -screening.matcher.rules.rules[rule].severity, rule)


def reason_of(match: Match, screening: Screening) -> Reason:
    """Return the match as a signal with the verdict of the profile."""
    start, end, index = match
    rule = screening.matcher.rules.rules[index]
    signal = Signal(rule.category, rule.severity, rule.id, rule.version, Span(start, end))
    return Reason(signal, screening.profile.verdicts[index])


class Release:
    """Turns what is decided into Show and Mask commands, from left to right, each code point once.

    `position` is the first code point not yet released. `upto` never looks at what stands at its limit or after it, so
    it may be called as soon as no match that starts before the limit can still be found.
    """

    __slots__ = ("_masked", "pending", "position")

    def __init__(self) -> None:
        self.position = 0
        self.pending: list[Redaction] = []
        self._masked = -1  # where the last mask ended; a redaction that touches it goes under the same mask

    def redact(self, redaction: Redaction) -> None:
        """Remember a redaction until its start is released."""
        insort(self.pending, redaction)

    def upto(self, limit: int, text: str, base: int, screening: Screening, commands: list[Command]) -> None:
        """Append the commands that release the text before `limit`; `text` begins at code point `base`.

        A redaction that begins before the limit is masked to its end, even past the limit.
        """
        pending, position = self.pending, self.position
        while pending and pending[0].start < limit:
            start, backwards_end, _, rule = pending.pop(0)
            if -backwards_end <= position:
                continue  # shown before the rule came, or under a mask already
            end, rules = self._unite(-backwards_end, limit, rule)
            start = max(start, position)
            if start > position:
                commands.append(Show(text[position - base : start - base], position, start))
            mask = "" if start == self._masked else screening.mask(screening.matcher.rules.rules[rule])
            commands.append(Mask(mask, start, end, rules))
            position = self._masked = end
        if limit > position:
            commands.append(Show(text[position - base : limit - base], position, limit))
            position = limit
        self.position = position

    def _unite(self, end: int, limit: int, rule: int) -> tuple[int, tuple[int, ...]]:
        """Take from the pending ones those that overlap or touch the first; return the end and rules of all."""
        pending = self.pending
        rules = {rule}
        while pending and pending[0].start < limit and pending[0].start <= end:
            other = pending.pop(0)
            end = max(end, -other.backwards_end)
            rules.add(other.rule)
        return end, tuple(sorted(rules))
