"""Log probabilities leave with their text, never before it and never without it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screen.guard.cases import cut, expression, literal, run, screening_of, seen

from zhengming.core.words import Verdict
from zhengming.screen.guard import Command, JsonGuard, LogprobQueue, Mask, Show, TextGuard, blank_entry

RULES = [literal("stop", "停在这里"), expression("phone", "1[0-9]{4}"), literal("name", "小明", mask="名")]
SCREENING = screening_of(RULES, [Verdict.STOP, Verdict.REDACT, Verdict.REDACT])


def entry(token: str, data: bytes | None = None) -> dict[str, Any]:
    spelled = token.encode() if data is None else data
    return {"token": token, "logprob": -0.5, "bytes": list(spelled), "top_logprobs": [{"token": "x", "logprob": -1}]}


def push(queue: LogprobQueue[dict[str, Any]], *entries: dict[str, Any]) -> None:
    for one in entries:
        queue.push(one, one["token"], one["bytes"])


def queue() -> LogprobQueue[dict[str, Any]]:
    return LogprobQueue(blank_entry)


def test_a_token_leaves_once_all_its_text_is_shown() -> None:
    waiting = queue()
    push(waiting, entry("你好"), entry("吗"))

    assert waiting.advance([Show("你", 0, 1)]) == []
    assert waiting.advance([Show("好吗", 1, 3)]) == [entry("你好"), entry("吗")]


def test_masked_tokens_become_one_blank_entry() -> None:
    waiting = queue()
    push(waiting, entry("电话"), entry("138"), entry("00"), entry("。"))

    out = waiting.advance([Show("电话", 0, 2), Mask("[phone]", 2, 7, (1,)), Show("。", 7, 8)])

    assert out == [entry("电话"), blank_entry("[phone]"), entry("。")]
    assert out[1]["top_logprobs"] == []


def test_a_token_that_is_masked_in_part_is_blanked_with_what_is_seen_of_it() -> None:
    waiting = queue()
    push(waiting, entry("话1"), entry("3800。"), entry("好"))

    out = waiting.advance([Show("话", 0, 1), Mask("[phone]", 1, 6, (1,)), Show("。好", 6, 8)])

    assert out == [blank_entry("话[phone]"), blank_entry("。"), entry("好")]


def test_a_mask_that_grows_is_seen_once() -> None:
    waiting = queue()
    push(waiting, entry("ab"), entry("cd"), entry("e"))

    out = waiting.advance([Mask("[m]", 0, 2, (1,)), Mask("", 2, 4, (1,)), Show("e", 4, 5)])

    assert out == [blank_entry("[m]"), entry("e")]


def test_a_character_cut_over_tokens_is_shown_or_masked_whole() -> None:
    first, second = entry("\ufffd", "明".encode()[:2]), entry("\ufffd", "明".encode()[2:])
    shown, masked = queue(), queue()
    push(shown, first, second)
    push(masked, first, second, entry("了"))

    assert shown.advance([Show("明", 0, 1)]) == [first, second]
    assert masked.advance([Mask("[名]", 0, 1, (2,)), Show("了", 1, 2)]) == [blank_entry("[名]"), entry("了")]


def test_tokens_cut_by_a_stop_are_dropped() -> None:
    guard, waiting = TextGuard(SCREENING), queue()
    push(waiting, entry("好"), entry("的，停"), entry("在"), entry("这里"))

    out = waiting.advance([*guard.feed("好的，停在这里"), *guard.finish()])

    assert out == [entry("好")]
    assert waiting.stopped
    push(waiting, entry("吧"))
    assert waiting.advance() == waiting.finish() == []


def test_tokens_may_come_after_their_text() -> None:
    waiting = queue()

    assert waiting.advance([Show("你好", 0, 2)]) == []
    push(waiting, entry("你好"))
    assert waiting.advance() == [entry("你好")]


def test_tokens_that_do_not_spell_the_text_are_never_shown() -> None:
    waiting = queue()
    push(waiting, entry("Ġ138"), entry("00"))

    assert waiting.advance([Show("x ", 0, 2), Mask("[phone]", 2, 7, (1,))]) == []
    assert waiting.lost
    push(waiting, entry("13800"))
    assert waiting.finish() == []


def test_an_empty_token_leaves_with_the_next_one_that_does() -> None:
    waiting = queue()
    nothing = entry("")
    push(waiting, nothing, entry("好"))

    assert waiting.held == 2
    assert waiting.advance([Show("好", 0, 1)]) == [nothing, entry("好")]
    assert waiting.held == 0


def test_a_mask_at_the_end_of_a_stopped_token_keeps_its_blank_entry() -> None:
    waiting = queue()
    push(waiting, entry("电话13800，停在"), entry("这里"))
    stop = run(TextGuard(SCREENING), ["停在这里"])[-1]

    out = waiting.advance([Show("电话", 0, 2), Mask("[phone]", 2, 7, (1,)), Show("，", 7, 8), stop])

    assert out == [blank_entry("电话[phone]，")]


def test_what_closes_a_stopped_json_text_gets_an_entry_of_its_own() -> None:
    guard, waiting = JsonGuard(SCREENING), queue()
    push(waiting, entry('{"a"'), entry(':"好'), entry("停在"), entry('这里"'), entry("}"))

    out = waiting.advance([*guard.feed('{"a":"好停在这里"}'), *guard.finish()])

    assert [one["token"] for one in out] == ['{"a"', ':"好', '"}']


def test_what_is_put_in_amid_a_token_is_seen_with_it() -> None:
    waiting = queue()
    push(waiting, entry("ab"))

    assert waiting.advance([Show("a", 0, 1), Mask("+", 1, 1, ()), Show("b", 1, 2)]) == [blank_entry("a+b")]


@settings(max_examples=400, deadline=None)
@given(
    parts=st.lists(st.sampled_from(["你好", "13800", "小明", "a", "，", "😀", "1", "停在", "这里", "é"]), max_size=9),
    text_cuts=st.sets(st.integers(1, 40), max_size=6),
    byte_cuts=st.sets(st.integers(1, 90), max_size=20),
    early=st.booleans(),
)
def test_the_tokens_that_leave_spell_the_text_that_is_shown(
    parts: list[str], text_cuts: set[int], byte_cuts: set[int], *, early: bool
) -> None:
    text = "".join(parts)
    data = text.encode()
    edges = [0, *sorted(place for place in byte_cuts if place < len(data)), len(data)]
    tokens = [data[one:other] for one, other in pairwise(edges)]
    guard, waiting = TextGuard(SCREENING), queue()
    out: list[dict[str, Any]] = []
    commands: list[Command] = []
    for token in tokens if early else ():
        push(waiting, entry(token.decode(errors="replace"), token))
    for piece in cut(text, text_cuts):
        commands += (new := guard.feed(piece))
        out += waiting.advance(new)
        spelled = b"".join(bytes(one["bytes"]) for one in out)
        assert seen(commands).shown.encode().startswith(spelled)
    commands += (new := guard.finish())
    for token in () if early else tokens:
        push(waiting, entry(token.decode(errors="replace"), token))
    out += waiting.advance(new) + waiting.finish()
    shown, stop, _ = seen(commands)

    spelled = b"".join(bytes(one["bytes"]) for one in out)
    assert not waiting.lost
    assert shown.encode().startswith(spelled)
    assert shown.encode() == spelled or stop >= 0
    assert all(one["token"] != "" for one in out)
