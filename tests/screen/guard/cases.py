"""What the tests of the guard share: rules, profiles, and ways to run a guard over a cut text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.screen.guard.naive import NaiveMatcher

from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.screen.guard import Command, FieldGuard, Mask, Note, Screening, Show, Stop
from zhengming.screen.guard.commands import Engine
from zhengming.screen.policy import Policy, Profile, Row
from zhengming.screen.rule import Rule, RuleSet
from zhengming.screen.scorers import Scorer

POLICY = Policy("test", (Row(None, None, None, 1, Verdict.ANNOTATE),))


def literal(name: str, *literals: str, severity: int = 3, boundary: bool = False, mask: str = "") -> Rule:
    return Rule(name, "1", Category.FRAUD, severity, literals, boundary=boundary, mask=mask)


def expression(name: str, pattern: str, *, severity: int = 2, boundary: bool = True, mask: str = "phone") -> Rule:
    return Rule(name, "1", Category.PRIVACY, severity, expression=pattern, boundary=boundary, mask=mask)


def mask_of(rule: Rule) -> str:
    return f"[{rule.mask or rule.category}]"


def profile_of(
    rules: Sequence[Rule], verdicts: Sequence[Verdict], policy: Policy = POLICY, engine: Engine | None = None
) -> Profile:
    acting = {Verdict.REDACT, *(Verdict.STOP, Verdict.BLOCK, Verdict.REPLACE)}
    numbers = frozenset(number for number, verdict in enumerate(verdicts) if verdict in acting)
    spared = frozenset(number for number, rule in enumerate(rules) if rule.severity == 0)
    version = RuleSet(tuple(rules)).version if engine is None else engine.version
    return Profile(policy, Surface.OUTPUT, Audience.ADULT, version, tuple(verdicts), numbers, spared)


def screening_of(
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    scorers: Sequence[Scorer] = (),
    *,
    engine: Engine | None = None,
    policy: Policy = POLICY,
) -> Screening:
    return Screening(engine or NaiveMatcher(rules), profile_of(rules, verdicts, policy, engine), scorers, mask_of)


class Counter:
    """A scorer that counts letters of the plain stream until it has as many as it wants."""

    version = "1"
    severity = 3
    threshold = 1.0

    def __init__(self, name: str, category: Category, letters: str, wanted: int) -> None:
        self.id, self.category, self._letters, self._wanted = name, category, letters, wanted

    def start(self) -> int:
        """None of them yet."""
        return 0

    def update(self, state: int, folded: str) -> int:
        """Count on."""
        return state + sum(character in self._letters for character in folded)

    def score(self, state: int) -> float:
        """How far the count has come."""
        return min(1.0, state / self._wanted)

    def of(self, text: str) -> float:
        """Score a whole text."""
        return self.score(self.update(self.start(), text))


class Seen(NamedTuple):
    """What a client gets of a guarded text."""

    shown: str
    stop: int
    notes: tuple[tuple[str, tuple[int, int] | None], ...]


def seen(commands: Iterable[Command]) -> Seen:
    shown: list[str] = []
    notes: list[tuple[str, tuple[int, int] | None]] = []
    stop = -1
    for command in commands:
        assert stop < 0, "a command after the stop"
        if isinstance(command, Show | Mask):
            shown.append(command.text)
        elif isinstance(command, Note):
            span = command.reason.signal.span
            notes.append((command.reason.signal.rule, None if span is None else (span.start, span.end)))
        else:
            stop = command.at
    return Seen("".join(shown), stop, tuple(notes))


def run(guard: FieldGuard, pieces: Iterable[str]) -> list[Command]:
    commands: list[Command] = []
    for piece in pieces:
        commands += guard.feed(piece)
    return commands + guard.finish()


def cut(text: str, places: Iterable[int]) -> list[str]:
    """The text cut at the places given, in any order."""
    edges = [0, *sorted({place for place in places if 0 < place < len(text)}), len(text)]
    return [text[one:other] for one, other in pairwise(edges)]


def every_cut(text: str) -> Iterable[list[str]]:
    """Each way to cut in two, one character at a time, pieces of three, and whole."""
    yield [text]
    yield list(text)
    yield [text[place : place + 3] for place in range(0, len(text), 3)]
    for place in range(1, len(text)):
        yield [text[:place], text[place:]]


def stops(commands: Iterable[Command]) -> list[Stop]:
    return [command for command in commands if isinstance(command, Stop)]
