"""When the model's own words are kept apart from what was shown."""

from __future__ import annotations

import json

import pytest

from zhengming.core.signals import Reason, Signal, Span
from zhengming.core.words import Category, Verdict
from zhengming.gateway.said import said_apart
from zhengming.gateway.wire.base import Found
from zhengming.label.text import wording

LABEL, OWN = wording(), "本文由AI生成"
NOTED = Found("0/content", Reason(Signal(Category.PRIVACY, 1, "r", "1", Span(0, 3)), Verdict.ANNOTATE))
SCORED = Found("0/content", Reason(Signal(Category.FRAUD, 1, "score.x", "1"), Verdict.ANNOTATE))


@pytest.mark.parametrize(
    "shown",
    ["tea", f"{LABEL}\n\ntea", f"tea\n\n{LABEL}", f"tea\n\n{wording('both')}"],
)
def test_words_that_were_shown_as_they_are_but_for_the_label_are_not_kept(shown: str) -> None:
    assert said_apart({"0/content": "tea"}, {"0/content": shown}, [NOTED]) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"0/content": "13800138000"}, {"0/content": f"［］\n\n{LABEL}"}),
        ({"0/content": "tea. fraud"}, {"0/content": "tea. "}),
        ({"0/content": "tea"}, {"0/content": f"tea\n\nWe are here.\n\n{LABEL}"}),
        ({"0/reasoning": "hm", "0/content": "tea"}, {"0/reasoning": "hm"}),
        ({}, {"0/content": "Help is near."}),
        ({"0/content": "tea\x1e1/content\x1fpot"}, {"0/content": "tea\x1e1/content\x1fpot"}),
        ({"0/content": f"tea\n\n{LABEL}"}, {"0/content": f"tea\n\n{LABEL}\n\n{LABEL}"}),
    ],
    ids=["masked", "stopped", "ours behind it", "client left", "replaced", "forged channel", "model wrote a label"],
)
def test_words_that_cannot_be_read_off_what_was_shown_are_kept(said: dict[str, str], shown: dict[str, str]) -> None:
    kept = said_apart(said, shown, [])
    assert kept is not None
    assert json.loads(kept) == {"channels": said}


def test_half_a_character_is_kept_as_it_came() -> None:
    kept = said_apart({"0/content": "a\ud83d"}, {}, [])
    assert json.loads(kept or b"") == {"channels": {"0/content": "a\ud83d"}}


def test_under_a_wording_of_its_own_spans_need_the_words_since_the_wording_may_change() -> None:
    said, shown = {"0/content": "tea"}, {"0/content": f"{OWN}\n\ntea"}
    assert said_apart(said, shown, [], wording=OWN) is None
    assert said_apart(said, shown, [SCORED], wording=OWN) is None
    assert said_apart(said, shown, [NOTED], wording=OWN) is not None
