"""The official client reads what we write, and sends it back in a form that we know again."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI
from tests.gateway.wire.cases import AIGC, DONE, END, FIRST, NOTICE, chunk, context, event, request, run, says

from zhengming.gateway.wire.chat_request import parse_chat
from zhengming.gateway.wire.chat_whole import chat_whole
from zhengming.gateway.wire.request import rewrite


def client(body: bytes, kind: str) -> OpenAI:
    """A client whose server answers with these bytes."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers={"content-type": kind}))
    return OpenAI(api_key="k", base_url="http://localhost/v1", http_client=httpx2.Client(transport=transport))


def streamed(events: list[bytes], **members: Any) -> Any:
    """The completion that the client's own accumulator makes of our stream, with our replies."""
    seen = run(events, **members)
    with (
        client(seen.data, "text/event-stream") as openai,
        openai.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        return stream.get_final_completion(), seen.stream.replies()


def opening(number: int, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": number, "id": f"c{number}", "type": "function", "function": function}]}


CALLS = [
    FIRST,
    says("Let me see. "),
    event(chunk(opening(0, "f", ""))),
    event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a": "秘密'}}]})),
    event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": '口令", "b": 1.0}'}}]})),
    event(chunk(opening(1, "g", "{}"))),
    event(chunk(finish="tool_calls")),
    DONE,
]


def test_the_client_assembles_a_stream_with_label_and_tool_calls() -> None:
    completion, _ = streamed(CALLS)
    message = completion.choices[0].message
    assert message.content == f"Let me see. {END}"
    assert json.loads(message.tool_calls[0].function.arguments) == {"a": "[code]", "b": 1.0}
    assert (message.tool_calls[1].id, completion.choices[0].finish_reason) == ("c1", "tool_calls")


def test_the_client_reads_a_stop_as_content_filter() -> None:
    seen = run([FIRST, says("先制造炸弹"), DONE])
    with client(seen.data, "text/event-stream") as openai:
        answer = openai.chat.completions.create(model="m", messages=[], stream=True)
        chunks = list(answer)
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == f"先\n\n{NOTICE}{END}"
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert chunks[0].to_dict()["aigc"] == json.loads(AIGC)


def test_the_client_raises_our_error_events() -> None:
    seen = run([FIRST, says("ok"), b"data: {garbage\n\n"])
    with client(seen.data, "text/event-stream") as openai, pytest.raises(APIError, match="no JSON") as caught:
        list(openai.chat.completions.create(model="m", messages=[], stream=True))
    assert caught.value.code == "upstream_garbage"


VARIANTS: list[dict[str, Any]] = [{}, {"exclude_none": True}, {"exclude_unset": True}, {"mode": "json"}]


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_client_sends_back_is_known_again_and_goes_upstream_without_label(variant: dict[str, Any]) -> None:
    completion, replies = streamed(CALLS)
    sent = completion.choices[0].message.model_dump(**variant)
    sent.pop("parsed", None)
    raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}, sent]}).encode()
    asked = parse_chat(raw)
    assert asked.messages[1:] == tuple(replies)
    assert json.loads(rewrite(asked))["messages"][1]["content"] == "Let me see. "


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_holds_for_whole_answers(variant: dict[str, Any]) -> None:
    function = {"name": "f", "arguments": '{"b": "秘密口令"}'}
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "好。",
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "tool_calls": [{"id": "c", "type": "function", "function": function}],
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    whole = chat_whole(context(), request(), json.dumps(body).encode())
    with client(whole.data, "application/json") as openai:
        completion = openai.chat.completions.create(model="m", messages=[])
    assert completion.choices[0].message.content == f"好。{END}"
    sent = completion.choices[0].message.model_dump(**variant)
    asked = parse_chat(json.dumps({"model": "m", "messages": [sent]}).encode())
    assert asked.messages == whole.replies
