"""A policy answers everything, refuses what a surface cannot do, and puts care first."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Signal
from zhengming.core.words import VERDICT_ORDER, Audience, Category, Surface, Verdict
from zhengming.screen.policy import (
    ACTING,
    CARE_FIRST,
    VERDICTS_OF,
    Policy,
    Row,
    compile_profile,
    load_default_policy,
    load_policy,
    parse_policy,
)
from zhengming.screen.rule import Rule, RuleSet

DEFAULT = load_default_policy()
EVERYTHING = list(product(Category, Surface, Audience, range(1, 5)))
BASE = Row(None, None, None, 1, Verdict.ANNOTATE)


def rule(category: Category = Category.FRAUD, severity: int = 3, key: str = "x", surfaces: object = Surface) -> Rule:
    return Rule(key, "1", category, severity, ("一二三",), surfaces=frozenset(surfaces))  # type: ignore[call-overload]  # any iterable of surfaces


def verdict(category: Category, severity: int, surface: Surface, audience: Audience, key: str = "x") -> Verdict:
    return DEFAULT.verdict(rule(category, severity, key), surface, audience)


@pytest.mark.parametrize(("category", "surface"), list(product(Category, Surface)))
def test_every_category_surface_and_audience_has_an_answer_that_the_surface_can_carry_out(
    category: Category, surface: Surface
) -> None:
    for audience, severity in product(Audience, range(1, 5)):
        answer = verdict(category, severity, surface, audience)
        assert answer in VERDICTS_OF[surface]
        assert answer is not Verdict.ALLOW, "a signal always leaves a trace"


def test_a_graver_signal_never_gets_a_milder_verdict() -> None:
    order = VERDICT_ORDER.index
    for category, surface, audience in product(Category, Surface, Audience):
        row = [order(verdict(category, severity, surface, audience)) for severity in range(1, 5)]
        if category is Category.PRIVACY and surface in {Surface.UPLOAD, Surface.CORPUS, Surface.OUTPUT}:
            continue  # masking a number and looking at a file are not on one scale
        assert all(mild <= grave for mild, grave in pairwise(row)), (category, surface, audience, row)


def test_minors_and_the_old_are_never_less_protected_than_adults() -> None:
    order = VERDICT_ORDER.index
    for category, surface, severity in product(Category, Surface, range(1, 5)):
        adult = order(verdict(category, severity, surface, Audience.ADULT))
        elder = order(verdict(category, severity, surface, Audience.ELDER))
        teen = order(verdict(category, severity, surface, Audience.TEEN))
        child = order(verdict(category, severity, surface, Audience.CHILD))
        assert adult <= elder
        assert adult <= teen <= child


@pytest.mark.parametrize(("audience", "severity"), list(product(Audience, range(1, 5))))
def test_signs_of_self_harm_in_what_a_person_writes_are_never_refused(audience: Audience, severity: int) -> None:
    for key in ("self_harm.intent", "self_harm.teach.x", "self_harm.encourage.y", "score.self_harm"):
        assert verdict(Category.SELF_HARM, severity, Surface.INPUT, audience, key) in CARE_FIRST


@pytest.mark.parametrize("refusal", [Verdict.BLOCK, Verdict.REDACT, Verdict.REPLACE])
@pytest.mark.parametrize(
    ("category", "audience", "prefix"),
    [(Category.SELF_HARM, None, ""), (None, Audience.CHILD, ""), (None, None, "self_harm.")],
)
def test_a_policy_that_would_refuse_a_person_in_danger_does_not_load(
    refusal: Verdict, category: Category | None, audience: Audience | None, prefix: str
) -> None:
    with pytest.raises(InvalidInputError, match="self-harm"):
        Policy("hard", (BASE, Row(category, Surface.INPUT, audience, 4, refusal, prefix)))


TABLE = [
    (Category.PRIVACY, 2, Surface.INPUT, Audience.ADULT, Verdict.ANNOTATE),
    (Category.PRIVACY, 1, Surface.OUTPUT, Audience.CHILD, Verdict.ANNOTATE),
    (Category.PRIVACY, 2, Surface.OUTPUT, Audience.ADULT, Verdict.REDACT),
    (Category.PRIVACY, 1, Surface.CORPUS, Audience.ADULT, Verdict.REDACT),
    (Category.FRAUD, 3, Surface.OUTPUT, Audience.ADULT, Verdict.STOP),
    (Category.FRAUD, 3, Surface.INPUT, Audience.ELDER, Verdict.ESCALATE),
    (Category.FRAUD, 4, Surface.INPUT, Audience.ADULT, Verdict.BLOCK),
    (Category.GAMBLING_ILLICIT, 3, Surface.OUTPUT, Audience.ADULT, Verdict.STOP),
    (Category.WEAPONS_DRUGS, 4, Surface.INPUT, Audience.ADULT, Verdict.BLOCK),
    (Category.ILLICIT_AI, 3, Surface.INPUT, Audience.ADULT, Verdict.ESCALATE),
    (Category.SELF_HARM, 4, Surface.INPUT, Audience.CHILD, Verdict.ESCALATE),
    (Category.SELF_HARM, 3, Surface.OUTPUT, Audience.ADULT, Verdict.STOP),
    (Category.SEXUAL, 2, Surface.OUTPUT, Audience.ADULT, Verdict.ANNOTATE),
    (Category.SEXUAL, 2, Surface.OUTPUT, Audience.TEEN, Verdict.STOP),
    (Category.SEXUAL_MINORS, 2, Surface.INPUT, Audience.ADULT, Verdict.BLOCK),
    (Category.SEXUAL_MINORS, 2, Surface.OUTPUT, Audience.ADULT, Verdict.STOP),
    (Category.SEXUAL_MINORS, 2, Surface.CORPUS, Audience.ADULT, Verdict.BLOCK),
    (Category.PROMPT_ATTACK, 2, Surface.INPUT, Audience.ADULT, Verdict.ANNOTATE),
    (Category.PROMPT_ATTACK, 4, Surface.INPUT, Audience.ADULT, Verdict.BLOCK),
    (Category.MANIPULATION, 3, Surface.OUTPUT, Audience.ELDER, Verdict.STOP),
]


@pytest.mark.parametrize(("category", "severity", "surface", "audience", "expected"), TABLE)
def test_the_default_policy_says(
    category: Category, severity: int, surface: Surface, audience: Audience, expected: Verdict
) -> None:
    assert verdict(category, severity, surface, audience) is expected


@pytest.mark.parametrize(("category", "surface", "audience", "severity"), EVERYTHING[::7])
def test_a_score_never_refuses_alone(category: Category, surface: Surface, audience: Audience, severity: int) -> None:
    assert verdict(category, severity, surface, audience, "score.x") not in ACTING


def test_a_post_that_teaches_is_kept_back_and_one_by_somebody_in_need_is_not() -> None:
    args = (Category.SELF_HARM, 3, Surface.UPLOAD, Audience.ADULT)
    assert verdict(*args, "self_harm.teach_en") is Verdict.BLOCK
    assert verdict(*args, "self_harm.intent") is Verdict.ESCALATE


def test_the_last_row_that_fits_decides() -> None:
    stop = Row(Category.FRAUD, Surface.OUTPUT, None, 2, Verdict.STOP)
    milder = Row(Category.FRAUD, Surface.OUTPUT, Audience.ADULT, 2, Verdict.ESCALATE)
    policy = Policy("p", (BASE, stop, milder))
    assert policy.verdict(rule(), Surface.OUTPUT, Audience.ADULT) is Verdict.ESCALATE
    assert policy.verdict(rule(), Surface.OUTPUT, Audience.TEEN) is Verdict.STOP
    assert policy.verdict(rule(severity=1), Surface.OUTPUT, Audience.TEEN) is Verdict.ANNOTATE


def test_a_signal_is_answered_like_its_rule() -> None:
    signal = Signal(Category.FRAUD, 3, "fraud.loan", "1")
    assert DEFAULT.verdict(signal, Surface.OUTPUT, Audience.ADULT) is Verdict.STOP


def test_a_rule_that_is_not_looked_at_on_a_surface_is_allowed_there() -> None:
    rules = RuleSet((rule(surfaces=[Surface.INPUT]), rule(key="y"), rule(severity=0, key="z")))
    profile = compile_profile(DEFAULT, rules, Surface.OUTPUT, Audience.ADULT)
    assert profile.verdicts == (Verdict.ALLOW, Verdict.STOP, Verdict.ALLOW)
    assert profile.acting == {1}
    assert profile.exempting == {2}
    assert profile.policy_version == DEFAULT.version


@given(
    keys=st.lists(st.sampled_from(["self_harm.teach", "score.a", "x", "self_harm.x"]), max_size=8, unique=True),
    category=st.sampled_from(Category),
    severity=st.integers(1, 4),
    surface=st.sampled_from(Surface),
    audience=st.sampled_from(Audience),
)
def test_a_profile_says_what_the_policy_says(
    keys: list[str], category: Category, severity: int, surface: Surface, audience: Audience
) -> None:
    """Compiling caches by category and severity; rules under a prefix must not share an entry with the others."""
    rules = RuleSet(tuple(rule(category, severity, key) for key in keys))
    profile = compile_profile(DEFAULT, rules, surface, audience)
    assert list(profile.verdicts) == [DEFAULT.verdict(one, surface, audience) for one in rules.rules]
    assert profile.acting == {number for number, one in enumerate(profile.verdicts) if one in ACTING}


GOOD = "id: mine\nrows:\n  - [any, any, any, 1, annotate]\n"
WRONG = [
    ("rows: [", "not YAML"),
    ("- 1", "no `id`"),
    ("id: x\nrows: 3", "no `id`"),
    ("id: x\nrows:\n  - [fraud, any]", "row 1 is not a list"),
    ("id: x\nrows:\n  - fraud", "row 1 is not a list"),
    (GOOD + "  - [fraude, any, any, 1, annotate]", "row 2: 'fraude' is no category"),
    (GOOD + "  - [fraud, screen, any, 1, annotate]", "row 2: 'screen' is no surface"),
    (GOOD + "  - [fraud, input, pensioner, 1, annotate]", "row 2: 'pensioner' is no audience"),
    (GOOD + "  - [fraud, input, any, 1, forbid]", "row 2: 'forbid' is no verdict"),
    (GOOD + "  - [fraud, input, any, 5, block]", "row 2: 5 is no severity"),
    (GOOD + "  - [fraud, input, any, 0, block]", "row 2: 0 is no severity"),
    (GOOD + "  - [fraud, input, any, true, block]", "row 2: True is no severity"),
    (GOOD + "  - [fraud, input, any, 2, stop]", "input cannot stop"),
    (GOOD + "  - [fraud, output, any, 2, block]", "output cannot block"),
    (GOOD + "  - [fraud, any, any, 2, block]", "output cannot block"),
    ("id: x\nrows:\n  - [fraud, any, any, 1, annotate]", "has no row for self_harm"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_policy_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        parse_policy(text, "mine.yaml")
    assert says in str(refusal.value)
    assert refusal.value.next_step


def test_a_policy_file_is_read_and_its_version_follows_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, "utf-8")
    first = load_policy(path)
    path.write_text(GOOD + "  - [fraud, output, any, 3, stop, fraud.]\n", "utf-8")
    second = load_policy(path)
    assert first.version != second.version
    assert second.verdict(rule(key="fraud.loan"), Surface.OUTPUT, Audience.ADULT) is Verdict.STOP
    assert second.verdict(rule(key="own.loan"), Surface.OUTPUT, Audience.ADULT) is Verdict.ANNOTATE
    path.write_text(GOOD + "version: '7'\n", "utf-8")
    assert load_policy(path).version == "7"


def test_a_policy_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.yaml"):
        load_policy(tmp_path / "none.yaml")
