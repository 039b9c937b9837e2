from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from zhengming.gateway.wire.canonical import canonical_message
from zhengming.label.text import wording

ANSWER = {
    "role": "assistant",
    "content": "你好，world",
    "refusal": None,
    "annotations": [],
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"q": "天气", "n": 1}'},
        }
    ],
}
FORM = canonical_message("assistant", ANSWER)


def test_the_form_is_sorted_and_holds_nothing_empty() -> None:
    assert json.loads(FORM) == {
        "role": "assistant",
        "content": "你好，world",
        "tool_calls": [{"id": "call_1", "function": {"name": "look", "arguments": {"q": "天气", "n": 1}}}],
    }


@pytest.mark.parametrize(
    "variant",
    [
        {"mode": "python"},
        {"mode": "json"},
        {"exclude_none": True},
        {"exclude_unset": True},
        {"exclude_defaults": True},
        {"by_alias": True, "exclude_unset": True},
    ],
)
def test_every_dump_of_the_official_client_has_the_same_form(variant: dict[str, Any]) -> None:
    message = ChatCompletionMessage.model_validate({**ANSWER, "reasoning_content": "hm", "aigc": {"Label": "1"}})
    sent = json.loads(json.dumps(message.model_dump(**variant)))
    assert canonical_message("assistant", sent) == FORM
    assert canonical_message("assistant", json.loads(message.to_json())) == FORM
    assert canonical_message("assistant", message.to_dict()) == FORM


@pytest.mark.parametrize(
    "content",
    [
        "  你好，world\n",
        [{"type": "text", "text": "你好，world"}],
        [{"type": "text", "text": "你好，"}, {"type": "output_text", "text": "world"}],
        [{"type": "text", "text": "你好，world", "annotations": []}],
        f"你好，world\n\n{wording()}",
        [{"type": "text", "text": f"{wording()}\n\n你好，world"}],
    ],
)
def test_a_text_is_the_same_however_it_is_wrapped_and_without_our_label(content: Any) -> None:
    assert canonical_message("assistant", {**ANSWER, "content": content}) == FORM


def test_arguments_written_again_are_the_same_and_others_are_not() -> None:
    def with_arguments(arguments: str) -> bytes:
        calls = [{"id": "call_1", "function": {"name": "look", "arguments": arguments}}]
        return canonical_message("assistant", {**ANSWER, "tool_calls": calls})

    assert with_arguments('{"n":1,"q":"\\u5929\\u6c14"}') == FORM
    assert with_arguments('{"n":2,"q":"天气"}') != FORM
    assert with_arguments("[" * 100_000) != with_arguments("{" * 100_000)


def test_users_keep_what_looks_like_a_label_and_pictures_count_by_digest() -> None:
    labelled = f"x\n\n{wording()}"
    assert json.loads(canonical_message("user", {"content": labelled}))["content"] == labelled
    first, second = (
        canonical_message("user", {"content": ["see", {"type": "image_url", "image_url": {"url": url}}]})
        for url in ("data:a", "data:b")
    )
    assert first != second
    assert b"data:a" not in first


def test_lone_surrogates_and_huge_numbers_have_a_form_too() -> None:
    assert canonical_message("user", {"content": "\ud800"}) == b'{"content":"\\ud800","role":"user"}'
    assert (
        canonical_message("user", {"content": 10**30}) == b'{"content":1000000000000000000000000000000,"role":"user"}'
    )


@pytest.mark.parametrize(
    "message",
    [{"tool_calls": "x"}, {"tool_calls": ["x"]}, {"function_call": "x"}, {"content": {"a": 1}}, {"name": 5}, {}],
)
def test_odd_types_do_no_harm(message: dict[str, Any]) -> None:
    assert json.loads(canonical_message("assistant", message))["role"] == "assistant"
