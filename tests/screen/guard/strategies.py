"""Texts, rules and cuts that meet often: small alphabets, fragments of what the rules look for, separators between."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.screen.guard.cases import expression, literal

from zhengming.core.words import Verdict
from zhengming.screen.rule import Rule

LITERALS = (
    "杀人",
    "杀",
    "赌博网站",
    "博网",
    "人赌",
    "kill",
    "kill me",
    "me",
    "aba",
    "bab",
    "ab",
    "a杀b",
    "杀a",
    "加 微信",
)
EXPRESSIONS = (
    "1[3-9][0-9]{3}",
    "[0-9]{3,6}",
    "ab[ab]{1,3}",
    "(?:杀|赌)[人博]?",
    "[ab]{2}@[ab]{1,2}",
    "微.{0,3}号",
    "k(?:il|ll){1,2}",
    "[0-9]{2}-?[0-9]{2}",
)
FRAGMENTS = (
    *LITERALS,
    *("杀", "人", "赌", "博", "网", "站", "殺", "賭", "加", "微", "信", "号", "好", "的"),
    *("1", "3", "13", "800", "１３", "９", "-", "@", ".", "。", "，", " ", "  ", "     ", "\u200b", "\ufe0f", "\n"),
    *("k", "i", "ll", "K", "Ｋ", "a", "b", "B", "m", "e", "x", "😀", "!", "k i l l", "k-i.l l m e"),
)
VERDICTS = (
    Verdict.REDACT,
    Verdict.REDACT,
    Verdict.REDACT,
    Verdict.STOP,
    Verdict.ANNOTATE,
    Verdict.ALLOW,
    Verdict.BLOCK,
    Verdict.REPLACE,
    Verdict.ESCALATE,
)


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[list[Rule], list[Verdict]]:
    """One to five rules with a verdict each; redactions are more frequent, stops would hide them."""
    rules: list[Rule] = []
    for number in range(draw(st.integers(1, 5))):
        severity, boundary = draw(st.integers(1, 4)), draw(st.booleans())
        mask = f"m{number}"
        if draw(st.booleans()):
            found = draw(st.lists(st.sampled_from(LITERALS), min_size=1, max_size=3, unique=True))
            rules.append(literal(f"r{number}", *found, severity=severity, boundary=boundary, mask=mask))
        else:
            pattern = draw(st.sampled_from(EXPRESSIONS))
            rules.append(expression(f"r{number}", pattern, severity=severity, boundary=boundary, mask=mask))
    verdicts = draw(st.lists(st.sampled_from(VERDICTS), min_size=len(rules), max_size=len(rules)))
    return rules, verdicts


FINDS = {
    "1[3-9][0-9]{3}": ("13800", "１3８00", "139001380"),
    "[0-9]{3,6}": ("123", "1234567"),
    "ab[ab]{1,3}": ("aba", "abbab", "ＡBAb"),
    "(?:杀|赌)[人博]?": ("赌博", "殺人", "杀"),
    "[ab]{2}@[ab]{1,2}": ("ab@ba", "aab@b"),
    "微.{0,3}号": ("微信号", "微:a1号"),
    "k(?:il|ll){1,2}": ("kill", "kilil", "killil"),
    "[0-9]{2}-?[0-9]{2}": ("12-34", "1234-56"),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Rule], list[Verdict], str]:
    """Rules, verdicts, and a text of up to about 60 code points in which the rules mostly find something."""
    rules, verdicts = draw(rule_sets())
    likely = [text for rule in rules for text in (*rule.literals, *FINDS.get(rule.expression, ()))]
    fragment = st.one_of(st.sampled_from(likely), st.sampled_from(likely), st.sampled_from(FRAGMENTS))
    return rules, verdicts, "".join(draw(st.lists(fragment, min_size=draw(st.integers(0, 8)), max_size=14)))


cuts = st.lists(st.sets(st.integers(1, 70), max_size=8), min_size=4, max_size=4)
"""Four ways to cut a text."""
