"""What is shown of a text depends on the text alone: the guard against an oracle that sees whole texts.

A case is one rule set, one text and one way of cutting it. Each example below runs six (four random cuts, one character
at a time, uncut): 4 x 850 examples, 20,400 cases with the real engine; 300 more with the naive one, 3,600 with rules
that change and 2,400 with scorers.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.screen.guard import oracle, strategies
from tests.screen.guard.cases import Counter, Seen, cut, mask_of, screening_of, seen
from tests.screen.guard.oracle import Outcome

from zhengming.core.words import Category, Surface, Verdict
from zhengming.screen.guard import Command, Mask, Screening, Show, TextGuard
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.policy import Policy, Row
from zhengming.screen.rule import Rule, RuleSet

EXAMPLES, PARTS = 850, 4  # in parts, so that several processes share the work
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

    assert seen(commands) == Seen(*expected)
    assert guard.held == 0
    assert guard.stopped == (expected.stop >= 0)
    assert guard.finish() == []


def real(rules: Sequence[Rule], verdicts: Sequence[Verdict]) -> Screening:
    return screening_of(rules, verdicts, engine=compile_matcher(RuleSet(tuple(rules))))


def ways(text: str, places: Sequence[set[int]]) -> list[list[str]]:
    return [*(cut(text, one) for one in places), list(text), [text]]


@pytest.mark.parametrize("part", range(PARTS))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=strategies.cases(), places=strategies.cuts)
def test_for_every_cut_the_same_is_shown_as_of_the_whole_text(
    part: int,  # noqa: ARG001 - each part draws its own examples
    case: tuple[list[Rule], list[Verdict], str],
    places: list[set[int]],
) -> None:
    rules, verdicts, text = case
    expected = oracle.outcome(rules, verdicts, mask_of, text)
    screening = real(rules, verdicts)

    for pieces in ways(text, places):
        check(screening, pieces, expected)


@settings(max_examples=NAIVE_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=strategies.cases(), places=strategies.cuts)
def test_the_guard_does_not_count_on_how_much_an_engine_holds_back(
    case: tuple[list[Rule], list[Verdict], str], places: list[set[int]]
) -> None:
    rules, verdicts, text = case
    expected = oracle.outcome(rules, verdicts, mask_of, text)
    screening = screening_of(rules, verdicts)

    for pieces in ways(text, places):
        check(screening, pieces, expected)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    old=strategies.cases(),
    new=strategies.cases(),
    places=strategies.cuts,
    share=st.integers(0, 10),
)
def test_rules_that_change_in_mid_stream_act_on_all_that_was_not_shown(
    old: tuple[list[Rule], list[Verdict], str],
    new: tuple[list[Rule], list[Verdict], str],
    places: list[set[int]],
    share: int,
) -> None:
    text = (old[2] + new[2])[:60]
    at = len(text) * share // 10
    before, after = (
        screening_of(rules, verdicts, engine=compile_matcher(RuleSet(tuple(rules))))
        for rules, verdicts, _ in (old, new)
    )
    results = set()
    for pieces in ways(text[:at], places):
        for later in ([text[at:]], list(text[at:])):
            guard = TextGuard(before)
            first = [command for piece in pieces for command in guard.feed(piece)]
            second = guard.reload(after)
            for piece in later:
                second += guard.feed(piece)
            second += guard.finish()
            results.add((seen(first), seen(second)))
            if guard.stopped and seen(first).stop >= 0:
                assert second == []
                continue
            shown = max([0, *(one.end for one in first if isinstance(one, Show | Mask))])
            masked = max([-1, *(one.end for one in first if isinstance(one, Mask))])
            expected = oracle.reloaded(new[0], new[1], mask_of, text, (shown, masked))
            assert seen(second)[:2] == expected[:2]
            assert set(seen(second).notes) | set(seen(first).notes) >= set(expected.notes)
            assert guard.versions == list(dict.fromkeys([before.matcher.version, after.matcher.version]))

    assert len(results) == 1, "the cut changed what was shown"


SCORED = Policy(
    "scored",
    (
        Row(None, None, None, 1, Verdict.ANNOTATE),
        Row(Category.SPAM, Surface.OUTPUT, None, 1, Verdict.STOP),
    ),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=strategies.cases(), places=strategies.cuts, wanted=st.tuples(st.integers(1, 6), st.integers(1, 9)))
def test_scorers_act_at_places_that_the_cut_does_not_move(
    case: tuple[list[Rule], list[Verdict], str], places: list[set[int]], wanted: tuple[int, int]
) -> None:
    rules, verdicts, text = case
    scorers = (
        Counter("score.noted", Category.VIOLENCE, "a杀1人", wanted[0]),
        Counter("score.stops", Category.SPAM, "ab赌3 .", wanted[1]),
    )
    meters = [
        oracle.Meter(one.id, verdict, one.threshold, one.of)
        for one, verdict in zip(scorers, (Verdict.ANNOTATE, Verdict.STOP), strict=True)
    ]
    expected = oracle.outcome(rules, verdicts, mask_of, text, meters)
    engine = compile_matcher(RuleSet(tuple(rules)))
    screening = screening_of(rules, verdicts, scorers, engine=engine, policy=SCORED)

    for pieces in ways(text, places):
        check(screening, pieces, expected)
