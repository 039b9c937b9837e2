"""Rules change in mid-stream: what was shown stays shown, the rest is judged anew."""

from __future__ import annotations

from tests.screen.guard.cases import Counter, expression, literal, screening_of, seen

from zhengming.core.words import Category, Surface, Verdict
from zhengming.screen.guard import Mask, Note, Screening, Stop, TextGuard
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.policy import Policy, Row
from zhengming.screen.rule import Rule, RuleSet
from zhengming.screen.scorers import Scorer


def screening(verdict: Verdict, *rules: Rule, scorers: tuple[Scorer, ...] = ()) -> Screening:
    engine = compile_matcher(RuleSet(rules))
    return screening_of(rules, [verdict] * len(rules), scorers, engine=engine)


PHONE = expression("phone", "1[3-9][0-9]{9}", mask="电话")
PLACE = literal("place", "幸福路八号", mask="地址")
NONE = screening(Verdict.ANNOTATE)


def test_a_rule_that_comes_in_mid_match_masks_the_rest_of_the_span() -> None:
    guard = TextGuard(NONE)

    assert seen(guard.feed("住在幸福")).shown == "住在幸福"
    assert guard.reload(screening(Verdict.REDACT, PLACE)) == []
    commands = guard.feed("路八号，再见")

    assert seen(commands) == ("[地址]，再见", -1, (("place", (2, 7)),))
    assert Mask("[地址]", 4, 7, (0,)) in commands


def test_a_rule_that_comes_in_mid_match_stops_before_the_rest() -> None:
    guard = TextGuard(NONE)
    guard.feed("住在幸福")
    guard.reload(screening(Verdict.STOP, PLACE))
    commands = guard.feed("路八号，再见")

    assert seen(commands).shown == ""
    assert isinstance(commands[-1], Stop)
    assert commands[-1].at == 4


def test_what_was_shown_whole_is_noted_and_stays() -> None:
    guard = TextGuard(NONE)
    guard.feed("住在幸福路八号，")
    commands = guard.reload(screening(Verdict.STOP, PLACE))

    assert [type(one) for one in commands] == [Note]
    assert seen(guard.feed("再见")).shown == "再见"


def test_held_text_goes_free_when_its_rule_goes() -> None:
    guard = TextGuard(screening(Verdict.STOP, PLACE))

    assert guard.feed("幸福路") == []
    assert seen(guard.reload(NONE)).shown == "幸福路"
    assert guard.held == 0


def test_a_pending_redaction_is_judged_by_the_new_rules() -> None:
    guard = TextGuard(screening(Verdict.REDACT, PHONE))

    assert guard.feed("13800138000") == []
    assert seen(guard.reload(NONE)).shown == "13800138000"


def test_a_match_noted_before_is_not_noted_again() -> None:
    guard = TextGuard(screening(Verdict.ANNOTATE, PLACE))
    first = guard.feed("幸福路八号")
    again = guard.reload(screening(Verdict.ANNOTATE, PLACE, PHONE))

    assert len(seen(first).notes) == 1
    assert again == []


def test_all_that_is_held_is_judged_again_however_long() -> None:
    name = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎"
    spaced = "    ".join(name)
    guard = TextGuard(screening(Verdict.STOP, literal("names", name + "鲁")))

    assert guard.feed(spaced) == []
    both = screening(Verdict.REDACT, literal("first", "赵钱", mask="名"), literal("names", name + "鲁", mask="全"))
    assert seen(guard.reload(both)) == ("", -1, (("first", (0, 6)),))
    assert guard.held == len(spaced)
    assert seen(guard.feed("    鲁。") + guard.finish()).shown == "[全]。"


def test_a_left_boundary_is_seen_across_the_edge_of_what_is_judged_again() -> None:
    word = literal("word", "ass", mask="脏话")
    for before, shown in (("cl", False), ("好", True)):
        guard = TextGuard(NONE)
        guard.feed("一" * 100 + before)
        guard.feed("ass" + "二" * 61)
        commands = guard.reload(screening(Verdict.ANNOTATE, word))

        assert bool(seen(commands).notes) is shown


def test_matches_that_began_before_what_is_judged_again_are_not_found() -> None:
    guard = TextGuard(NONE)
    guard.feed("幸福路八号" + "二" * 60)

    assert guard.reload(screening(Verdict.ANNOTATE, PLACE)) == []


def test_scorers_start_with_the_text_that_is_judged_again() -> None:
    guard = TextGuard(NONE)
    guard.feed("坏坏坏" + "一" * 10)
    scorer = Counter("score.x", Category.SPAM, "坏", 3)
    commands = guard.reload(screening(Verdict.ANNOTATE, scorers=(scorer,)))
    later = guard.feed("一" * 10)

    assert seen(commands).notes == ()
    assert seen(later).notes == (("score.x", None),)


def test_scorers_are_asked_at_the_same_places_after_new_rules() -> None:
    def scored(wanted: int) -> Screening:
        return screening(Verdict.ANNOTATE, PLACE, scorers=(Counter("score.x", Category.SPAM, "坏", wanted),))

    guard = TextGuard(scored(99))
    guard.feed("坏坏" + "一" * 5)
    guard.reload(scored(3))
    commands = [guard.feed("坏") for _ in range(9)]

    assert [seen(one).notes for one in commands] == [()] * 8 + [(("score.x", None),)]


def test_a_scorer_of_new_rules_stops_where_the_text_stands() -> None:
    policy = Policy(
        "stops", (Row(None, None, None, 1, Verdict.ANNOTATE), Row(Category.SPAM, Surface.OUTPUT, None, 1, Verdict.STOP))
    )
    engine = compile_matcher(RuleSet((PLACE,)))
    scorer = Counter("score.x", Category.SPAM, "坏", 3)
    guard = TextGuard(screening_of([PLACE], [Verdict.REDACT], engine=engine))
    first = guard.feed("坏坏坏。后面幸福")
    commands = guard.reload(screening_of([PLACE], [Verdict.REDACT], [scorer], engine=engine, policy=policy))

    assert seen(first).shown == "坏坏坏。后面"
    assert seen(commands) == ("", 6, (("score.x", None),))
