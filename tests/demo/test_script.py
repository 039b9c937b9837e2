"""The script of the demo traffic: believable, and the same for the same seed."""

from __future__ import annotations

from itertools import islice

import pytest

from zhengming.demo.script import Visit, bounded, talks, turns_per_visit, visits
from zhengming.screen.defaults import load_default_library
from zhengming.screen.matcher import compile_matcher

MANY = 4_000


def first(seed: int, rate: float = 5.0, many: int = MANY) -> list[Visit]:
    return list(islice(visits(seed, rate), many))


def test_the_same_seed_gives_the_same_visits() -> None:
    assert first(7) == first(7)
    assert first(7) != first(8)


def test_everybody_comes_at_once_and_pauses_nowhere_without_a_pace() -> None:
    assert {one.at for one in first(1, 0.0, 300)} == {0.0}
    assert {pause for one in first(1, 0.0, 300) for pause in one.pauses} == {0.0}


def test_visits_arrive_in_order_and_at_the_pace_that_was_asked_for() -> None:
    found = first(3, 5.0)
    messages = sum(len(one.turns) for one in found)

    assert [one.at for one in found] == sorted(one.at for one in found)
    assert messages / found[-1].at == pytest.approx(5.0, rel=0.1)
    assert messages / len(found) == pytest.approx(turns_per_visit(), rel=0.05)


def test_people_pause_between_messages_as_people_do() -> None:
    pauses = [pause for one in first(1) for pause in one.pauses[1:]]

    assert min(pauses) >= 2.0
    assert 8.0 < sum(pauses) / len(pauses) < 14.0


def test_every_kind_of_traffic_comes() -> None:
    found = first(1)

    assert {one.lang for one in found} == {"zh", "en"}
    assert {one.api for one in found} == {"chat", "responses", "completions"}
    assert {one.who for one in found} == {"office", "elder", "student", "companion", "coder", "stranger"}
    assert {one.stream for one in found} == {True, False}
    assert any(one.tool for one in found)
    assert any(one.json for one in found)
    assert any(one.leaves for one in found)
    assert max(len(one.turns) for one in found) >= 3
    assert len({one.person for one in found}) > 200


def test_what_is_made_can_be_told_from_real_traffic() -> None:
    assert all(one.person.startswith("demo-") for one in first(1, many=500))


def test_every_place_in_a_message_is_filled() -> None:
    assert not [text for one in first(2) for text in one.turns if "{" in text or "}" in text]


def test_messages_are_each_in_the_language_of_their_talk() -> None:
    for talk in talks():
        for text in talk.turns:
            chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
            assert chinese == (talk.lang == "zh"), text


def test_most_of_it_is_ordinary_and_some_of_it_is_not() -> None:
    matcher = compile_matcher(load_default_library())
    said = [text for one in first(5) for text in one.turns]
    categories = {matcher.rules.rules[one.rule].category.value for text in said for one in matcher.scan(text)}
    found = sum(1 for text in said if matcher.scan(text))

    assert {"self_harm", "gambling_illicit", "prompt_attack", "privacy"} <= categories
    assert 0.02 < found / len(said) < 0.25


@pytest.mark.parametrize("turns", [1, 2, 7, 100])
def test_a_bound_holds_to_the_message(turns: int) -> None:
    found = list(bounded(visits(1, 5.0), turns))

    assert sum(len(one.turns) for one in found) == turns
    assert all(len(one.turns) == len(one.pauses) for one in found)
