"""Literals compiled: how they look in the tight stream, and the prefix table that both engines share.

A literal is folded like a text. One with word characters gets a second form, spelled out: `k i l l` beside `kill`.
At an end that is a word character no word character may touch a match in the plain stream, so that `kill` is not found
in `skill`; `boundary` asks the same at an end of any kind.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from ahocorasick_rs import AhoCorasick

from zhengming.core.errors import InvalidInputError
from zhengming.screen.fold import BREAK, MAX_GAP, Fold
from zhengming.screen.rule import Rule

MAX_LITERAL: Final = 64
"""The longest literal, in characters of the tight stream."""
MIN_SPELLED: Final = 3
UNTOUCHED: Final = "\x01"
"""Put before a prefix whose start must not be touched though it is no word character; no folded text contains it."""

_NO_NODE: Final = frozenset({" ", UNTOUCHED})

BELOW: Final = 1
BELOW_GAP: Final = 2


class LiteralSet:
    """The literals of a rule set, shared by all streams; immutable once built.

    `nodes` numbers every prefix of every tight form (but those that end in `" "`: the tight stream never ends so).
    `hits` names the rules of the complete ones, as twice the rule's index, plus 1 where the right end is bounded.
    `parents` and `edges` lead from a node to the next shorter prefix and say which flags that one gets, so that `flags`
    can mark what is live for a part of the rules.
    `marked` says that some literal bounds an end that is no word character.
    """

    __slots__ = ("_automaton", "edges", "fold", "hits", "marked", "nodes", "parents")

    def __init__(self, rules: Iterable[Rule], fold: Fold) -> None:
        """Raise InvalidInputError naming the rule whose literal cannot be matched."""
        self.fold = fold
        self.marked = False
        forms: dict[str, tuple[int, ...]] = {}
        for number, rule in enumerate(rules):
            if rule.literals:
                self._add_rule(forms, number, rule)
        self.nodes: dict[str, int] = {}
        self.parents = array("i")
        self.edges = bytearray()
        self.hits: dict[int, tuple[int, ...]] = {}
        self._add_nodes(sorted(forms), forms)
        patterns = sorted({form.lstrip(UNTOUCHED) for form in forms})  # sorted, it builds three times as fast
        self._automaton = AhoCorasick(patterns, store_patterns=False) if patterns else None

    def _add_rule(self, forms: dict[str, tuple[int, ...]], number: int, rule: Rule) -> None:
        special = self.fold.special
        boundary = rule.boundary
        free = (number << 1,)
        for literal in rule.literals:
            if boundary or special(literal) is not None or not 0 < len(literal) <= MAX_LITERAL:
                self._add_mixed(forms, number, rule, literal)
                continue
            known = forms.setdefault(literal, free)
            if known is not free and free[0] not in known:
                forms[literal] = known + free

    def _add_mixed(self, forms: dict[str, tuple[int, ...]], number: int, rule: Rule, literal: str) -> None:
        words = self.fold.words
        tight = tight_literal(literal, rule.id, self.fold)
        mark = UNTOUCHED if rule.boundary and tight[0] not in words else ""
        if mark or (rule.boundary and tight[-1] not in words):
            self.marked = True
        hit = number << 1 | (rule.boundary or tight[-1] in words)
        for form in {tight, spelled_out(tight, words)} - {""}:
            known = forms.get(mark + form, ())
            if hit not in known:
                forms[mark + form] = (*known, hit)

    def _add_nodes(self, ordered: list[str], forms: dict[str, tuple[int, ...]]) -> None:
        """Number the prefixes of forms in sorted order, so that each form only adds what it does not share."""
        nodes, edges, words = self.nodes, self.edges, self.fold.words
        before, path = "", [-1]  # path[n] is the node of the first n characters of the form before
        for form in ordered:
            common = 0
            for one, other in zip(form, before, strict=False):
                if one != other:
                    break
                common += 1
            del path[common + 1 :]
            node = path[-1]
            for end in range(common, len(form)):
                last = form[end]
                if last not in _NO_NODE:
                    self.parents.append(node)
                    node = nodes[form[: end + 1]] = len(edges)
                    edges.append(BELOW if last in words and form[end - 1 : end] in words else BELOW | BELOW_GAP)
                path.append(node)
            self.hits[node] = forms[form]
            before = form

    def flags(self, acting: frozenset[int]) -> bytes:
        """Return for each node what of the acting rules lies strictly below it.

        `BELOW`: some acting literal is longer than the node. `BELOW_GAP`: one can go on when separators stand after it.
        """
        flags = bytearray(len(self.edges))
        ends = {node for node, hits in self.hits.items() if any(hit >> 1 in acting for hit in hits)}
        parents, edges = self.parents, self.edges
        for node in range(len(flags) - 1, -1, -1):  # a node's number is higher than its parent's
            if flags[node] or node in ends:
                parent = parents[node]
                if parent >= 0:
                    flags[parent] |= edges[node]
        return bytes(flags)

    def lacks(self, tight: str) -> bool:
        """Whether no form occurs in a tight stream, boundaries aside; raises UnicodeEncodeError for surrogates."""
        return self._automaton is None or not self._automaton.find_matches_as_indexes(tight)

    def find(self, tight: str) -> list[tuple[int, int]]:
        """Return the start and end of every occurrence of a form in a tight stream, boundaries not yet looked at."""
        if self._automaton is None:
            return []
        return [(start, end) for _, start, end in self._automaton.find_matches_as_indexes(tight, overlapping=True)]


def tight_literal(literal: str, rule: str, fold: Fold) -> str:
    """Return the tight form of a literal; raise InvalidInputError when no text could match as its author expects."""
    plain = fold.plain(literal).strip(" ")
    tight = tight_stream(plain, fold)
    reason = ""
    if not tight or plain[0] in fold.separators or plain[-1] in fold.separators:
        reason = "it must begin and end with a letter, digit or character, not with punctuation or a symbol"
    elif BREAK in tight:
        reason = f"it has more than {MAX_GAP} separators in a row or a lone surrogate"
    elif len(tight) > MAX_LITERAL:
        reason = f"it has {len(tight)} characters, more than {MAX_LITERAL}"
    if reason:
        raise InvalidInputError(
            f"rule {rule!r}, literal {literal!r}: {reason}", next_step="Shorten it, or write an expression."
        )
    return tight


def tight_stream(plain: str, fold: Fold) -> str:
    """Return the tight stream of a whole plain one."""
    words, separators = fold.words, fold.separators
    out: list[str] = []
    gap, after_word = 0, False
    for character in plain:
        if character in separators:
            gap += 1
            if gap > MAX_GAP:
                out.append(BREAK if gap == MAX_GAP + 1 else "")
            continue
        word = character in words
        if word and after_word and 0 < gap <= MAX_GAP:
            out.append(" ")
        out.append(BREAK if "\ud800" <= character <= "\udfff" else character)
        gap, after_word = 0, word
    return "".join(out)


def spelled_out(tight: str, words: frozenset[str]) -> str:
    """Return the form with a `" "` between all neighbouring word characters; empty when it is no form of its own."""
    characters = tight.replace(" ", "")
    if len(characters) < MIN_SPELLED:
        return ""
    out = [characters[0]]
    for before, character in pairwise(characters):
        if before in words and character in words:
            out.append(" ")
        out.append(character)
    form = "".join(out)
    return "" if form == tight else form
