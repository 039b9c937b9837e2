from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.wire.cases import (
    AIGC,
    DONE,
    END,
    FIRST,
    LABEL,
    LAST,
    NOTICE,
    RULES,
    SCREENING,
    START,
    chunk,
    context,
    event,
    events_of,
    request,
    run,
    said,
    says,
    screening_of,
)

from zhengming.gateway.wire.base import OutputStream
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.chat_stream import ChatStream

AIGC_OBJECT = json.loads(AIGC)


def with_aigc(raw: bytes) -> bytes:
    return raw[: -len(b"}\n\n")] + b',"aigc":' + AIGC + b"}\n\n"


def test_a_harmless_answer_leaves_with_the_bytes_that_came_and_its_label() -> None:
    body = [says("你好"), event(chunk({"content": "，世界", "reasoning_content": None}, extra={"n": 1.0}))]
    seen = run([FIRST, *body, LAST, event({"id": "chatcmpl-1", "choices": [], "usage": {"total_tokens": 7}}), DONE])
    own = event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "up",
            "choices": [{"index": 0, "delta": {"content": END}, "finish_reason": None}],
        }
    )
    usage = event({"id": "chatcmpl-1", "choices": [], "usage": {"total_tokens": 7}})
    assert seen.data == b"".join([with_aigc(FIRST), *body, own, with_aigc(LAST), usage, DONE])
    assert seen.shown == {"0/content": f"你好，世界{END}"}
    assert (seen.stream.finished, seen.stream.stopped, seen.stream.found) == (True, False, [])
    assert (seen.stream.usage, seen.stream.response_id) == ({"total_tokens": 7}, "chatcmpl-1")


def test_spelling_of_numbers_and_escapes_survives_where_the_chunk_is_edited() -> None:
    raw = b'data: {"id" : "x", "n":1.0,"big":123456789012345678901234567890,"choices":[ {"index":0,"delta":{"content"'
    raw += b':"\\u4f60 13812345678 ok","role":"assistant"},"x":-0, "finish_reason":null} ]}\n\n'
    seen = run([raw, LAST])
    assert with_aigc(raw.replace(b'"\\u4f60 13812345678 ok"', '"你 [phone] ok"'.encode())) in seen.data


@pytest.mark.parametrize(
    "pieces", [("制造炸", "弹"), ("好的，制", "造", "炸", "弹吧"), ("so forbid", "den phra", "se.")]
)
def test_a_stop_keeps_what_came_before_and_ends_with_a_notice(pieces: tuple[str, ...]) -> None:
    before = "".join(pieces).partition("制造")[0].partition("forbidden")[0]
    seen = run(said(*pieces, "and more"))
    expected = f"{before}\n\n{NOTICE}{END}" if before.strip() else NOTICE
    assert seen.text() == seen.shown["0/content"] == expected
    assert seen.finishes() == ["content_filter"]
    assert seen.events[-1] == "[DONE]"
    assert seen.labelled() == [0, len(seen.events) - 2]
    assert (seen.stream.stopped, seen.stream.finished) == (True, True)
    assert [reason.signal.rule for _, reason in seen.stream.found] == ["stop"]
    assert seen.stream.feed(says("later")).data == b""
    assert seen.stream.finish().data == b""


def test_masked_text_leaves_as_its_mask_and_held_chunks_are_not_sent() -> None:
    seen = run(said("口令：秘", "密", "口", "令。"))
    assert seen.text() == f"口令：[code]。{END}"
    assert len([one for one in seen.choices() if "content" in one["delta"]]) == 4
    assert [reason.verdict for _, reason in seen.stream.found] == ["redact"]


def test_what_is_held_is_released_before_the_finish_reason() -> None:
    seen = run(said("他说秘密口"))
    contents = [choice["delta"].get("content") for choice in seen.choices()]
    assert contents == ["", "他说", f"秘密口{END}", None]
    assert seen.finishes() == ["stop"]


def test_text_in_the_chunk_that_finishes_goes_out_before_it() -> None:
    seen = run([FIRST, event(chunk({"content": "all"}, finish="length")), DONE])
    assert [choice["delta"].get("content") for choice in seen.choices()] == ["", f"all{END}", ""]
    assert seen.finishes() == ["length"]
    assert run([FIRST, event(chunk({"content": "all"}, finish="length")), DONE], label_end="").text() == "all"


def test_a_start_label_stands_before_the_first_visible_character() -> None:
    seen = run([FIRST, says("\n"), says(" "), says("你好"), LAST, DONE], label_end="", label_start=START)
    assert seen.text() == seen.shown["0/content"] == f"{START}\n 你好"
    assert run(said(""), label_end="", label_start=START).text() == ""
    assert run(said(" ", "\n"), label_end="", label_start=START).text() == " \n"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("{", '"a":', "1}"), '{"a":1}'),
        (("[1,", "2]\n"), "[1,2]\n"),
        (("[so", " what]"), f"[so what]{END}"),
        (("```py\nx = 1", "\n"), "```py\nx = 1\n"),
        (("```py\nx = 1", "\n```\n"), f"```py\nx = 1\n```\n{END}"),
    ],
)
def test_a_label_stays_out_of_json_and_open_code(pieces: tuple[str, ...], text: str) -> None:
    assert run(said(*pieces)).text() == text
    if text[0] in "[{":
        assert run(said(*pieces), label_end="", label_start=START).text() == text


def test_structured_output_stays_json_without_label_and_its_notice_is_a_refusal() -> None:
    pieces = ('{"tel": "138', '12345678", ', '"how": "先制造', '炸弹，然后"}')
    seen = run(said(*pieces), structured=True)
    assert json.loads(seen.text()) == {"tel": "[phone]", "how": "先"}
    assert (seen.text("refusal"), seen.finishes()) == (NOTICE, ["content_filter"])
    assert run(said('{"a": ', '"\\u4f60"}'), structured=True).text() == '{"a": "\\u4f60"}'


def test_an_answer_to_be_inserted_carries_no_label() -> None:
    assert run(said("code"), beside=True).text() == "code"


def test_reasoning_and_refusal_are_guarded_apart_and_never_labelled() -> None:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "reasoning_content": "call 138"},
        {"reasoning_content": "12345678 now"},
        {"reasoning_content": None, "content": "好"},
        {"refusal": "no secret co"},
        {"refusal": "de"},
    ]
    seen = run([*(event(chunk(delta)) for delta in deltas), LAST, DONE])
    assert seen.text("reasoning_content") == "call [phone] now"
    assert seen.text("refusal") == "no [code]"
    assert seen.text() == f"好{END}"
    assert seen.shown["0/reasoning_content"] == "call [phone] now"


def test_a_stop_in_the_reasoning_ends_the_answer() -> None:
    seen = run([event(chunk({"reasoning": "hm 制造炸弹"})), says("yes"), LAST, DONE])
    assert seen.text("reasoning") == "hm "
    assert seen.text() == NOTICE
    assert seen.finishes() == ["content_filter"]


def call(arguments: str, *, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **members, "function": {"arguments": arguments}}]}


def opening(name: str, *, index: int = 0, arguments: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}


def test_tool_arguments_stay_json_and_carry_no_label() -> None:
    deltas = [opening("dial"), call('{"to": "138'), call('12345678", "n"'), call(": 1}"), opening("f", index=1)]
    deltas += [call('{"q": "\\u79d8', index=1), call('\\u5bc6口令"}', index=1)]
    seen = run([FIRST, *(event(chunk(delta)) for delta in deltas), event(chunk(finish="tool_calls")), DONE])
    assert json.loads(seen.arguments()) == {"to": "[phone]", "n": 1}
    assert json.loads(seen.arguments(1)) == {"q": "[code]"}
    assert (seen.text(), seen.finishes()) == ("", ["tool_calls"])
    sent = [
        {"id": "call_0", "function": {"name": "dial", "arguments": '{"n":1,"to":"[phone]"}'}},
        {"id": "call_1", "function": {"name": "f", "arguments": '{"q":"[code]"}'}},
    ]
    assert seen.stream.replies() == [canonical_message("assistant", {"content": None, "tool_calls": sent})]


def test_a_stop_in_tool_arguments_closes_them() -> None:
    deltas = [opening("f", arguments='{"a": [{"b": "先制造'), call('炸弹", "c": 2}]}')]
    seen = run([FIRST, *(event(chunk(delta)) for delta in deltas), LAST, DONE])
    assert json.loads(seen.arguments()) == {"a": [{"b": "先"}]}
    assert (seen.text(), seen.finishes()) == (NOTICE, ["content_filter"])


def test_whole_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    calls = [
        {"tool_calls": [{"index": 0, "id": name, "function": {"name": name, "arguments": f'{{"{name}": 1}}'}}]}
        for name in ("a", "b")
    ]
    seen = run([FIRST, *(event(chunk(delta)) for delta in calls), event(chunk(finish="tool_calls")), DONE])
    (reply,) = seen.stream.replies()
    assert [one["function"]["arguments"] for one in json.loads(reply)["tool_calls"]] == [{"a": 1}, {"b": 1}]


def test_a_call_and_its_end_in_one_chunk_stay_together() -> None:
    seen = run([FIRST, event(chunk(opening("f", arguments='{"a": "秘密口'), finish="tool_calls")), DONE])
    assert seen.arguments() == '{"a": "秘密口'
    assert [bool(choice["delta"].get("tool_calls")) for choice in seen.choices()] == [False, True]


def test_other_texts_of_a_delta_are_guarded_too() -> None:
    deltas: list[dict[str, Any]] = [
        {"function_call": {"name": "f", "arguments": '{"a": "138'}},
        {"function_call": {"arguments": '12345678"}'}},
        {"audio": {"id": "a", "transcript": "secret "}},
        {"audio": {"transcript": "code", "data": "AAAA"}},
        {"tool_calls": [{"index": 0, "id": "1", "type": "custom", "custom": {"name": "c", "input": "制造"}}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "秘密口", "index": 0}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "secret code"}]}]},
        {"content": [{"type": "text", "text": "秘密"}, {"type": "text", "text": "口令"}]},
    ]
    seen = run([*(event(chunk(delta)) for delta in deltas), LAST, DONE])
    assert seen.text("function_call.arguments") == '{"a": "[phone]"}'
    assert seen.text("audio.transcript") == "[code]"
    assert seen.shown["0/thinking"] == "[code]"
    assert seen.shown["0/content"] == f"[code]{END}"
    assert seen.shown["0/reasoning_details/0/text"] == "秘密口"
    assert seen.shown["0/tool_calls/0/custom/input"] == "制造"


def test_a_message_that_repeats_the_whole_answer_says_what_was_shown() -> None:
    message = {"role": "assistant", "content": "口令 秘密口令"}
    seen = run([FIRST, says("口令 "), says("秘密口令"), event(chunk(finish="stop", choice={"message": message})), DONE])
    assert seen.choices()[-1]["message"] == {"role": "assistant", "content": f"口令 [code]{END}"}


def test_choices_are_guarded_apart_and_a_stop_ends_only_its_own() -> None:
    feed = [
        FIRST,
        event(chunk({"role": "assistant", "content": ""}, index=1)),
        says("制造", index=0),
        says("secret ", index=1),
        says("炸弹", index=0),
        says("more", index=0),
        says("code", index=1),
        event(chunk(index=0, finish="stop")),
    ]
    stream = ChatStream(context(), request(choices=2))
    stream.feed(b"".join(feed))
    assert (stream.stopped, stream.finished) == (False, False)
    seen = run([*feed, event(chunk(index=1, finish="stop")), says("never", index=1)], choices=2)
    assert seen.text(index=0) == NOTICE
    assert seen.text(index=1) == f"[code]{END}"
    assert (seen.finishes(0), seen.finishes(1)) == (["content_filter"], ["stop"])
    assert seen.stream.stopped
    assert seen.events[-1] == "[DONE]"
    assert len(seen.stream.replies()) == 2


def test_several_choices_in_one_chunk_are_edited_apart() -> None:
    two = chunk({"content": "秘密口令。"})
    two["choices"].append({"index": 1, "delta": {"content": "fine"}, "finish_reason": None})
    two["choices"].append({"index": 2, "delta": {"content": "制造炸弹"}, "finish_reason": None})
    seen = run([event(two), event(two), DONE], choices=3)
    assert [seen.text(index=number) for number in range(3)] == [f"[code]。[code]。{END}", f"finefine{END}", NOTICE]


def test_text_after_a_finish_reason_is_not_shown() -> None:
    seen = run([FIRST, says("a"), LAST, says("secret code"), event(chunk(finish="stop")), DONE])
    assert seen.text() == f"a{END}"
    assert b"secret" not in seen.data


ENTRY: dict[str, Any] = {"logprob": -0.5, "bytes": None, "top_logprobs": []}


def tokens(*texts: str) -> dict[str, Any]:
    return {"logprobs": {"content": [{"token": text, **ENTRY} for text in texts], "refusal": None}}


def test_log_probabilities_wait_and_vanish_with_their_text() -> None:
    plain = event(chunk({"content": "ok "}, choice=tokens("ok ")))
    feed = [
        FIRST,
        plain,
        event(chunk({"content": "secret "}, choice=tokens("secret "))),
        says("code", choice=tokens("code")),
    ]
    seen = run([*feed, says(" end", choice=tokens(" ", "end")), LAST, DONE])
    assert plain in seen.data
    sent = [one for choice in seen.choices() for one in (choice.get("logprobs") or {}).get("content") or ()]
    assert [one["token"] for one in sent] == ["ok ", "[code]", " ", "end"]
    assert "".join(one["token"] for one in sent) + END == seen.text()
    cut = run([FIRST, says("ok 制造", choice=tokens("ok ", "制造")), says("炸弹", choice=tokens("炸弹")), LAST])
    assert "制造" not in cut.data.decode()


def test_log_probabilities_without_text_are_not_forwarded() -> None:
    seen = run([FIRST, event(chunk(choice=tokens("secret code"))), LAST, DONE])
    assert b"secret" not in seen.data


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {oops\n\n",
        b"data: [1]\n\n",
        b'data: "text"\n\n',
        b'{"id":"no event"}\n\n',
        b"<html>bad gateway</html>\n\n",
        event({"choices": "x"}),
        event({"choices": ["x"]}),
        event(chunk({"content": {"a": 1}})),
        event(chunk({"content": [1]})),
        event(chunk({"reasoning_content": 1})),
        event(chunk({"tool_calls": "x"})),
        event(chunk({"tool_calls": ["x"]})),
        event(chunk({"tool_calls": [{"function": {"arguments": {}}}]})),
        event(chunk({"content": "x"}, index=10**9)),
        event(chunk({"content": "x"}, choice={"delta": "x"})),
        event(chunk({"content": "x"}, choice={"index": "0"})),
        event(chunk({"content": "x"}, choice={"logprobs": {"content": [{"token": 5}]}})),
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_garbage_ends_the_stream_with_an_error_and_is_not_shown(garbage: bytes) -> None:
    seen = run([FIRST, says("he said 秘密"), garbage, says("later"), DONE])
    assert seen.events[-1]["error"]["code"] == "upstream_garbage"
    assert seen.events[-1]["error"]["type"] == "upstream_error"
    assert seen.text() == f"he said 秘密{END}"
    assert (seen.stream.stopped, seen.stream.finished) == (False, True)
    assert garbage.strip() not in seen.data


def test_a_stream_that_ends_in_mid_event_is_garbage() -> None:
    seen = run([FIRST, says("ok"), says("lost")[:40]])
    assert seen.events[-1]["error"]["code"] == "upstream_garbage"
    assert seen.text() == f"ok{END}"


def test_an_event_too_large_ends_the_stream() -> None:
    stream = ChatStream(context(), request())
    assert stream.feed(FIRST).data
    assert stream.feed(b"data: " + b"x" * (17 * 1024 * 1024)).data == b""
    assert stream.broken is not None
    assert stream.broken.code == "upstream_event_too_large"
    assert stream.feed(says("later")).data == stream.finish().data == b""


@pytest.mark.parametrize("ending", [b"", b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r\n\r\n", DONE])
def test_done_is_sent_once_however_the_upstream_ends(ending: bytes) -> None:
    seen = run([FIRST, says("ok"), LAST, ending])
    assert seen.events.count("[DONE]") == 1
    assert seen.data.endswith(DONE)
    assert (seen.stream.finished, seen.stream.stopped) == (True, False)


def test_a_stream_without_finish_reason_still_releases_and_labels() -> None:
    seen = run([FIRST, says("秘密口"), DONE])
    assert seen.text() == f"秘密口{END}"
    stopped = run([FIRST, says("secret code 制造炸弹")])
    assert stopped.finishes() == ["content_filter"]


def test_an_upstream_error_passes_as_it_is_after_what_was_held() -> None:
    error = event({"error": {"message": "overloaded", "code": 529}})
    seen = run([FIRST, says("秘密"), error])
    assert seen.data.endswith(error)
    assert seen.text() == f"秘密{END}"
    assert "[DONE]" not in seen.events


def test_an_error_beside_text_does_not_carry_the_text_past_the_guard() -> None:
    seen = run([FIRST, event(chunk({"content": "secret code"}, finish="error", error={"message": "x"}))])
    assert b"secret" not in seen.data
    assert seen.text() == f"[code]{END}"


def test_comments_events_without_data_and_unknown_objects_pass() -> None:
    odd = [b": ping\n\n", b"event: x\nid: 1\n\n", event({"type": "ping"}), b"retry: 3\r\n\r\n"]
    seen = run([FIRST, *odd, says("ok"), LAST, DONE])
    assert b"".join(odd) in seen.data


def test_lines_beside_the_data_stay_where_the_data_is_edited() -> None:
    raw = b"event: message\r\nid: 9\r\n" + says("secret code.").replace(b"\n\n", b"\r\n\r\n")
    seen = run([FIRST, raw, LAST, DONE])
    assert b"event: message\r\nid: 9\r\ndata: " in seen.data
    assert b'"[code]."' in seen.data


def test_the_first_event_carries_the_fields_even_when_it_has_no_choice() -> None:
    first = event({"id": "x", "choices": [], "prompt_filter_results": []})
    seen = run([first, *said("ok")], extra={"zhengming": b'{"turn":"p-1"}'})
    assert seen.events[0] == {**events_of(first)[0], "aigc": AIGC_OBJECT, "zhengming": {"turn": "p-1"}}
    assert len(seen.labelled()) == 2


def test_fields_of_an_upstream_label_give_way_to_ours() -> None:
    seen = run([event(chunk({"content": "a"}, aigc={"Label": "9"})), LAST, DONE])
    assert seen.events[0]["aigc"] == AIGC_OBJECT
    assert seen.data.count(b'"aigc"') == 2


def test_the_model_is_called_by_its_alias() -> None:
    seen = run(said("你好", "secret code"), model_alias="ours")
    assert {one["model"] for one in seen.events if isinstance(one, dict)} == {"ours"}
    assert seen.text() == f"你好[code]{END}"


def test_halves_of_a_character_are_put_together() -> None:
    halves = [chunk({"content": half}) for half in ("a\ud83d", "\ude00b", "\ud83d", "x\udc00")]
    seen = run([FIRST, *(b"data: " + json.dumps(half).encode() + b"\n\n" for half in halves), LAST, DONE])
    assert seen.shown["0/content"] == f"a😀b\ud83dx\udc00{END}"


def test_the_upstream_breaking_off_releases_what_is_safe_and_says_so() -> None:
    def broken(stream: OutputStream) -> Any:
        return stream.fail("the upstream broke off", "upstream_broken")

    seen = run([FIRST, says("他说秘密"), says("lost")[:20]], before_finish=broken)
    assert seen.text() == f"他说秘密{END}"
    assert seen.events[-1]["error"] == {
        "message": "the upstream broke off",
        "type": "upstream_error",
        "param": None,
        "code": "upstream_broken",
    }
    assert (seen.stream.finished, seen.stream.stopped) == (True, False)
    assert events_of(ChatStream(context(), request()).fail("x", "c").data) == [
        {"error": {"message": "x", "type": "upstream_error", "param": None, "code": "c"}}
    ]


def test_rules_may_change_in_mid_stream() -> None:
    stream = ChatStream(context(), request())
    out = [stream.feed(b"".join([FIRST, says("公司的新"), says("机密代"), says("号是秘密")]))]
    assert stream.held == 2
    newer = screening_of([*RULES, *(rule_with("代号是秘密文件"),)], "v2")
    out += [stream.reload(newer), stream.feed(says("文件")), stream.feed(LAST + DONE), stream.finish()]
    data = b"".join(one.data for one in out)
    assert "秘密文件" not in data.decode()
    assert "机密代" in data.decode()
    assert stream.versions[-1] == "v2"
    assert len(stream.versions) == 2


def rule_with(literal: str) -> Any:
    return type(RULES[0])("new", "2", RULES[0].category, 2, (literal,), mask="new")


def test_a_change_of_rules_may_end_the_answer() -> None:
    stream = ChatStream(context(), request())
    out = [stream.feed(FIRST + says("秘密口"))]
    stop = type(RULES[0])("now", "2", RULES[0].category, 4, ("秘密口",))
    out += [stream.reload(screening_of([stop], "v2")), stream.feed(LAST)]
    events = events_of(b"".join(one.data for one in out))
    assert events[-1] == "[DONE]"
    assert events[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert stream.stopped
    assert "秘密口" not in json.dumps(events, ensure_ascii=False)
    assert stream.reload(screening_of()).data == b""


def test_a_reply_is_what_a_client_sends_back_without_our_label() -> None:
    seen = run(said("你好，", "secret code"))
    (reply,) = seen.stream.replies()
    assert reply == canonical_message("assistant", {"content": "你好，[code]"})
    assert reply == canonical_message(
        "assistant", {"content": seen.text(), "refusal": None}, lambda text: text.removesuffix(END)
    )
    assert LABEL not in reply.decode()


def test_a_text_of_ours_may_end_a_broken_answer_instead_of_an_error() -> None:
    def help_instead(stream: OutputStream) -> Any:
        return stream.close_with("Help is near.")

    seen = run([FIRST, says("他说秘密"), says("lost")[:20]], before_finish=help_instead)
    assert seen.text() == f"他说秘密\n\nHelp is near.{END}"
    assert (seen.finishes(), seen.events[-1]) == (["stop"], "[DONE]")
    assert (seen.stream.finished, seen.stream.stopped) == (True, False)
    alone = run([], before_finish=help_instead)
    assert alone.text() == "Help is near."
    assert alone.events[0]["object"] == "chat.completion.chunk"
    assert alone.events[0]["model"] == "m"
    json_only = run([FIRST, says('{"a": 1')], before_finish=help_instead, structured=True)
    assert (json_only.text(), json_only.text("refusal")) == ('{"a": 1', "Help is near.")


class BrokenError(Exception):
    """A detector's own failure."""


class Breaking:
    """A scorer that fails."""

    id, version, category, severity, threshold = "breaks", "1", RULES[0].category, 4, 1.0

    def start(self) -> int:
        """Nothing yet."""
        return 0

    def update(self, state: int, folded: str) -> int:
        """Fail at a cross."""
        if "x" in folded:
            raise BrokenError
        return state

    def score(self, state: int) -> float:
        """Never reached."""
        return float(state)


def test_after_a_detector_raised_nothing_that_is_held_leaves() -> None:
    stream = ChatStream(context(screening=replace(SCREENING, scorers=(Breaking(),))), request())
    stream.feed(FIRST + says("他说秘密"))
    with pytest.raises(BrokenError):
        stream.feed(says("x" * 32))
    events = events_of(stream.fail("a detector failed", "screening_unavailable").data)
    assert [one.get("error", {}).get("code") for one in events] == ["screening_unavailable"]
    assert stream.finished


def test_an_offer_of_help_follows_the_answer_whatever_the_label_does() -> None:
    assert run(said("好的"), offer="Help: 110").text() == f"好的\n\nHelp: 110{END}"
    assert run(said("```py\nx"), offer="Help: 110").text() == f"```py\nx\n```\n\nHelp: 110{END}"
    assert run(said('{"a":1}'), offer="Help", label_end="", label_start=START).text() == f'{{"a":1}}\n\nHelp\n\n{LABEL}'
    assert run(said(""), offer="Help").text() == "Help"
    assert run(said('{"a":1}'), offer="Help", structured=True).text() == '{"a":1}'
    seen = run(said("好的"), offer="Help: 110")
    assert seen.stream.replies() == [canonical_message("assistant", {"content": seen.text()})]
