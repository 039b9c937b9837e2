"""What is shown of a text depends on the text alone: the guard against an oracle that sees whole texts.

A case is one rule set, one text and one way of cutting it. Each example below runs six (four random cuts, one character
at a time, uncut): 1,700 examples, 10,200 cases with the real engine, and 300 more with the naive one.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings

from tests.screen.guard import oracle, strategies
from tests.screen.guard.cases import cut, mask_of, screening_of, seen
from tests.screen.guard.oracle import Outcome
from zhengming.core.words import Verdict
from zhengming.screen.guard import Command, Screening, TextGuard
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.rule import Rule, RuleSet

EXAMPLES = 1_700
NAIVE_EXAMPLES = 50


def check(screening: Screening, pieces: Sequence[str], expected: Outcome) -> None:
    """Feed the pieces; nothing may ever be shown that the whole text does not show."""
    guard = TextGuard(screening)
    commands: list[Command] = []
    fed = 0
    for piece in pieces:
        commands += guard.feed(piece)
        fed += len(piece)
        shown = seen(commands).shown
        assert expected.shown.startswith(shown), (shown, expected)
        assert 0 <= guard.held <= fed
    commands += guard.finish()

    assert seen(commands) == expected
    assert guard.held == 0
    assert guard.stopped == (expected.stop >= 0)
    assert guard.finish() == []


def ways(text: str, places: Sequence[set[int]]) -> list[list[str]]:
    return [*(cut(text, one) for one in places), list(text), [text]]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules=strategies.rule_sets(), text=strategies.texts, places=strategies.cuts)
def test_for_every_cut_the_same_is_shown_as_of_the_whole_text(
    rules: tuple[list[Rule], list[Verdict]], text: str, places: list[set[int]]
) -> None:
    expected = oracle.outcome(*rules, mask_of, text)
    screening = screening_of(*rules, engine=compile_matcher(RuleSet(tuple(rules[0]))))

    for pieces in ways(text, places):
        check(screening, pieces, expected)


@settings(max_examples=NAIVE_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules=strategies.rule_sets(), text=strategies.texts, places=strategies.cuts)
def test_the_guard_does_not_count_on_how_much_an_engine_holds_back(
    rules: tuple[list[Rule], list[Verdict]], text: str, places: list[set[int]]
) -> None:
    expected = oracle.outcome(*rules, mask_of, text)
    screening = screening_of(*rules)

    for pieces in ways(text, places):
        check(screening, pieces, expected)
