"""What nobody expected: faults between the steps of a turn still end in help, or in an error that clients can read."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openai import APIConnectionError
from tests.gateway.conftest import Serve, events_of, write_upstream
from tests.gateway.served import Served
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, chunk, whole

from zhengming.accounts.limits import Claim, Decision, MemoryLimiter, Quota
from zhengming.accounts.profiles import Limits
from zhengming.core.words import Category
from zhengming.gateway.rules import RulesInForce
from zhengming.gateway.sittings import Sittings
from zhengming.screen.defaults import load_default_library, load_default_policy
from zhengming.screen.scorers import Scorer

MODEL = "zhengming-rehearsal"
DANGER = "我今晚就想自杀，已经写好遗书了"
ORDINARY = "请用一段话介绍怎样泡茶"
LINE = "12356"


def post(served: Served, body: Any, path: str = "/v1/chat/completions", **headers: str) -> tuple[int, str]:
    host, port = served.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), {**served.headers(), **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_help_in_a_structured_answer_stands_where_clients_expect_words(embedded: Served, kind: str) -> None:
    wanted: dict[str, Any] = {"type": kind}
    if kind == "json_schema":
        wanted["json_schema"] = {"name": "x", "schema": {"type": "object"}}
    status, body = post(embedded, chat(DANGER, response_format=wanted))
    message = json.loads(body)["choices"][0]["message"]

    assert status == 200
    assert LINE in message["refusal"]
    assert not message["content"]


def test_help_in_a_structured_stream_stands_where_clients_expect_words(embedded: Served) -> None:
    status, body = post(embedded, chat(DANGER, stream=True, response_format={"type": "json_object"}))
    deltas = [choice["delta"] for event in events_of(body) for choice in event["choices"]]

    assert status == 200
    assert LINE in "".join(delta.get("refusal") or "" for delta in deltas)
    assert not "".join(delta.get("content") or "" for delta in deltas)


def test_help_in_a_structured_response_stands_where_clients_expect_words(embedded: Served) -> None:
    request = {"model": MODEL, "input": DANGER, "text": {"format": {"type": "json_object"}}}
    status, body = post(embedded, request, "/v1/responses")
    part = json.loads(body)["output"][0]["content"][0]

    assert status == 200
    assert part["type"] == "refusal"
    assert LINE in part["refusal"]


class FailingOnTea:
    """A detector that raises on what the model says of tea, and on nothing that people say."""

    id, version, category, severity, threshold = "tea", "1", Category.WEAPONS_DRUGS, 4, 0.5

    def start(self) -> str:
        return ""

    def update(self, state: str, folded: str) -> str:
        if "茶壶" in state + folded:
            raise RuntimeError("the detector is broken")
        return (state + folded)[-8:]

    def score(self, state: str) -> float:
        return 0.0


class Forgetful(MemoryLimiter):
    """A limiter with a defect of its own."""

    async def take(self, claims: Sequence[Claim], now: int) -> Decision:
        raise RuntimeError("the limiter is broken")


class Remote(MemoryLimiter):
    """A limiter that has to wait for its answers, as one in Redis does."""

    charged = 0

    async def charge(self, quotas: Sequence[Quota], now: int) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        self.charged += sum(quota.cost for quota in quotas)


def outcomes(served: Served) -> list[str]:
    return [row[0] for row in served.rows("SELECT outcome FROM turn ORDER BY opened_at, id")]


def events_recorded(served: Served) -> list[str]:
    rows = served.rows("SELECT payload FROM ledger_entry ORDER BY seq")
    kinds = [json.loads(bytes(row[0]))["type"] for row in rows]
    return [kind for kind in kinds if kind.startswith("turn.")]


@pytest.mark.parametrize("stream", [False, True])
def test_a_whole_answer_on_which_a_detector_fails_is_kept_back_and_closed(embedded: Served, stream: bool) -> None:
    scorer: Scorer = FailingOnTea()
    embedded.gateway.rules = RulesInForce(load_default_library, load_default_policy, lambda: [scorer])
    status, body = post(embedded, chat(ORDINARY, stream=stream))

    assert "小口慢饮" not in body
    assert "error" in (events_of(body)[-1] if stream else json.loads(body))
    assert status == (200 if stream else 503)
    embedded.settled()
    assert outcomes(embedded) == ["failed"]
    assert embedded.rows("SELECT unscreened FROM turn") == [(1,)]


def test_a_step_that_nobody_expected_to_fail_leaves_help_or_a_readable_error(embedded: Served) -> None:
    embedded.gateway.limiter = Forgetful()
    key = embedded.new_service("tight", limits=Limits(key_requests_per_minute=10))
    danger, help_text = post(embedded, chat(DANGER), Authorization=f"Bearer {key}")
    ordinary, body = post(embedded, chat(ORDINARY), Authorization=f"Bearer {key}")

    assert (danger, ordinary) == (200, 500)
    assert LINE in help_text
    assert json.loads(body)["error"]["code"] == "internal_error"
    assert "limiter" not in body


def test_a_turn_is_closed_once_and_charged_though_the_answer_is_complete(embedded: Served) -> None:
    limiter = embedded.gateway.limiter = Remote()
    key = embedded.new_service("counted", limits=Limits(key_tokens_per_day=100_000))
    status, _ = post(embedded, chat(ORDINARY), Authorization=f"Bearer {key}")
    embedded.settled()

    assert status == 200
    assert events_recorded(embedded) == ["turn.opened", "turn.closed"]
    assert outcomes(embedded) == ["served"]
    assert limiter.charged > 0


def test_a_header_too_long_to_pass_on_is_told(embedded: Served) -> None:
    status, body = post(embedded, chat(ORDINARY), **{"X-Request-Id": "x" * 5_000})

    assert status == 400
    assert "x-request-id" in json.loads(body)["error"]["message"]


def behind(serve: Serve, upstream: Callable[..., HostileServer], folder: Path, *replies: Any) -> Served:
    write_upstream(folder / "data", upstream(*replies).url, between_bytes=20.0)
    return serve(data=folder / "data")


def test_an_error_of_the_upstream_that_breaks_off_or_floods_closes_the_turn(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path
) -> None:
    flood = json.dumps({"error": {"message": "x" * 2_000_000}}).encode()
    served = behind(serve, upstream, tmp_path, whole(flood, "400 Bad Request"))
    status, body = post(served, chat(ORDINARY))
    served.settled()

    assert status == 502
    assert json.loads(body)["error"]["code"] == "upstream_too_large"
    assert outcomes(served) == ["failed"]


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "call 13800138000 now"}},
        {"error": {"message": "no", "detail": ["call 13800138000 now"]}},
        {"detail": "call 13800138000 now"},
        {"error": {"message": "no"}, "choices": [{"message": {"content": "an answer"}}]},
    ],
)
def test_an_error_of_the_upstream_carries_nothing_past_the_rules(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path, error: Any
) -> None:
    served = behind(serve, upstream, tmp_path, whole(json.dumps(error).encode(), "400 Bad Request"))
    status, body = post(served, chat(ORDINARY))

    assert status == 400
    assert "13800138000" not in body
    assert "an answer" not in body
    assert json.loads(body)["error"]["code"] == "upstream_error"


@pytest.mark.parametrize("danger", [False, True])
def test_a_store_lost_in_mid_stream_ends_in_help_for_a_person_in_danger_alone(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path, danger: bool
) -> None:
    lost = threading.Event()

    async def long(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(said("I hear you. " * 20)))
        await asyncio.to_thread(lost.wait, 20)
        for _ in range(8):
            await conversation.send(chunk(said("Go on, please. " * 20)))
        await conversation.gone()

    served = behind(serve, upstream, tmp_path, long)
    client = served.client()
    messages: list[Any] = [{"role": "user", "content": DANGER if danger else "你好"}]
    if danger:
        first = client.chat.completions.create(model="m", messages=messages, user="li").choices[0].message.content
        messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "嗯"}]
    stream = iter(client.chat.completions.create(model="m", messages=messages, user="li", stream=True))
    parts = [next(stream)]
    served.gateway.store.close()
    lost.set()
    if not danger:
        with pytest.raises(APIConnectionError):
            list(stream)
        return
    parts += stream

    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    assert text.startswith("I hear you.")
    assert LINE in text
    assert parts[-1].choices[0].finish_reason == "stop"


def said(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "x", "choices": [choice]}).encode() + b"\n\n"


def test_a_danger_found_before_still_counts_while_the_detectors_are_down(embedded: Served) -> None:
    first = json.loads(post(embedded, chat(DANGER, user="li"))[1])["choices"][0]["message"]["content"]
    scorer: Scorer = FailingOnTea()
    embedded.gateway.rules = RulesInForce(load_default_library, load_default_policy, lambda: [scorer])
    messages = [
        {"role": "user", "content": DANGER},
        {"role": "assistant", "content": first},
        {"role": "user", "content": "拿茶壶"},
    ]
    status, body = post(embedded, {"model": MODEL, "user": "li", "messages": messages})

    assert status == 200
    assert LINE in body


def test_a_care_state_that_cannot_be_read_is_not_taken_for_calm(serve: Serve) -> None:
    served = serve()
    first = json.loads(post(served, chat("我最近很难过，晚上睡不着，觉得活着没有意思", user="li"))[1])
    answer = first["choices"][0]["message"]["content"]
    served.write(
        lambda tx: tx.run(
            "INSERT INTO conversation_care (conversation_id, state, changed_at) SELECT id, x'00', 1 FROM conversation "
            "WHERE true ON CONFLICT (conversation_id) DO UPDATE SET state = excluded.state"
        )
    )
    served.gateway.sittings = Sittings(served.gateway.store, shared=True)
    messages = [
        {"role": "user", "content": "我最近很难过，晚上睡不着，觉得活着没有意思"},
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "嗯"},
    ]
    status, body = post(served, {"model": MODEL, "user": "li", "messages": messages})

    assert status == 200
    assert LINE in body


def test_an_answer_begun_by_the_application_hides_nobody_in_danger(embedded: Served) -> None:
    messages = [{"role": "user", "content": DANGER}, {"role": "assistant", "content": "好的，"}]
    status, body = post(embedded, {"model": MODEL, "messages": messages})

    assert status == 200
    assert LINE in body


@pytest.mark.parametrize("prompt", [DANGER, [DANGER]])
def test_a_completion_is_looked_at_with_care(embedded: Served, prompt: Any) -> None:
    status, body = post(embedded, {"model": MODEL, "prompt": prompt}, "/v1/completions")

    assert status == 200
    assert LINE in body


@pytest.mark.parametrize("model", ["a\ud800", "a\x00", "x" * 600])
def test_a_model_name_that_no_row_can_hold_is_refused(embedded: Served, model: str) -> None:
    status, body = post(embedded, {**chat(ORDINARY), "model": model})

    assert status == 400
    assert "model" in json.loads(body)["error"]["message"]


def test_a_part_of_any_name_is_counted_and_recorded_and_makes_no_series_of_its_own(embedded: Served) -> None:
    parts = [{"type": "text", "text": ORDINARY}, {"type": "odd\ud800\x00"}]
    status, _ = post(embedded, {"model": MODEL, "messages": [{"role": "user", "content": parts}]})

    assert status == 200
    assert b'zhengming_unjudged_parts_total{kind="other"} 1.0' in embedded.settled().metrics.render()


def test_a_rule_folder_that_nobody_can_read_does_not_end_the_watch_over_it(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    own = folder / "own.csv"
    own.write_text("id,category,severity,literal\nown.tea,fraud,4,从不出现的词\n", encoding="utf-8")
    served = serve(rules=(str(folder),), poll_seconds=0.01)
    before = served.gateway.rules.ruling
    broken = folder / "broken.csv"
    broken.symlink_to("x" * 300)
    while not served.gateway.rules.failure:
        served.run(asyncio.sleep(0.01))
    broken.unlink()
    own.write_text("id,category,severity,literal\nown.tea,fraud,4,先用热水把茶壶\n", encoding="utf-8")
    while served.gateway.rules.ruling is before:
        served.run(asyncio.sleep(0.01))

    assert served.gateway.rules.ruling.version != before.version
    assert not served.gateway.rules.failure
