"""Turn an expression into the positions of a Glushkov automaton, refusing what a stream cannot decide.

The syntax is that of `re`, read by its own parser. Refused, because what they match cannot be bounded or depends on the
text around: `*`, `+`, `{n,}` (write `{1,20}`), back-references, look-around, anchors, flags, atomic groups and
possessive repeats; also what can match the empty text, or more than 64 characters. A letter of the expression is folded
like the text, so `Ａ` and `a` say the same. Greedy and lazy repeats name the same language and are equal here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from re import _constants as op  # type: ignore[attr-defined,unused-ignore]  # the parser of `re`; not in the stubs
from re import _parser as sre  # type: ignore[attr-defined,unused-ignore]
from typing import Any, Final, NamedTuple, NoReturn

from zhengming.core.errors import InvalidInputError
from zhengming.screen.expression.classes import CharClass
from zhengming.screen.fold import Fold

MAX_WIDTH: Final = 64
MAX_POSITIONS: Final = 2_000
_CATEGORIES: Final = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_NOT_WORD: r"\W",
}
_REFUSED: Final = {
    op.AT: "anchors and \\b are not available; set `boundary: true` to ask for word boundaries",
    op.ASSERT: "look-around is not available; set `boundary: true` to ask for word boundaries",
    op.ASSERT_NOT: "look-around is not available; set `boundary: true` to ask for word boundaries",
    op.GROUPREF: "back-references are not available",
    op.GROUPREF_EXISTS: "conditional groups are not available",
    op.ATOMIC_GROUP: "atomic groups are not available; leave out `?>`",
    op.POSSESSIVE_REPEAT: "possessive repeats are not available; leave out the second `+`",
}


class Positions(NamedTuple):
    """The automaton of one expression: each position consumes one character of its class.

    `first` are the positions where a match may begin, `last` those where it may end, `follow[p]` those that may come
    after `p`; `shortest` is the length of the shortest match.
    """

    classes: tuple[CharClass, ...]
    first: tuple[int, ...]
    last: frozenset[int]
    follow: tuple[tuple[int, ...], ...]
    shortest: int


class _Piece(NamedTuple):
    nullable: bool
    first: frozenset[int]
    last: frozenset[int]


_EMPTY: Final = _Piece(nullable=True, first=frozenset(), last=frozenset())


def parse_expression(expression: str, rule: str, fold: Fold) -> Positions:
    """Return the automaton; raise InvalidInputError that names the rule and what to write instead."""

    def refuse(reason: str) -> NoReturn:
        raise InvalidInputError(f"rule {rule!r}, expression {expression!r}: {reason}", next_step="Correct the rule.")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = sre.parse(expression)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        refuse(f"it cannot be read: {error}")
    if tree.state.flags & ~re.UNICODE:
        refuse("flags are not available; texts are folded to lower case before they are matched")
    builder = _Builder(fold, refuse)
    piece = builder.sequence(tree)
    shortest, longest = tree.getwidth()
    if piece.nullable:
        refuse("it matches the empty text")
    if longest > MAX_WIDTH:
        refuse(f"it matches up to {longest} characters; {MAX_WIDTH} are the most that is held back")
    follow = tuple(tuple(sorted(after)) for after in builder.follow)
    return Positions(tuple(builder.classes), tuple(sorted(piece.first)), piece.last, follow, int(shortest))


class _Builder:
    """Collects positions while it walks the parsed tree."""

    def __init__(self, fold: Fold, refuse: Callable[[str], NoReturn]) -> None:
        self.fold = fold
        self.refuse = refuse
        self.classes: list[CharClass] = []
        self.follow: list[set[int]] = []

    def sequence(self, nodes: Sequence[tuple[Any, Any]]) -> _Piece:
        whole = _EMPTY
        for code, value in nodes:
            whole = self._join(whole, self._node(code, value))
        return whole

    def _node(self, code: Any, value: Any) -> _Piece:
        if code in _REFUSED:
            self.refuse(_REFUSED[code])
        if code is op.SUBPATTERN:
            _, added, removed, inner = value
            if added or removed:
                self.refuse("flags are not available; texts are folded to lower case before they are matched")
            return self.sequence(inner)
        if code is op.BRANCH:
            return self._branch(value[1])
        if code in {op.MAX_REPEAT, op.MIN_REPEAT}:
            return self._repeat(*value)
        return self._position(self._class(code, value))

    def _branch(self, branches: list[Any]) -> _Piece:
        pieces = [self.sequence(branch) for branch in branches]
        return _Piece(
            any(piece.nullable for piece in pieces),
            frozenset().union(*(piece.first for piece in pieces)),
            frozenset().union(*(piece.last for piece in pieces)),
        )

    def _repeat(self, least: int, most: Any, inner: Any) -> _Piece:
        if most is op.MAXREPEAT or most > MAX_WIDTH:
            self.refuse(f"a repeat has no bound of at most {MAX_WIDTH}; write `{{{min(least, MAX_WIDTH)},20}}`")
        tail = _EMPTY
        for _ in range(int(most) - least):
            tail = self._join(self.sequence(inner), tail)._replace(nullable=True)
        for _ in range(least):
            tail = self._join(self.sequence(inner), tail)
        return tail

    def _join(self, one: _Piece, other: _Piece) -> _Piece:
        for position in one.last:
            self.follow[position] |= other.first
        return _Piece(
            one.nullable and other.nullable,
            one.first | other.first if one.nullable else one.first,
            one.last | other.last if other.nullable else other.last,
        )

    def _position(self, chars: CharClass) -> _Piece:
        number = len(self.classes)
        if number == MAX_POSITIONS:
            self.refuse(f"it has more than {MAX_POSITIONS} positions; split it into several rules")
        self.classes.append(chars)
        self.follow.append(set())
        return _Piece(nullable=False, first=frozenset((number,)), last=frozenset((number,)))

    def _class(self, code: Any, value: Any) -> CharClass:
        if code is op.ANY:
            return CharClass(negated=True)
        if code is op.LITERAL:
            return CharClass(negated=False, singles=frozenset(self._letter(value)))
        if code is op.NOT_LITERAL:
            return CharClass(negated=True, singles=frozenset(self._letter(value)))
        if code is not op.IN:
            self.refuse(f"{str(code).lower()} is not available")
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        categories: set[str] = set()
        for kind, item in value:
            if kind is op.LITERAL:
                singles.add(self._letter(item))
            elif kind is op.RANGE:
                ranges.append(self._range(*item))
            elif kind is op.CATEGORY:
                categories.add(_CATEGORIES[item])
        negated = value[0][0] is op.NEGATE
        return CharClass(negated, frozenset(singles), tuple(ranges), frozenset(categories))

    def _letter(self, code: int) -> str:
        letter = self.fold.plain(chr(code))
        if len(letter) != 1:
            self.refuse(f"{chr(code)!r} never stands in a folded text, where it becomes {letter!r}")
        return letter

    def _range(self, low: int, high: int) -> tuple[str, str]:
        if any(self.fold.stays(chr(code)) for code in range(low, high + 1)):
            return chr(low), chr(high)
        first, last = self._letter(low), self._letter(high)
        if ord(last) - ord(first) != high - low:
            self.refuse(f"the range {chr(low)}-{chr(high)} has no character that stands in a folded text")
        return first, last
