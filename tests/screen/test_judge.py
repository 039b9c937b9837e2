"""The bulk judge: reasons with spans of the original, harmless phrases, masks."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Judgement, Reason, Signal, Span
from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.screen.judge import judge, redacted
from zhengming.screen.matcher import Matcher, compile_matcher
from zhengming.screen.policy import Policy, Profile, Row, compile_profile, load_default_policy
from zhengming.screen.rule import Rule, RuleSet
from zhengming.screen.scorers import CueGroup, CueScorer

RULES = RuleSet(
    (
        Rule("fraud.a", "3", Category.FRAUD, 3, ("安全账户",)),
        Rule("fraud.ok", "1", Category.FRAUD, 0, ("没有安全账户",), surfaces=frozenset({Surface.INPUT})),
        Rule("privacy.n", "1", Category.PRIVACY, 2, expression="[0-9]{3,5}", mask="number"),
        Rule("privacy.x", "1", Category.PRIVACY, 3, ("的账户",)),
        Rule("other.ok", "1", Category.SPAM, 0, ("我的安全账户",)),
    )
)


@cache
def matcher() -> Matcher:
    return compile_matcher(RULES)


def profile(surface: Surface) -> Profile:
    return compile_profile(load_default_policy(), RULES, surface, Audience.ADULT)


def findings(judgement: Judgement) -> list[tuple[str, int, int, Verdict]]:
    return [
        (reason.signal.rule, *reason.signal.span, reason.verdict)
        for reason in judgement.reasons
        if reason.signal.span is not None
    ]


def test_reasons_carry_spans_of_the_original_text() -> None:
    judgement = judge(matcher(), profile(Surface.OUTPUT), "请转到 安\u200b全·账 戶 吧")
    assert findings(judgement) == [("fraud.a", 4, 11, Verdict.STOP)]
    assert judgement.reasons[0].signal.version == "3"
    assert judgement.verdict is Verdict.STOP
    assert (judgement.rules_version, judgement.policy_version) == (RULES.version, load_default_policy().version)


def test_clean_text_is_allowed_without_a_reason() -> None:
    judgement = judge(matcher(), profile(Surface.INPUT), "今天天气很好")
    assert (judgement.verdict, judgement.reasons) == (Verdict.ALLOW, ())


def test_a_match_inside_a_harmless_phrase_of_its_category_does_not_count() -> None:
    assert judge(matcher(), profile(Surface.INPUT), "公安机关没有安全账户。").verdict is Verdict.ALLOW
    twice = judge(matcher(), profile(Surface.INPUT), "没有安全账户，安全账户")
    assert findings(twice) == [("fraud.a", 7, 11, Verdict.ESCALATE)]


def test_a_harmless_phrase_of_another_category_takes_nothing_back() -> None:
    assert judge(matcher(), profile(Surface.INPUT), "我的安全账户").verdict is Verdict.ESCALATE


def test_harmless_phrases_are_not_looked_at_where_their_rule_is_not() -> None:
    """A stream has decided before such a phrase could end, so output knows none; the bulk judge says the same."""
    assert judge(matcher(), profile(Surface.OUTPUT), "没有安全账户").verdict is Verdict.STOP


def test_of_matches_of_one_rule_the_ones_inside_another_are_left_out() -> None:
    judgement = judge(matcher(), profile(Surface.OUTPUT), "号码12345和678")
    assert findings(judgement) == [
        ("privacy.n", 2, 7, Verdict.REDACT),
        ("privacy.n", 8, 11, Verdict.REDACT),
    ]


def test_a_profile_of_other_rules_is_refused() -> None:
    other = compile_profile(load_default_policy(), RuleSet(RULES.rules[:1]), Surface.INPUT, Audience.ADULT)
    with pytest.raises(InvalidInputError, match="profile belongs to rules"):
        judge(matcher(), other, "x")


def test_scores_come_last_and_have_no_span() -> None:
    groups = [CueGroup("g", 3.0, ("转账",))]
    scorer = CueScorer("score.t", Category.FRAUD, 3, groups, bias=0.0, threshold=0.9, window=50, version="7")
    judgement = judge(matcher(), profile(Surface.OUTPUT), "转账到安全账户", (scorer,))
    assert [reason.signal.rule for reason in judgement.reasons] == ["fraud.a", "score.t"]
    last = judgement.reasons[-1]
    assert (last.signal.span, last.signal.version, last.verdict) == (None, "7", Verdict.ESCALATE)


def test_a_score_that_the_policy_allows_leaves_no_reason() -> None:
    rows = (Row(None, None, None, 1, Verdict.ANNOTATE), Row(None, None, None, 1, Verdict.ALLOW, "score."))
    quiet = compile_profile(Policy("quiet", rows), RULES, Surface.INPUT, Audience.ADULT)
    groups = [CueGroup("g", 3.0, ("转账",))]
    scorer = CueScorer("score.t", Category.FRAUD, 3, groups, bias=0.0, threshold=0.9, window=50, version="7")
    assert judge(matcher(), quiet, "转账", (scorer,)).reasons == ()


def test_masks_unite_where_spans_overlap_or_touch_under_the_first() -> None:
    text = "我的账户12345，还有678。"
    judgement = judge(matcher(), profile(Surface.OUTPUT), text)
    assert redacted(text, judgement, lambda signal: f"[{signal.rule}]") == "我[privacy.x]，还有[privacy.n]。"


@given(st.text("ab甲", max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=6))
def test_redacting_keeps_every_character_outside_the_spans_and_none_inside(
    text: str, spans: list[tuple[int, int]]
) -> None:
    fitting = [Span(start, min(len(text), start + size)) for start, size in spans if start < len(text)]
    reasons = tuple(Reason(Signal(Category.PRIVACY, 2, "r", "1", span), Verdict.REDACT) for span in fitting)
    out = redacted(text, Judgement(Verdict.REDACT, reasons, "", ""), lambda _: "*")
    inside = {place for span in fitting for place in range(*span)}
    assert out.replace("*", "") == "".join(c for place, c in enumerate(text) if place not in inside)
    assert out.count("*") == sum(place in inside and place - 1 not in inside for place in range(len(text)))
