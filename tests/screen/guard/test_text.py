"""Real cases, Chinese and English: what leaves when, piece by piece."""

from __future__ import annotations

import pytest
from tests.screen.guard.cases import Counter, every_cut, expression, literal, mask_of, run, screening_of, seen, stops
from tests.screen.guard.oracle import outcome

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category, Surface, Verdict
from zhengming.screen.guard import FieldGuard, Mask, Note, Screening, Show, Stop, TextGuard
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.policy import Policy, Row
from zhengming.screen.rule import RuleSet

RULES = (
    literal("bomb", "如何自制炸弹", severity=4),
    literal("suicide", "kill yourself", severity=4),
    expression("phone", "1[3-9][0-9]{9}", mask="电话"),
    expression("card", "[0-9]{16}", mask="银行卡", severity=3),
    literal("address", "幸福路8号", mask="地址"),
    literal("lane", "8号院", mask="地址"),
    literal("gamble", "澳门赌场", severity=2),
    literal("ass", "ass", severity=3, mask="脏话"),
    expression("mail", "[a-z]{1,20}@[a-z]{1,20}\\.(?:com|cn)", mask="邮箱"),
)
VERDICTS = (
    *(Verdict.STOP, Verdict.STOP, Verdict.REDACT, Verdict.REDACT, Verdict.REDACT, Verdict.REDACT),
    *(Verdict.ANNOTATE, Verdict.REDACT, Verdict.REDACT),
)
ENGINE = compile_matcher(RuleSet(RULES))
SCREENING = screening_of(RULES, VERDICTS, engine=ENGINE)

CASES = [
    ("你好，今天天气不错。", "你好，今天天气不错。", -1, []),
    ("我的电话是13800138000。", "我的电话是[电话]。", -1, ["phone"]),
    ("打１３８００１３８０００找我", "打[电话]找我", -1, ["phone"]),
    ("号码138001380001太长", "号码138001380001太长", -1, []),
    ("先看这里：如何自制炸弹？第一步", "先看这里：", 5, ["bomb"]),
    ("如 何 自 制 炸 弹", "", 0, ["bomb"]),
    ("如何自\u200b制炸弹啊", "", 0, ["bomb"]),
    ("如何自制炸药的历史", "如何自制炸药的历史", -1, []),
    ("You should kill yourself now", "You should ", 11, ["suicide"]),
    ("You should KILL-YOURSELF", "You should ", 11, ["suicide"]),
    ("a k i l l y o u r s e l f", "a ", 2, ["suicide"]),
    ("kill yourselfish ideas", "kill yourselfish ideas", -1, []),
    ("a classic assessment", "a classic assessment", -1, []),
    ("you ass, really", "you [脏话], really", -1, ["ass"]),
    ("住在幸福路8号院里", "住在[地址]里", -1, ["address", "lane"]),
    ("写信给 li@mail.com 吧", "写信给 [邮箱] 吧", -1, ["mail"]),
    ("卡号6222021234567890，电话13912345678", "卡号[银行卡]，电话[电话]", -1, ["card", "phone"]),
    ("幸福路8号13800138000", "[地址]", -1, ["address", "phone"]),
    ("澳门赌场的建筑", "澳门赌场的建筑", -1, ["gamble"]),
    ("电话13800138000，如何自制炸弹", "电话[电话]，", 14, ["phone", "bomb"]),
    ("如何自制炸弹，电话13800138000", "", 0, ["bomb"]),
    ("电话1380013800", "电话1380013800", -1, []),
    ("电话13800138000", "电话[电话]", -1, ["phone"]),
    ("\ud83d半个\ude00字符", "\ud83d半个\ude00字符", -1, []),
    ("", "", -1, []),
]


@pytest.mark.parametrize(("text", "shown", "stop", "noted"), CASES)
def test_what_is_shown_of_a_text_for_every_cut(text: str, shown: str, stop: int, noted: list[str]) -> None:
    assert outcome(RULES, VERDICTS, mask_of, text).shown == shown
    for pieces in every_cut(text):
        result = seen(run(TextGuard(SCREENING), pieces))

        assert (result.shown, result.stop, [rule for rule, _ in result.notes]) == (shown, stop, noted)


def feed_one_by_one(guard: FieldGuard, text: str) -> list[tuple[str, int]]:
    """What each character releases, and how much is held after it."""
    steps = []
    for character in text:
        commands = guard.feed(character)
        steps.append(("".join(one.text for one in commands if isinstance(one, Show | Mask)), guard.held))
    return steps


def test_ordinary_text_is_never_held() -> None:
    assert feed_one_by_one(TextGuard(SCREENING), "你好，世界 Hi") == [(one, 0) for one in "你好，世界"] + [
        (" ", 0),
        ("", 1),  # an address of mail may begin with any letter
        ("", 2),
    ]


def test_held_is_what_could_still_become_a_match_and_no_more() -> None:
    guard = TextGuard(SCREENING)

    assert feed_one_by_one(guard, "说如何自己做") == [
        ("说", 0),
        ("", 1),
        ("", 2),
        ("", 3),
        ("如何自己", 0),
        ("做", 0),
    ]


def test_a_redaction_waits_for_its_right_boundary_and_for_no_more() -> None:
    guard = TextGuard(SCREENING)
    guard.feed("电话1380013800")

    assert guard.held == 10
    assert guard.feed("0") == []
    assert guard.held == 11
    assert [one for one in guard.feed("。") if not isinstance(one, Note)] == [
        Mask("[电话]", 2, 13, (2,)),
        Show("。", 13, 14),
    ]
    assert guard.held == 0


def test_a_sentence_over_twenty_chunks_is_stopped_before_its_first_character_shows() -> None:
    sentence = "kill-yourself, kill!"
    guard = TextGuard(SCREENING)
    shown = ""
    for character in "Well. " + sentence:
        for command in guard.feed(character):
            assert isinstance(command, Show | Note | Stop)
            if isinstance(command, Show):
                shown += command.text

    assert len(sentence) == 20
    assert shown == "Well. "
    assert guard.stopped
    assert guard.held == 0


def test_after_a_stop_nothing_comes_any_more() -> None:
    guard = TextGuard(SCREENING)
    commands = guard.feed("如何自制炸弹")

    assert isinstance(commands[-1], Stop)
    assert commands[-1].at == 0
    assert commands[-1].reason.verdict is Verdict.STOP
    assert guard.feed("还有") == guard.reload(SCREENING) == guard.finish() == []


def test_overlapping_redactions_show_one_mask_that_grows() -> None:
    guard = TextGuard(SCREENING)
    commands = guard.feed("住幸福路8号院") + guard.finish()

    assert "".join(one.text for one in commands if isinstance(one, Show | Mask)) == "住[地址]"
    assert {rule for one in commands if isinstance(one, Mask) for rule in one.rules} == {4, 5}


def test_a_finished_text_takes_no_more() -> None:
    guard = TextGuard(SCREENING)
    guard.finish()

    with pytest.raises(ValueError, match="finished"):
        guard.feed("x")


def test_notes_carry_rule_version_span_and_verdict() -> None:
    note = next(one for one in TextGuard(SCREENING).feed("去澳门赌场看") if isinstance(one, Note))

    signal, verdict = note.reason
    assert verdict is Verdict.ANNOTATE
    assert (signal.rule, signal.version, signal.span, signal.score) == ("gamble", "1", (1, 5), 1.0)


def test_the_engine_of_the_version_is_named() -> None:
    guard = TextGuard(SCREENING)
    other = screening_of(RULES[:1], VERDICTS[:1], engine=compile_matcher(RuleSet(RULES[:1], "2026-11")))
    guard.reload(other)
    guard.reload(other)

    assert guard.versions == [ENGINE.version, "2026-11"]


def test_a_profile_of_other_rules_is_refused() -> None:
    other = compile_matcher(RuleSet(RULES[:1]))

    with pytest.raises(InvalidInputError, match="the profile belongs to rules"):
        Screening(other, SCREENING.profile, (), mask_of)


def test_long_texts_are_forgotten_as_they_go() -> None:
    guard = TextGuard(SCREENING)
    for _ in range(3_000):
        guard.feed("今天天气不错。")

    assert len(guard._buffer) < 3_000
    assert guard.feed("13800138000，")[-1] == Show("，", 21_011, 21_012)


SCORED = Policy(
    "scored", (Row(None, None, None, 1, Verdict.ANNOTATE), Row(Category.SPAM, Surface.OUTPUT, None, 1, Verdict.STOP))
)


def scored(wanted: int, category: Category = Category.SPAM) -> Screening:
    scorer = Counter("score.x", category, "坏", wanted)
    return screening_of(RULES, VERDICTS, (scorer,), engine=ENGINE, policy=SCORED)


def test_a_scorer_acts_on_what_follows_a_sentence_end() -> None:
    text = "坏坏坏。后面的话"
    for pieces in every_cut(text):
        result = seen(run(TextGuard(scored(3)), pieces))

        assert result == ("坏坏坏。", 4, (("score.x", None),))


def test_a_scorer_acts_on_what_follows_sixteen_folded_characters() -> None:
    text = "坏\u200b坏坏一二三四五六七八九十一二三四五六七"
    for pieces in every_cut(text):
        result = seen(run(TextGuard(scored(3)), pieces))

        assert result.shown == text[:17]


def test_a_scorer_never_holds_text_back() -> None:
    guard = TextGuard(scored(3))

    assert feed_one_by_one(guard, "坏坏坏坏") == [("坏", 0)] * 4


def test_a_match_that_a_scorer_cuts_off_at_its_end_is_still_masked() -> None:
    text = "坏坏13800138000坏坏坏0123"
    for pieces in every_cut(text):
        result = seen(run(TextGuard(scored(5)), pieces))

        assert result == ("坏坏[电话]坏坏坏", 16, (("phone", (2, 13)), ("score.x", None)))


def test_a_scorer_that_only_notes_ends_nothing() -> None:
    result = seen(run(TextGuard(scored(1, Category.VIOLENCE)), ["坏。好"]))

    assert result == ("坏。好", -1, (("score.x", None),))


def test_a_stop_names_its_reason_once() -> None:
    commands = run(TextGuard(SCREENING), ["好。如何自制炸弹"])

    assert len(stops(commands)) == 1
    assert stops(commands)[0].reason.signal.rule == "bomb"
