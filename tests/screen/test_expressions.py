"""Expressions: what is refused and why, and that parsing, gates and validators keep the language."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screen.strategies import FOLDED, Expression, expressions

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category
from zhengming.screen.expression.automaton import ExpressionSet
from zhengming.screen.expression.parse import parse_expression
from zhengming.screen.fold import load_fold
from zhengming.screen.matcher import Match, compile_matcher
from zhengming.screen.rule import Rule, RuleSet

FOLD = load_fold()

REFUSED = [
    ("a*", "a repeat has no bound of at most 64; write `{0,20}`"),
    ("ba+", "a repeat has no bound of at most 64; write `{1,20}`"),
    ("a{3,}", "a repeat has no bound of at most 64; write `{3,20}`"),
    ("a{1,65}", "a repeat has no bound of at most 64"),
    ("^a", "anchors"),
    (r"\bab", "anchors"),
    ("a$", "anchors"),
    ("(?=a)a", "look-around"),
    ("(?<!a)b", "look-around"),
    (r"(a)\1", "back-references"),
    ("(a)?(?(1)b|c)", "conditional groups"),
    ("(?>ab)", "atomic groups"),
    ("ba?+", "possessive repeats"),
    ("(?i)a", "flags"),
    ("(?i:a)", "flags"),
    ("a?", "it matches the empty text"),
    ("(?:)", "it matches the empty text"),
    ("a{40}b{25}", "it matches up to 65 characters"),
    ("(?:(?:a|bc){8}){9}", "it matches up to 144 characters"),
    ("a\u200b", "'\\u200b' never stands in a folded text, where it becomes ''"),
    ("ß", "never stands in a folded text, where it becomes 'ss'"),
    ("(a", "it cannot be read: missing )"),
    ("[[a]]", "it cannot be read: Possible nested set"),
    ("(" * 5000, "it cannot be read"),
    (f"(?:{'|'.join(chr(0x4E00 + i) + 'ab' for i in range(200))}){{20}}", "it has more than 2000 positions"),
]


@pytest.mark.parametrize(("source", "reason"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_a_stream_cannot_decide_is_refused_with_the_rule_named(source: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_expression(source, "x.y", FOLD)
    assert reason in str(caught.value)
    assert "rule 'x.y'" in str(caught.value)


def rule(source: str, *, boundary: bool = False, validator: str = "") -> Rule:
    return Rule("x", "1", Category.PRIVACY, 2, expression=source, boundary=boundary, validator=validator)


def spans(text: str, one: Rule) -> list[tuple[int, int]]:
    matcher = compile_matcher(RuleSet((one,), "v"))
    stream = matcher.stream(matcher.acting(frozenset({0})))
    online = [match for character in text for match in stream.feed(character)] + stream.finish()
    assert online == matcher.scan(text)
    return [(match.start, match.end) for match in online]


FOUND = [
    ("A[Ｂ-Ｄ]漢", "xＡｃ汉", [(1, 4)]),
    (r"[A-Z]\d", "k１", [(0, 2)]),
    (r"\d{2,4}", "12345", [(0, 2), (0, 3), (0, 4), (1, 5)]),
    (r"\d{2,4}?", "123", [(0, 2), (0, 3)]),
    (r"a\nb", "a\u2028b", [(0, 3)]),
    (r"a\S{1,2}\W", "ab赌!", [(0, 4)]),
    ("赌.{0,3}场", "赌x\ud800場場", [(0, 4), (0, 5)]),
    ("a.b", "a\u200b-\u0301b", [(0, 5)]),
]


@pytest.mark.parametrize(("source", "text", "found"), FOUND)
def test_the_earliest_start_is_found_for_each_end(source: str, text: str, found: list[tuple[int, int]]) -> None:
    assert spans(text, rule(source)) == found


def test_a_boundary_is_one_character_on_each_side() -> None:
    one = rule(r"1\d{2}", boundary=True)
    assert spans("123, x123 1234 号123号 123", one) == [(0, 3), (16, 19), (21, 24)]


def test_a_validator_sees_the_folded_match_of_the_earliest_start() -> None:
    seen: list[str] = []

    def even(text: str) -> bool:
        seen.append(text)
        return int(text) % 2 == 0

    matcher = compile_matcher(RuleSet((rule(r"\d{2}", validator="even"),), "v"), {"even": even})
    assert matcher.scan("１２3四") == [Match(0, 2, 0)]
    assert set(seen) == {"12", "23"}


def test_an_unknown_validator_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"rule 'x': there is no validator 'luhn' Use one of: even\."):
        compile_matcher(RuleSet((rule("ab", validator="luhn"),), "v"), {"even": bool})


@settings(max_examples=200, deadline=None)
@given(expressions().filter(lambda one: "" not in one.words), st.text(st.sampled_from(FOLDED), max_size=8))
def test_the_automaton_and_its_gate_accept_the_language(one: Expression, text: str) -> None:
    automaton = ExpressionSet([rule(one.source)], FOLD, {})
    for word in [*sorted(one.words)[:20], text]:
        whole = any(found == (0, len(word)) for found in automaton.occurrences(0, word))
        assert whole == (re.fullmatch(one.source, word) is not None) == (word in one.words)


def test_a_nest_of_repeats_costs_no_more_than_its_positions() -> None:
    """`re` needs minutes for this; no rule may stop the service."""
    one = rule(r"(?:a?){30}a{30}b")
    begin = time.process_time()
    assert spans("a" * 400, one) == []
    assert time.process_time() - begin < 20


def test_characters_without_end_fill_no_memo() -> None:
    automaton = ExpressionSet([rule("a[^b]c")], FOLD, {})
    for code in range(0x3400, 0x3400 + 120_000):
        assert automaton.signatures[chr(code)] == automaton.signatures["z"]
    assert len(automaton.signatures) <= 100_000
    assert len(automaton.signatures.members) <= 4
