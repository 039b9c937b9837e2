"""The starter library on its own examples, on ordinary text, and on what the rehearsal model says."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from time import process_time

import pytest

from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.screen.defaults import load_default_library, load_default_policy, load_default_scorers
from zhengming.screen.judge import counted, judge
from zhengming.screen.matcher import Match, Matcher, compile_matcher
from zhengming.screen.policy import ACTING, Profile, compile_profile
from zhengming.screen.rule import Rule
from zhengming.screen.validators import VALIDATORS

DATA = Path(__file__).parent / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text("utf-8").splitlines() if line and not line.startswith("# ")]


ORDINARY = lines("ordinary.txt")
RULES = load_default_library().rules
POLICY = load_default_policy()


@cache
def matcher() -> Matcher:
    return compile_matcher(load_default_library())


@cache
def profile(surface: Surface, audience: Audience) -> Profile:
    return compile_profile(POLICY, matcher().rules, surface, audience)


def streamed(text: str, seed: int) -> list[Match]:
    """The matches of the online engine over random cuts."""
    noise = Random(seed)  # noqa: S311 - cuts, not secrets
    scan = matcher().stream(matcher().acting(profile(Surface.OUTPUT, Audience.CHILD).acting))
    found: list[Match] = []
    position = 0
    while position < len(text):
        size = noise.choice((1, 1, 2, 3, 5, 8))
        found += scan.feed(text[position : position + size])
        position += size
    return found + scan.finish()


def ids(matches: list[Match]) -> set[str]:
    return {RULES[match.rule].id for match in matches}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_each_rule_finds_its_examples_and_none_of_its_counter_examples(rule: Rule) -> None:
    assert rule.examples, "a rule without an example is not known to work"
    assert rule.counter_examples, "a rule without a counter-example is not known to be precise"
    for number, text in enumerate(rule.examples):
        found = matcher().scan(text)
        assert rule.id in ids(found), text
        assert streamed(text, number) == found
    for number, text in enumerate(rule.counter_examples):
        found = matcher().scan(text)
        assert rule.id not in ids(found), text
        assert streamed(text, number) == found


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.literals], ids=lambda rule: rule.id)
def test_every_literal_is_found_whole(rule: Rule) -> None:
    """A literal that the fold or a boundary makes unreachable would be dead without a word."""
    for literal in rule.literals:
        text = f"。{literal}。"
        assert any(
            RULES[match.rule].id == rule.id and text[match.start : match.end] == literal
            for match in matcher().scan(text)
        ), literal


def test_every_rule_says_what_it_finds_and_names_a_validator_that_exists() -> None:
    for rule in RULES:
        assert rule.note.endswith("."), rule.id
        assert not rule.validator or rule.validator in VALIDATORS, rule.id
        assert rule.id.split(".")[0] != "score", rule.id


def test_a_rules_note_can_be_read_without_its_neighbours() -> None:
    """The page of a turn shows it alone, as the reason why the rule acted."""
    assert [rule.id for rule in RULES if rule.note.lower().startswith("the same")] == []


def test_the_library_is_of_a_size_to_start_with() -> None:
    literals = Counter[Category]()
    for rule in RULES:
        literals[rule.category] += len(rule.literals)
    assert literals.total() > 800
    for category in (
        Category.FRAUD,
        Category.GAMBLING_ILLICIT,
        Category.SELF_HARM,
        Category.SEXUAL,
        Category.SEXUAL_MINORS,
        Category.WEAPONS_DRUGS,
        Category.ILLICIT_AI,
        Category.PROMPT_ATTACK,
    ):
        assert literals[category] >= 50, category


def test_the_library_judges_harm_to_people_only() -> None:
    """Scope (docs/explanation/rules-and-policy.md): no category beyond the taxonomy, none for opinion."""
    assert {rule.category for rule in RULES} <= set(Category)
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_passes_on_every_surface_for_every_audience(text: str) -> None:
    scorers = load_default_scorers()
    for surface, audience in product(Surface, Audience):
        judgement = judge(matcher(), profile(surface, audience), text, scorers)
        acting = [(reason.signal.rule, reason.verdict) for reason in judgement.reasons if reason.verdict in ACTING]
        assert not acting, (surface, audience)
    assert streamed(text, len(text)) == matcher().scan(text)


def test_there_is_ordinary_text_enough() -> None:
    assert len(ORDINARY) >= 150


@pytest.mark.parametrize("text", lines("no_danger.txt"))
def test_figures_of_speech_and_daily_life_call_for_no_care(text: str) -> None:
    judgement = judge(matcher(), profile(Surface.INPUT, Audience.CHILD), text)
    signs = [reason.signal for reason in judgement.reasons if reason.signal.category is Category.SELF_HARM]
    assert not [signal for signal in signs if signal.severity >= 2]


DANGER = [
    ("我想死", 2),
    ("好累，不想活了", 2),
    ("我想死你知道吗", 2),
    ("最近总想自杀", 3),
    ("怎么死最不痛苦", 3),
    ("我 想 自 杀", 3),
    ("我站在楼顶，准备跳了", 4),
    ("我吃了一整瓶安眠药", 4),
    ("I want to die", 2),
    ("i don’t want to live anymore", 2),
    ("I want to k i l l myself, I want to kill myself", 3),
    ("I'm going to kill myself tonight.", 4),
    ("By the time you read this I will be dead", 4),
]


@pytest.mark.parametrize(("text", "severity"), DANGER)
def test_danger_is_heard_with_its_severity(text: str, severity: int) -> None:
    judgement = judge(matcher(), profile(Surface.INPUT, Audience.ADULT), text)
    signs = [reason.signal for reason in judgement.reasons if reason.signal.category is Category.SELF_HARM]
    assert max((signal.severity for signal in signs), default=0) == severity


STOPS = [
    ("您好。请立即把资金转到安全账户，否则你的账户将被冻结。", "请立即"),
    ("Hello. Transfer your money to the safe account now or your account will be frozen.", "Transfer"),
]


@pytest.mark.parametrize(("text", "begins"), STOPS)
@pytest.mark.parametrize("audience", list(Audience))
def test_the_rehearsed_fraud_is_stopped_at_its_first_word(text: str, begins: str, audience: Audience) -> None:
    here = profile(Surface.OUTPUT, audience)
    stops = [match for match in matcher().scan(text) if here.verdicts[match.rule] is Verdict.STOP]
    assert stops
    assert stops[0].start == text.index(begins), "the first decision in fold order is the one that ends the stream"


REDACTED = [
    ("请联系 13800138000，谢谢。", "13800138000"),
    ("Please call 13912345678 today.", "13912345678"),
    ("她的身份证号是110101199003070011。", "110101199003070011"),
    ("卡号 6222 0212 3456 7890 128", "6222 0212 3456 7890 128"),
]


@pytest.mark.parametrize(("text", "number"), REDACTED)
@pytest.mark.parametrize("audience", list(Audience))
def test_numbers_of_people_are_masked_in_answers(text: str, number: str, audience: Audience) -> None:
    judgement = judge(matcher(), profile(Surface.OUTPUT, audience), text)
    assert judgement.verdict is Verdict.REDACT
    spans = {reason.signal.span for reason in judgement.reasons if reason.verdict is Verdict.REDACT}
    assert (text.index(number), text.index(number) + len(number)) in spans


def test_an_address_is_noted_and_never_masked_in_answers() -> None:
    judgement = judge(matcher(), profile(Surface.OUTPUT, Audience.ADULT), "Write to li.si@example.com.")
    assert [reason.verdict for reason in judgement.reasons] == [Verdict.ANNOTATE]


def test_a_person_in_danger_is_never_refused() -> None:
    """Whatever the rules of self-harm find in what a person writes, the verdict is to look, not to refuse."""
    for rule in RULES:
        if rule.category is Category.SELF_HARM and Surface.INPUT in rule.surfaces and rule.severity >= 2:
            for text, audience in product(rule.examples, Audience):
                judgement = judge(matcher(), profile(Surface.INPUT, audience), text)
                assert judgement.verdict is Verdict.ESCALATE, text


def test_a_pasted_fraud_is_heard_and_a_request_for_one_refused() -> None:
    here = profile(Surface.INPUT, Audience.ELDER)
    pasted = "我收到这条短信：请立即把资金转到安全账户。是真的吗？"
    assert judge(matcher(), here, pasted).verdict is Verdict.ESCALATE
    assert judge(matcher(), here, "帮我写一条冒充银行的诈骗短信").verdict is Verdict.BLOCK


def test_a_harmless_phrase_takes_back_only_what_lies_inside_it() -> None:
    here = profile(Surface.INPUT, Audience.ADULT)
    both = "尴尬得我想死……说真的，我想死。"
    found = counted(matcher(), here, matcher().scan(both))
    wishes = [match.start for match in found if RULES[match.rule].id == "self_harm.wish"]
    assert wishes == [both.rindex("我想死")]


def test_a_gateway_has_its_rules_in_time() -> None:
    """What a start costs in processor time: rules, policy, scorers, matcher and every profile."""
    best = 9.9
    for _ in range(3):
        began = process_time()
        rules, policy = load_default_library(), load_default_policy()
        load_default_scorers()
        compile_matcher(rules)
        for surface, audience in product(Surface, Audience):
            compile_profile(policy, rules, surface, audience)
        best = min(best, process_time() - began)
    assert best < 0.3
