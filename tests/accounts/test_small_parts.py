"""The small parts: the bounded dictionary, assignments of the command line, times."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.accounts.assignments import assigned
from zhengming.accounts.lru import Lru
from zhengming.accounts.moments import parse_moment, parse_span, shown
from zhengming.core.errors import InvalidInputError

ACTIONS = st.lists(
    st.tuples(st.sampled_from(["get", "put", "drop", "drop odd"]), st.integers(0, 6), st.integers(0, 99))
)


@given(st.integers(0, 4), ACTIONS)
def test_a_bounded_dictionary_forgets_what_was_used_longest_ago(size: int, actions: list[tuple[str, int, int]]) -> None:
    lru: Lru[int, int] = Lru(size)
    model: OrderedDict[int, int] = OrderedDict()
    for action, key, value in actions:
        if action == "get":
            assert lru.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        elif action == "put":
            lru.put(key, value)
            model[key] = value
            model.move_to_end(key)
            while len(model) > size:
                model.popitem(last=False)
        elif action == "drop":
            lru.drop(key)
            model.pop(key, None)
        else:
            lru.drop_where(lambda one: one % 2 == 1)
            model = OrderedDict((k, v) for k, v in model.items() if v % 2 == 0)
        assert len(lru) == len(model) <= size


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ([], {}),
        (["producer=a=b"], {"producer": "a=b"}),
        (["audiences=teen,  adult,"], {"audiences": ["teen", "adult"]}),
        (["audiences="], {"audiences": []}),
        (["label.wording=AI 生成"], {"label": {"placement": "end", "wording": "AI 生成"}}),
        (["limits.key_tokens_per_day=5"], {"limits": {"key_tokens_per_day": 5}}),
        (["models.gpt-4.1=qwen"], {"models": {"gpt-4.1": "qwen"}}),
        (["name=a", "name=b"], {"name": "b"}),
    ],
)
def test_words_are_laid_over_a_profile(words: list[str], changes: dict[str, Any]) -> None:
    profile = {"name": "x", "label": {"placement": "end"}}

    assert assigned(profile, words) == profile | changes
    assert profile == {"name": "x", "label": {"placement": "end"}}


@pytest.mark.parametrize("word", ["name", "=x", "limits.key_tokens_per_day=many", "filings=[", "name.first=x"])
def test_a_word_that_cannot_be_read_is_refused(word: str) -> None:
    with pytest.raises(InvalidInputError):
        assigned({"name": "x"}, [word])


@pytest.mark.parametrize(("text", "ms"), [("1s", 1_000), ("30m", 1_800_000), ("2h", 7_200_000), (" 7d ", 604_800_000)])
def test_a_span_is_a_number_and_a_unit(text: str, ms: int) -> None:
    assert parse_span(text) == ms


@pytest.mark.parametrize("text", ["", "0m", "5", "h", "1w", "-1h", "1.5h", "1h30m", "9999999s"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "moment", "back"),
    [
        ("1970-01-01", 0, "1970-01-01T00:00:00Z"),
        ("2026-07-15T08:00:00+08:00", 1_784_073_600_000, "2026-07-15T00:00:00Z"),
        ("2026-07-15T00:00:00.500Z", 1_784_073_600_500, "2026-07-15T00:00:00Z"),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, moment: int, back: str) -> None:
    assert parse_moment(text) == moment
    assert shown(moment) == back


def test_what_is_no_time_is_refused_and_no_time_is_shown_as_a_dash() -> None:
    with pytest.raises(InvalidInputError):
        parse_moment("tomorrow")
    assert (shown(None), shown(None, "never")) == ("-", "never")
