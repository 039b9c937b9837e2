"""From what was found in a person's words to what is done for them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.care.state import FRESH, CareState
from zhengming.care.step import CareAction, HelpSituation, level_of_signals, step
from zhengming.care.thresholds import load_thresholds
from zhengming.core.signals import Signal, Span
from zhengming.core.words import Audience, CareAxis, CareLevel, Category

THRESHOLDS = load_thresholds()


def found(severity: int, rule: str = "sh.1", start: int = 0, end: int = 4) -> Signal:
    return Signal(Category.SELF_HARM, severity, rule, "v1", Span(start, end))


def scored(severity: int) -> Signal:
    return Signal(Category.SELF_HARM, severity, "sh.scorer", "v1", None, 0.97)


signals = st.lists(
    st.builds(
        Signal,
        st.sampled_from(Category),
        st.integers(0, 4),
        st.sampled_from(["a", "b", "c"]),
        st.just("v1"),
        st.none() | st.builds(lambda start, size: Span(start, start + size), st.integers(0, 9), st.integers(1, 5)),
        st.floats(0, 1),
    ),
    max_size=4,
)
talks = st.lists(signals, max_size=15)


@pytest.mark.parametrize(
    ("given_signals", "level"),
    [
        ([], 0),
        ([found(0)], 0),
        ([found(1)], 1),
        ([found(2)], 2),
        ([found(3)], 3),
        ([found(4)], 5),
        ([found(9)], 5),
        ([found(1), found(3, "sh.2"), found(2, "sh.3")], 3),
        ([scored(4)], 2),
        ([scored(1)], 1),
        ([scored(4), found(3)], 3),
        ([found(3, "plan", 0, 4), found(3, "means", 4, 9)], 4),
        ([found(3, "plan", 0, 4), found(3, "plan", 6, 9)], 4),
        ([found(3, "plan", 0, 4), found(3, "means", 2, 9)], 3),
        ([found(3, "wide", 0, 9), found(3, "a", 0, 4), found(3, "b", 5, 9)], 4),
        ([found(3, "plan", 0, 4), found(2, "wish", 6, 9)], 3),
        ([found(3, "plan"), scored(4)], 3),
        ([found(4, "now", 0, 4), found(3, "plan", 6, 9)], 5),
        ([Signal(Category.VIOLENCE, 4, "v", "v1", Span(0, 4))], 0),
        ([Signal(Category.PROMPT_ATTACK, 4, "p", "v1", Span(0, 4)), found(2)], 2),
    ],
)
def test_the_level_of_what_was_found(given_signals: list[Signal], level: int) -> None:
    assert level_of_signals(given_signals, THRESHOLDS) == level


def actions(*turns: list[Signal], audience: Audience = Audience.ADULT) -> list[str]:
    """What is done in each turn of a talk, as `action:situation`."""
    state, done = FRESH, []
    for turn in turns:
        state, plan = step(state, turn, audience)
        done.append(f"{plan.action.value}:{plan.situation.value}")
    return done


def test_an_ordinary_talk_is_left_alone_and_keeps_no_state() -> None:
    state, plan = step(FRESH, [], Audience.ADULT)
    assert (state, plan.action, plan.level) == (FRESH, CareAction.NONE, CareLevel.NONE)
    assert state is FRESH


def test_distress_alone_is_noted_and_not_answered_with_a_card() -> None:
    state, plan = step(FRESH, [found(1)], Audience.TEEN)
    assert (plan.action, plan.level, state.level) == (CareAction.NONE, CareLevel.LOW, CareLevel.LOW)


def test_concern_is_met_by_an_offer_once_and_not_by_a_refrain() -> None:
    assert actions([found(2)], [found(2)], [], [found(2)]) == [
        "offer_help:concern",
        "none:none",
        "none:none",
        "none:none",
    ]


def test_a_danger_gets_the_prepared_text_once_and_then_the_talk_goes_on_with_offers() -> None:
    assert actions([found(3)], [], [found(3)], [], [found(3)], []) == [
        "prepared_help:danger",
        "offer_help:continued",
        "none:none",
        "none:none",
        "offer_help:continued",
        "none:none",
    ]


def test_a_danger_that_becomes_imminent_is_answered_anew() -> None:
    assert actions([found(3)], [found(4)], [found(4)], [found(3)]) == [
        "prepared_help:danger",
        "prepared_help:imminent",
        "offer_help:continued",
        "none:none",
    ]


def test_an_imminent_danger_in_the_first_words_is_answered_as_such_and_only_once() -> None:
    assert actions([found(4)], [found(4)])[0] == "prepared_help:imminent"
    assert actions([found(4)], [found(3)])[1] == "offer_help:continued"


def test_a_concern_that_becomes_a_danger_is_answered() -> None:
    assert actions([found(2)], [], [found(3)]) == ["offer_help:concern", "none:none", "prepared_help:danger"]


def test_a_scorer_alone_never_replaces_the_model() -> None:
    assert actions([scored(4)]) == ["offer_help:concern"]


def test_when_the_talk_has_moved_on_help_is_offered_a_few_times_more_and_then_no_longer() -> None:
    done = actions([found(3)], *([[]] * 60))
    assert done.count("prepared_help:danger") == 1
    assert done.count("offer_help:continued") == THRESHOLDS.follow_ups
    assert set(done[40:]) == {"none:none"}


def test_who_speaks_of_it_again_is_offered_help_however_late() -> None:
    done = actions([found(3)], *([[]] * 60), [found(2)])
    assert done[-1] == "offer_help:continued"


@pytest.mark.parametrize("audience", Audience)
@given(talk=talks)
def test_every_danger_is_answered_by_a_prepared_text_at_least_once(
    audience: Audience, talk: list[list[Signal]]
) -> None:
    state, helped = FRESH, CareLevel.NONE
    for turn in talk:
        state, plan = step(state, turn, audience)
        if plan.action is CareAction.PREPARED_HELP:
            helped = max(helped, plan.level)
        if plan.level >= CareLevel.DANGER:
            assert helped >= CareLevel.DANGER
        if plan.level >= CareLevel.IMMINENT:
            assert helped >= CareLevel.IMMINENT


@given(talks)
def test_a_level_never_falls_and_a_prepared_text_is_given_at_most_twice(talk: list[list[Signal]]) -> None:
    state, levels, prepared = FRESH, [CareLevel.NONE], []
    for turn in talk:
        state, plan = step(state, turn, Audience.ADULT)
        levels.append(state.level_of(CareAxis.SELF_HARM))
        if plan.action is CareAction.PREPARED_HELP:
            prepared.append(plan.situation)
    assert levels == sorted(levels)
    assert len(prepared) == len(set(prepared)) <= 2


@given(talks)
def test_a_state_that_travelled_through_the_store_leads_to_the_same_plans(talk: list[list[Signal]]) -> None:
    here = there = FRESH
    for turn in talk:
        here, plan = step(here, turn, Audience.CHILD)
        there, other = step(CareState.from_bytes(there.to_bytes()), turn, Audience.CHILD)
        assert plan == other
        assert here == there


def test_the_words_of_help_change_from_turn_to_turn_in_the_longest_talk() -> None:
    state, variants = FRESH, []
    for _ in range(1_000):
        state, plan = step(state, [found(3)], Audience.ADULT)
        if plan.situation is HelpSituation.CONTINUED:
            variants.append(plan.variant)
    assert len(variants) > 300
    assert all(first != second for first, second in pairwise(variants))


def test_a_plan_names_the_version_of_the_thresholds() -> None:
    assert step(FRESH, [found(3)], Audience.ADULT)[1].version == THRESHOLDS.version
