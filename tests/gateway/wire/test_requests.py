from __future__ import annotations

import json
from typing import Any

import pytest

from zhengming.gateway.wire.base import Piece, Unjudged
from zhengming.gateway.wire.chat_request import parse_chat
from zhengming.gateway.wire.completions_request import parse_completions
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.request import rewrite
from zhengming.label.text import wording


def body(**members: Any) -> bytes:
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}, ensure_ascii=False
    ).encode()


FULL = body(
    stream=True,
    n=2,
    user="u1",
    metadata={"conversation_id": "c1", "other": "x"},
    response_format={"type": "json_schema", "json_schema": {"description": "secret schema"}},
    tools=[{"type": "function", "function": {"name": "f", "description": "Looks."}}, {"type": "web_search"}],
    prediction={"type": "content", "content": [{"type": "text", "text": "guess"}]},
    unknown={"big": 10**30},
    messages=[
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "name": "bob",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:"}},
                {"type": "input_audio", "input_audio": {}},
                {"type": "file", "file": {}},
                {"type": "odd", "text": "hidden"},
                "bare",
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "no",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\u4f60"}'}},
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": "run"}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "found"},
        {"role": "function", "name": "f", "content": "old"},
        {"role": "wizard", "content": "who"},
    ],
)


def test_every_text_of_a_chat_request_is_a_piece_with_its_place_and_speaker() -> None:
    request = parse_chat(FULL)
    assert [(piece.path, piece.role, piece.text, piece.message) for piece in request.pieces] == [
        (("tools", 0, "function", "description"), "system", "Looks.", -1),
        (("messages", 0, "content"), "system", "Be kind.", 0),
        (("messages", 1, "content", 0, "text"), "system", "Be brief.", 1),
        (("messages", 2, "name"), "user", "bob", 2),
        (("messages", 2, "content", 0, "text"), "user", "look", 2),
        (("messages", 2, "content", 4, "text"), "user", "hidden", 2),
        (("messages", 2, "content", 5), "user", "bare", 2),
        (("messages", 3, "refusal"), "assistant", "no", 3),
        (("messages", 3, "reasoning_content"), "assistant", "hm", 3),
        (("messages", 3, "tool_calls", 0, "function", "arguments"), "assistant", '{"a": "你"}', 3),
        (("messages", 3, "tool_calls", 1, "custom", "input"), "assistant", "run", 3),
        (("messages", 4, "content"), "tool", "found", 4),
        (("messages", 5, "name"), "tool", "f", 5),
        (("messages", 5, "content"), "tool", "old", 5),
        (("messages", 6, "content"), "user", "who", 6),
        (("prediction", "content", 0, "text"), "user", "guess", -1),
    ]
    assert request.unjudged == tuple(
        Unjudged(("messages", 2, "content", position), kind)
        for position, kind in ((1, "image_url"), (2, "input_audio"), (3, "file"), (4, "odd"))
    )


def test_a_chat_request_says_how_it_wants_to_be_answered() -> None:
    request = parse_chat(FULL)
    assert (request.api, request.model, request.stream, request.choices) == ("chat", "m", True, 2)
    assert (request.user, request.conversation, request.structured) == ("u1", "c1", True)
    assert request.roles == ("system", "developer", "user", "assistant", "tool", "function", "wizard")
    assert len(request.messages) == len(request.roles)
    plain = parse_chat(body(safety_identifier="s", response_format={"type": "text"}, stream=None, metadata=None))
    assert (plain.stream, plain.choices, plain.user, plain.structured) == (False, 1, "s", False)


@pytest.mark.parametrize(
    ("raw", "param", "code"),
    [
        (b"{}", "model", "model_missing"),
        (b'{"model":5}', "model", "invalid_type"),
        (b'{"model":"m"}', "messages", "invalid_type"),
        (body(messages=[]), "messages", "empty_list"),
        (body(messages=["x"]), "messages[0]", "invalid_type"),
        (body(messages=[{"content": "x"}]), "messages[0].role", "invalid_type"),
        (body(messages=[{"role": "user", "content": 5}]), "messages[0].content", "invalid_type"),
        (body(messages=[{"role": "user", "content": {}}]), "messages[0].content", "invalid_type"),
        (body(messages=[{"role": "user", "content": [7]}]), "messages[0].content[0]", "invalid_type"),
        (
            body(messages=[{"role": "user", "content": "a"}] * 2 + [{"role": "user", "content": [{"text": 1}]}]),
            "messages[2].content[0].text",
            "invalid_type",
        ),
        (body(messages=[{"role": "user", "name": 1}]), "messages[0].name", "invalid_type"),
        (body(messages=[{"role": "assistant", "tool_calls": {}}]), "messages[0].tool_calls", "invalid_type"),
        (body(messages=[{"role": "assistant", "tool_calls": [1]}]), "messages[0].tool_calls[0]", "invalid_type"),
        (
            body(messages=[{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}]),
            "messages[0].tool_calls[0].function.arguments",
            "invalid_type",
        ),
        (body(messages=[{"role": "assistant", "function_call": 1}]), "messages[0].function_call", "invalid_type"),
        (body(n=0), "n", "invalid_value"),
        (body(n=10**30), "n", "invalid_value"),
        (body(n=True), "n", "invalid_type"),
        (body(n=1.0), "n", "invalid_type"),
        (body(stream="yes"), "stream", "invalid_type"),
        (body(user=5), "user", "invalid_type"),
        (body(metadata=[]), "metadata", "invalid_type"),
        (body(metadata={"conversation_id": 5}), "metadata.conversation_id", "invalid_type"),
        (body(response_format="json"), "response_format", "invalid_type"),
        (body(tools={}), "tools", "invalid_type"),
        (body(tools=[1]), "tools[0]", "invalid_type"),
        (body(tools=[{"function": {"description": 1}}]), "tools[0].function.description", "invalid_type"),
        (body(prediction="x"), "prediction", "invalid_type"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(raw: bytes, param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_chat(raw)
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)
    assert param in caught.value.message


def test_what_is_not_judged_may_have_any_type() -> None:
    request = parse_chat(body(temperature="hot", stop=5, messages=[{"role": "user", "content": None, "x": {"y": []}}]))
    assert request.pieces == ()


ODD = (
    b' {"model" : "alias", "seed": 12345678901234567890123, "t":1.0,"s":"\\ud800",\n'
    b'"messages":[ {"role":"assistant","content":"\\u4f60\\n\\nLABEL"} ,{"content":"hi","role":"user"}] }\n'
)
LABELLED = ODD.replace(b"LABEL", wording().encode())


def test_nothing_to_change_gives_the_very_bytes_back() -> None:
    request = parse_chat(ODD)
    assert rewrite(request) is ODD
    assert rewrite(request, model="alias") is ODD


def test_model_and_labels_are_changed_and_every_other_byte_stays() -> None:
    request = parse_chat(LABELLED)
    assert rewrite(request, model="real/模型") == ODD.replace(b'"alias"', '"real/模型"'.encode()).replace(
        b'"\\u4f60\\n\\nLABEL"', '"你"'.encode()
    )


def test_a_label_in_the_words_of_the_user_stays() -> None:
    raw = body(messages=[{"role": "user", "content": f"hi\n\n{wording()}"}])
    assert rewrite(parse_chat(raw)) is raw


def test_pieces_are_redacted_by_their_path() -> None:
    redact = {
        ("messages", 2, "content", 5): "[bare]",
        ("messages", 3, "tool_calls", 0, "function", "arguments"): '{"a": "█"}',
        ("messages", 0, "content"): "\ud800",
    }
    new = json.loads(rewrite(parse_chat(FULL), redact=redact))
    expected = json.loads(FULL)
    expected["messages"][0]["content"] = "\ud800"
    expected["messages"][2]["content"][5] = "[bare]"
    expected["messages"][3]["tool_calls"][0]["function"]["arguments"] = '{"a": "█"}'
    assert new == expected


def test_redacted_tool_arguments_stay_json() -> None:
    path = ("messages", 3, "tool_calls", 0, "function", "arguments")
    new = json.loads(rewrite(parse_chat(FULL), redact={path: '{"a": █'}))
    assert json.loads(new["messages"][3]["tool_calls"][0]["function"]["arguments"]) == {"redacted": '{"a": █'}


def test_each_prompt_of_a_completion_is_a_message() -> None:
    raw = json.dumps({"model": "m", "prompt": ["a", "", [1, 2], "b"], "suffix": "z", "n": 2, "user": "u"}).encode()
    request = parse_completions(raw)
    assert request.pieces == (
        Piece(("prompt", 0), "user", "a", 0),
        Piece(("prompt", 3), "user", "b", 3),
        Piece(("suffix",), "user", "z", 0),
    )
    assert request.unjudged == (Unjudged(("prompt", 2), "tokens"),)
    assert (request.choices, request.beside, request.structured, request.roles) == (8, True, False, ("user",) * 4)
    assert (request.api, request.user) == ("completions", "u")


@pytest.mark.parametrize("prompt", ["text", None, [1, 2, 3]])
def test_one_prompt_is_one_message(prompt: Any) -> None:
    request = parse_completions(json.dumps({"model": "m", "prompt": prompt}).encode())
    assert (len(request.messages), request.choices, request.beside) == (1, 1, False)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": 5}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [True]}, "prompt[0]"),
        ({"prompt": ["a", {}]}, "prompt[1]"),
        ({"prompt": ["a"] * 3, "n": 100}, "n"),
        ({"prompt": "a", "suffix": 5}, "suffix"),
    ],
)
def test_a_wrong_prompt_is_refused_with_its_place(members: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_completions(json.dumps({"model": "m", **members}).encode())
    assert caught.value.param == param
