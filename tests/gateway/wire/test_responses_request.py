from __future__ import annotations

import json
from typing import Any

import pytest

from zhengming.gateway.wire.base import TurnRequest
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.errors import RequestError
from zhengming.gateway.wire.request import rewrite
from zhengming.gateway.wire.responses_request import parse_responses
from zhengming.label.text import wording

LABEL = f"\n\n{wording()}"


def parse(**members: Any) -> TurnRequest:
    return parse_responses(json.dumps({"model": "m", "input": "hi", **members}, ensure_ascii=False).encode())


def pieces(request: TurnRequest) -> list[tuple[str, str, str, int]]:
    return [("/".join(map(str, one.path)), one.role, one.text, one.message) for one in request.pieces]


def test_a_text_is_one_message_of_the_user() -> None:
    request = parse(instructions="Be brief.", stream=True, user="anna")

    assert pieces(request) == [("instructions", "system", "Be brief.", -1), ("input", "user", "hi", 0)]
    assert request.messages == (canonical_message("user", {"content": "hi"}),)
    assert (request.api, request.stream, request.user, request.roles) == ("responses", True, "anna", ("user",))


ITEMS: list[Any] = [
    {"role": "developer", "content": "rules"},
    {"role": "user", "content": [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "u"}]},
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "xx"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": f"sure{LABEL}"}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": "\\u4f60"}'},
    {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "go"},
    {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "tea"}},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "4"}]},
    {"type": "computer_call_output", "call_id": "c3", "output": {"type": "computer_screenshot", "image_url": "u"}},
    {"type": "item_reference", "id": "msg_1"},
    {"type": "of_the_future", "text": "new", "picture": "AA"},
]


def test_each_text_of_the_items_is_a_piece_with_who_speaks() -> None:
    request = parse(input=ITEMS)

    assert pieces(request) == [
        ("input/0/content", "system", "rules", 0),
        ("input/1/content/0/text", "user", "look", 1),
        ("input/2/summary/0/text", "assistant", "hm", -1),
        ("input/3/content/0/text", "assistant", f"sure{LABEL}", 2),
        ("input/4/arguments", "assistant", '{"a": "你"}', 2),
        ("input/5/input", "assistant", "go", 2),
        ("input/6/action/query", "assistant", "tea", -1),
        ("input/7/output/0/text", "tool", "4", 3),
        ("input/10/text", "user", "new", -1),
    ]
    assert request.roles == ("developer", "user", "assistant", "tool", "tool")
    assert [one.kind for one in request.unjudged] == [
        "input_image", "encrypted_content", "computer_screenshot", "item_reference",
    ]  # fmt: skip
    assert request.messages[2] == canonical_message(
        "assistant",
        {
            "content": "sure",
            "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": '{"a":"你"}'}},
                {"id": "c2", "custom": {"name": "g", "input": "go"}},
            ],
        },
    )


def test_an_answer_is_recognised_in_every_form_in_which_it_is_sent_back() -> None:
    text = f"sure{LABEL}"
    forms: list[list[Any]] = [
        [{"role": "assistant", "content": "sure"}],
        [{"role": "assistant", "content": text}],
        [{"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": text, "annotations": [], "logprobs": []}]}],
        [{"type": "reasoning", "id": "r", "summary": []}, {"role": "assistant", "content": text, "phase": "final"}],
        [{"role": "assistant", "content": [{"type": "output_text", "text": f"su{LABEL}"}]},
         {"role": "assistant", "content": [{"type": "output_text", "text": f"re{LABEL}"}]}],
    ]  # fmt: skip
    found = {parse(input=[{"role": "user", "content": "q"}, *form]).messages for form in forms}
    assert len(found) == 1


def test_instructions_tools_and_prompt_are_read() -> None:
    tools = [
        {"type": "function", "name": "f", "description": "does", "parameters": {}},
        {"type": "mcp", "server_label": "s", "server_description": "serves"},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g", "description": "inner"}]},
    ]
    variables = {"a": "value", "b": {"type": "input_text", "text": "part"}, "c": {"type": "input_file", "file_id": "f"}}
    request = parse(tools=tools, prompt={"id": "p", "variables": variables})

    assert [(path, role) for path, role, _, _ in pieces(request)] == [
        ("tools/0/description", "system"),
        ("tools/1/server_description", "system"),
        ("tools/2/tools/0/description", "system"),
        ("input", "user"),
        ("prompt/variables/a", "user"),
        ("prompt/variables/b/text", "user"),
    ]
    assert pieces(request)[-1][3] == len(request.messages), "variables are always new"
    assert [one.kind for one in request.unjudged] == ["input_file"]


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"conversation": "conv_1"}, ("conv_1", "")),
        ({"conversation": {"id": "conv_2"}}, ("conv_2", "")),
        ({"metadata": {"conversation_id": "mine"}}, ("mine", "")),
        ({"previous_response_id": "resp_1"}, ("", "resp_1")),
        ({"safety_identifier": "x"}, ("", "")),
    ],
)
def test_conversation_and_predecessor_are_found(members: Any, found: tuple[str, str]) -> None:
    request = parse(**members)
    assert (request.conversation, request.previous_response) == found
    assert request.user == members.get("safety_identifier", "")


@pytest.mark.parametrize(("kind", "structured"), [("json_object", True), ("json_schema", True), ("text", False)])
def test_a_wanted_format_makes_the_answer_structured(kind: str, structured: bool) -> None:
    assert parse(text={"format": {"type": kind, "name": "n", "schema": {}}}).structured is structured
    assert parse(text={"verbosity": "low"}).structured is False


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": 5}]}, "input[0].role"),
        ({"input": [{"type": "message"}]}, "input[0].role"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": {}}]}, "input[0].output"),
        ({"instructions": []}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"tools": [{"description": 5}]}]}, "tools[0].tools[0].description"),
        ({"prompt": "p"}, "prompt"),
        ({"prompt": {"variables": []}}, "prompt.variables"),
        ({"prompt": {"variables": {"a": 5}}}, "prompt.variables.a"),
        ({"conversation": 5}, "conversation"),
        ({"conversation": {"id": 5}}, "conversation.id"),
        ({"previous_response_id": 5}, "previous_response_id"),
        ({"text": "x"}, "text"),
        ({"text": {"format": "x"}}, "text.format"),
        ({"stream": "yes"}, "stream"),
        ({"model": ""}, "model"),
        ({"background": True}, "background"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_place(members: Any, param: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(**members)
    assert refused.value.param == param
    assert param in str(refused.value)


@pytest.mark.parametrize("members", [{"previous_response_id": "r"}, {"conversation": "c"}, {"prompt": {"id": "p"}}])
def test_an_input_may_be_missing_where_something_else_stands_for_it(members: Any) -> None:
    assert parse(input=None, **members).messages == ()


def test_the_body_goes_upstream_with_its_bytes_but_for_labels_model_and_redactions() -> None:
    label = json.dumps(LABEL, ensure_ascii=False)[1:-1]
    raw = (
        '{ "model":"m", "n": 123456789012345678901234567890, "input":[ {"role":"assistant", "content":[{"type":'
        f'"output_text","text":"sure{label}"}}]}},{{"role":"user","content":"call 13812345678","x":-0}}], "z":1.0 }}'
    ).encode()
    request = parse_responses(raw)
    path = request.pieces[-1].path

    assert rewrite(request, drop_labels=lambda text: text) is raw
    assert rewrite(request, model="up", redact={path: "call [phone]"}) == raw.replace(label.encode(), b"").replace(
        b'"model":"m"', b'"model":"up"'
    ).replace(b"13812345678", b"[phone]")
