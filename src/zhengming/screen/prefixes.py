"""Literals on a stream: which prefixes of literals the text ends with, and where each began."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zhengming.screen.expression.threads import Finding
from zhengming.screen.fold import MAX_GAP
from zhengming.screen.literals import UNTOUCHED, LiteralSet


class PrefixWalk:
    """The literals' part of one stream.

    `alive` holds, by start, each suffix of the tight stream that is a prefix of a literal, with its start in the
    original text and its node. `waiting` are matches whose right boundary the next plain character decides. `gap` is
    the number of separators since the last tight character, `after_word` whether that one is a word character.
    """

    __slots__ = ("_orders", "_set", "after_word", "alive", "gap", "waiting")

    def __init__(self, literals: LiteralSet, orders: Sequence[int]) -> None:
        self._set = literals
        self._orders = orders
        self.after_word = False
        self.alive: list[tuple[str, int, int]] = []
        self.gap = 0
        self.waiting: list[Finding] = []

    def walk_others(self, text: str, origin: int, due: list[Finding]) -> None:
        """Take a text that is its own folding and has characters of the kind "other" only; the first is at `origin`.

        Only for sets without `marked` literals: then no boundary depends on these characters.
        """
        if self.waiting:
            due += self.waiting
            self.waiting = []
        get, hits = self._set.nodes.get, self._set.hits
        alive = self.alive
        for character in text:
            if alive:
                grown = []
                for prefix, start, _ in alive:
                    longer = prefix + character
                    node = get(longer)
                    if node is not None:
                        grown.append((longer, start, node))
                        if node in hits:
                            self._hit(node, start, origin, due)
                alive = grown
            node = get(character)
            if node is not None:
                alive.append((character, origin, node))
                if node in hits:
                    self._hit(node, origin, origin, due)
            origin += 1
        self.alive = alive
        self.gap = 0
        self.after_word = False

    def walk(self, plain: str, origins: Iterable[int], due: list[Finding]) -> None:
        """Take any characters of the plain stream with the place of each in the original text."""
        fold = self._set.fold
        words, separators = fold.words, fold.separators
        for character, origin in zip(plain, origins, strict=True):
            word = character in words
            if self.waiting:
                if not word:
                    due += self.waiting
                self.waiting = []
            if character in separators:
                self.gap += 1
                if self.gap > MAX_GAP:
                    self.alive = []
                continue
            if self.alive:
                self._grow(f" {character}" if self.gap and word and self.after_word else character, origin, due)
            touched = self.after_word and not self.gap
            if not (touched and word):
                self._open(character, origin, due)
            if self._set.marked and not touched and not word:
                self._open(UNTOUCHED + character, origin, due)
            self.gap = 0
            self.after_word = word

    def _grow(self, tail: str, origin: int, due: list[Finding]) -> None:
        get, hits = self._set.nodes.get, self._set.hits
        grown = []
        for prefix, start, _ in self.alive:
            longer = prefix + tail
            node = get(longer)
            if node is not None:
                grown.append((longer, start, node))
                if node in hits:
                    self._hit(node, start, origin, due)
        self.alive = grown

    def _open(self, prefix: str, origin: int, due: list[Finding]) -> None:
        node = self._set.nodes.get(prefix)
        if node is not None:
            self.alive.append((prefix, origin, node))
            if node in self._set.hits:
                self._hit(node, origin, origin, due)

    def _hit(self, node: int, start: int, origin: int, due: list[Finding]) -> None:
        for hit in self._set.hits[node]:
            rule = hit >> 1
            (self.waiting if hit & 1 else due).append((origin + 1, start, self._orders[rule], rule))
