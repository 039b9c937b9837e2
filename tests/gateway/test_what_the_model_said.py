"""What the model said is kept beside what was shown, and every span of the record counts in it; on both databases."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openai import APIConnectionError
from tests.gateway.conftest import Serve, write_upstream
from tests.gateway.served import Served
from tests.gateway.test_faults import event
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, chunk

from zhengming.accounts.profiles import LabelPolicy
from zhengming.core.words import LabelPlacement
from zhengming.gateway import records
from zhengming.label.text import strip_own_labels
from zhengming.ledger.errors import PersonErasedError

MODEL = "zhengming-rehearsal"
TEA = "请用一段话介绍怎样泡茶"
STOPS = "请演示一段必须被拦下的回答"
STOPS_AT_ONCE = "请演示一段开头就必须被拦下的回答"
STOPS_THINKING = "请演示一段思考过程必须被拦下的回答"
REDACTS = "请演示一段需要打码的回答"
REDACTS_A_CALL = "请调用工具登记联系电话"
STOPS_A_CALL = "请调用工具发送那条必须被拦下的通知"
DANGER = "我今晚就想自杀，已经写好遗书了"
PHONE, RESIDENT, FRAUD = "13800138000", "11010519491231002X", "请立即把资金转到安全账户"
PARAMETERS = {"type": "object", "properties": {"text": {"type": "string"}}}


class Kept(NamedTuple):
    """What lies in the store of one turn, opened."""

    turn: str
    said: dict[str, str] | None
    shown: dict[str, str]
    signals: list[tuple[str, str, int | None, int | None, str]]
    said_sealed: bytes | None


def kept(served: Served) -> Kept:
    """The newest turn."""
    served.settled()
    turn, person, output, said = served.rows(
        "SELECT id, person_id, output_sealed, said_sealed FROM turn ORDER BY opened_at DESC, id DESC"
    )[0]
    plain = opened(served, person, bytes(output), turn)[32:].decode()
    shown: dict[str, str] = {}
    for run in plain.split("\x1e")[1:]:
        channel, _, text = run.partition("\x1f")
        shown[channel] = shown.get(channel, "") + text
    words = None
    if said is not None:
        words = json.loads(opened(served, person, bytes(said), records.said_seal(turn)))["channels"]
    signals = served.rows(
        "SELECT place, rule, span_start, span_end, verdict FROM turn_signal "
        "WHERE turn_id = :id AND surface = 'output' ORDER BY position",
        id=turn,
    )
    return Kept(turn, words, shown, signals, None if said is None else bytes(said))


def opened(served: Served, person: str, sealed: bytes, name: str) -> bytes:
    vault = served.gateway.vault
    return served.run(served.gateway.store.read(lambda tx: vault.open(tx, person, sealed, name)))


def entry(served: Served, kind: str) -> dict[str, Any]:
    rows = served.rows("SELECT payload FROM ledger_entry WHERE type = :kind ORDER BY seq DESC", kind=kind)
    found: dict[str, Any] = json.loads(bytes(rows[0][0]))
    return found


def post(served: Served, path: str, body: dict[str, Any]) -> None:
    """Ask and read to the end."""
    host, port = served.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", path, json.dumps({"model": MODEL, **body}), served.headers())
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    finally:
        connection.close()


def chat(served: Served, prompt: str, *, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "register", "parameters": PARAMETERS}}
    body: dict[str, Any] = {"messages": [{"role": "user", "content": prompt}], "stream": stream}
    post(served, "/v1/chat/completions", body | ({"tools": [tool]} if "工具" in prompt else {}))


def responses(served: Served, prompt: str, *, stream: bool) -> None:
    tool = {"type": "function", "name": "register", "parameters": PARAMETERS}
    body: dict[str, Any] = {"input": prompt, "stream": stream}
    post(served, "/v1/responses", body | ({"tools": [tool]} if "工具" in prompt else {}))


def completions(served: Served, prompt: str, *, stream: bool) -> None:
    post(served, "/v1/completions", {"prompt": prompt, "stream": stream})


Ask = Callable[..., None]
CALL = "0/tool_calls/0/function/arguments"
CASES: list[tuple[Ask, str, str, set[str]]] = [
    (chat, REDACTS, "0/content", {PHONE, RESIDENT}),
    (chat, STOPS, "0/content", {FRAUD}),
    (chat, STOPS_AT_ONCE, "0/content", {FRAUD}),
    (chat, STOPS_THINKING, "0/reasoning_content", {FRAUD}),
    (chat, REDACTS_A_CALL, CALL, {PHONE}),
    (chat, STOPS_A_CALL, CALL, {FRAUD}),
    (completions, REDACTS, "0/text", {PHONE, RESIDENT}),
    (completions, STOPS, "0/text", {FRAUD}),
    (responses, REDACTS, "0/content/0/text", {PHONE, RESIDENT}),
    (responses, STOPS, "0/content/0/text", {FRAUD}),
    (responses, STOPS_THINKING, "0/summary/0/text", {FRAUD}),
    (responses, REDACTS_A_CALL, "0/arguments", {PHONE}),
    (responses, STOPS_A_CALL, "0/arguments", {FRAUD}),
]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", CASES)
def test_spans_cut_out_of_the_models_words_exactly_what_a_rule_matched(
    embedded: Served, case: tuple[Ask, str, str, set[str]], streamed: bool
) -> None:
    ask, prompt, channel, matched = case
    ask(embedded, prompt, stream=streamed)
    turn = kept(embedded)

    assert turn.said is not None
    assert {place for place, *_ in turn.signals} == {channel}
    slices = {turn.said[place][start:end] for place, _, start, end, _ in turn.signals if start is not None}
    assert matched <= slices
    matcher = embedded.gateway.rules.ruling.matcher
    for found in slices:
        whole = {matcher.rules.rules[rule].id for start, end, rule in matcher.scan(found) if end - start == len(found)}
        assert whole & {rule for _, rule, *_ in turn.signals}
    assert not any(found in text for found in slices for text in turn.shown.values())


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("ask", [chat, completions, responses])
def test_a_clean_answer_keeps_nothing_apart_since_what_was_shown_says_it(
    served: Served, ask: Ask, streamed: bool
) -> None:
    ask(served, TEA, stream=streamed)
    turn = kept(served)
    (text,) = turn.shown.values()

    assert turn.said is None
    assert "said_sha256" not in entry(served, "turn.closed")
    assert strip_own_labels(text).startswith("先用热水")
    assert strip_own_labels(text).endswith("香气会更清楚。")


def test_the_closing_entry_commits_to_the_words_kept_apart(served: Served) -> None:
    chat(served, REDACTS, stream=True)
    turn = kept(served)
    closed = entry(served, "turn.closed")

    assert closed["said_sha256"] == sha256(turn.said_sealed or b"").hexdigest()
    assert {reason["place"] for reason in closed["reasons"]} == {"0/content"}
    assert (turn.said or {})["0/content"].startswith("登记已经完成。联系电话是13800138000，")
    assert PHONE not in json.dumps(closed)


def test_the_words_behind_a_stop_are_kept_as_far_as_the_model_had_come(served: Served) -> None:
    chat(served, STOPS, stream=False)
    said = (kept(served).said or {})["0/content"]

    assert said.endswith("请把收到的验证码告诉我。")
    assert "未予显示" not in said


def test_each_choice_has_its_own_words_and_its_own_spans(embedded: Served) -> None:
    post(embedded, "/v1/chat/completions", {"messages": [{"role": "user", "content": REDACTS}], "n": 2})
    turn = kept(embedded)

    assert set(turn.said or {}) == {"0/content", "1/content"}
    assert {place for place, *_ in turn.signals} == {"0/content", "1/content"}


def test_erasing_the_person_takes_the_words_too(served: Served) -> None:
    chat(served, REDACTS, stream=True)
    turn, person = kept(served).turn, served.rows("SELECT person_id FROM turn")[0][0]
    sealed = bytes(served.rows("SELECT said_sealed FROM turn")[0][0])
    served.write(lambda tx: served.gateway.vault.erase(tx, person, by="test", why="asked for"))

    with pytest.raises(PersonErasedError):
        opened(served, person, sealed, records.said_seal(turn))


def test_under_a_wording_of_the_operators_own_noted_words_are_kept_since_nobody_else_can_take_it_off(
    embedded: Served,
) -> None:
    label = LabelPolicy(placement=LabelPlacement.START, wording="本文由AI生成")
    embedded.key = embedded.new_service("own", label=label)
    chat(embedded, TEA, stream=True)
    clean = kept(embedded)
    chat(embedded, REDACTS, stream=True)

    assert clean.said is None
    assert clean.shown["0/content"].startswith("本文由AI生成\n\n")
    assert kept(embedded).said is not None


def test_a_person_in_danger_is_answered_without_a_model_and_nothing_is_kept_of_one(served: Served) -> None:
    chat(served, DANGER, stream=True)
    turn = kept(served)
    first_byte, added = served.rows("SELECT first_byte_ms, added_ms FROM turn WHERE id = :id", id=turn.turn)[0]

    assert turn.said is None
    assert turn.shown["0/content"]
    assert first_byte <= added < first_byte + 1


def test_the_input_names_the_place_of_each_piece_as_its_signals_do(served: Served) -> None:
    chat(served, f"联系电话是{PHONE}", stream=False)
    turn, person, sealed = served.rows("SELECT id, person_id, input_sealed FROM turn")[0]
    said = json.loads(opened(served, person, bytes(sealed), turn))["new"]
    signals = served.rows("SELECT place, span_start, span_end FROM turn_signal WHERE surface = 'input'")
    texts = {piece["path"]: piece["text"] for piece in said}

    assert signals
    assert {texts[place][start:end] for place, start, end in signals} == {PHONE}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_turn_names_its_entries_and_its_own_share_of_the_wait(served: Served, streamed: bool) -> None:
    chat(served, TEA, stream=streamed)
    served.settled()
    ((begun, ended, first_byte, added),) = served.rows(
        "SELECT opened_entry, closed_entry, first_byte_ms, added_ms FROM turn"
    )

    assert begun == entry(served, "turn.opened")["id"]
    assert ended == entry(served, "turn.closed")["id"]
    assert 0 < added < first_byte + 1


def test_a_long_stream_names_every_entry_on_its_way(served: Served) -> None:
    chat(served, "请写一篇长文谈谈城市里的树", stream=True)
    served.settled()
    noted = served.rows("SELECT turn_id, entry_id, at, characters FROM turn_progress ORDER BY characters")
    entries = served.rows("SELECT id, at, payload FROM ledger_entry WHERE type = 'turn.progress' ORDER BY seq")

    assert len(noted) > 1
    assert [(row[1], row[2]) for row in noted] == [(row[0], row[1]) for row in entries]
    assert [row[3] for row in noted] == [json.loads(bytes(row[2]))["shown_characters"] for row in entries]


def test_a_turn_that_was_closed_as_interrupted_gets_no_second_closing_entry(served: Served) -> None:
    chat(served, REDACTS, stream=False)
    served.settled()
    (turn,) = served.rows("SELECT id FROM turn")[0]
    served.write(lambda tx: tx.run("UPDATE turn SET state = 'open', instance = 'gone', closed_entry = NULL"))
    now = served.gateway.clock()
    served.write(lambda tx: records.close_orphans(tx, served.gateway.instance, now, silence=0))
    counted = "SELECT type, count(*) FROM ledger_entry WHERE type LIKE 'turn.%' GROUP BY type ORDER BY type"
    before = served.rows(counted)
    names = ("first_byte_ms", "tokens_in", "tokens_out", "output_sealed", "said_sealed", "added_ms")
    fields: dict[str, Any] = dict.fromkeys(names)
    fields |= {"id": turn, "outcome": "served", "upstream": "", "unscreened": 0, "verdict_output": "", "held_max": 0}
    late = records.Closed(turn, now, {**fields, "closed_at": now}, {"turn": turn}, ())

    with pytest.raises(records.ClosedElsewhereError):
        served.write(lambda tx: records.close_turn(tx, late))
    assert served.rows(counted) == before
    assert ("turn.interrupted", 1) in before
    assert served.rows("SELECT state, closed_entry FROM turn") == [
        ("interrupted", entry(served, "turn.interrupted")["id"])
    ]


@pytest.fixture
def behind(serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path) -> Callable[..., Served]:
    """Serve in front of an upstream whose every byte the test decides."""

    def start(reply: Any, **timeouts: float) -> Served:
        data = tmp_path / "behind"
        write_upstream(data, upstream(reply).url, **timeouts)
        return serve(data=data)

    return start


def test_a_stream_that_was_closed_as_interrupted_does_not_look_complete(behind: Callable[..., Served]) -> None:
    go_on = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def reply(conversation: Conversation) -> None:
        loops.append(asyncio.get_running_loop())
        await conversation.send(STREAM_HEAD + chunk(event("Warm the pot. ")))
        await go_on.wait()
        await conversation.send(chunk(event("", "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")

    served = behind(reply, between_bytes=20.0)
    question: Any = [{"role": "user", "content": "How do I brew tea?"}]
    stream = iter(served.client().chat.completions.create(model="m", messages=question, stream=True))
    next(stream)
    served.write(lambda tx: tx.run("UPDATE turn SET state = 'interrupted'"))
    loops[0].call_soon_threadsafe(go_on.set)

    with pytest.raises(APIConnectionError):
        list(stream)
    served.settled()
    assert served.rows("SELECT count(*) FROM ledger_entry WHERE type = 'turn.closed'") == [(0,)]


def test_waiting_for_an_upstream_is_no_wait_of_the_gateways_making(behind: Callable[..., Served]) -> None:
    async def hang(conversation: Conversation) -> None:
        await conversation.gone()

    served = behind(hang, first_byte=0.4)
    client = served.client()
    messages: list[Any] = [{"role": "user", "content": DANGER}]
    first = client.chat.completions.create(model="m", messages=messages, user="li").choices[0].message.content
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "嗯"}]
    client.chat.completions.create(model="m", messages=messages, user="li")
    served.settled()
    ((outcome, first_byte, added),) = served.rows(
        "SELECT outcome, first_byte_ms, added_ms FROM turn ORDER BY opened_at DESC, id DESC LIMIT 1"
    )

    assert outcome == "help"
    assert first_byte >= 400
    assert 0 < added <= first_byte - 300


def test_what_a_client_did_not_wait_for_is_kept_all_the_same(behind: Callable[..., Served]) -> None:
    async def reply(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(event("Warm the pot. ")) + chunk(event("Call 1380013")))
        await conversation.gone()

    served = behind(reply, between_bytes=20.0)
    question: Any = [{"role": "user", "content": "How do I brew tea?"}]
    with served.client().chat.completions.create(model="m", messages=question, stream=True) as stream:
        said = ""
        while "Call" not in said:
            said += "".join(choice.delta.content or "" for choice in next(iter(stream)).choices)
    turn = kept(served)

    assert turn.shown == {"0/content": "Warm the pot. Call "}
    assert turn.said == {"0/content": "Warm the pot. Call 1380013"}
