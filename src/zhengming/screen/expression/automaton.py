"""All expressions of a rule set as one automaton, with memoised transitions.

A state is a position that has consumed its character. What a character does depends only on the classes that contain
it, so characters are first mapped to such a signature; transitions are computed once for each state and signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from zhengming.core.errors import InvalidInputError
from zhengming.screen.expression.classes import CharClass, union_source
from zhengming.screen.expression.needs import beginnings, needs_of
from zhengming.screen.expression.parse import Positions, parse_expression
from zhengming.screen.fold import Fold
from zhengming.screen.rule import Rule

Validator = Callable[[str], bool]
_MEMO: Final = 100_000
"""Characters whose signature is kept: a text of all characters of Unicode must not fill the memory."""


class Expression(NamedTuple):
    """One expression as the engines need it.

    `first` are its starting states; `gate` finds every place where a match could begin, and perhaps more; a text that
    lacks all characters of one of `needs` has no match.
    """

    rule: int
    order: int
    bounded: bool
    validator: Validator | None
    first: tuple[int, ...]
    gate: re.Pattern[str]
    needs: tuple[frozenset[str], ...]


class _Signatures(dict[str, int]):
    """Maps a character to the number of the set of classes that contain it."""

    __slots__ = ("classes", "members", "numbers")

    def __init__(self, classes: Iterable[CharClass]) -> None:
        self.classes = tuple(classes)
        self.members: list[frozenset[int]] = []
        self.numbers: dict[frozenset[int], int] = {}

    def __missing__(self, character: str) -> int:
        found = frozenset(number for number, one in enumerate(self.classes) if one.contains(character))
        signature = self.numbers.get(found)
        if signature is None:
            self.members.append(found)
            signature = self.numbers[found] = len(self.members) - 1
        if len(self) < _MEMO:
            self[character] = signature
        return signature


class Moves(dict[int, tuple[int, ...]]):
    """Maps a signature to the states reached among `targets`."""

    __slots__ = ("_class_of", "_signatures", "_targets")

    def __init__(self, targets: Iterable[int], class_of: list[int], signatures: _Signatures) -> None:
        self._targets = tuple(targets)
        self._class_of = class_of
        self._signatures = signatures

    def __missing__(self, signature: int) -> tuple[int, ...]:
        members = self._signatures.members[signature]
        found = self[signature] = tuple(state for state in self._targets if self._class_of[state] in members)
        return found


class ExpressionSet:
    """The expressions of a rule set, shared by all streams; only memos grow, and they are bounded.

    States from `accepting` on end a match; those from `final` on cannot go on. `moves[state][signature]` are the next
    states, `seeds` the states that a character opens, `seeds_touched` those that it opens after a word character.
    `owner[state]` is an index into `expressions`. `opens` finds the first character that opens any state. A text that
    has none of the characters of `telling` has no match of any expression; None where no such set can be given.
    """

    __slots__ = (
        "_none",
        "_own_seeds",
        "accepting",
        "expressions",
        "final",
        "fold",
        "moves",
        "opens",
        "owner",
        "seeds",
        "seeds_touched",
        "signatures",
        "telling",
    )

    def __init__(self, rules: Iterable[Rule], fold: Fold, validators: Mapping[str, Validator]) -> None:
        """Raise InvalidInputError naming the rule whose expression or validator cannot be used."""
        self.fold = fold
        chosen = [(number, rule) for number, rule in enumerate(rules) if rule.expression]
        parsed = [parse_expression(rule.expression, rule.id, fold) for _, rule in chosen]
        places = _number_states(parsed)
        self.accepting = sum(len(one.classes) - len(one.last) for one in parsed)
        self.final = self.accepting + sum(1 for one in parsed for position in one.last if one.follow[position])
        distinct: dict[CharClass, int] = {}
        class_of = [0] * sum(len(one.classes) for one in parsed)
        self.owner = [0] * len(class_of)
        targets: list[tuple[int, ...]] = [()] * len(class_of)
        for number, (positions, place) in enumerate(zip(parsed, places, strict=True)):
            for position, chars in enumerate(positions.classes):
                state = place[position]
                class_of[state] = distinct.setdefault(chars, len(distinct))
                self.owner[state] = number
                targets[state] = tuple(place[after] for after in positions.follow[position])
        self.signatures = _Signatures(distinct)
        self.moves = [Moves(target, class_of, self.signatures) for target in targets]
        self.expressions = tuple(
            _expression(number, rule, positions, place, validators)
            for (number, rule), positions, place in zip(chosen, parsed, places, strict=True)
        )
        needs = [one.needs[0] for one in self.expressions if one.needs]
        self.telling = frozenset[str]().union(*needs) if len(needs) == len(self.expressions) else None
        self._own_seeds = [Moves(one.first, class_of, self.signatures) for one in self.expressions]
        self._none = Moves((), class_of, self.signatures)
        free = [state for one in self.expressions if not one.bounded for state in one.first]
        self.seeds = Moves((state for one in self.expressions for state in one.first), class_of, self.signatures)
        self.seeds_touched = Moves(free, class_of, self.signatures)
        opening = [one.classes[position] for one in parsed for position in one.first]
        self.opens = re.compile(union_source(opening) if opening else r"[^\s\S]").search

    def occurrences(self, number: int, plain: str) -> Iterator[tuple[int, int]]:
        """Yield start and end in the whole plain stream of every match of one expression, by end."""
        one = self.expressions[number]
        words, size, at = self.fold.words, len(plain), 0
        while found := one.gate.search(plain, at):
            at = found.start()
            threads: dict[int, int] = {}
            while at < size:
                touched = one.bounded and at > 0 and plain[at - 1] in words
                threads = self.step(threads, plain[at], at, self._none if touched else self._own_seeds[number])
                start = self._accept(threads, at)
                at += 1
                ended = start <= at and not (one.bounded and at < size and plain[at] in words)
                if ended and (one.validator is None or one.validator(plain[start:at])):
                    yield start, at
                if not threads:
                    break

    def step(self, threads: dict[int, int], character: str, at: int, seeds: Moves) -> dict[int, int]:
        """Return where the threads are after the character at index `at`, with those that it opens among `seeds`."""
        signature = self.signatures[character]
        moves = self.moves
        grown: dict[int, int] = {}
        for state, start in threads.items():
            for after in moves[state][signature]:
                if grown.setdefault(after, start) > start:
                    grown[after] = start
        for state in seeds[signature]:
            grown.setdefault(state, at)
        return grown

    def _accept(self, threads: dict[int, int], at: int) -> int:
        """Return the earliest start of a match that ends here, more than `at` + 1 for none; end what cannot go on."""
        start = at + 2
        for state in [state for state in threads if state >= self.accepting]:
            start = min(start, threads[state])
            if state >= self.final:
                del threads[state]
        return start


def _number_states(parsed: list[Positions]) -> list[list[int]]:
    """Number all positions so that those that end a match come last, and those that cannot go on after them."""
    ranks: tuple[list[tuple[int, int]], ...] = ([], [], [])
    for number, one in enumerate(parsed):
        for position in range(len(one.classes)):
            ends = position in one.last
            ranks[ends + (ends and not one.follow[position])].append((number, position))
    places = [[0] * len(one.classes) for one in parsed]
    for state, (number, position) in enumerate([*ranks[0], *ranks[1], *ranks[2]]):
        places[number][position] = state
    return places


def _expression(
    number: int, rule: Rule, positions: Positions, place: list[int], validators: Mapping[str, Validator]
) -> Expression:
    if rule.validator and rule.validator not in validators:
        raise InvalidInputError(
            f"rule {rule.id!r}: there is no validator {rule.validator!r}",
            next_step=f"Use one of: {', '.join(sorted(validators))}.",
        )
    source = "".join(union_source(positions.classes[one] for one in level) for level in beginnings(positions))
    return Expression(
        rule=number,
        order=-rule.severity,
        bounded=rule.boundary,
        validator=validators[rule.validator] if rule.validator else None,
        first=tuple(place[position] for position in positions.first),
        gate=re.compile(source),
        needs=needs_of(positions),
    )
