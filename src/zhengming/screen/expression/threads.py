"""Expressions on a stream: which states are alive, and where the earliest match that is in each of them began."""

from __future__ import annotations

from collections.abc import Callable

from zhengming.screen.expression.automaton import Expression, ExpressionSet

Finding = tuple[int, int, int, int]
"""End, start (original code points), severity negated, rule: in this order findings sort as they are delivered."""


class ThreadWalk:
    """The expressions' part of one stream.

    `threads` maps a state to the earliest start, as an index into the plain stream. `waiting` are the matches at the
    last character whose right boundary the next one decides.
    """

    __slots__ = ("_set", "threads", "waiting")

    def __init__(self, expressions: ExpressionSet) -> None:
        self._set = expressions
        self.threads: dict[int, int] = {}
        self.waiting: list[Finding] = []

    def walk(self, plain: str, at: int, base: int, origin: Callable[[int], int], due: list[Finding]) -> None:
        """Take the characters of `plain` from index `at` on; put what is decided into `due`.

        `plain[0]` has index `base` in the stream, and what lies before `at` reaches back beyond all live starts;
        `origin` maps an index of the stream to the original text.
        """
        one = self._set
        opens, accepting, words = one.opens, one.accepting, one.fold.words
        threads, size = self.threads, len(plain)
        while at < size:
            if self.waiting:
                if plain[at] not in words:
                    due += self.waiting
                self.waiting = []
            if not threads:
                opening = opens(plain, at)
                if opening is None:
                    break
                at = opening.start()
            touched = at > 0 and plain[at - 1] in words
            threads = one.step(threads, plain[at], base + at, one.seeds_touched if touched else one.seeds)
            at += 1
            if threads and max(threads) >= accepting:
                for start, found in self._accept(threads, plain, at, base):
                    finding = (origin(base + at - 1) + 1, origin(start), found.order, found.rule)
                    (self.waiting if found.bounded else due).append(finding)
        self.threads = threads

    def _accept(self, threads: dict[int, int], plain: str, at: int, base: int) -> list[tuple[int, Expression]]:
        """Return the start of the match of each expression that ends here; end the threads that cannot go on."""
        one = self._set
        earliest: dict[int, int] = {}
        for state in [state for state in threads if state >= one.accepting]:
            owner, start = one.owner[state], threads[state]
            earliest[owner] = min(start, earliest.get(owner, start))
            if state >= one.final:
                del threads[state]
        matches = [(start, one.expressions[owner]) for owner, start in earliest.items()]
        return [
            (start, found)
            for start, found in matches
            if found.validator is None or found.validator(plain[start - base : at])
        ]
