from __future__ import annotations

import json
from typing import Any

import pytest
from tests.gateway.wire.cases import AIGC, END, NOTICE, START, context, request

from zhengming.gateway.wire.base import WholeOutput
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.chat_whole import chat_whole
from zhengming.gateway.wire.completions_whole import completions_whole
from zhengming.gateway.wire.errors import UpstreamGarbageError


def guard(message: dict[str, Any], **members: Any) -> tuple[dict[str, Any], WholeOutput]:
    choice = {"index": 0, "message": message, "finish_reason": "stop", **members.pop("choice", {})}
    asked = request(structured=members.pop("structured", False))
    raw = json.dumps({"id": "c-1", "model": "up", "choices": [choice], "usage": {"total_tokens": 3}}).encode()
    whole = chat_whole(context(**members), asked, raw)
    parsed = json.loads(whole.data)
    assert parsed["aigc"] == json.loads(AIGC)
    return parsed["choices"][0], whole


RAW = (
    b' {"id" : "c-1","n":1.0,"big":123456789012345678901234567890,\n"choices":[ {"index":0,"message":'
    b'{"role":"assistant","content":"\\u4f60\\ud800 ok","x":-0}, "finish_reason":"stop"} ],"usage":{"a":1e400}}\n'
)


def test_only_the_text_and_the_label_change() -> None:
    whole = chat_whole(context(label_end=""), request(), RAW)
    assert whole.data == RAW[:-2] + b',"aigc":' + AIGC + b"}\n"
    whole = chat_whole(context(), request(), RAW)
    assert (
        whole.data
        == RAW[:-2].replace(b' ok"', b" ok\\n\\n" + json.dumps(END[2:])[1:].encode()) + b',"aigc":' + AIGC + b"}\n"
    )
    assert (whole.stopped, whole.found, whole.response_id) == (False, (), "c-1")


def test_a_text_is_masked_labelled_and_answered_for() -> None:
    choice, whole = guard({"role": "assistant", "content": "口令是秘密口令"})
    assert choice["message"]["content"] == f"口令是[code]{END}"
    assert whole.shown == (("0/content", f"口令是[code]{END}"),)
    assert whole.usage == {"total_tokens": 3}
    assert whole.replies == (canonical_message("assistant", choice["message"], lambda text: text.removesuffix(END)),)
    choice, _ = guard({"content": "hi"}, label_end="", label_start=START, model_alias="ours")
    assert choice["message"]["content"] == f"{START}hi"


def test_a_stop_cuts_the_text_and_says_so() -> None:
    choice, whole = guard({"content": "先制造炸弹", "refusal": None})
    assert choice["message"]["content"] == f"先\n\n{NOTICE}{END}"
    assert (choice["finish_reason"], whole.stopped) == ("content_filter", True)
    assert [reason.verdict for _, reason in whole.found] == ["stop"]


def test_what_the_model_said_is_told_without_mask_notice_and_label() -> None:
    _, whole = guard({"content": "口令是秘密口令", "reasoning_content": "hm"})
    assert whole.said == {"0/content": "口令是秘密口令", "0/reasoning_content": "hm"}
    _, whole = guard({"content": "先制造炸弹再说"})
    assert whole.said == {"0/content": "先制造炸弹再说"}
    _, whole = guard({"content": "tea"}, offer="help")
    assert whole.said == {"0/content": "tea"}


def test_titles_of_citations_are_told_where_something_was_found_in_them() -> None:
    marks = [{"type": "url_citation", "url_citation": {"title": title}} for title in ("tea", "a secret code", "pot")]
    _, whole = guard({"content": "tea", "annotations": marks})
    ((place, reason),) = whole.found
    start, end = reason.signal.span or (0, 0)

    assert whole.said == {"0/content": "tea", "0/annotations": "a secret code"}
    assert whole.said[place][start:end] == "secret code"


def test_choices_that_claim_the_same_index_have_channels_of_their_own() -> None:
    choices = [{"index": 0, "message": {"content": text}} for text in ("a secret code", "the secret code")]
    whole = chat_whole(context(), request(choices=2), json.dumps({"choices": choices}).encode())
    spans = [(place, reason.signal.span) for place, reason in whole.found]

    assert whole.said == {"0/content": "a secret code", "1/content": "the secret code"}
    assert spans == [("0/content", (2, 13)), ("1/content", (4, 15))]


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "制造炸弹", "b": 1}'}}
FINE = {"id": "0", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def test_a_stop_in_tool_arguments_leaves_them_json_and_drops_the_calls_behind() -> None:
    choice, _ = guard({"content": None, "tool_calls": [FINE, CALL, FINE]})
    calls = choice["message"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [{"a": 1}, {"a": ""}]
    assert choice["message"]["content"] == NOTICE
    choice, _ = guard({"content": "制造炸弹", "tool_calls": [FINE], "function_call": {"arguments": "{}"}})
    assert (choice["message"]["tool_calls"], choice["message"]["function_call"]) == (None, None)


def test_a_stop_in_the_reasoning_shows_nothing_that_follows() -> None:
    message = {
        "reasoning_content": "hm 制造炸弹",
        "content": "yes",
        "refusal": "x",
        "audio": {"data": "AA", "transcript": "t"},
    }
    choice, _ = guard(message)
    assert choice["message"] == {"reasoning_content": "hm ", "content": NOTICE, "refusal": "", "audio": None}
    parts = {"reasoning": "制造炸弹", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    choice, _ = guard(parts)
    assert "".join(part["text"] for part in choice["message"]["content"]) == NOTICE


def test_structured_output_stays_json_and_its_notice_is_a_refusal() -> None:
    choice, _ = guard({"content": '{"a": ["先制造炸弹'}, structured=True)
    assert json.loads(choice["message"]["content"]) == {"a": ["先"]}
    assert choice["message"]["refusal"] == NOTICE
    choice, _ = guard({"content": '{"a": "秘密口令"}'}, structured=True)
    assert choice["message"] == {"content": '{"a": "[code]"}'}


def test_tool_calls_without_text_carry_no_label_in_the_text() -> None:
    choice, _ = guard({"content": None, "tool_calls": [FINE]})
    assert choice["message"] == {"content": None, "tool_calls": [FINE]}


def test_log_probabilities_are_cut_with_the_text() -> None:
    entries: list[dict[str, Any]] = [
        {"token": text, "logprob": -1, "bytes": None, "top_logprobs": []} for text in ("ok ", "秘密", "口令", "。")
    ]
    choice, _ = guard({"content": "ok 秘密口令。"}, choice={"logprobs": {"content": entries, "refusal": None}})
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["ok ", "[code]", "。"]
    choice, whole = guard({"content": "ok 制造炸弹"}, choice={"logprobs": {"content": entries[:1], "refusal": None}})
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["ok "]
    choice, whole = guard({"content": "fine"}, choice={"logprobs": {"content": [{**entries[0], "token": "fine"}]}})
    assert b'"logprob": -1,' in whole.data


def test_each_choice_is_guarded_apart() -> None:
    texts = ("制造炸弹", "好", "秘密口令")
    body = {"choices": [{"index": number, "message": {"content": text}} for number, text in enumerate(texts)]}
    whole = chat_whole(context(), request(choices=3), json.dumps(body).encode())
    choices = json.loads(whole.data)["choices"]
    assert [one["message"]["content"] for one in choices] == [NOTICE, f"好{END}", f"[code]{END}"]
    assert [one.get("finish_reason") for one in choices] == ["content_filter", None, None]
    assert len(whole.replies) == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices":{}}',
        b'{"choices":["x"]}',
        b'{"choices":[{"message":"x"}]}',
        b'{"choices":[{"message":{"content":5}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":{}}}]}}]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_answer_is_refused_and_not_shown(raw: bytes) -> None:
    with pytest.raises(UpstreamGarbageError) as caught:
        chat_whole(context(), request(), raw)
    assert (caught.value.code, caught.value.status) == ("upstream_garbage", 502)


def test_a_completion_is_guarded_and_labelled() -> None:
    raw = b'{"id":"x", "choices":[ {"text":"a secret code.","index":0,"logprobs":null,"finish_reason":"stop"} ]}'
    whole = completions_whole(context(), request(), raw)
    assert (
        whole.data
        == raw[:-1]
        .replace(b"secret code.", b"[code]." + json.dumps(END)[1:-1].encode())
        .replace(json.dumps(END)[1:-1].encode(), json.dumps(END, ensure_ascii=False)[1:-1].encode())
        + b',"aigc":'
        + AIGC
        + b"}"
    )
    assert whole.shown == (("0/text", f"a [code].{END}"),)
    assert whole.replies == (canonical_message("assistant", {"content": "a [code]."}),)


def test_parallel_lists_of_log_probabilities_move_with_label_and_mask() -> None:
    logprobs = {
        "tokens": ["say ", "秘密", "口令", "。"],
        "token_logprobs": [-0.1, -0.2, -0.3, -0.4],
        "top_logprobs": [{"say ": -0.1}, {"秘密": -0.2}, {"口令": -0.3}, {"。": -0.4}],
        "text_offset": [5, 9, 11, 13],
    }
    body = {"choices": [{"index": 0, "text": "say 秘密口令。", "logprobs": logprobs, "finish_reason": "stop"}]}
    whole = completions_whole(context(label_end="", label_start=START), request(), json.dumps(body).encode())
    choice = json.loads(whole.data)["choices"][0]
    assert choice["text"] == f"{START}say [code]。"
    shift = 5 + len(START)
    assert choice["logprobs"] == {
        "tokens": ["say ", "[code]", "。"],
        "token_logprobs": [-0.1, -9999.0, -0.4],
        "top_logprobs": [{"say ": -0.1}, None, {"。": -0.4}],
        "text_offset": [shift, shift + 4, shift + 10],
    }


@pytest.mark.parametrize(
    "choice", [{"text": 5}, {"text": "x", "logprobs": {"tokens": [1]}}, {"text": "x", "logprobs": {"tokens": "x"}}]
)
def test_a_completion_of_unknown_types_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(UpstreamGarbageError):
        completions_whole(context(), request(), json.dumps({"choices": [choice]}).encode())


def cite(start: int, end: int, title: str) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url_citation": {"start_index": start, "end_index": end, "title": title, "url": "u"},
    }


def test_citations_move_with_label_and_mask_and_their_titles_are_judged() -> None:
    text = "口令是秘密口令，见报道。"
    marks = [cite(0, 3, "fine"), cite(3, 7, "the secret code."), cite(8, 11, "制造炸弹"), {"type": "other"}, "odd"]
    choice, _ = guard({"content": text, "annotations": marks}, label_end="", label_start=START)
    shown = choice["message"]["content"]
    assert shown == f"{START}口令是[code]，见报道。"
    cited = [one["url_citation"] for one in choice["message"]["annotations"][:3]]
    assert [shown[one["start_index"] : one["end_index"]] for one in cited] == ["口令是", "[code]", "见报道"]
    assert [one["title"] for one in cited] == ["fine", "the [code].", ""]
    choice, _ = guard({"content": "先制造炸弹", "annotations": [cite(1, 5, "")]})
    assert choice["message"]["annotations"][0]["url_citation"]["start_index"] <= len(choice["message"]["content"])
    choice, _ = guard({"content": "ok", "annotations": [cite(0, 2, "t")]})
    assert choice["message"]["annotations"] == [cite(0, 2, "t")]
