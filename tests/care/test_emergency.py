"""The fallback without a detector: it finds words of danger, and lets ordinary talk pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from zhengming.care.emergency import CHINESE_CUES, LATIN_CUES, may_be_in_danger

RULES = Path(__file__).resolve().parents[2] / "src" / "zhengming" / "screen" / "library" / "self_harm.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "我不想活了",
        "我真的 不 想 活 了",
        "我不·想·活了。",
        "我不想\u200b活了",
        "活着没有意思了，我想死",
        "我已經寫好遺書了",
        "我撐不下去了",
        "想结束自己的生命",
        "想結束這一切",
        "今晚就想一了百了",
        "没有我会更好的",
        "从这个世界消失就好了",
        "好想自殺",
        "I want to die",
        "i WANT to DIE",
        "ｉ ｗａｎｔ ｔｏ ｄｉｅ",
        "I don't want to live anymore",
        "I don’t want to be here",
        "I dont want to wake up",
        "I can't go on",
        "im gonna kms tonight",
        "kill-myself",
        "thinking about suicide",
        "everyone is better off without me",
        "i've been cutting myself",
        "I wish I wasn't here",
        "ＫＩＬＬ　ＭＹＳＥＬＦ",
        "i w a n t t o d i e",
        "k.i.l.l m.y.s.e.l.f",
        "我想跳樓",
    ],
)
def test_words_of_danger_are_found(text: str) -> None:
    assert may_be_in_danger(text)
    assert may_be_in_danger(f"你好，请问……{text} 谢谢")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "今天天气很好，帮我写一首诗",
        "这个函数为什么报错？",
        "明天的会议改到下午三点",
        "活着的人要好好吃饭",
        "笑死我了",
        "Please translate this contract into English.",
        "The process was terminated with exit code 9",
        "it is 20kms from here to the station",
        "How do I end the loop in Python?",
        "save the file, then go on with the next one",
    ],
)
def test_ordinary_talk_passes(text: str) -> None:
    assert not may_be_in_danger(text)


@pytest.mark.parametrize("cue", [*CHINESE_CUES, *LATIN_CUES])
def test_every_cue_can_be_met(cue: str) -> None:
    assert may_be_in_danger(cue)
    assert may_be_in_danger(cue.upper())


def test_no_cue_stands_twice_or_is_hidden_by_a_shorter_one() -> None:
    for cues in (CHINESE_CUES, LATIN_CUES):
        assert len(set(cues)) == len(cues)
        assert [(one, other) for one in cues for other in cues if one != other and one in other] == []


@given(st.text(), st.sampled_from([*CHINESE_CUES, *LATIN_CUES]), st.text())
def test_a_cue_is_found_inside_any_text_and_nothing_raises(before: str, cue: str, after: str) -> None:
    may_be_in_danger(before + after)
    assert may_be_in_danger(f"{before}。{cue}。{after}")


def test_it_knows_nearly_all_that_the_shipped_rules_know() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    for severity, share in ((4, 0.95), (3, 0.95), (2, 0.9)):
        words = [
            phrase
            for rule in rules
            if rule["severity"] == severity and "input" in rule["surfaces"]
            for phrase in (*rule.get("literals", ()), *rule.get("examples", ()))
        ]
        assert len(words) > 30
        missed = [phrase for phrase in words if not may_be_in_danger(phrase)]
        assert len(missed) <= (1 - share) * len(words), missed


def test_it_needs_nothing_but_the_standard_library() -> None:
    program = (
        "import sys, importlib.util as u\n"
        f"spec = u.spec_from_file_location('emergency', {may_be_in_danger.__code__.co_filename!r})\n"
        "module = u.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "assert module.may_be_in_danger('不想活了')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('zhengming', 'yaml', 'numpy')]\n"
    )
    subprocess.run([sys.executable, "-S", "-c", program], check=True, timeout=60)  # noqa: S603 - our own program
