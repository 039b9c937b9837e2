"""The bulk engine: all matches of a whole text, the same as the online one finds, by pattern and by automaton.

Literals are found by Aho-Corasick over the tight stream; an expression is looked at only when the text has the
characters that it needs, and its threads run only where its gate opens. Nearly every text holds nothing, which a quick
look tells; only for the others is it worked out where each character came from. numpy would do that faster for long
texts, at the price of 30 MB in every process.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from zhengming.screen.fold import BREAK, MAX_GAP, Fold, load_fold
from zhengming.screen.literals import UNTOUCHED
from zhengming.screen.online import Match

if TYPE_CHECKING:
    from zhengming.screen.matcher import Matcher

_BEYOND: Final = "\U00010000"


class _Folded(NamedTuple):
    """The plain stream as text, and the place of each of its characters in the original."""

    text: str
    origins: Sequence[int]


def scan(matcher: Matcher, text: str) -> list[Match]:
    """Return all matches in the text, ordered as `Matcher` says."""
    if not text or _holds_nothing(matcher, text):
        return []
    folded = _fold(text, matcher.fold)
    findings = _literals(matcher, folded) | _expressions(matcher, folded)
    return [Match(start, end, rule) for end, start, _, rule in sorted(findings)]


def _holds_nothing(matcher: Matcher, text: str) -> bool:
    """Whether nothing can match: the case of nearly every text, told without the place of any character.

    What it misses would be a match that the engine below finds, so it may only err by saying no.
    """
    plain = matcher.fold.plain(text)
    expressions = matcher.expressions
    if expressions.telling is None or not expressions.telling.isdisjoint(plain):
        present = set(plain)
        for number, one in enumerate(expressions.expressions):
            for needed in one.needs:
                if present.isdisjoint(needed):
                    break
            else:
                if next(expressions.occurrences(number, plain), None) is not None:
                    return False
    tight = _tight_text(plain)
    try:
        return tight is not None and matcher.literals.lacks(tight)
    except UnicodeEncodeError:  # a lone surrogate, which the automaton refuses
        return False


_GAP: Final = "\x01"
_LONG: Final = " " * (MAX_GAP + 1)
_LONG_GAP: Final = re.compile(f" {{{MAX_GAP + 1},}}")


class _Gaps(NamedTuple):
    """What the tight stream needs to know: separators become spaces, and those between two words stay.

    The patterns know the basic plane only; what lies beyond it and matters is `rare`.
    """

    separator: re.Pattern[str]
    word: re.Pattern[str]
    between_words: re.Pattern[str]
    rare: frozenset[str]


@cache
def _gaps() -> _Gaps:
    fold = load_fold()
    word = "[" + re.escape("".join(sorted(one for one in fold.words if one < _BEYOND))) + "]"
    separator = "[" + re.escape("".join(sorted(one for one in fold.separators if one < _BEYOND))) + "]"
    return _Gaps(
        re.compile(separator),
        re.compile(word),
        re.compile(f"(?<={word}) +(?={word})"),
        frozenset(one for one in fold.words | fold.separators if one >= _BEYOND),
    )


def _tight_text(plain: str) -> str | None:
    """Return the tight stream of a plain one, without places; None where only the arrays can tell it."""
    gaps = _gaps()
    if not plain.isascii() and max(plain) >= _BEYOND and not gaps.rare.isdisjoint(plain):
        return None
    tight = gaps.separator.sub(" ", plain)
    if " " not in tight:
        return tight
    if _LONG in tight:
        tight = _LONG_GAP.sub(BREAK, tight)
    if gaps.word.search(tight) is None:
        return tight.replace(" ", "")
    return gaps.between_words.sub(_GAP, tight).replace(" ", "").replace(_GAP, " ")


def _fold(text: str, fold: Fold) -> _Folded:
    pieces = fold.pieces(text)
    plain = "".join(pieces)
    if len(plain) == len(text) and "" not in pieces:
        return _Folded(plain, range(len(text)))
    origins = array("q")
    for place, piece in enumerate(pieces):
        for _ in piece:
            origins.append(place)
    return _Folded(plain, origins)


def _tight(plain: str, fold: Fold) -> tuple[str, Sequence[int]]:
    """Return the tight stream, and for each of its characters the index in the plain one.

    A `" "` or a break that stands for separators has the index of the character after them. Separators at the end are
    left out, since nothing can match there.
    """
    words, separators = fold.words, fold.separators
    out: list[str] = []
    places = array("q")
    gap, after_word = 0, False
    for place, character in enumerate(plain):
        if character in separators:
            gap += 1
            continue
        word = character in words
        if gap > MAX_GAP:
            out.append(BREAK)
            places.append(place)
        elif gap and word and after_word:
            out.append(" ")
            places.append(place)
        out.append(BREAK if "\ud800" <= character <= "\udfff" else character)
        places.append(place)
        gap, after_word = 0, word
    return "".join(out), places


def _literals(matcher: Matcher, folded: _Folded) -> set[tuple[int, int, int, int]]:
    plain, origins = folded
    text, places = _tight(plain, matcher.fold)
    words = matcher.fold.words
    nodes, hits = matcher.literals.nodes, matcher.literals.hits
    findings: set[tuple[int, int, int, int]] = set()
    for begin, stop in matcher.literals.find(text):
        first, last = places[begin], places[stop - 1]
        untouched = not (first > 0 and plain[first - 1] in words)
        ended = not (last + 1 < len(plain) and plain[last + 1] in words)
        form = text[begin:stop]
        found = [nodes.get(form)] if untouched or plain[first] not in words else []
        if untouched:
            found.append(nodes.get(UNTOUCHED + form))
        start, end = origins[first], origins[last] + 1
        for node in found:
            for hit in hits.get(node, ()) if node is not None else ():
                if ended or not hit & 1:
                    findings.add((end, start, matcher.orders[hit >> 1], hit >> 1))
    return findings


def _expressions(matcher: Matcher, folded: _Folded) -> set[tuple[int, int, int, int]]:
    findings: set[tuple[int, int, int, int]] = set()
    if not matcher.expressions.expressions:
        return findings
    present = set(folded.text)
    origins = folded.origins
    for number, one in enumerate(matcher.expressions.expressions):
        if not any(present.isdisjoint(needed) for needed in one.needs):
            for start, end in matcher.expressions.occurrences(number, folded.text):
                findings.add((origins[end - 1] + 1, origins[start], one.order, one.rule))
    return findings
