"""The matcher on real cases, its order, what it holds back, and its bounds."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category
from zhengming.screen.matcher import Match, Matcher, compile_matcher
from zhengming.screen.rule import Rule, RuleSet


def matcher_of(*rules: Rule) -> Matcher:
    return compile_matcher(RuleSet(rules, "v"))


def literals(*words: str, name: str = "x", severity: int = 3, boundary: bool = False) -> Rule:
    return Rule(name, "1", Category.FRAUD, severity, words, boundary=boundary)


def found(text: str, matcher: Matcher) -> list[Match]:
    stream = matcher.stream(matcher.acting(frozenset(range(len(matcher.rules)))))
    online = [match for character in text for match in stream.feed(character)] + stream.finish()
    assert online == matcher.scan(text)
    return online


CASES = [
    ("杀猪盘", "他在做杀豬盤。", "杀豬盤"),
    ("杀猪盘", "杀*猪\u200b 盘", "杀*猪\u200b 盘"),
    ("杀猪盘", "杀-----猪盘", None),
    ("kill", "Ｋіll!", "Ｋіll"),
    ("kill", "skill", None),
    ("kill", "killer", None),
    ("kill", "去kill他", "kill"),
    ("kill", "k.i-l l", "k.i-l l"),
    ("kill", "k.i-ll", None),
    ("kill yourself", "kill\n\tyourself", "kill\n\tyourself"),
    ("kill yourself", "killyourself", None),
    ("加vx", "加 V X", "加 V X"),
    ("加vx", "加vxyz", None),
    ("vx", "v x", None),
    ("10086", "１００86", "１００86"),
    ("10086", "210086", None),
    ("c", "b c d", "c"),
    ("赌", "a赌b", "赌"),
    ("kill", "x赌kill", "kill"),
    ("赌kill", "x赌, kill", "赌, kill"),
]


@pytest.mark.parametrize(("literal", "text", "span"), CASES)
def test_a_literal_is_found_as_people_write_it(literal: str, text: str, span: str | None) -> None:
    spans = [text[match.start : match.end] for match in found(text, matcher_of(literals(literal)))]
    assert spans == ([span] if span else [])


def test_a_boundary_may_be_asked_for_at_any_end() -> None:
    matcher = matcher_of(literals("赌", boundary=True))
    assert [match.start for match in found("a赌 赌b 号赌，a 赌", matcher)] == [7, 11]


def test_matches_come_by_end_then_the_longest_then_the_gravest() -> None:
    matcher = matcher_of(
        literals("赌博", name="a", severity=1),
        literals("网络赌博", "博", name="b", severity=2),
        literals("赌博", name="c", severity=4),
        literals("博彩", name="d"),
    )
    text = "网络赌博彩"
    assert found(text, matcher) == [
        Match(0, 4, 1),
        Match(2, 4, 2),
        Match(2, 4, 0),
        Match(3, 4, 1),
        Match(3, 5, 3),
    ]


def test_an_open_boundary_delays_only_matches_at_its_own_end() -> None:
    matcher = matcher_of(
        literals("赌k", name="a"), Rule("b", "1", Category.FRAUD, 2, expression="k"), literals("赌", name="c")
    )
    stream = matcher.stream(matcher.acting(frozenset()))
    assert stream.feed("赌") == [Match(0, 1, 2)]
    assert stream.feed("k") == []
    assert stream.feed("\u200b") == []
    assert stream.feed("赌") == [Match(0, 2, 0), Match(1, 2, 1), Match(3, 4, 2)]
    assert stream.feed("k") == []
    assert stream.feed("x") == [Match(4, 5, 1)]


LIVE = [
    ("今天", 2),
    ("今天杀", 2),
    ("今天杀猪", 2),
    ("今天杀猪了", 5),
    ("今天杀猪盘", 5),
    ("杀    ", 0),
    ("杀     ", 6),
    ("kil", 0),
    ("kil ", 4),
    ("kill", 0),
    ("kill ", 5),
    ("k ", 0),
    ("ski", 3),
    ("打138", 1),
    ("打138x", 5),
    ("备用", 2),
]


@pytest.mark.parametrize(("text", "live"), LIVE)
def test_held_is_what_could_still_complete_an_acting_match(text: str, live: int) -> None:
    phone = Rule("phone", "1", Category.PRIVACY, 2, expression=r"1[3-9]\d{9}", boundary=True)
    matcher = matcher_of(literals("杀猪盘", "kill"), phone, literals("备用金", name="quiet"))
    stream = matcher.stream(matcher.acting(frozenset({0, 1})))
    stream.feed(text)
    assert stream.live_from() == live


REFUSED = [
    ("+v", "it must begin and end with a letter, digit or character"),
    ("c++", "it must begin and end with a letter, digit or character"),
    ("🍆", "it must begin and end with a letter, digit or character"),
    ("\u200b", "it must begin and end with a letter, digit or character"),
    ("", "it must begin and end with a letter, digit or character"),
    ("赌-----博", "it has more than 4 separators in a row or a lone surrogate"),
    ("赌\ud800", "it has more than 4 separators in a row or a lone surrogate"),
    ("赌" * 65, "it has 65 characters, more than 64"),
]


@pytest.mark.parametrize(("literal", "reason"), REFUSED)
def test_a_literal_that_would_not_do_what_it_says_is_refused(literal: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        matcher_of(literals("赌博", literal))
    assert reason in str(caught.value)
    assert "rule 'x'" in str(caught.value)


def test_an_empty_rule_set_finds_nothing_and_holds_nothing() -> None:
    matcher = matcher_of()
    assert found("杀猪盘 kill 123", matcher) == []
    stream = matcher.stream(matcher.acting(frozenset()))
    assert stream.feed("") == []
    stream.feed("abc")
    assert stream.live_from() == stream.length == 3


def test_a_long_stream_keeps_offsets_and_little_text() -> None:
    matcher = matcher_of(literals("杀猪盘"), Rule("e", "1", Category.FRAUD, 2, expression="转账.{0,9}验证码"))
    piece = "今天\u200b天气㎏很好。杀\u0301猪盘，转账给他验证码\ud800" + "好" * 300
    text = piece * 40
    stream = matcher.stream(matcher.acting(frozenset({0, 1})))
    online = [match for at in range(0, len(text), 7) for match in stream.feed(text[at : at + 7])] + stream.finish()
    assert online == matcher.scan(text)
    assert len(online) == 80
    assert len(stream._plain) < 2_000
    assert len(stream._breaks) < 100


def test_acting_sets_are_prepared_once() -> None:
    matcher = matcher_of(literals("杀猪盘"))
    assert matcher.acting(frozenset({0})) is matcher.acting(frozenset([0]))


def test_a_hundred_thousand_literals_are_compiled_in_seconds() -> None:
    words = [chr(0x4E00 + a) + chr(0x5000 + b) + "盘" for a in range(400) for b in range(250)]
    rules = RuleSet((literals(*words[:50_000], name="a"), literals(*words[50_000:], name="b")), "v")
    begin = time.process_time()
    matcher = compile_matcher(rules)
    assert time.process_time() - begin < 5  # 0.8 s on an idle machine; the bench holds the real figure
    assert [match.rule for match in found(f"在{words[7]}与{words[-7]}间", matcher)] == [0, 1]


def test_both_engines_do_without_numpy_which_would_cost_every_process_its_memory() -> None:
    code = "import sys, zhengming.screen.matcher, zhengming.screen.bulk; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code
