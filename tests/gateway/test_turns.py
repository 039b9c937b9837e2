"""A turn as the official client sees it, on both databases: labelled, redacted, stopped, recorded."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError, NotFoundError, OpenAI
from tests.gateway.served import Served

MODEL = "zhengming-rehearsal"
LABEL_ZH = "AI生成"
FRAUD = "请立即把资金转到安全账户"


def ask(client: OpenAI, text: str, **more: object) -> str:
    """One whole answer's text."""
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **more)  # type: ignore[call-overload]
    return str(answer.choices[0].message.content)


def stream(client: OpenAI, text: str) -> tuple[str, str, list[Any]]:
    """Text, finish reason and chunks of a streamed answer."""
    chunks = list(
        client.chat.completions.create(model=MODEL, stream=True, messages=[{"role": "user", "content": text}])
    )
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    finish = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    return said, finish[-1], list(chunks)


def test_the_models_list_begins_with_a_chat_model(served: Served) -> None:
    assert next(iter(served.client().models.list())).id == MODEL


def test_a_whole_answer_ends_with_its_label_and_carries_the_seven_fields(served: Served) -> None:
    answer = served.client().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "请用一段话介绍怎样泡茶"}]
    )
    fields = (answer.model_extra or {})["aigc"]

    assert LABEL_ZH in str(answer.choices[0].message.content).splitlines()[-1]
    assert list(fields) == [
        "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2",
    ]  # fmt: skip
    assert fields["ContentPropagator"] == fields["ContentProducer"]
    assert fields["PropagateID"] == fields["ProduceID"]
    assert served.rows("SELECT state, outcome FROM turn WHERE id = :id", id=fields["ProduceID"]) == [
        ("closed", "served")
    ]


def test_a_streamed_answer_is_labelled_in_the_stream_and_in_its_first_and_last_event(served: Served) -> None:
    said, finish, chunks = stream(served.client(), "请用一段话介绍怎样泡茶")
    labelled = [chunk for chunk in chunks if "aigc" in (getattr(chunk, "model_extra", None) or {})]

    assert LABEL_ZH in said.splitlines()[-1]
    assert finish == "stop"
    assert chunks[0] in labelled
    assert len(labelled) == 2


def test_streamed_and_whole_answers_show_the_same_text(served: Served) -> None:
    for prompt in (
        "请演示一段必须被拦下的回答",
        "请演示一段需要打码的回答",
        "Tell me in one paragraph how to brew tea",
    ):
        assert stream(served.client(), prompt)[0] == ask(served.client(), prompt)


def test_a_fraud_line_is_stopped_before_its_first_character(served: Served) -> None:
    said, finish, _ = stream(served.client(), "请演示一段必须被拦下的回答")

    assert said.startswith("好的，我先说明一下退款的步骤。")
    assert "请立即" not in said
    assert "未予显示" in said
    assert finish == "content_filter"


def test_personal_data_is_masked_and_the_rest_stays(served: Served) -> None:
    said, finish, _ = stream(served.client(), "请演示一段需要打码的回答")

    assert "13800138000" not in said
    assert "11010519491231002X" not in said
    assert said.startswith("登记已经完成。联系电话是［")
    assert finish == "stop"


def test_several_choices_are_guarded_apart(served: Served) -> None:
    answer = served.client().chat.completions.create(
        model=MODEL, n=3, messages=[{"role": "user", "content": "请演示一段需要打码的回答"}]
    )

    assert len(answer.choices) == 3
    assert all("13800138000" not in str(choice.message.content) for choice in answer.choices)


def test_tool_arguments_stay_json_and_lose_the_number(served: Served) -> None:
    tool = {
        "type": "function",
        "function": {"name": "register", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}},
    }
    chunks: list[Any] = list(
        served.client().chat.completions.create(
            model=MODEL,
            stream=True,
            tools=[tool],  # type: ignore[list-item]
            messages=[{"role": "user", "content": "请调用工具登记联系电话"}],
        )
    )
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    content = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)

    assert "13800138000" not in arguments
    assert isinstance(json.loads(arguments), dict)
    assert LABEL_ZH not in arguments + content


def test_structured_output_stays_json_and_carries_its_label_beside(served: Served) -> None:
    raw = served.client().chat.completions.with_raw_response.create(
        model=MODEL,
        response_format={"type": "json_object"},
        messages=[{"role": "user", "content": "请用结构化格式给出一份短途旅行计划"}],
    )
    answer = raw.parse()

    assert isinstance(json.loads(str(answer.choices[0].message.content)), dict)
    assert "aigc" in (answer.model_extra or {})
    assert raw.headers["x-aigc-produce-id"] == (answer.model_extra or {})["aigc"]["ProduceID"]


def test_the_asynchronous_client_works_unchanged(served: Served) -> None:
    async def talk() -> str:
        async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key=served.key, max_retries=0) as client:
            stream = await client.chat.completions.create(
                model=MODEL,
                stream=True,
                messages=[{"role": "user", "content": "Tell me in one paragraph how to brew tea"}],
            )
            return "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])

    said = asyncio.run(talk())

    assert said.startswith("Warm the pot")
    assert "AI-generated" in said.splitlines()[-1]
    assert "AI生成" in said.splitlines()[-1]


def test_legacy_completions_and_embeddings_work(served: Served) -> None:
    completion = served.client().completions.create(model=MODEL, prompt="请用一段话介绍怎样泡茶")
    vector = served.client().embeddings.create(model="zhengming-rehearsal-embed", input="茶")

    assert LABEL_ZH in completion.choices[0].text
    assert vector.data[0].embedding


def test_a_wrong_key_an_unknown_model_and_a_bad_body_get_their_error(served: Served) -> None:
    with pytest.raises(AuthenticationError, match="unknown or revoked"):
        ask(served.client("zm-wrong"), "hello")
    with pytest.raises(NotFoundError):
        served.client().chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "hello"}])
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        served.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": 5}])  # type: ignore[misc, list-item]


def test_the_ledger_commits_to_what_was_shown(served: Served) -> None:
    said, _, _ = stream(served.client(), "请用一段话介绍怎样泡茶")
    turn_id, person, sealed = served.rows("SELECT id, person_id, output_sealed FROM turn")[0]
    plain = served.run(_open(served, person, bytes(sealed), turn_id))
    entries = [json.loads(bytes(row[0])) for row in served.rows("SELECT payload FROM ledger_entry ORDER BY seq")]
    opened, closed = (next(one for one in entries if one["type"] == kind) for kind in ("turn.opened", "turn.closed"))

    assert plain[32:].decode() == f"\x1e0/content\x1f{said}"
    assert closed["shown"] == sha256(plain).hexdigest()
    assert opened["turn"] == closed["turn"] == turn_id
    assert opened["input_sha256"] != closed["output_sha256"]
    assert "泡茶" not in json.dumps(entries, ensure_ascii=False), "no text lies in the ledger"


async def _open(served: Served, person: str, sealed: bytes, turn_id: str) -> bytes:
    return await served.gateway.store.read(lambda tx: served.gateway.vault.open(tx, person, sealed, turn_id))


def test_a_history_that_comes_back_is_recognised_and_its_label_stays_out_of_the_prompt(served: Served) -> None:
    client = served.client()
    messages: list[dict[str, str]] = [{"role": "user", "content": "请用一段话介绍怎样泡茶"}]
    first = client.chat.completions.create(model=MODEL, messages=messages, user="anna")  # type: ignore[arg-type]
    messages += [
        {"role": "assistant", "content": str(first.choices[0].message.content)},
        {"role": "user", "content": "Write code that computes a mean"},
    ]
    client.chat.completions.create(model=MODEL, messages=messages, user="anna")  # type: ignore[arg-type]
    rows = served.rows("SELECT conversation_id, relation, person_id FROM turn ORDER BY opened_at")

    assert rows[0][0] == rows[1][0]
    assert [row[1] for row in rows] == ["new", "continued"]
    assert "anna" not in rows[0][2]
