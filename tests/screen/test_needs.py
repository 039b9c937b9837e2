"""What every match must hold: sets at the beginning, at the end, and in the middle that no way leads around."""

from __future__ import annotations

import pytest

from zhengming.screen.expression.needs import needs_of
from zhengming.screen.expression.parse import parse_expression
from zhengming.screen.fold import load_fold

NEEDS = [
    ("[a-z]{1,9}@[a-z]{1,9}(?:\\.[a-z]{2,4}){1,2}", "@"),  # in the middle, at no fixed place
    ("写.{0,5}(?:诈骗|行骗|骗钱)", "骗钱"),  # the last character
    ("写.{0,5}(?:诈骗|行骗|骗钱)", "写"),  # the first character
    ("ab?c", "c"),
]


@pytest.mark.parametrize(("expression", "needed"), NEEDS)
def test_a_set_that_no_match_goes_around_is_needed(expression: str, needed: str) -> None:
    assert frozenset(needed) in needs_of(parse_expression(expression, "t", load_fold()))


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("ab?c", ("abc", "ac")),
        ("(?:骗|行骗|钓鱼)的?", ("骗", "骗的", "行骗", "钓鱼的")),
        ("a{2,4}(?:b|c{1,2}){1,2}", ("aab", "aaaacc", "aabcc", "aaccb")),
        ("x?y?z", ("z", "xz", "yz", "xyz")),
    ],
)
def test_every_match_has_a_character_of_each_set(expression: str, matches: tuple[str, ...]) -> None:
    needs = needs_of(parse_expression(expression, "t", load_fold()))
    assert needs
    for match in matches:
        assert all(not needed.isdisjoint(match) for needed in needs), (match, needs)
