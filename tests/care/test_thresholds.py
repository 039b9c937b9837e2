"""Thresholds are data, and data that would leave a danger unanswered is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zhengming.care.state import FRESH
from zhengming.care.step import CareAction, step
from zhengming.care.thresholds import PACKAGED, ThresholdsError, load_thresholds
from zhengming.core.signals import Signal, Span
from zhengming.core.words import Audience, Category


def written(path: Path, **changes: Any) -> Path:
    data = yaml.safe_load(PACKAGED.read_text("utf-8"))
    path.write_text(yaml.safe_dump({**data, **changes}), "utf-8")
    return path


def audiences(**row: int) -> dict[str, dict[str, int]]:
    return {audience.value: {"prepared_from": 3, "offer_from": 2, **row} for audience in Audience}


def test_an_operators_thresholds_replace_ours(tmp_path: Path) -> None:
    path = written(tmp_path / "t.yaml", version="mine", audiences=audiences(prepared_from=2, offer_from=1))
    mine = load_thresholds(path)
    concern = [Signal(Category.SELF_HARM, 2, "r", "v", Span(0, 2))]
    assert step(FRESH, concern, Audience.TEEN, mine)[1].action is CareAction.PREPARED_HELP
    assert step(FRESH, concern, Audience.TEEN)[1].action is CareAction.OFFER_HELP
    assert mine.version == "mine"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"audiences": audiences(prepared_from=4)}, "level 3"),
        ({"audiences": audiences(offer_from=4)}, "offered"),
        ({"levels": {0: 0, 1: 1, 2: 2, 3: 2, 4: 2}}, "gravest"),
        ({"levels": {0: 0, 1: 3, 2: 2, 3: 3, 4: 4}}, "graver"),
        ({"levels": {0: 0, 1: 1}}, "KeyError"),
        ({"categories": {"violence": "harm_to_others"}}, "self-harm"),
        ({"categories": {"nonsense": "self_harm"}}, "nonsense"),
        ({"several": {"severity": 3, "count": 0, "level": 4}}, "count"),
        ({"gaps": {"again": 0, "quiet": 8, "follow_ups": 3}}, "gaps"),
        ({"audiences": {"adult": {"prepared_from": 3, "offer_from": 2}}}, "KeyError"),
        ({"scorer_limit": 9}, "9"),
    ],
)
def test_thresholds_that_would_leave_a_danger_unanswered_are_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = written(tmp_path / "t.yaml", **changes)
    with pytest.raises(ThresholdsError, match=told) as caught:
        load_thresholds(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "version: 1", "{", "levels: 3"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ThresholdsError):
        load_thresholds(path)
    with pytest.raises(ThresholdsError):
        load_thresholds(tmp_path / "missing.yaml")
