from __future__ import annotations

import json

import pytest
from tests.gateway.wire.cases import AIGC, END, NOTICE, context
from tests.gateway.wire.responses_cases import USAGE, asked, call, message, reasoning, response, text_part, whole

from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.responses_whole import responses_whole


def test_all_but_texts_and_the_fields_passes_byte_for_byte() -> None:
    raw = (
        b'{ "id":"resp_1", "big":123456789012345678901234567890, "output": [ {"type":"message","id":"m","n":-0,'
        b' "content":[{"type":"output_text","text":"\\u4f60 13812345678","annotations":[],"x":1.0}]} ], "t":1e400}'
    )
    result = responses_whole(context(), asked(stream=False), raw)
    text = json.dumps(f"你 [phone]{END}", ensure_ascii=False).encode()

    assert result.data == raw.replace(b'"\\u4f60 13812345678"', text)[:-1] + b',"aigc":' + AIGC + b"}"
    assert (result.response_id, result.usage, result.stopped) == ("resp_1", None, False)


def test_a_stop_ends_the_body_behind_its_item() -> None:
    body, result = whole([reasoning("hm"), message("ok 制造炸弹", {"type": "refusal", "refusal": "no"}), call("{}")])

    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert [item["type"] for item in body["output"]] == ["reasoning", "message"]
    assert body["output"][1]["content"] == [text_part(f"ok \n\n{NOTICE}{END}")]
    assert body["output"][1]["status"] == "incomplete"
    assert (result.stopped, result.usage) == (True, USAGE)
    assert "炸弹" not in result.data.decode()


def test_a_stop_in_a_call_is_told_in_a_message_behind_it() -> None:
    body, result = whole([call('{"a": "先制造炸弹"}')])

    assert json.loads(body["output"][0]["arguments"]) == {"a": "先"}
    assert body["output"][1]["content"][0]["text"] == NOTICE
    assert [shown.channel for shown in result.shown] == ["0/arguments", "1/content/0/text"]


def test_a_stop_in_structured_output_is_told_in_a_refusal() -> None:
    body, _ = whole([message('{"a": "先制造炸弹"}')], structured=True)
    parts = body["output"][0]["content"]

    assert json.loads(parts[0]["text"]) == {"a": "先"}
    assert parts[1] == {"type": "refusal", "refusal": NOTICE}


def test_the_model_is_called_by_its_alias_and_the_joined_text_says_what_was_shown() -> None:
    raw = json.dumps(response("completed", [message("secret code")], output_text="secret code")).encode()
    body = json.loads(responses_whole(context(model_alias="ours"), asked(), raw).data)

    assert (body["model"], body["output_text"]) == ("ours", f"[code]{END}")


def test_a_content_that_is_one_string_is_labelled_too() -> None:
    body, _ = whole([{**message(), "content": "secret code"}])
    assert body["output"][0]["content"] == f"[code]{END}"


def test_a_text_that_was_judged_at_once_is_not_judged_again() -> None:
    believed, _ = whole([message("secret code")], holds_nothing=lambda text: text == "secret code")
    judged, _ = whole(
        [message("secret code"), call('{"a": "秘密口令"}')], holds_nothing=lambda text: text != "secret code"
    )

    assert believed["output"][0]["content"][0]["text"] == f"secret code{END}"
    assert judged["output"][0]["content"][0]["text"] == f"[code]{END}"
    assert judged["output"][1]["arguments"] == '{"a": "[code]"}', "JSON hides words in escapes: it takes its own guard"


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"output":{}}', b'{"output":[1]}', b'{"output":null}'])
def test_what_is_no_response_is_garbage(raw: bytes) -> None:
    with pytest.raises(UpstreamGarbageError):
        responses_whole(context(), asked(), raw)
