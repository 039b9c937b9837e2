"""Tool-call arguments and structured output: guarded on decoded values, valid as JSON whatever happens."""

from __future__ import annotations

import json

import pytest
from tests.screen.guard.cases import every_cut, expression, literal, run, screening_of, seen

from zhengming.core.words import Verdict
from zhengming.screen.guard import JsonGuard, Mask, Note, Show, Stop
from zhengming.screen.guard.json_structure import MAX_DEPTH
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.rule import RuleSet

RULES = (
    literal("bomb", "如何自制炸弹", severity=4),
    expression("phone", "1[3-9][0-9]{9}", mask="电话"),
    literal("quote", "嘘嘘", mask='"\\'),
    literal("smile", "笑脸", mask="笑"),
    literal("number", "44444"),
)
VERDICTS = (Verdict.STOP, Verdict.REDACT, Verdict.REDACT, Verdict.REDACT, Verdict.STOP)
SCREENING = screening_of(RULES, VERDICTS, engine=compile_matcher(RuleSet(RULES)))

CASES = [
    ('{"a": "好"}', '{"a": "好"}'),
    ('{"tel":"13800138000"}', '{"tel":"[电话]"}'),
    ('{"tel":13800138000}', '{"tel":"[电话]"}'),
    ('{"tel": -13800138000 , "n":1}', '{"tel": "-[电话]" , "n":1}'),
    ("13800138000", '"[电话]"'),
    ('["\\u0031\\u0033800138000"]', '["[电话]"]'),
    ('["\\u5982\\u4f55\\u81ea\\u5236\\u70b8\\u5f39"]', '[""]'),
    ('{"13800138000": true}', '{"[电话]": true}'),
    ('{"如何自制炸弹": true}', '{"":null}'),
    ('{"a":[1,{"b":"先如何自制炸弹"', '{"a":[1,{"b":"先"}]}'),
    ('{"a":[{"b如何自制炸弹": 1}, 2]}', '{"a":[{"b":null}]}'),
    ("[44444]", "[null]"),
    ('{"a":44444, "b":1}', '{"a":null}'),
    ('[1, {"a": [-44444', '[1, {"a": [null]}]'),
    ("44444", "null"),
    ('["嘘嘘"]', '["[\\"\\\\]"]'),
    ('["\\ud83d\\ude00 笑\\u8138 \\ud83d x"]', '["\\ud83d\\ude00 [笑] \\ud83d x"]'),
    ('{"re": "\\d+\\s 13800138000", "x": 1}', '{"re": "\\d+\\s [电话]", "x": 1}'),
    ('{"u": "\\u12 13800138000"}', '{"u": "\\u12 [电话]"}'),
    ('{"a": "line\nbreak 13800138000"}', '{"a": "line\nbreak [电话]"}'),
    ('{"big": 123456789012345678901234567890, "f": 1.0e-7}',) * 2,
    ("138 0013 8000 is mine", "138 0013 8000 is mine"),
    ("13800138000 is mine", "[电话] is mine"),
    ("Call 13800138000 {", "Call [电话] {"),
    ('{"a": 1,} 13800138000', '{"a": 1,} [电话]'),
    ('{"a": tru13800138000}', '{"a": tru13800138000}'),
    ('{"a": 1}{"b": "\\u0031\\u0033800138000"}', '{"a": 1}{"b": "[电话]"}'),
    ('```json\n{"a": "如何自制炸弹"}', '```json\n{"a": "'),
    ('{"a": "未完', '{"a": "未完'),
    ('{"a": "\\ud83', '{"a": "\\ud83'),
    ('{"a": 13800138000', '{"a": "[电话]"'),
    ("[" + "1 " * 3, "[" + "1 " * 3),
    ("", ""),
]


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_what_is_shown_of_a_json_text_for_every_cut(text: str, shown: str) -> None:
    for pieces in every_cut(text):
        assert seen(run(JsonGuard(SCREENING), pieces)).shown == shown


def test_nothing_but_a_started_match_an_escape_or_a_number_is_held() -> None:
    guard = JsonGuard(SCREENING)
    held = []
    for character in '{"a": 12, "如\\u4f55b":':
        guard.feed(character)
        held.append(guard.held)

    assert held == [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0]


def test_half_a_surrogate_pair_waits_for_the_other_half_only() -> None:
    guard = JsonGuard(SCREENING)

    assert seen(guard.feed('["\\ud83d')).shown == '["'
    assert seen(guard.feed("\\ude0")).shown == ""
    assert seen(guard.feed("0")).shown == "\\ud83d\\ude00"
    assert seen(guard.feed("\\ud83dx")).shown == "\\ud83dx"


def test_offsets_and_notes_are_those_of_the_raw_text() -> None:
    text = '{"\\u7535": "t:\\u0031\\u0033800138000!"}'
    commands = run(JsonGuard(SCREENING), [text])
    mask = next(one for one in commands if isinstance(one, Mask))
    note = next(one for one in commands if isinstance(one, Note))

    assert text[mask.start : mask.end] == "\\u0031\\u0033800138000"
    assert note.reason.signal.span == (mask.start, mask.end)
    assert mask.rules == (1,)


def test_a_stopped_text_says_where_and_why_after_it_was_closed() -> None:
    commands = JsonGuard(SCREENING).feed('{"a": ["好", "先如何自制炸弹')

    assert [one.text for one in commands if isinstance(one, Show | Mask)] == ['{"a": ["好", "先', '"]}']
    assert isinstance(commands[-1], Stop)
    assert commands[-1].at == 14
    assert commands[-1].reason.signal.span == (14, 20)


def test_after_a_stop_nothing_comes_any_more() -> None:
    guard = JsonGuard(SCREENING)
    guard.feed('{"a": "如何自制炸弹')

    assert guard.stopped
    assert guard.held == 0
    assert guard.feed('"}') == guard.reload(SCREENING) == guard.finish() == []


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_nested_brackets_pass_whatever_their_depth(depth: int) -> None:
    text = "[" * depth + '"13800138000"' + "]" * depth
    pieces = [text[place : place + 997] for place in range(0, len(text), 997)]

    assert seen(run(JsonGuard(SCREENING), pieces)).shown == text.replace("13800138000", "[电话]")


def test_a_stop_closes_all_that_is_open() -> None:
    text = '{"a":[' * (MAX_DEPTH // 2) + '"如何自制炸弹'
    shown = seen(run(JsonGuard(SCREENING), [text])).shown

    assert json.loads(shown)
    assert shown.endswith('""' + "]}" * (MAX_DEPTH // 2))


def test_a_number_that_never_ends_is_not_kept_in_memory() -> None:
    guard = JsonGuard(SCREENING)
    shown = "".join(seen(guard.feed("1" * 1_000)).shown for _ in range(30))

    assert len(shown) > 28_000
    assert guard.held < 2_000


def test_endless_space_after_a_number_is_shown() -> None:
    guard = JsonGuard(SCREENING)
    guard.feed('{"a": 1')

    assert len(seen(guard.feed(" " * 1_000)).shown) == 1_001
    assert seen(guard.feed(',"b":"\\u0031\\u0033800138000"}')).shown == ',"b":"[电话]"}'


def test_new_rules_hold_for_the_string_that_is_open_and_all_that_follow() -> None:
    none = screening_of((), (), engine=compile_matcher(RuleSet(())))
    guard = JsonGuard(none)
    guard.feed('["\\u5982何自')
    assert guard.reload(SCREENING) == []
    commands = guard.feed("制炸弹")

    assert seen(commands).shown == '"]'
    assert guard.stopped
    assert guard.versions == [none.matcher.version, SCREENING.matcher.version]


def test_new_rules_hold_for_text_that_is_no_json_too() -> None:
    none = screening_of((), (), engine=compile_matcher(RuleSet(())))
    guard = JsonGuard(none)
    guard.feed("sure: 如何自")
    guard.reload(SCREENING)

    assert seen(guard.feed("制炸弹")).shown == ""
    assert guard.stopped
