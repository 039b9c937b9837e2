"""A person in danger meets help: whatever is down, limited, switched off or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import InternalServerError, OpenAI
from tests.gateway.conftest import Serve, write_upstream
from tests.gateway.served import Served
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, Reply, chunk

from zhengming.accounts.profiles import Limits
from zhengming.accounts.switches import set_switch
from zhengming.core.words import Category, ServiceKind, SwitchKind
from zhengming.gateway.rules import RulesInForce
from zhengming.screen.defaults import load_default_library, load_default_policy
from zhengming.screen.scorers import Scorer

MODEL = "zhengming-rehearsal"
DANGER = "我今晚就想自杀，已经写好遗书了"
ORDINARY = "请用一段话介绍怎样泡茶"
LINE = "12356"


class FailingScorer:
    """A detector of an operator that raises."""

    id, version, category, severity, threshold = "score.failing", "1", Category.SPAM, 1, 0.5

    def start(self) -> Any:
        return None

    def update(self, state: Any, folded: str) -> Any:
        raise RuntimeError("the detector is broken")

    def score(self, state: Any) -> float:
        return 0.0


def say(client: OpenAI, text: str, *, stream: bool = False, **more: Any) -> str:
    messages = [{"role": "user", "content": text}]
    if not stream:
        answer = client.chat.completions.create(model=MODEL, messages=messages, **more)  # type: ignore[arg-type]
        return str(answer.choices[0].message.content)
    chunks: Any = client.chat.completions.create(model=MODEL, messages=messages, stream=True, **more)  # type: ignore[arg-type]
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def break_detectors(served: Served) -> None:
    scorer: Scorer = FailingScorer()
    served.gateway.rules = RulesInForce(load_default_library, load_default_policy, lambda: [scorer])


def lose_store(served: Served) -> None:
    """Close the database under the gateway: what a lost disk or server looks like to it."""
    served.gateway.store.close()


@pytest.mark.parametrize("stream", [False, True])
def test_danger_is_answered_by_people_and_not_by_a_model(served: Served, stream: bool) -> None:
    said = say(served.client(), DANGER, stream=stream)

    assert LINE in said
    assert "AI生成" not in said
    assert served.rows("SELECT outcome, care_level FROM turn")[0][0] == "help"
    assert served.rows("SELECT care_level FROM turn")[0][0] >= 3


def test_the_talk_goes_on_after_help_and_help_is_not_repeated_word_for_word(embedded: Served) -> None:
    client = embedded.client()
    messages: list[Any] = [{"role": "user", "content": DANGER}]
    first = str(client.chat.completions.create(model=MODEL, messages=messages, user="li").choices[0].message.content)
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": ORDINARY}]
    second = str(client.chat.completions.create(model=MODEL, messages=messages, user="li").choices[0].message.content)

    assert second != first
    assert "先用热水把茶壶" in second
    assert embedded.rows("SELECT relation FROM turn ORDER BY opened_at") == [("new",), ("continued",)]


def test_a_limit_never_keeps_help_away(embedded: Served) -> None:
    key = embedded.new_service("tight", limits=Limits(key_requests_per_minute=1))
    client = embedded.client(key)
    say(client, ORDINARY)

    assert LINE in say(client, DANGER)
    assert LINE in say(client, DANGER, stream=True)


def test_a_switched_off_service_still_helps(embedded: Served) -> None:
    now = embedded.gateway.clock()
    embedded.write(lambda tx: set_switch(tx, SwitchKind.STOP_GENERATION, who="lin", why="演练", now=now))

    assert LINE in say(embedded.client(), DANGER)
    assert "已暂停" in say(embedded.client(), ORDINARY)


def test_a_person_is_told_why_and_until_when_generation_is_stopped(embedded: Served) -> None:
    now, end = embedded.gateway.clock(), 4_102_444_800_000  # 2100-01-01 00:00 UTC
    embedded.write(
        lambda tx: set_switch(tx, SwitchKind.STOP_GENERATION, who="lin", why="应急演练。", now=now, expires_at=end)
    )

    told = say(embedded.client(), ORDINARY)

    assert "已暂停。原因：应急演练。预计恢复时间：北京时间 2100-01-01 08:00。" in told


def test_a_failing_detector_refuses_ordinary_turns_and_still_helps(embedded: Served) -> None:
    break_detectors(embedded)

    assert LINE in say(embedded.client(), DANGER)
    with pytest.raises(InternalServerError) as caught:
        say(embedded.client(), ORDINARY)
    assert caught.value.status_code == 503
    assert caught.value.code == "unscreened"


@pytest.mark.parametrize("stream", [False, True])
def test_an_operator_may_choose_to_go_on_unscreened_and_every_such_turn_is_counted(serve: Serve, stream: bool) -> None:
    served = serve(detector_error="allow")
    break_detectors(served)

    assert "先用热水把茶壶" in say(served.client(), ORDINARY, stream=stream)
    assert b"zhengming_unscreened_turns_total 1.0" in served.settled().metrics.render()
    assert served.rows("SELECT unscreened FROM turn") == [(1,)]


def test_without_a_store_nothing_is_served_but_help(served: Served) -> None:
    client = served.client()
    lose_store(served)

    with pytest.raises(InternalServerError) as caught:
        say(client, ORDINARY)
    assert caught.value.status_code == 503
    assert caught.value.code == "no_evidence"
    assert LINE in say(client, DANGER)
    assert LINE in say(client, DANGER, stream=True)


def test_a_companion_without_a_store_says_a_kind_word_to_everybody(embedded: Served) -> None:
    client = embedded.client(embedded.new_service("friend", kinds=frozenset({ServiceKind.COMPANION})))
    lose_store(embedded)

    assert say(client, ORDINARY)


async def _breaks_off(conversation: Conversation) -> None:
    await conversation.send(STREAM_HEAD + chunk(HEARD))
    conversation.writer.transport.abort()


async def _talks_garbage(conversation: Conversation) -> None:
    await conversation.send(STREAM_HEAD + chunk(HEARD) + chunk(b"data: {]garbage\n\n"))


HEARD = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"I hear you."},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize("fault", [_breaks_off, _talks_garbage])
def test_an_upstream_that_fails_leaves_a_person_in_danger_with_help(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path, fault: Reply
) -> None:
    write_upstream(tmp_path / "data", upstream(fault).url)
    client = serve(data=tmp_path / "data").client()
    messages: list[Any] = [{"role": "user", "content": DANGER}]
    first = client.chat.completions.create(model=MODEL, messages=messages, user="li").choices[0].message.content
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "嗯"}]
    chunks = list(client.chat.completions.create(model=MODEL, messages=messages, user="li", stream=True))
    said = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)

    assert said.startswith("I hear you.")
    assert LINE in said
    assert chunks[-1].choices[0].finish_reason == "stop"
