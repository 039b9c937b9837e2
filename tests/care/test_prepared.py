"""Prepared texts hold to the rules of helping, in every wording, language and audience."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest

from zhengming.care.prepared import VARIANTS, PreparedHelp
from zhengming.care.state import FRESH
from zhengming.care.step import CareAction, HelpSituation, step
from zhengming.core.signals import Signal, Span
from zhengming.core.words import Audience, Category

HELP = PreparedHelp()
LANGUAGES = ("zh-CN", "en")
TEXTS = {
    (situation, language, audience, variant): HELP.for_situation(situation, language, audience, variant)
    for situation, language, audience in product(VARIANTS, LANGUAGES, Audience)
    for variant in range(VARIANTS[situation])
}
ALL = [pytest.param(key, text, id="-".join(map(str, key))) for key, text in TEXTS.items()]
WHOLE = [
    pytest.param(key, text, id="-".join(map(str, key)))
    for key, text in TEXTS.items()
    if key[0] is not HelpSituation.CONTINUED
]

# Words that minimise, blame, push, sensationalise, promise, end the talk, or name a method or place.
FORBIDDEN = re.compile(
    "想开点|看开|没什么大不了|别想太多|不至于|矫情|自私|懦弱|坚强点|你应该|必须|不许|保证|一定会好"
    "|24|二十四小时|全天|再见|对话结束|无法继续|违规|药|割|跳|绳|楼|桥|煤气|刀"
    r"|\b(cheer up|get over|selfish|coward|be strong|you should|you must|promise|guarantee|it will pass)"
    r"|\b(around the clock|goodbye|violat|policy|pill|rope|jump|bridge|knife|gas|blade|gun)",
    re.IGNORECASE,
)
ASKS = ("吗？", "有没有过", "?", "？")


@pytest.mark.parametrize(("key", "text"), ALL)
def test_no_text_minimises_blames_promises_or_names_a_method(key: tuple[object, ...], text: str) -> None:
    assert FORBIDDEN.search(text) is None, key


@pytest.mark.parametrize(("key", "text"), WHOLE)
def test_every_whole_text_names_trusted_people_professionals_and_the_thing_itself(
    key: tuple[HelpSituation, str, Audience, int], text: str
) -> None:
    situation, language, audience, variant = key
    minor = audience in {Audience.CHILD, Audience.TEEN}
    assert {
        "zh-CN": "信任的大人" if minor else "信任的人",
        "en": "grown-up you trust" if minor else "somebody you trust",
    }[language] in text
    assert "12356" in text
    assert ("12355" in text) is minor
    named = (
        ("伤害自己", "不想活") if language == "zh-CN" else ("hurting yourself", "hurt yourself", "not wanting to live")
    )
    if (situation, variant) != (HelpSituation.UNAVAILABLE, 2):
        assert any(words in text for words in named)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("situation", [s for s in VARIANTS if s is not HelpSituation.OUTAGE])
def test_every_first_text_to_a_person_in_need_asks_directly(situation: HelpSituation, language: str) -> None:
    assert any(mark in HELP.for_situation(situation, language, Audience.ADULT) for mark in ASKS)


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_an_imminent_danger_the_emergency_number_comes_before_all_else(language: str, audience: Audience) -> None:
    text = HELP.for_situation(HelpSituation.IMMINENT, language, audience)
    assert text.index("120") < text.index("110") < text.index("12356")
    assert text.index("120") < 250


@pytest.mark.parametrize("language", LANGUAGES)
def test_neighbouring_turns_are_not_answered_with_the_same_words(language: str) -> None:
    for situation in (HelpSituation.CONTINUED, HelpSituation.UNAVAILABLE, HelpSituation.CONCERN):
        texts = [HELP.for_situation(situation, language, Audience.ADULT, turn) for turn in range(12)]
        assert all(first != second for first, second in pairwise(texts))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_region_shows_no_number_and_names_local_help_in_words(language: str) -> None:
    abroad = PreparedHelp(region="FR")
    for situation in VARIANTS:
        assert not any(character.isdigit() for character in abroad.for_situation(situation, language, Audience.TEEN))
    assert {"zh-CN": "当地", "en": "your local"}[language] in abroad.when_needed(language, Audience.ADULT)


def test_a_person_who_writes_english_in_china_is_given_the_numbers_of_china() -> None:
    text = HELP.when_needed("en", Audience.ADULT)
    assert "12356" in text
    assert "988" not in text
    assert "988" in PreparedHelp(region="US").when_needed("zh-CN", Audience.ADULT)


def test_a_plan_leads_to_its_text_and_no_plan_to_none() -> None:
    grave = [Signal(Category.SELF_HARM, 3, "r", "v", Span(0, 2))]
    state, plan = step(FRESH, grave, Audience.ADULT)
    assert plan.action is CareAction.PREPARED_HELP
    assert HELP.for_plan(plan, "zh-CN", Audience.ADULT) == HELP.for_situation(
        HelpSituation.DANGER, "zh-CN", Audience.ADULT
    )
    _, offer = step(state, grave, Audience.ADULT)
    assert HELP.for_plan(offer, "en", Audience.ADULT) == HELP.for_situation(
        HelpSituation.CONTINUED, "en", Audience.ADULT, 1
    )
    _, nothing = step(FRESH, [], Audience.ADULT)
    assert HELP.for_plan(nothing, "en", Audience.ADULT) == ""
    assert HELP.for_situation(HelpSituation.NONE, "en", Audience.ADULT) == ""


def test_every_situation_has_its_wordings() -> None:
    assert set(VARIANTS) | {HelpSituation.NONE} == set(HelpSituation)
    assert all(240 % count == 0 for count in VARIANTS.values())
    assert len(set(TEXTS.values())) >= sum(VARIANTS.values()) * len(LANGUAGES)
