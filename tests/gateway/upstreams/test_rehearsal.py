"""The rehearsal speaks the wire shapes of the OpenAI API, and says the same to the same request."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from zhengming.gateway.upstreams import (
    REHEARSALS,
    Rehearsal,
    RehearsalUpstream,
    UpstreamBroken,
    UpstreamRequest,
    UpstreamTimeout,
    read_whole,
)
from zhengming.gateway.upstreams.config import TimeOuts, UpstreamConfig, rehearsal_config
from zhengming.gateway.upstreams.rehearsal.catalogue import find, normal
from zhengming.gateway.upstreams.rehearsal.cutting import pieces

CHAT, RESPONSES, COMPLETIONS = "/v1/chat/completions", "/v1/responses", "/v1/completions"
BY_ID = {rehearsal.id: rehearsal for rehearsal in REHEARSALS}
FRAUD = {
    "zh": "请立即把资金转到安全账户，否则你的账户将被冻结。",
    "en": "Transfer your money to the safe account now or your account will be frozen.",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "register",
        "parameters": {"type": "object", "properties": {"phone": {"type": "string"}, "note": {"type": "string"}}},
    },
}
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


async def ask(path: str, body: dict[str, Any], upstream: RehearsalUpstream | None = None) -> tuple[int, bytes]:
    data = orjson.dumps({"model": "zhengming-rehearsal", **body})
    answer = await (upstream or RehearsalUpstream()).open(UpstreamRequest("POST", path, "", lambda _: data), "m")
    return answer.status, await read_whole(answer, 10**7)


async def chat(message: str, **further: Any) -> ChatCompletion:
    status, body = await ask(CHAT, {"messages": [{"role": "user", "content": message}], **further})
    assert status == 200
    return ChatCompletion.model_validate_json(body, strict=True)


def events_of(body: bytes) -> list[Any]:
    blocks = body.decode().split("\n\n")
    assert blocks.pop() == ""
    return [block.rpartition("data: ")[2] for block in blocks]


async def chat_stream(message: str, **further: Any) -> list[ChatCompletionChunk]:
    asked = {"messages": [{"role": "user", "content": message}], "stream": True, **further}
    _, body = await ask(CHAT, asked)
    events = events_of(body)
    assert events.pop() == "[DONE]"
    return [ChatCompletionChunk.model_validate_json(event, strict=True) for event in events]


def delta_text(chunks: list[ChatCompletionChunk], field: str = "content", choice: int = 0) -> str:
    deltas = [one.delta for chunk in chunks for one in chunk.choices if one.index == choice]
    return "".join(getattr(delta, field, None) or "" for delta in deltas)


async def responses_stream(message: str, **further: Any) -> list[Any]:
    _, body = await ask(RESPONSES, {"input": message, "stream": True, **further})
    return [EVENTS.validate_json(event) for event in events_of(body)]


PLAIN = [rehearsal for rehearsal in REHEARSALS if not rehearsal.fault]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("rehearsal", PLAIN, ids=lambda rehearsal: rehearsal.id)
async def test_stream_and_whole_say_the_same(rehearsal: Rehearsal, language: str) -> None:
    prompt = rehearsal.prompt[language]
    message = (await chat(prompt)).choices[0].message
    chunks = await chat_stream(prompt)

    assert delta_text(chunks) == (message.content or "")
    assert delta_text(chunks, "refusal") == (message.refusal or "")
    assert delta_text(chunks, "reasoning_content") == (getattr(message, "reasoning_content", None) or "")
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("rehearsal", PLAIN, ids=lambda rehearsal: rehearsal.id)
async def test_the_responses_api_says_the_same_as_chat(rehearsal: Rehearsal, language: str) -> None:
    prompt = rehearsal.prompt[language]
    message = (await chat(prompt)).choices[0].message
    status, body = await ask(RESPONSES, {"input": prompt})
    response = Response.model_validate_json(body)
    events = await responses_stream(prompt)

    assert status == 200
    assert response.output_text == (message.content or "")
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == (
        message.content or ""
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response == response


async def test_the_events_of_a_response_come_in_their_order() -> None:
    kinds = [event.type for event in await responses_stream(BY_ID["clean"].prompt["en"])]

    assert list(dict.fromkeys(kinds)) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_fraud_line_stands_in_the_middle_after_a_clean_sentence(language: str) -> None:
    content = (await chat(BY_ID["stop"].prompt[language])).choices[0].message.content or ""

    assert content.index(FRAUD[language]) > 5
    assert not content.endswith(FRAUD[language])


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_numbers_to_redact_are_the_documented_ones_and_valid(language: str) -> None:
    content = (await chat(BY_ID["redact"].prompt[language])).choices[0].message.content or ""

    assert "13800138000" in content
    assert "11010519491231002X" in content
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    digits = "11010519491231002X"
    assert "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % 11] == digits[-1]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_tool_is_called_with_a_phone_number_in_pieces(language: str) -> None:
    chunks = await chat_stream(BY_ID["tool"].prompt[language], tools=[TOOL])
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    arguments = [call.function.arguments or "" for call in calls if call.function]

    assert calls[0].function
    assert (calls[0].function.name, chunks[-1].choices[0].finish_reason) == ("register", "tool_calls")
    assert orjson.loads("".join(arguments))["phone"] == "13800138000"
    assert max(map(len, arguments)) <= 5
    message = (await chat(BY_ID["tool"].prompt[language], tools=[TOOL])).choices[0].message
    assert message.content is None
    assert message.tool_calls


async def test_the_responses_api_calls_tools_as_well() -> None:
    tool = {"type": "function", **TOOL["function"]}  # type: ignore[dict-item]  # a literal of this module
    events = await responses_stream(BY_ID["tool-stop"].prompt["zh"], tools=[tool])
    done = next(event for event in events if event.type == "response.function_call_arguments.done")

    assert FRAUD["zh"] in orjson.loads(done.arguments)["note"]
    assert "".join(e.delta for e in events if e.type == "response.function_call_arguments.delta") == done.arguments


@pytest.mark.parametrize(
    ("choice", "called"),
    [("auto", False), ("required", True), ("none", False), ({"function": {"name": "register"}}, True)],
)
async def test_the_choice_of_tools_is_honoured(choice: object, called: bool) -> None:
    message = (await chat("你好", tools=[TOOL], tool_choice=choice)).choices[0].message
    assert bool(message.tool_calls) is called


async def test_after_the_result_of_a_tool_a_text_answers() -> None:
    history = [
        {"role": "user", "content": BY_ID["tool"].prompt["zh"]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "x", "content": "ok"},
    ]
    _, body = await ask(CHAT, {"messages": history, "tools": [TOOL]})
    assert ChatCompletion.model_validate_json(body).choices[0].message.content


SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "steps": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/step"}},
        "rating": {"type": "integer", "minimum": 3},
        "kind": {"enum": ["trip", "other"]},
        "note": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
        "done": {"type": ["boolean", "null"]},
    },
    "$defs": {"step": {"type": "object", "properties": {"name": {"type": "string"}}}},
}


async def test_structured_output_fits_its_schema() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "plan", "schema": SCHEMA, "strict": True}}
    content = (await chat(BY_ID["structured"].prompt["zh"], response_format=form)).choices[0].message.content or ""
    value = orjson.loads(content)

    assert value["title"] == BY_ID["structured"].answer["zh"]
    assert [set(step) for step in value["steps"]] == [{"name"}, {"name"}]
    assert (value["rating"], value["kind"], value["done"]) == (3, "trip", True)
    assert len(value["note"]) <= 3
    _, body = await ask(
        RESPONSES, {"input": "你好", "text": {"format": {"type": "json_schema", "name": "p", "schema": SCHEMA}}}
    )
    assert set(orjson.loads(Response.model_validate_json(body).output_text)) == set(SCHEMA["properties"])


async def test_a_json_object_carries_the_text_to_be_stopped() -> None:
    form = {"type": "json_object"}
    content = (await chat(BY_ID["stop"].prompt["zh"], response_format=form)).choices[0].message.content or ""
    assert FRAUD["zh"] in orjson.loads(content)["answer"]


RECURSIVE = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}}


@pytest.mark.parametrize("schema", [RECURSIVE, {"$ref": "#/$ref"}, {"minimum": 10**40, "type": "integer"}, {"a": 1}])
async def test_no_schema_brings_the_rehearsal_down(schema: dict[str, Any]) -> None:
    body = b'{"model":"zhengming-rehearsal","messages":[{"role":"user","content":"x"}],"response_format":%s}'
    form = b'{"type":"json_schema","json_schema":{"schema":%s}}' % str(schema).replace("'", '"').encode()
    request = UpstreamRequest("POST", CHAT, "", lambda _: body % form)
    assert (await RehearsalUpstream().open(request, "m")).status == 200


async def test_several_choices_come_side_by_side_with_their_own_cuts() -> None:
    chunks = await chat_stream(BY_ID["clean"].prompt["zh"], n=3)
    indices = [chunk.choices[0].index for chunk in chunks]

    assert indices[:6] == [0, 1, 2, 0, 1, 2]
    assert {delta_text(chunks, choice=choice) for choice in range(3)} == {BY_ID["clean"].answer["zh"]}
    assert len((await chat("x", n=3)).choices) == 3


async def test_log_probabilities_follow_their_text() -> None:
    chunks = await chat_stream(BY_ID["unicode"].prompt["zh"], logprobs=True, top_logprobs=2)
    tokens = [
        token for chunk in chunks if chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content or ()
    ]

    assert "".join(token.token for token in tokens) == delta_text(chunks)
    assert all(bytes(token.bytes or ()) == token.token.encode() for token in tokens)
    assert {len(token.top_logprobs) for token in tokens} == {2}
    whole = (await chat(BY_ID["clean"].prompt["zh"], logprobs=True)).choices[0]
    assert whole.logprobs
    assert "".join(token.token for token in whole.logprobs.content or ()) == whole.message.content


async def test_usage_comes_last_when_it_is_asked_for() -> None:
    chunks = await chat_stream("你好", stream_options={"include_usage": True})
    without = await chat_stream("你好")

    assert chunks[-1].usage
    assert (chunks[-1].choices, chunks[-1].usage.prompt_tokens) == ([], 2)
    assert all(chunk.usage is None for chunk in [*chunks[:-1], *without])
    assert chunks[-1].usage.completion_tokens == len(without) - 2


async def test_limits_and_stop_sequences_are_honoured() -> None:
    prompt = BY_ID["clean"].prompt["zh"]
    limited = (await chat(prompt, max_tokens=3)).choices[0]
    stopped = (await chat(prompt, stop=["，"])).choices[0]
    _, body = await ask(RESPONSES, {"input": prompt, "max_output_tokens": 2})

    assert limited.finish_reason == "length"
    assert 3 <= len(limited.message.content or "") <= 15
    assert stopped.message.content == BY_ID["clean"].answer["zh"].partition("，")[0]
    assert Response.model_validate_json(body).status == "incomplete"


async def test_reasoning_comes_before_the_answer_when_it_is_asked_for() -> None:
    chunks = await chat_stream("你好", reasoning_effort="low")
    order = ["reasoning" if getattr(c.choices[0].delta, "reasoning_content", None) else "text" for c in chunks[1:]]
    events = await responses_stream("hello", reasoning={"effort": "low"})

    assert order == sorted(order)
    assert delta_text(chunks, "reasoning_content")
    assert "response.reasoning_summary_text.delta" in {event.type for event in events}
    assert events[-1].response.output[0].type == "reasoning"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_long_answer_has_several_thousand_characters(language: str) -> None:
    content = (await chat(BY_ID["long"].prompt[language])).choices[0].message.content or ""
    assert 3000 < len(content) < 20000


@pytest.mark.parametrize(("message", "chinese"), [("今天天气怎么样？", True), ("How are you?", False)])
async def test_other_messages_are_answered_in_their_language(message: str, chinese: bool) -> None:
    content = (await chat(message)).choices[0].message.content or ""
    assert any("\u4e00" <= character <= "\u9fff" for character in content) is chinese


async def test_the_last_message_of_the_user_counts_whatever_its_form() -> None:
    parts = [{"type": "text", "text": BY_ID["stop"].prompt["zh"]}, {"type": "image_url", "image_url": {"url": "x"}}]
    _, body = await ask(CHAT, {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": parts}]})
    assert FRAUD["zh"] in (ChatCompletion.model_validate_json(body).choices[0].message.content or "")


async def test_the_old_completions_api_answers_whole_and_streamed() -> None:
    prompt = BY_ID["clean"].prompt["en"]
    _, body = await ask(COMPLETIONS, {"prompt": prompt, "logprobs": 1, "echo": True})
    whole = Completion.model_validate_json(body, strict=True).choices[0]
    _, body = await ask(COMPLETIONS, {"prompt": [prompt], "stream": True, "stream_options": {"include_usage": True}})
    events = events_of(body)

    assert whole.text == prompt + BY_ID["clean"].answer["en"]
    assert whole.logprobs
    assert "".join(whole.logprobs.tokens or ()) == whole.text
    assert events.pop() == "[DONE]"
    chunks = [orjson.loads(event) for event in events]
    assert "".join(one["text"] for chunk in chunks for one in chunk["choices"]) == BY_ID["clean"].answer["en"]
    assert [one["finish_reason"] for one in chunks[-2]["choices"]] == ["stop"]
    assert chunks[-1]["usage"]["total_tokens"] > len(prompt)


async def test_embeddings_have_length_one_and_depend_on_the_text_alone() -> None:
    _, body = await ask("/v1/embeddings", {"input": ["茶", "tea", "茶"], "dimensions": 8})
    vectors = [one.embedding for one in CreateEmbeddingResponse.model_validate_json(body, strict=True).data]
    _, packed = await ask("/v1/embeddings", {"input": "茶", "dimensions": 8, "encoding_format": "base64"})
    unpacked = struct.unpack("<8f", base64.b64decode(orjson.loads(packed)["data"][0]["embedding"]))

    assert vectors[0] == vectors[2] != vectors[1]
    assert math.isclose(sum(value * value for value in vectors[0]), 1.0)
    assert unpacked == pytest.approx(vectors[0])
    assert (await ask("/v1/embeddings", {"input": [[1, 2], [3]]}))[0] == 200
    assert (await ask("/v1/embeddings", {"input": [{}]}))[0] == 400
    assert (await ask("/v1/embeddings", {"input": "x", "dimensions": 10**9}))[0] == 400


async def test_models_are_listed_with_the_chat_model_first() -> None:
    answer = await RehearsalUpstream().open(UpstreamRequest("GET", "/v1/models"), "")
    listed = orjson.loads(await read_whole(answer, 10**5))["data"]
    one = await RehearsalUpstream().open(UpstreamRequest("GET", "/v1/models/zhengming-rehearsal"), "")
    none = await RehearsalUpstream().open(UpstreamRequest("GET", "/v1/models/x"), "")

    assert [model["id"] for model in listed] == ["zhengming-rehearsal", "zhengming-rehearsal-embed"]
    assert (one.status, none.status) == (200, 404)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CHAT, b"{", 400),
        (CHAT, b"[]", 400),
        (CHAT, b'{"model":"zhengming-rehearsal"}', 400),
        (CHAT, b'{"model":"zhengming-rehearsal","messages":[7]}', 400),
        (CHAT, b'{"model":"other","messages":[{"role":"user","content":"x"}]}', 404),
        (CHAT, b'{"model":7,"messages":[{"role":"user","content":"x"}]}', 404),
        (RESPONSES, b'{"model":"zhengming-rehearsal","input":7}', 400),
        (COMPLETIONS, b'{"model":"zhengming-rehearsal","prompt":7}', 400),
        ("/v1/other", b"{}", 404),
        (CHAT, b"[" * 100_000, 400),
    ],
)
async def test_a_mistake_is_answered_in_the_shape_of_openai(path: str, body: bytes, status: int) -> None:
    answer = await RehearsalUpstream().open(UpstreamRequest("POST", path, "", lambda _: body), "m")
    error = orjson.loads(await read_whole(answer, 10**5))["error"]

    assert answer.status == status
    assert set(error) == {"message", "type", "param", "code"}


async def test_a_lone_surrogate_in_the_message_is_no_mistake() -> None:
    body = rb'{"model":"zhengming-rehearsal","messages":[{"role":"user","content":"\ud800"}]}'
    answer = await RehearsalUpstream().open(UpstreamRequest("POST", CHAT, "", lambda _: body), "m")
    assert answer.status == 200


@pytest.mark.parametrize(("fault", "status"), [("error", 500), ("rate-limit", 429)])
async def test_rehearsed_errors_have_their_status(fault: str, status: int) -> None:
    for prompt in BY_ID[fault].prompt.values():
        got, body = await ask(CHAT, {"messages": [{"role": "user", "content": prompt}], "stream": True})
        assert got == status
        assert orjson.loads(body)["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_rehearsed_break_comes_in_the_middle(stream: bool) -> None:
    body = {"messages": [{"role": "user", "content": "Rehearse: break off"}], "stream": stream}
    with pytest.raises(UpstreamBroken):
        await ask(CHAT, body)


async def test_a_rehearsed_hang_lasts_until_the_time_out() -> None:
    config = rehearsal_config()
    quick = UpstreamConfig(config.name, config.url, models=config.models, timeouts=TimeOuts(between_bytes=0.01))
    body = {"messages": [{"role": "user", "content": "排练：中途停顿"}], "stream": True}
    with pytest.raises(UpstreamTimeout):
        await ask(CHAT, body, RehearsalUpstream(quick))


async def test_a_rehearsed_hang_ends_when_the_client_goes_away() -> None:
    task = asyncio.create_task(ask(CHAT, {"messages": [{"role": "user", "content": "排练：中途停顿"}], "stream": True}))
    for _ in range(30):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_rehearsed_garbage_is_neither_event_nor_json() -> None:
    _, body = await ask(CHAT, {"messages": [{"role": "user", "content": "Rehearse: garbage"}], "stream": True})
    with pytest.raises(UnicodeDecodeError):
        body.decode()


async def test_ragged_bytes_join_to_the_same_stream() -> None:
    body = {"messages": [{"role": "user", "content": BY_ID["unicode"].prompt["zh"]}], "stream": True}
    assert await ask(CHAT, body, RehearsalUpstream(ragged=True)) == await ask(CHAT, body)


def test_every_prompt_finds_its_own_rehearsal() -> None:
    for rehearsal in REHEARSALS:
        for language, prompt in rehearsal.prompt.items():
            assert find(f"  {prompt.upper()} 。") == (rehearsal, language)
            assert rehearsal.shows[language]
    prompts = [normal(prompt) for rehearsal in REHEARSALS for prompt in rehearsal.prompt.values()]
    assert len(set(prompts)) == len(prompts)


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(max_size=10))
def test_pieces_are_small_repeatable_and_join_to_the_text(text: str, seed: str) -> None:
    found = pieces(text, seed)

    assert "".join(found) == text
    assert all(1 <= len(piece) <= 5 for piece in found)
    assert found == pieces(text, seed)
